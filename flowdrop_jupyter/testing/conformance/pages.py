"""What a store promises of pages of messages."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from ...clock import format_time
from ...store import MessagePage, Store
from ..rows import Clockwork, message, new_session
from .suite import Suite, known


def shape(found: MessagePage | None) -> tuple[list[str], bool, bool]:
    page = known(found)
    return [row.content for row in page.messages], page.has_more, page.has_older


class PageConformance(Suite):
    """What a store promises of pages of messages."""

    @pytest.mark.parametrize(
        ("bounds", "contents", "has_more", "has_older"),
        [
            ({}, "12345", False, False),
            ({"limit": 5}, "12345", True, False),
            ({"limit": 9}, "12345", False, False),
            ({"limit": 2}, "45", True, True),
            ({"after": 0}, "12345", False, False),
            ({"after": 0, "limit": 2}, "12", True, False),
            ({"after": 2, "limit": 2}, "34", True, True),
            ({"after": 4, "limit": 2}, "5", False, True),
            ({"after": 5}, "", False, True),
            ({"after": 99}, "", False, True),
            ({"before": 6, "limit": 2}, "45", True, True),
            ({"before": 3, "limit": 2}, "12", True, False),
            ({"before": 4, "limit": 2}, "23", True, True),
            ({"before": 3}, "12", False, False),
            ({"before": 1}, "", False, False),
            ({"before": 0}, "", False, False),
            ({"before": 10**30}, "12345", False, False),
            ({"after": 1, "before": 4}, "23", False, True),
        ],
    )
    async def test_a_page_of_five_messages(
        self, store: Store, bounds: dict[str, Any], contents: str, has_more: bool, has_older: bool
    ) -> None:
        session_id = await new_session(store, messages=5)
        assert shape(await store.messages(session_id, **bounds)) == (list(contents), has_more, has_older)

    async def test_pages_by_time_exclude_the_moment_itself(self, store: Store, clock: Clockwork) -> None:
        session_id = await new_session(store)
        times = []
        for number in range(1, 6):
            clock.move(seconds=1)
            times.append(format_time(clock()))
            async with store.transaction(session_id) as transaction:
                transaction.put_message(message(session_id, str(number)))
        late, early = format_time(clock.now.replace(year=2030)), "2000-01-01T00:00:00.000000Z"
        messages = store.messages
        assert shape(await messages(session_id, after_time=times[2])) == (["4", "5"], False, True)
        assert shape(await messages(session_id, after_time=early, limit=1)) == (["1"], True, False)
        assert shape(await messages(session_id, after_time=late)) == ([], False, True)
        assert shape(await messages(session_id, before_time=times[2])) == (["1", "2"], False, False)
        assert shape(await messages(session_id, before_time=times[2], limit=1)) == (["2"], True, True)
        assert shape(await messages(session_id, before_time=early)) == ([], False, False)
        assert shape(await messages(session_id, after=1, after_time=times[2])) == (["4", "5"], False, True)

    async def test_the_page_of_an_empty_session(self, store: Store) -> None:
        session_id = await new_session(store)
        page = known(await store.messages(session_id, limit=50))
        assert shape(page) == ([], False, False)
        assert page.session == await store.session(session_id)

    async def test_a_page_has_the_session_of_the_same_instant(self, store: Store) -> None:
        session_id = await new_session(store)
        mixed: list[MessagePage] = []

        async def write() -> None:
            for number in range(1, 9):
                async with store.transaction(session_id) as transaction:
                    transaction.put_message(message(session_id))
                    transaction.session.metadata["count"] = number
            group.cancel_scope.cancel()

        async def watch() -> None:
            while True:
                page = known(await store.messages(session_id))
                if len(page.messages) != page.session.metadata.get("count", 0):
                    mixed.append(page)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            group.start_soon(write)
        assert not mixed
