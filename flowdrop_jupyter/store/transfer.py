"""A whole store as JSON Lines, and back: the format, and what writes and reads it.

::

    {"flowdrop":1,"exported_at":"2026-01-31T12:00:00.000000Z"}
    {"kind":"node_type","row":{…}}
    {"kind":"workflow","row":{…}}
    {"kind":"memory","row":{…}}
    {"kind":"blob","sha256":"…","base64":"…"}
    {"kind":"session","row":{…}}
    {"kind":"message","row":{…}}                      and event, run, job, interrupt, checkpoint, snapshot
    {"kind":"end","counts":{"message":1,…},"sha256":"…"}

Rows are as they are stored: a large value is a blob of its own, once, and comes before the first row
that needs it. What follows a ``session`` line belongs to it. The last line tells that nothing is
missing; its hash is that of all lines between it and the first. One session or blob is in memory at
a time. The same content always gives the same lines, but for the time in the first.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from ..errors import InvalidInput, StoreError
from .blobs import blob_places, content_hash, mentions
from .protocol import Store
from .records import MemoryRecord, NodeTypeRecord, SessionFilter, SessionRecord, WorkflowRecord

R = TypeVar("R", bound=msgspec.Struct)

FORMAT: Final = 1
"""The version of the format that is written here."""

KINDS: Final = {
    "session": "session",
    "messages": "message",
    "events": "event",
    "runs": "run",
    "jobs": "job",
    "interrupts": "interrupt",
    "checkpoints": "checkpoint",
    "snapshots": "snapshot",
}
"""What the lines of a session's tables are called."""

_TABLES: Final = {kind: table for table, kind in KINDS.items()}

Tables: TypeAlias = Mapping[str, Sequence[bytes]]
"""All rows of a session as they are stored, by table."""


class PortableStore(Store, Protocol):
    """A store whose rows can be carried to another one just as they are."""

    async def session_rows(self, session_id: str) -> Tables | None:
        """Return all rows of a session, or None for an unknown one."""
        ...

    async def restore_session(self, tables: Tables) -> None:
        """Write a session with all its rows; Conflict when its id is taken."""
        ...

    async def memory_rows(self) -> Sequence[bytes]:
        """Return all that is remembered, by scope, its id and key."""
        ...

    async def restore_memory(self, raw: bytes) -> None:
        """Remember a row with the time it has; Conflict when its key is taken."""
        ...

    async def blob_names(self) -> Sequence[str]:
        """Return the names of all blobs, in order."""
        ...


class BlobItem(NamedTuple):
    """A blob and its name."""

    name: str
    content: bytes


class MemoryItem(NamedTuple):
    """A memory, and its row as it is stored."""

    memory: MemoryRecord
    raw: bytes


class SessionItem(NamedTuple):
    """A session with all its rows."""

    session: SessionRecord
    tables: dict[str, list[bytes]]


Item: TypeAlias = NodeTypeRecord | WorkflowRecord | MemoryItem | BlobItem | SessionItem
"""What an export consists of."""

LeftOut: TypeAlias = Callable[[str, str], None]
"""Called with the name of something that could not be exported, and the reason."""


class _Header(msgspec.Struct):
    flowdrop: int
    exported_at: str = ""


class _Line(msgspec.Struct):
    kind: str
    row: msgspec.Raw = msgspec.Raw(b"")
    sha256: str = ""
    base64: bytes = b""
    counts: dict[str, int] = {}


async def export_lines(
    store: PortableStore,
    *,
    exported_at: str,
    left_out: LeftOut,
    session_rows: Callable[[str], Awaitable[Tables | None]] | None = None,
) -> AsyncIterator[bytes]:
    """Yield everything in *store*, line by line.

    :param exported_at: the time to put into the first line.
    :param left_out: is told what could not be read; the rest is exported.
    :param session_rows: reads a session in place of the store's own method.
    """
    export = _Export(store, left_out)
    yield msgspec.json.encode(_Header(FORMAT, exported_at)) + b"\n"
    await export.begin()
    try:
        for node_type in await store.node_types():
            async for line in export.row("node_type", msgspec.json.encode(node_type)):
                yield line
        for workflow in sorted(await store.workflows(), key=lambda workflow: workflow.id):
            async for line in export.row("workflow", msgspec.json.encode(workflow)):
                yield line
    except StoreError as error:
        left_out("the workflows", error.message)
    try:
        for raw in await store.memory_rows():
            async for line in export.row("memory", raw):
                yield line
    except StoreError as error:
        left_out("what is remembered", error.message)
    read = session_rows or store.session_rows
    for session_id in sorted(session.id for session in await store.sessions(SessionFilter())):
        try:
            tables = await read(session_id)
        except StoreError as error:
            left_out(f"the session {session_id}", error.message)
            continue
        if tables is None:
            continue
        async for line in export.blobs(raw for rows in tables.values() for raw in rows):
            yield line
        for table, kind in KINDS.items():
            for raw in tables.get(table, ()):
                yield export.line(kind, raw)
    async for line in export.remaining_blobs():
        yield line
    yield export.end()


