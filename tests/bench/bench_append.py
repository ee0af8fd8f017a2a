"""A durable append of one message, beside its rivals and in a short conversation."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Final

from anyio import to_thread

from flowdrop_jupyter.store import TinyDBStore

from .figures import Bar, Row, Samples
from .material import Conversations, new_message, opened
from .plan import Plan
from .rivals import PlainFile, SQLite, StockTinyDB

_WARM_UP: Final = 20


async def append_rows(work: Path, conversations: Conversations, plan: Plan) -> list[Row]:
    """Measure all ways of appending in turns, so that whatever drifts, drifts for all."""
    stock = StockTinyDB(work / "stock.json", conversations.long, plan.messages)
    sqlite = SQLite(work / "sqlite.db", conversations.long, plan.messages)
    plain = PlainFile(work / "plain.log")
    try:
        async with opened(TinyDBStore(conversations.directory)) as store:
            size = await _commit_size(store, conversations)
            seconds = await _measure(store, conversations, plan, stock, sqlite, plain, bytes(size))
    finally:
        stock.close()
        sqlite.close()
        plain.close()
    samples = {name: Samples.of(values) for name, values in seconds.items()}
    what = f"durable append of a 500-byte message to a session of {plan.messages:,}"
    return [
        Row(
            name="append against stock TinyDB",
            what=what,
            unit="s",
            samples=samples["long"],
            against=f"stock TinyDB insert into {plan.messages:,} documents, not durable",
            reference=samples["stock"],
            faster=True,
            bar=Bar("at least", 3_000),
        ),
        Row(
            name="append against the floor",
            what=what,
            unit="s",
            samples=samples["long"],
            against=f"append + fsync of the same {size:,} bytes to a plain file",
            reference=samples["plain"],
            bar=Bar("at most", 1.5),
        ),
        Row(
            name="append against the awaited floor",
            what=what,
            unit="s",
            samples=samples["long"],
            against="the same append + fsync, awaited while a worker thread does it",
            reference=samples["awaited"],
        ),
        Row(
            name="append against SQLite",
            what=what,
            unit="s",
            samples=samples["long"],
            against=f"SQLite WAL, synchronous=FULL, insert into {plan.messages:,} rows",
            reference=samples["sqlite"],
            bar=Bar("at most", 1.0),
        ),
        Row(
            name="append against awaited SQLite",
            what=what,
            unit="s",
            samples=samples["long"],
            against="the same SQLite insert, awaited while a worker thread does it",
            reference=samples["sqlite awaited"],
        ),
        Row(
            name="append growth",
            what=what,
            unit="s",
            samples=samples["long"],
            against=f"the same to a session of {plan.few_messages:,}",
            reference=samples["short"],
            bar=Bar("at most", 1.2),
        ),
    ]


async def _measure(
    store: TinyDBStore,
    conversations: Conversations,
    plan: Plan,
    stock: StockTinyDB,
    sqlite: SQLite,
    plain: PlainFile,
    content: bytes,
) -> dict[str, list[float]]:
    """Return the seconds of every append by way of appending."""

    async def append_to_plain() -> float:
        start = perf_counter()
        plain.append(content)
        return perf_counter() - start

    async def await_append_to_plain() -> float:
        start = perf_counter()
        await to_thread.run_sync(plain.append, content)
        return perf_counter() - start

    async def insert_into_sqlite() -> float:
        message = new_message(conversations.long)
        start = perf_counter()
        sqlite.insert(message)
        return perf_counter() - start

    async def await_insert_into_sqlite() -> float:
        message = new_message(conversations.long)
        start = perf_counter()
        await to_thread.run_sync(sqlite.insert, message)
        return perf_counter() - start

    ways: dict[str, Callable[[], Awaitable[float]]] = {
        "long": lambda: _append(store, conversations.long),
        "plain": append_to_plain,
        "awaited": await_append_to_plain,
        "short": lambda: _append(store, conversations.short),
        "sqlite": insert_into_sqlite,
        "sqlite awaited": await_insert_into_sqlite,
    }
    names, order = list(ways), Random(1)
    seconds: dict[str, list[float]] = {name: [] for name in (*names, "stock")}
    every = -(-plan.appends // plan.stock_inserts)
    for turn in range(plan.appends):
        if turn % every == 0:
            seconds["stock"].append(_insert_into_stock(stock, conversations.long))
            for _ in range(_WARM_UP):
                for way in ways.values():
                    await way()
        # Whoever comes right behind a rival finds the caches as that left them.
        order.shuffle(names)
        for name in names:
            seconds[name].append(await ways[name]())
    return seconds


async def _append(store: TinyDBStore, session_id: str) -> float:
    message = new_message(session_id)
    start = perf_counter()
    async with store.transaction(session_id) as transaction:
        transaction.put_message(message)
    return perf_counter() - start


def _insert_into_stock(stock: StockTinyDB, session_id: str) -> float:
    message = new_message(session_id)
    start = perf_counter()
    stock.insert(message)
    seconds = perf_counter() - start
    # It leaves its file to the system to write; nobody else is to pay for that.
    os.sync()
    return seconds


async def _commit_size(store: TinyDBStore, conversations: Conversations) -> int:
    """Return how many bytes the store writes for one such append."""
    await _append(store, conversations.short)
    await _append(store, conversations.long)
    before = _journal_bytes(conversations.directory)
    await _append(store, conversations.long)
    return _journal_bytes(conversations.directory) - before


def _journal_bytes(directory: Path) -> int:
    # Space that is set aside in advance is full of zeros, which a journal never holds.
    return sum(len(path.read_bytes().rstrip(b"\0")) for path in (directory / "journal").iterdir())
