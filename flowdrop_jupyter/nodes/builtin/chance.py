"""The gateway that leaves it to chance which branch a run takes."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Any, Final

import msgspec

from ...expressions import as_text
from ...workflow.node_types import Parameter
from ..api import node
from ..branches import matching_branch
from ..context import NodeContext
from ..outcome import Branched
from ..signature import Config, Wire

BRANCHES: Final = [{"name": "A", "label": "A", "value": "A"}, {"name": "B", "label": "B", "value": "B"}]
"""The two branches of a random split."""

_STEPS: Final = 2**53
_FIXED: Final = Parameter(
    schema={"type": "array", "title": "Branches", "format": "hidden", "default": BRANCHES}, configurable=True
)


class Split(msgspec.Struct):
    """The branch that was taken, and what arrived."""

    branch: str
    data: Any


@node(
    name="A or B",
    category="logic",
    icon="mdi:call-split",
    color="#6d28d9",
    shape="gateway",
    tags=("branch", "random", "test"),
    parameters={"branches": _FIXED},
)
def a_or_b(
    context: NodeContext,
    data: Annotated[Any, Wire()] = None,
    key: Annotated[Any, Wire()] = None,
    share: Annotated[float, Config(), msgspec.Meta(ge=0, le=1)] = 0.5,
    seed: Annotated[str, Config()] = "",
) -> Branched[Split]:
    """Takes the branch A or B at random.

    :param data: passed on.
    :param key: such as a user's id: the same key always takes the same branch.
    :param share: how much of the runs take A, from 0 to 1.
    :param seed: with a seed the branch follows from it and the key alone, and no longer from chance.
    """
    if seed or key is not None:
        digest = hashlib.sha256(f"{seed}\0{as_text(key)}".encode()).digest()
        drawn = int.from_bytes(digest[:8]) % _STEPS / _STEPS
    else:
        drawn = secrets.randbelow(_STEPS) / _STEPS
    branch = matching_branch({"branches": BRANCHES, **context.config}, "A" if drawn < share else "B")
    return Branched(branches=(branch,), outputs=Split(branch=branch, data=data))


NODES = (a_or_b,)
