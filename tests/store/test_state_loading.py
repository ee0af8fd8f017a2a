"""A session is built only from rows that are what their tables hold."""

from __future__ import annotations

import msgspec
import pytest
from store_rows import message, session

from flowdrop_jupyter.errors import StoreDamaged
from flowdrop_jupyter.store.records import EventRecord
from flowdrop_jupyter.store.rows import Batch
from flowdrop_jupyter.store.state import SessionState

EVENT = msgspec.json.encode(EventRecord(type="message", data={}, seq=1))


def _tables() -> Batch:
    row = session(last_sequence=1, last_event=1)
    talk = message(row.id, sequence_number=1)
    return {
        "session": {1: msgspec.json.encode(row)},
        "messages": {1: msgspec.json.encode(talk)},
        "events": {1: EVENT},
    }


def test_sound_rows_make_a_session() -> None:
    assert len(SessionState.load(_tables()).events) == 1


@pytest.mark.parametrize("table", ["session", "messages", "events"])
@pytest.mark.parametrize("raw", [b"{}", b"[]", b"{", b'{"type":"rumour","data":{}}'])
def test_a_row_of_another_kind_is_damage(table: str, raw: bytes) -> None:
    tables = _tables()
    tables[table][1] = raw

    with pytest.raises(StoreDamaged):
        SessionState.load(tables)


def test_two_messages_with_one_id_are_damage() -> None:
    tables = _tables()
    tables["messages"][2] = tables["messages"][1]

    with pytest.raises(StoreDamaged, match="two rows have the id"):
        SessionState.load(tables)
