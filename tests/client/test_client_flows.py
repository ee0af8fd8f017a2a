"""Operations of several requests: the whole history, and waiting for a turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from client_door import Door, ok, row

from flowdrop_jupyter.errors import InvalidInput


def script(*pages: dict[str, Any]) -> Callable[[httpx.Request], httpx.Response]:
    left = list(pages)

    def answer(_: httpx.Request) -> httpx.Response:
        page = left.pop(0) if len(left) > 1 else left[0]
        return ok(
            page["rows"],
            hasMore=page.get("more", False),
            hasOlder=page.get("older", False),
            sessionStatus=page.get("status", "completed"),
        )

    return answer


def numbers(rows: list[Any]) -> list[int]:
    return [entry["sequenceNumber"] for entry in rows]


def test_history_walks_back_to_the_beginning(door: Door) -> None:
    answer = script(
        {"rows": [row(5), row(6)], "older": True},
        {"rows": [row(3), row(4)], "older": True},
        {"rows": [row(1)]},
    )
    assert numbers(door(answer, lambda c: c.history("s"))) == [1, 3, 4, 5, 6]
    assert [request.url.params.get("before") for request in door.sent] == [None, "5", "3"]


def test_history_ends_when_a_server_keeps_promising_older_rows(door: Door) -> None:
    answer = script({"rows": [row(1)], "older": True}, {"rows": [], "older": True})
    assert numbers(door(answer, lambda c: c.history("s"))) == [1]


def test_wait_polls_until_the_session_stops_and_reads_the_turn_again(door: Door) -> None:
    answer = script(
        {"rows": [row(2)], "status": "running"},
        {"rows": [row(3)], "status": "completed"},
        {"rows": [row(2, status="completed"), row(3)], "status": "completed"},
    )
    page = door(answer, lambda c: c.wait("s", after=1, poll_interval=0.5))
    assert numbers(page.messages) == [2, 3]
    assert page.messages[0]["status"] == "completed"
    assert page.session_status == "completed"
    assert [request.url.params["since"] for request in door.sent] == ["1", "2", "1"]
    assert door.time.now == 0.5


def test_wait_reads_full_pages_to_the_end(door: Door) -> None:
    answer = script({"rows": [row(1), row(2)], "more": True}, {"rows": [row(3)]})
    assert numbers(door(answer, lambda c: c.wait("s", after=0)).messages) == [1, 2, 3]


def test_wait_ends_at_a_question(door: Door) -> None:
    answer = script({"rows": [row(1)], "status": "awaiting_input"})
    assert door(answer, lambda c: c.wait("s", after=0)).session_status == "awaiting_input"


def test_wait_without_a_start_gives_the_newest_page(door: Door) -> None:
    assert numbers(door(script({"rows": [row(8)]}), lambda c: c.wait("s")).messages) == [8]
    assert "since" not in door.sent[0].url.params


def test_wait_gives_up_after_its_timeout(door: Door) -> None:
    with pytest.raises(TimeoutError, match="2 seconds"):
        door(script({"rows": [], "status": "running"}), lambda c: c.wait("s", after=1, timeout=2))
    assert door.time.now == pytest.approx(2.0)


def test_saving_a_workflow_file_replaces_an_earlier_version(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "w.flowdrop.json"
    file.write_text(json.dumps({"id": "w", "name": "n"}), "utf-8")

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(409, json={"success": False, "error": "It exists.", "code": "CONFLICT"})
        return ok(json.loads(request.content))

    assert door(answer, lambda c: c.save_workflow(file)) == {"id": "w", "name": "n"}
    assert [request.method for request in door.sent] == ["POST", "PUT"]


@pytest.mark.parametrize("text", ["{torn", "[]"])
def test_a_file_that_is_no_workflow_is_refused_before_anything_is_sent(
    door: Door, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "w.flowdrop.json"
    file.write_text(text, "utf-8")
    with pytest.raises(InvalidInput):
        door(lambda _: ok({}), lambda c: c.save_workflow(str(file)))
    assert door.sent == []
