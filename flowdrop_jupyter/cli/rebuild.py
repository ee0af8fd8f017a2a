"""A sound session out of what is left of a damaged one.

Messages and events keep their numbers, because clients count on them: one that is lost leaves an
empty one with ``"lost": true``. A turn that was under way is ended as failed, so that no run goes on
with half of what it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from ..clock import parse_time, strictly_after
from ..errors import StoreDamaged
from ..ids import IdFactory
from ..store.blobs import blob_places
from ..store.draft import TRIMMED
from ..store.records import EventRecord, InterruptRecord, MessageRecord, RunRecord, SessionRecord
from ..store.rows import Batch
from ..store.state import SessionState
from .fragments import is_row
from .remains import ROW_DECODERS

R = TypeVar("R", bound=msgspec.Struct)

_MOST_LOST: Final = 10_000
_REASON: Final = "A part of the session was damaged on disk."
_ERROR: Final = {"message": _REASON, "code": "STORE_DAMAGED", "node_id": None}


class Rebuilt(NamedTuple):
    """The rows of a sound session, and how many messages and events are lost."""

    tables: Batch
    lost_messages: int
    lost_events: int


def rebuild(session_id: str, tables: Batch, *, now: str, ids: IdFactory) -> Rebuilt | None:
    """Return a sound session out of whatever rows there are, or None without the session's own row.

    :param now: the current time, as rows spell it.
    :param ids: makes ids for lost messages whose id is not known.
    """
    rows = {name: _readable(session_id, name, tables.get(name, {})) for name in ROW_DECODERS}
    if not rows["session"]:
        return None
    session: SessionRecord = ROW_DECODERS["session"](next(iter(rows["session"].values())))
    messages = _numbered(rows["messages"], "messages", "sequence_number")
    events = _numbered(rows["events"], "events", "seq")
    last_message = _highest(messages, session.last_sequence)
    last_event = _highest(events, session.last_event)
    lost_messages, lost_events = last_message - len(messages), last_event - len(events)
    _fill_messages(messages, last_message, session, _ids_in(events), ids)
    _fill_events(events, last_event, session)
    complete: Batch = {
        **{name: _renumbered(part) for name, part in rows.items()},
        "messages": dict(sorted(messages.items())),
        "events": dict(sorted(events.items())),
    }
    session.last_sequence, session.last_event = last_message, last_event
    session.last_timestamp = _decoded(messages[last_message], MessageRecord).timestamp if messages else None
    session.trimmed = min(session.trimmed, last_message)
    complete["session"] = {1: msgspec.json.encode(session)}
    complete = {name: part for name, part in complete.items() if part}
    end_turn(complete, now=now)
    try:
        SessionState.load(complete)
    except StoreDamaged:
        return None
    return Rebuilt(complete, lost_messages, lost_events)


def end_turn(tables: Batch, *, now: str) -> None:
    """End the run that is under way, if there is one, as failed: in the rows of a session."""
    session = _decoded(tables["session"][1], SessionRecord)
    if session.status not in ("running", "awaiting_input"):
        return
    run_id = session.active_run
    message_id: str | None = None
    for number, run in _each(tables, "runs", RunRecord):
        if run.id == run_id:
            message_id = run.message_id
            ended = replace(run, status="failed", completed_at=now, error=_ERROR)
            tables["runs"][number] = _encoded(ended, tables["runs"][number])
    for number, prompt in _each(tables, "interrupts", InterruptRecord):
        if prompt.status == "pending":
            closed = replace(prompt, status="cancelled", resolved_at=now, reason="run_failed")
            tables["interrupts"][number] = _encoded(closed, tables["interrupts"][number])
    for number, message in _each(tables, "messages", MessageRecord):
        if message.id == message_id or message.status in ("pending", "processing"):
            failed = replace(message, status="failed")
            tables["messages"][number] = _encoded(failed, tables["messages"][number])
    session.status, session.active_run = "failed", None
    session.last_event += 1
    event = EventRecord(type="session", data={"status": "failed"}, seq=session.last_event, at=now)
    tables.setdefault("events", {})[session.last_event] = msgspec.json.encode(event)
    tables["session"][1] = msgspec.json.encode(session)


def without_blobs(table: str, raw: bytes, gone: set[str] | frozenset[str]) -> bytes:
    """Return a row that needs none of the blobs *gone*: a message trimmed, another row without the values.

    The row is returned as it is when it needs none of them.
    """
    places = blob_places(raw)
    if gone.isdisjoint(places.values()):
        return raw
    if table == "messages":
        return msgspec.json.encode(replace(_decoded(raw, MessageRecord), content="", metadata=dict(TRIMMED)))
    return _with_places(raw, {place: name for place, name in places.items() if name not in gone})


def _readable(session_id: str, table: str, rows: Mapping[int, bytes]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    known: set[str] = set()
    for number, raw in sorted(rows.items()):
        if not is_row(raw, ROW_DECODERS[table]):
            continue
        row = ROW_DECODERS[table](raw)
        row_id = getattr(row, "id", None)
        if row_id in known or getattr(row, "session_id", session_id) != session_id:
            continue
        if table == "session" and row_id != session_id:
            continue
        if row_id is not None:
            known.add(row_id)
        found[number] = raw
    return found


def _numbered(rows: Mapping[int, bytes], table: str, field: str) -> dict[int, bytes]:
    """Return rows by the number that they have inside."""
    found = {getattr(ROW_DECODERS[table](raw), field): raw for raw in rows.values()}
    return {number: raw for number, raw in found.items() if number > 0}


def _highest(rows: Mapping[int, bytes], told: int) -> int:
    """Return the number of the last row; what the session tells counts unless it is out of reason."""
    highest = max(rows, default=0)
    return told if highest < told <= highest + _MOST_LOST else highest


def _fill_messages(
    messages: dict[int, bytes],
    last: int,
    session: SessionRecord,
    known_ids: Mapping[int, str],
    ids: IdFactory,
) -> None:
    used = {_decoded(raw, MessageRecord).id for raw in messages.values()}
    timestamp: str | None = None
    for number in range(1, last + 1):
        if number in messages:
            timestamp = _decoded(messages[number], MessageRecord).timestamp
            continue
        timestamp = _tick_after(timestamp, session.created_at)
        message_id = known_ids.get(number)
        if message_id is None or message_id in used:
            message_id = ids()
        used.add(message_id)
        messages[number] = msgspec.json.encode(
            MessageRecord(
                id=message_id,
                session_id=session.id,
                role="log",
                content="",
                timestamp=timestamp,
                sequence_number=number,
                metadata={"lost": True},
            )
        )


def _fill_events(events: dict[int, bytes], last: int, session: SessionRecord) -> None:
    at = session.created_at
    for number in range(1, last + 1):
        if number in events:
            at = _decoded(events[number], EventRecord).at
            continue
        lost = EventRecord(type="session", data={"status": session.status, "lost": True}, seq=number, at=at)
        events[number] = msgspec.json.encode(lost)


def _tick_after(previous: str | None, created_at: str) -> str:
    moment = parse_time(previous or created_at)
    return previous or created_at if moment is None else strictly_after(moment, previous)


def _ids_in(events: Mapping[int, bytes]) -> dict[int, str]:
    """Return the ids of messages by their numbers, as far as events tell them."""
    found: dict[int, str] = {}
    for raw in events.values():
        data = _decoded(raw, EventRecord).data
        number, message_id = data.get("sequenceNumber"), data.get("messageId")
        if isinstance(number, int) and isinstance(message_id, str):
            found[number] = message_id
    return found


def _renumbered(rows: Mapping[int, bytes]) -> dict[int, bytes]:
    return dict(enumerate((rows[number] for number in sorted(rows)), start=1))


def _each(tables: Batch, table: str, kind: type[R]) -> list[tuple[int, R]]:
    return [(number, _decoded(raw, kind)) for number, raw in tables.get(table, {}).items()]


def _decoded(raw: bytes, kind: type[R]) -> R:
    return msgspec.json.decode(raw, type=kind)


def _encoded(row: msgspec.Struct, before: bytes) -> bytes:
    """Return a changed row as it is stored; its large values stay where they are."""
    return _with_places(msgspec.json.encode(row), blob_places(before), before)


def _with_places(raw: bytes, places: Mapping[str, str], before: bytes | None = None) -> bytes:
    fields: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    mentioned = msgspec.json.decode(before or raw, type=dict[str, msgspec.Raw]).get("mentions")
    fields.pop("blobs", None)
    fields.pop("mentions", None)
    if not places:
        return msgspec.json.encode(fields)
    head: dict[str, Any] = {"blobs": dict(places)}
    if mentioned is not None:
        head["mentions"] = mentioned
    return msgspec.json.encode({**head, **fields})
