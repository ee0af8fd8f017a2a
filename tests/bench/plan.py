"""How much is measured: in full for figures that count, a little for a check that all of it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Plan:
    """Sizes and repetitions.

    :param messages: how many messages the long conversation holds.
    :param few_messages: how many the short one holds that it is compared with.
    :param appends: durable appends per way of appending.
    :param stock_inserts: inserts into the stock TinyDB file, which take about a second each.
    :param together: how many sessions append at once.
    :param rounds: how often one session alone and all together take turns.
    :param alone_commits: commits of the one session per round.
    :param together_commits: commits of each of the others per round.
    :param reads: polls for new messages.
    :param openings: fresh processes per way of opening the long conversation.
    :param sessions: how many sessions the large directory holds.
    :param session_messages: how many messages each of them holds.
    :param starts: fresh processes that open the large directory.
    :param max_open: how many sessions a store keeps in memory.
    :param touched: how many of them are read one after the other.
    :param validations: workflows of the largest size that are validated.
    :param validated_nodes: nodes of the smallest workflow that larger ones are compared with.
    :param growth_rounds: how often the sizes take turns.
    """

    messages: int
    few_messages: int
    appends: int
    stock_inserts: int
    together: int
    rounds: int
    alone_commits: int
    together_commits: int
    reads: int
    openings: int
    sessions: int
    session_messages: int
    starts: int
    max_open: int
    touched: int
    validations: int
    validated_nodes: int
    growth_rounds: int


FULL: Final = Plan(
    messages=100_000,
    few_messages=1_000,
    appends=2_000,
    stock_inserts=10,
    together=64,
    rounds=15,
    alone_commits=300,
    together_commits=40,
    reads=4_000,
    openings=7,
    sessions=10_000,
    session_messages=10,
    starts=7,
    max_open=64,
    touched=1_000,
    validations=25,
    validated_nodes=10,
    growth_rounds=7,
)

QUICK: Final = Plan(
    messages=1_000,
    few_messages=100,
    appends=20,
    stock_inserts=2,
    together=8,
    rounds=2,
    alone_commits=10,
    together_commits=5,
    reads=20,
    openings=1,
    sessions=100,
    session_messages=2,
    starts=1,
    max_open=16,
    touched=50,
    validations=1,
    validated_nodes=4,
    growth_rounds=1,
)
