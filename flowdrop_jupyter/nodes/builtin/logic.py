"""Gateways: nodes that decide which branch a run takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ...errors import NodeError
from ...expressions import as_text, pattern_found, quoted
from ...workflow.node_types import Parameter
from ..api import node
from ..branches import boolean_branch, gateway_branch, matching_branch
from ..context import NodeContext
from ..outcome import Branched
from ..signature import Config, Wire

Operator: TypeAlias = Literal["equals", "not_equals", "contains", "starts_with", "ends_with", "regex"]
"""The comparisons of a condition, and no others (LANG-28)."""

BOOLEAN_BRANCHES: Final = [
    {"name": "True", "label": "True", "value": True},
    {"name": "False", "label": "False", "value": False},
]
"""The branches of a node that decides between yes and no."""

FIXED_BRANCHES: Final = Parameter(
    schema={"type": "array", "title": "Branches", "format": "hidden", "default": BOOLEAN_BRANCHES},
    configurable=True,
)
"""The ``branches`` of a node whose author need not edit them."""


class Condition(msgspec.Struct):
    """The outcome of a condition."""

    result: bool
    branch: str


class Choice(msgspec.Struct):
    """The branch that was taken, and the value that decided it."""

    branch: str
    value: Any


@node(
    name="If / else",
    category="logic",
    icon="mdi:source-branch",
    color="#6d28d9",
    shape="gateway",
    tags=("condition", "branch"),
    parameters={"branches": FIXED_BRANCHES},
)
def if_else(
    context: NodeContext,
    data: Annotated[Any, Wire()] = None,
    matchText: Annotated[str, Config(), msgspec.Meta(title="Text to compare with")] = "",
    operator: Annotated[Operator, Config()] = "equals",
    caseSensitive: Annotated[bool, Config()] = False,
    strictMode: Annotated[bool, Config()] = False,
) -> Branched[Condition]:
    """Takes the branch True or False by comparing a value with a text.

    :param data: the value; what is not a text is compared by its JSON form.
    :param matchText: what the value is compared with: a text, or a pattern.
    :param operator: how to compare; ``regex`` looks for the pattern anywhere in the text.
    :param caseSensitive: whether upper and lower case differ.
    :param strictMode: a value that is not a text matches nothing.
    """
    if strictMode and not isinstance(data, str):
        outcome = operator == "not_equals"
    else:
        outcome = compare(as_text(data), operator, matchText, case_sensitive=caseSensitive)
    branch = boolean_branch({"branches": BOOLEAN_BRANCHES, **context.config}, outcome)
    return Branched(branches=(branch,), outputs=Condition(result=outcome, branch=branch))


@node(
    category="logic",
    icon="mdi:source-branch-check",
    color="#6d28d9",
    shape="gateway",
    tags=("condition", "branch"),
    parameters={"branches": FIXED_BRANCHES},
)
def boolean_gateway(
    context: NodeContext,
    value: Annotated[Any, Wire()] = None,
    default_branch: Annotated[str, Config()] = "",
) -> Branched[Choice]:
    """Takes the branch True or False that a truth value denotes.

    The type counts: neither the number 1 nor the text "true" is the truth value.

    :param value: the value that decides.
    :param default_branch: the branch to take when none matches; without it that is an error.
    """
    config = {"branches": BOOLEAN_BRANCHES, **context.config, "default_branch": default_branch}
    branch = gateway_branch(config, value)
    return Branched(branches=(branch,), outputs=Choice(branch=branch, value=value))


@node(
    category="logic",
    icon="mdi:call-split",
    color="#6d28d9",
    shape="gateway",
    branches=[],
    tags=("branch",),
    parameters={
        "defaultBranch": Parameter(
            schema={"type": "string", "title": "Default branch (older name)", "format": "hidden"},
            configurable=True,
        )
    },
)
def switch(
    context: NodeContext,
    expression: Annotated[Any, Wire()] = None,
    value: Annotated[Any, Wire(), msgspec.Meta(title="Value (older name)")] = None,
    default_branch: Annotated[str, Config()] = "",
    defaultBranch: Annotated[str, Config(format="hidden")] = "default",
    caseSensitive: Annotated[bool, Config()] = True,
) -> Branched[Choice]:
    """Takes the first branch whose value has the same type as what arrives and equals it.

    :param expression: the value that decides.
    :param value: the older name of ``expression``, for workflows that use it.
    :param default_branch: the branch to take when none matches, else the one named "default"; without
        either that is an error.
    :param defaultBranch: the older name of ``default_branch``.
    :param caseSensitive: whether upper and lower case of texts differ.
    """
    decisive = value if expression is None else expression
    config = {**context.config, "default_branch": default_branch, "defaultBranch": defaultBranch}
    branch = matching_branch(config, decisive, case_sensitive=caseSensitive)
    return Branched(branches=(branch,), outputs=Choice(branch=branch, value=decisive))


def compare(text: str, operator: Operator, wanted: str, *, case_sensitive: bool) -> bool:
    """Return whether *text* compares to *wanted* as *operator* says (LANG-28).

    :raises NodeError: ``OPERATOR_UNKNOWN`` for another operator; for a pattern, as
        :func:`flowdrop_jupyter.expressions.pattern_found`.
    """
    if operator == "regex":
        return pattern_found(wanted, text, case_sensitive=case_sensitive)
    if not case_sensitive:
        text, wanted = text.casefold(), wanted.casefold()
    outcomes: Mapping[str, bool] = {
        "equals": text == wanted,
        "not_equals": text != wanted,
        "contains": wanted in text,
        "starts_with": text.startswith(wanted),
        "ends_with": text.endswith(wanted),
    }
    if operator not in outcomes:
        raise NodeError(f"There is no operator {quoted(operator)}.", code="OPERATOR_UNKNOWN")
    return outcomes[operator]


NODES = (boolean_gateway, if_else, switch)
