"""A conversation with a workflow that goes through a list: a message per item, then the results."""

from __future__ import annotations

from typing import Any

import pytest
from graphs import document, edge, node
from sessions_desk import ADA

from flowdrop_jupyter.nodes import node as node_type

pytestmark = pytest.mark.anyio


@node_type(id="words")
async def words(text: str = "") -> list[str]:
    """Gives the words of a text."""
    return text.split()


@node_type(id="shout")
async def shout(word: Any = None) -> str:
    """Says it louder."""
    return f"{word}!"


@node_type(id="joined")
async def joined(parts: Any = None) -> str:
    """Puts texts together."""
    return " ".join(parts)


LIST = document(
    [
        node("chat_input.1", "chat_input"),
        node("words.1", "words"),
        node("foreach.1", "foreach"),
        node("shout.1", "shout"),
        node("each.1", "chat_output"),
        node("joined.1", "joined"),
        node("all.1", "chat_output"),
    ],
    [
        edge("chat_input.1", "message", "words.1", "text"),
        edge("words.1", "result", "foreach.1", "items"),
        edge("foreach.1", "item", "shout.1", "word"),
        edge("shout.1", "result", "each.1", "message"),
        edge("shout.1", "result", "foreach.1", "loop_back"),
        edge("foreach.1", "collected_results", "joined.1", "parts"),
        edge("joined.1", "result", "all.1", "message"),
    ],
    id="list",
)


@pytest.mark.rule("SG-4")
async def test_each_item_is_answered_and_the_results_come_last(serve: Any) -> None:
    async with serve(words, shout, joined) as desk:
        session_id = await desk.open(LIST, ADA)
        await desk.turn(session_id, "one two three")
        said = await desk.said(session_id)
        await desk.turn(session_id, "four")
        again = await desk.said(session_id)
    answers = [("assistant", text) for text in ("one!", "two!", "three!", "one! two! three!")]
    assert said == [("user", "one two three"), *answers]
    assert again[len(said) :] == [("user", "four"), ("assistant", "four!"), ("assistant", "four!")]
