"""Lists of very many sessions: a page reads a page, and a cursor stays good while sessions come and go."""

from pathlib import Path

import pytest
from store_rows import Clockwork, message, new_session

from flowdrop_jupyter.errors import InvalidInput
from flowdrop_jupyter.store import SessionFilter, TinyDBStore
from flowdrop_jupyter.store.state import session_cursor
from flowdrop_jupyter.store.tinydb import index as index_module

pytestmark = pytest.mark.anyio


async def fill(store: TinyDBStore, clock: Clockwork, most: int) -> list[str]:
    """Create sessions, return their ids from the newest on."""
    ids = []
    for number in range(most):
        clock.move(seconds=1)
        owner = "odd" if number % 2 else "even"
        ids.append(await new_session(store, name=f"{owner} {number}", workflow_id=owner))
    return ids[::-1]


async def test_pages_follow_one_another_without_gap_or_repetition(
    disk_store: TinyDBStore, clock: Clockwork
) -> None:
    ids = await fill(disk_store, clock, 25)
    seen: list[str] = []
    cursor = None
    while page := await disk_store.sessions(SessionFilter(), limit=10, cursor=cursor):
        seen += [row.id for row in page]
        cursor = session_cursor(page[-1])
    assert seen == ids


async def test_a_cursor_stays_good_when_sessions_move_and_go(
    disk_store: TinyDBStore, clock: Clockwork
) -> None:
    ids = await fill(disk_store, clock, 10)
    first = await disk_store.sessions(SessionFilter(), limit=4)
    clock.move(seconds=1)
    async with disk_store.transaction(ids[6]) as transaction:
        transaction.put_message(message(ids[6]))
    await disk_store.remove_session(ids[3])
    await disk_store.remove_session(ids[5])
    rest = await disk_store.sessions(SessionFilter(), cursor=session_cursor(first[-1]))
    assert [row.id for row in rest] == [ids[4], *ids[7:]]
    assert (await disk_store.sessions(SessionFilter(), limit=1))[0].id == ids[6]


async def test_a_filtered_page_has_as_many_as_were_asked_for(
    disk_store: TinyDBStore, clock: Clockwork
) -> None:
    ids = await fill(disk_store, clock, 20)
    page = await disk_store.sessions(SessionFilter(workflow_id="odd", search="ODD 1"), limit=3)
    assert [row.name for row in page] == ["odd 19", "odd 17", "odd 15"]
    assert page[0].id == ids[0]


async def test_a_cursor_that_no_list_has_given_is_refused(disk_store: TinyDBStore) -> None:
    with pytest.raises(InvalidInput):
        await disk_store.sessions(SessionFilter(), cursor="nonsense")


async def test_a_page_decodes_no_more_rows_than_it_shows(
    directory: Path, disk_store: TinyDBStore, clock: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(disk_store, clock, 30)
    await disk_store.close()
    decoded: list[bytes] = []
    original = index_module._decode_session

    def count(raw: bytes) -> object:
        decoded.append(raw)
        return original(raw)

    monkeypatch.setattr(index_module, "_decode_session", count)
    await disk_store.open()
    assert len(await disk_store.sessions(SessionFilter(), limit=5)) == 5
    assert len(decoded) == 5
