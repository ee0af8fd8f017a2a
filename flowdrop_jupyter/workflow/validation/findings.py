"""What the validator finds: errors and warnings, each with its code, message and locator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

MAX_NODES: Final = 500
MAX_EDGES: Final = 1000
MAX_EXPRESSION_SECONDS: Final = 5.0

_SHOWN: Final = 120
_LOCATED: Final = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One error or warning; ``locator`` points into the submitted document."""

    code: str
    message: str
    locator: str

    def detail(self) -> dict[str, str]:
        """Return it as refusals carry it (STORE-5)."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the validator says of a document: errors refuse it, warnings change nothing."""

    errors: Sequence[Finding]
    warnings: Sequence[Finding]

    @property
    def valid(self) -> bool:
        """Whether the document may be stored and run."""
        return not self.errors


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a workflow may be (R5.a, R5.b).

    :param expression_seconds: for how long a worker may read its expressions.
    """

    nodes: int = MAX_NODES
    edges: int = MAX_EDGES
    expression_seconds: float = MAX_EXPRESSION_SECONDS


DEFAULT_LIMITS: Final = Limits()


def shown(value: Any) -> str:
    """Return *value* quoted for a message; a long one is cut, and what cannot be written is escaped."""
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        # The decimal form of a huge integer takes time that grows faster than its length.
        huge = isinstance(value, int) and value.bit_length() > 512
        return "a number with very many digits" if huge else repr(value)
    return "a list" if isinstance(value, list | tuple) else "an object"


def place(*parts: str) -> str:
    """Return a locator; ids and keys stand in it as they are unless they are very long."""
    named = (part if len(part) <= _LOCATED else part[: _LOCATED - 1] + "…" for part in parts)
    # A lone surrogate would make the whole answer impossible to write.
    return ".".join(named).encode("utf-8", "backslashreplace").decode("utf-8")
