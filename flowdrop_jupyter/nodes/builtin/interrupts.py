"""Nodes that ask a person in the middle of a run."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ..api import node
from ..branches import boolean_branch, configured_branches
from ..context import NodeContext
from ..outcome import Branched
from ..signature import Config, Lane
from .logic import FIXED_BRANCHES


class Confirmed(msgspec.Struct):
    """What a person said to a yes-or-no question.

    :param response_time: seconds between the question and the answer.
    """

    confirmed: bool
    response_time: float
    user_id: Annotated[str | None, Lane("string")]


@node(
    category="interrupts",
    icon="mdi:account-check-outline",
    color="#be123c",
    shapes=("gateway",),
    tags=("human in the loop",),
    parameters={"branches": FIXED_BRANCHES},
)
async def confirmation(
    context: NodeContext,
    message: Annotated[str, msgspec.Meta(title="Question")],
    confirm_label: Annotated[str, Config()] = "Yes",
    cancel_label: Annotated[str, Config()] = "No",
) -> Branched[Confirmed]:
    """Asks a person a yes-or-no question and waits for the answer.

    "No" is an answer like "Yes". An instance that has branches takes True or False by the answer;
    one without follows all its edges.

    :param message: the question, in Markdown.
    :param confirm_label: what the button for yes says.
    :param cancel_label: what the button for no says.
    """
    answer = await context.ask(
        {
            "type": "confirmation",
            "message": message,
            "confirm_label": confirm_label,
            "cancel_label": cancel_label,
            "allow_cancel": False,
        }
    )
    confirmed = answer.value is True
    said = Confirmed(confirmed=confirmed, response_time=answer.response_time, user_id=answer.user_id)
    gates = bool(configured_branches(context.config))
    # No active branch at all means that every edge is followed (BR-2).
    return Branched(branches=(boolean_branch(context.config, confirmed),) if gates else (), outputs=said)


NODES = (confirmation,)
