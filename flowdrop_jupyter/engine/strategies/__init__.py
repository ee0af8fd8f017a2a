"""The four ways to run a plan: what each declares, and which one a run takes (ORC-1 to ORC-8)."""

from .definitions import (
    ASYNCHRONOUS,
    STATEGRAPH,
    STRATEGIES,
    SYNCHRONOUS,
    SYNCHRONOUS_PIPELINE,
    Capability,
    Strategy,
)
from .resolution import background_strategy, interactive_strategy, strategy_or_default
from .starting import prepare_run

__all__ = [
    "ASYNCHRONOUS",
    "STATEGRAPH",
    "STRATEGIES",
    "SYNCHRONOUS",
    "SYNCHRONOUS_PIPELINE",
    "Capability",
    "Strategy",
    "background_strategy",
    "interactive_strategy",
    "prepare_run",
    "strategy_or_default",
]
