"""Every operation of the API, a module per group of routes."""

from typing import Final

from ..model import Operation
from .catalog import CATALOG
from .conversations import CONVERSATIONS
from .definitions import DEFINITIONS
from .exchange import EXCHANGE
from .lookback import LOOKBACK
from .runs import RUNS
from .snapshots import SNAPSHOTS
from .system import SYSTEM
from .triggers import TRIGGERS

OPERATIONS: Final[tuple[Operation, ...]] = (
    *CATALOG,
    *DEFINITIONS,
    *EXCHANGE,
    *CONVERSATIONS,
    *RUNS,
    *LOOKBACK,
    *TRIGGERS,
    *SNAPSHOTS,
    *SYSTEM,
)

__all__ = ["OPERATIONS"]