class _Export:
    def __init__(self, store: PortableStore, left_out: LeftOut) -> None:
        self._store = store
        self._left_out = left_out
        self._waiting: set[str] = set()
        self._known: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._digest = hashlib.sha256()

    async def begin(self) -> None:
        """Find out which blobs there are."""
        self._waiting = set(await self._store.blob_names())
        self._known = set(self._waiting)

    def line(self, kind: str, raw: bytes) -> bytes:
        """Return one row as a line."""
        if b"\n" in raw or b"\r" in raw:
            raw = msgspec.json.format(raw, indent=-1)
        return self._count(kind, b'{"kind":"%b","row":%b}\n' % (kind.encode(), raw))

    async def row(self, kind: str, raw: bytes) -> AsyncIterator[bytes]:
        """Yield one row behind the blobs it needs."""
        async for line in self.blobs([raw]):
            yield line
        yield self.line(kind, raw)

    async def blobs(self, raws: Iterable[bytes]) -> AsyncIterator[bytes]:
        """Yield the blobs that rows speak of, each once in the export."""
        named: set[str] = set()
        needed: set[str] = set()
        for raw in raws:
            named |= mentions([raw])
            needed.update(blob_places(raw).values())
        for name in sorted((named & self._waiting) | (needed - self._known)):
            async for line in self._blob(name):
                yield line

    async def remaining_blobs(self) -> AsyncIterator[bytes]:
        """Yield the blobs that no row speaks of."""
        for name in sorted(self._waiting):
            async for line in self._blob(name):
                yield line

    def end(self) -> bytes:
        """Return the last line."""
        counts = dict(sorted(self._counts.items()))
        return (
            msgspec.json.encode({"kind": "end", "counts": counts, "sha256": self._digest.hexdigest()}) + b"\n"
        )

    async def _blob(self, name: str) -> AsyncIterator[bytes]:
        self._waiting.discard(name)
        self._known.add(name)
        try:
            content = await self._store.blob(name)
        except StoreError as error:
            self._left_out(f"the blob {name}", error.message)
            return
        if content is None:
            self._left_out(f"the blob {name}", "it is missing")
        elif content_hash(content) != name:
            self._left_out(f"the blob {name}", "its content has changed")
        else:
            fields = {"kind": "blob", "sha256": name, "base64": content}
            yield self._count("blob", msgspec.json.encode(fields) + b"\n")

    def _count(self, kind: str, line: bytes) -> bytes:
        self._counts[kind] += 1
        self._digest.update(line)
        return line


def read_export(lines: Iterable[bytes]) -> Iterator[Item]:
    """Yield what an export holds; nothing may be relied on before the last item was yielded.

    :raises InvalidInput: code ``EXPORT_INVALID`` when it is no export, is not complete, or was
        changed; names the line.
    """
    numbered = enumerate(lines, start=1)
    _check_header(next(numbered, (1, b""))[1])
    digest = hashlib.sha256()
    counts: Counter[str] = Counter()
    open_session: SessionItem | None = None
    number = 1
    for number, content in numbered:
        line = _decode(content, _Line, number)
        if line.kind == "end":
            if line.sha256 != digest.hexdigest() or line.counts != counts:
                raise _invalid("the lines are not those that were exported", number)
            if next(numbered, None) is not None:
                raise _invalid("something follows the last line", number + 1)
            if open_session is not None:
                yield open_session
            return
        digest.update(content)
        counts[line.kind] += 1
        if line.kind in _TABLES and line.kind != "session":
            if open_session is None:
                raise _invalid(f"a {line.kind} belongs to no session", number)
            open_session.tables.setdefault(_TABLES[line.kind], []).append(bytes(line.row))
            continue
        if open_session is not None:
            yield open_session
            open_session = None
        if line.kind == "session":
            raw = bytes(line.row)
            open_session = SessionItem(_decode(raw, SessionRecord, number), {"session": [raw]})
        else:
            yield _item(line, number)
    raise _invalid("the export is cut off here", number)


def _check_header(content: bytes) -> None:
    try:
        header = msgspec.json.decode(content, type=_Header)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidInput("This is not an export of FlowDrop.", code="EXPORT_INVALID") from error
    if header.flowdrop > FORMAT:
        raise InvalidInput(
            f"The export has version {header.flowdrop}, and this program knows {FORMAT} at most.",
            code="EXPORT_INVALID",
        )


def _item(line: _Line, number: int) -> Item:
    raw = bytes(line.row)
    if line.kind == "node_type":
        return _decode(raw, NodeTypeRecord, number)
    if line.kind == "workflow":
        return _decode(raw, WorkflowRecord, number)
    if line.kind == "memory":
        return MemoryItem(_decode(raw, MemoryRecord, number), raw)
    if line.kind == "blob":
        if content_hash(line.base64) != line.sha256:
            raise _invalid(f"the content of the blob {line.sha256} has changed", number)
        return BlobItem(line.sha256, line.base64)
    raise _invalid(f"{line.kind!r} is not known", number)


def _decode(raw: bytes, kind: type[R], number: int) -> R:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _invalid(f"it cannot be read: {error}", number) from error


def _invalid(reason: str, number: int) -> InvalidInput:
    return InvalidInput(f"The export is not sound in line {number}: {reason}.", code="EXPORT_INVALID")
