"""Who may see, drive and delete which session."""

from __future__ import annotations

from typing import Any

import pytest
from contents import everything
from gates import ask
from graphs import ECHO
from sessions_desk import ADA, ASKS, BOB, ROOT

from flowdrop_jupyter.errors import Forbidden, NotFound
from flowdrop_jupyter.sessions import ALL_PERMISSIONS, OWN_PERMISSIONS, Principal
from flowdrop_jupyter.sessions.permissions import may, may_list_all
from flowdrop_jupyter.store import Owner, SessionRecord

pytestmark = pytest.mark.anyio

THE_ELEVEN = {
    "administer flowdrop_session",
    "create flowdrop_session",
    "view own flowdrop_session",
    "view any flowdrop_session",
    "edit own flowdrop_session",
    "edit any flowdrop_session",
    "delete own flowdrop_session",
    "delete any flowdrop_session",
    "view own flowdrop_session_message",
    "view any flowdrop_session_message",
    "execute session workflow",
}
VIEWER = Principal(
    "eve", "Eve", frozenset({"view any flowdrop_session", "view any flowdrop_session_message"})
)
NOBODY = Principal("", "", OWN_PERMISSIONS)


def session(owner: str) -> SessionRecord:
    return SessionRecord(id="s", workflow_id="w", name="Talk", owner=Owner(owner, owner))


def test_the_permissions_are_the_eleven_of_the_original() -> None:
    assert THE_ELEVEN == ALL_PERMISSIONS


@pytest.mark.parametrize(
    ("action", "own"),
    [
        ("view", "view own flowdrop_session"),
        ("edit", "edit own flowdrop_session"),
        ("delete", "delete own flowdrop_session"),
        ("view_messages", "view own flowdrop_session_message"),
    ],
)
def test_own_counts_for_own_sessions_and_any_for_all(action: Any, own: str) -> None:
    owner = Principal("ada", "Ada", frozenset({own}))
    anybody = Principal("ada", "Ada", frozenset({own.replace(" own ", " any ")}))
    unrelated = Principal(
        "ada", "Ada", ALL_PERMISSIONS - {own, own.replace("own", "any"), "administer flowdrop_session"}
    )
    assert may(owner, action, session("ada"))
    assert not may(owner, action, session("bob"))
    assert may(anybody, action, session("bob"))
    assert not may(unrelated, action, session("ada"))


def test_an_administrator_may_do_everything() -> None:
    admin = Principal("root", "Root", frozenset({"administer flowdrop_session"}))
    assert all(may(admin, action, session("ada")) for action in ("view", "edit", "delete", "view_messages"))
    assert may_list_all(admin)


def test_an_empty_identity_owns_nothing_not_even_what_nobody_owns() -> None:
    assert not may(NOBODY, "view", session(""))
    assert not may(NOBODY, "view", session("ada"))


async def test_a_caller_without_identity_sees_no_session_in_lists(serve: Any) -> None:
    async with serve() as desk:
        await desk.open(ECHO)
        await desk.host.sessions.create("echo", NOBODY)
        assert await desk.host.sessions.find(NOBODY) == []


async def test_a_caller_who_may_not_view_own_sessions_sees_none_in_lists(serve: Any) -> None:
    async with serve() as desk:
        await desk.open(ECHO)
        assert await desk.host.sessions.find(Principal("ada", "Ada", frozenset())) == []


@pytest.mark.rule("PLAY-5")
async def test_lists_show_own_sessions_or_all(serve: Any) -> None:
    async with serve() as desk:
        mine, other = await desk.open(ECHO, ADA), await desk.open(ECHO, BOB)
        listed = {
            who.id: {row.id for row in await desk.host.sessions.find(who, workflow_id="echo")}
            for who in (ADA, BOB, VIEWER, ROOT)
        }
        assert listed == {"ada": {mine}, "bob": {other}, "eve": {mine, other}, "root": {mine, other}}


async def test_opening_a_session_needs_its_permission(serve: Any) -> None:
    async with serve() as desk:
        await desk.open(ECHO)
        before = await everything(desk.host.store)
        with pytest.raises(Forbidden):
            await desk.host.sessions.create("echo", VIEWER)
        assert await everything(desk.host.store) == before


def attempts(desk: Any, session_id: str, message_id: str, prompt_id: str, who: Principal) -> dict[str, Any]:
    sessions = desk.host.sessions
    return {
        "read": lambda: sessions.read(session_id, who),
        "messages": lambda: sessions.messages(session_id, who),
        "message": lambda: sessions.message(session_id, message_id, who),
        "interrupts": lambda: sessions.interrupts(session_id, who),
        "interrupt": lambda: sessions.interrupt(prompt_id, who),
        "post": lambda: sessions.post_message(session_id, "hi", who),
        "stop": lambda: sessions.stop(session_id, who),
        "resolve": lambda: sessions.resolve(prompt_id, "x", who),
        "cancel": lambda: sessions.cancel(prompt_id, who),
        "delete": lambda: sessions.delete(session_id, who),
    }


async def test_missing_beats_forbidden(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        page = await desk.turn(session_id)
        prompt = await desk.prompt(session_id)
        before = await everything(desk.host.store)
        for name, attempt in attempts(desk, session_id, page.messages[0].id, prompt.id, BOB).items():
            with pytest.raises(NotFound):
                await attempt()
            assert await everything(desk.host.store) == before, name


async def test_viewing_is_not_driving(serve: Any) -> None:
    async with serve(ask) as desk:
        session_id = await desk.open(ASKS)
        page = await desk.turn(session_id)
        prompt = await desk.prompt(session_id)
        before = await everything(desk.host.store)
        tried = attempts(desk, session_id, page.messages[0].id, prompt.id, VIEWER)
        for name in ("read", "messages", "message", "interrupts", "interrupt"):
            await tried[name]()
        for name in ("post", "stop", "resolve", "cancel", "delete"):
            with pytest.raises(Forbidden):
                await tried[name]()
            assert await everything(desk.host.store) == before, name


@pytest.mark.parametrize("lacking", ["execute session workflow", "edit own flowdrop_session"])
async def test_driving_needs_both_execution_and_editing(serve: Any, lacking: str) -> None:
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        with pytest.raises(Forbidden):
            await desk.say(session_id, "hi", Principal("ada", "Ada", OWN_PERMISSIONS - {lacking}))


async def test_the_session_of_a_deleted_message_reader_hides_messages_only(serve: Any) -> None:
    reader = Principal("ada", "Ada", OWN_PERMISSIONS - {"view own flowdrop_session_message"})
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        assert (await desk.host.sessions.read(session_id, reader)).id == session_id
        with pytest.raises(Forbidden):
            await desk.host.sessions.messages(session_id, reader)


async def test_what_a_run_gave_is_not_shown_without_the_permission_for_messages(serve: Any) -> None:
    watcher = Principal("bob", "Bob", frozenset({"view any flowdrop_session"}))
    async with serve() as desk:
        session_id = await desk.open(ECHO)
        run_id = str((await desk.say(session_id, "for the owner only")).execution_id)
        await desk.settled(session_id)
        with pytest.raises(Forbidden) as refused:
            await desk.host.runs.read(run_id, watcher)
        assert refused.value.code == "RUN_FORBIDDEN"
        assert (await desk.host.runs.read(run_id, watcher, whole=False)).run.status == "completed"
        assert (await desk.host.runs.read(run_id, ADA)).jobs
