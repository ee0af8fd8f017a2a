"""Nodes that begin a turn, or bring into it what it was started with or a fixed value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from ...errors import NodeError
from ...expressions import as_text, quoted
from ..api import node
from ..context import NodeContext
from ..signature import Config, Lane, Wire


class ChatTurn(msgspec.Struct):
    """What a turn of the conversation begins with (decision 12)."""

    message: str
    history: Annotated[Sequence[Mapping[str, str]], Lane("array", exposed=False)]
    inputs: Annotated[Mapping[str, Any], Lane("json", exposed=False)]


class WorkflowData(msgspec.Struct):
    """What a run was started with; ``value`` is the chosen one of the inputs."""

    data: Annotated[Mapping[str, Any], Lane("json")]
    value: Annotated[Any, Lane("mixed")]
    message: str


class FormData(msgspec.Struct):
    """A filled form and whether it is as it should be."""

    structured_data: Annotated[Mapping[str, Any], Lane("json")]
    validation_results: Annotated[list[dict[str, Any]], Lane("array")]
    is_valid: bool
    form_id: str
    submission_id: str


class Text(msgspec.Struct):
    """One text."""

    text: str


@node(
    category="inputs", icon="mdi:message-text-outline", color="#0f766e", start=True, tags=("chat", "session")
)
async def chat_input(context: NodeContext) -> ChatTurn:
    """Begins a turn: gives the message that the user sent."""
    turn = context.turn
    return ChatTurn(message=turn.message, history=turn.history, inputs=turn.inputs)


@node(
    category="inputs",
    icon="mdi:form-textbox",
    color="#0f766e",
    shape="simple",
    shapes=("default",),
    tags=("text", "constant"),
)
def text_input(
    data: Annotated[Any, Wire()] = None,
    defaultValue: Annotated[str, Config(format="multiline"), msgspec.Meta(title="Text")] = "",
    placeholder: Annotated[str, Config()] = "",
) -> Text:
    """Gives a text: the one it was configured with, or the one that arrives.

    :param data: replaces the configured text when something arrives.
    :param defaultValue: the text to give when nothing arrives.
    :param placeholder: shown in the empty field while editing.
    """
    return Text(text=defaultValue if data is None else as_text(data))


@node(
    category="inputs",
    icon="mdi:database-arrow-right-outline",
    color="#0f766e",
    tags=("workflow", "launch"),
)
def get_workflow_data(context: NodeContext, key: str = "") -> WorkflowData:
    """Gives the values that the run was started with.

    :param key: the declared input to give as the value; empty for none, and what is not there is null.
    """
    turn = context.turn
    return WorkflowData(
        data=dict(turn.inputs), value=turn.inputs.get(key) if key else None, message=turn.message
    )


@node(
    category="inputs",
    icon="mdi:form-select",
    color="#0f766e",
    tool=True,
    tags=("form", "input", "validation"),
)
def form_data_receiver(
    context: NodeContext,
    form_data: Annotated[Any, Wire()] = None,
    submission_id: Annotated[str, Wire()] = "",
    formId: Annotated[str, Config(), msgspec.Meta(title="Form")] = "",
    requiredFields: Annotated[Sequence[str], Config()] = (),
    validateEmail: Annotated[bool, Config()] = False,
) -> FormData:
    """Takes a filled form and checks its fields; a form that is not valid is no error.

    :param form_data: an object of values by field, a list of fields with name and value, or either as
        JSON; what the run was started with when nothing arrives.
    :param submission_id: names this one filling of the form.
    :param formId: names the form.
    :param requiredFields: the fields that must not be empty.
    :param validateEmail: check that every field whose name speaks of mail holds an address.
    """
    fields = _fields(dict(context.turn.inputs) if form_data is None else form_data)
    results = [_required(name, fields.get(name)) for name in dict.fromkeys(requiredFields)]
    if validateEmail:
        results += [
            _email(name, value)
            for name, value in fields.items()
            if _speaks_of_mail(name) and not _empty(value)
        ]
    return FormData(
        structured_data=fields,
        validation_results=results,
        is_valid=all(result["valid"] for result in results),
        form_id=formId,
        submission_id=submission_id,
    )


_LONGEST_ADDRESS: Final = 254
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def _fields(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise NodeError(
                "The form's data is a text that is not JSON.", code="FORM_DATA_INVALID"
            ) from error
    if isinstance(given, list) and all(isinstance(one, Mapping) and "name" in one for one in given):
        given = {as_text(one["name"]): one.get("value") for one in given}
    if not isinstance(given, Mapping):
        raise NodeError(f"The form's data has no fields: {quoted(given, 60)}.", code="FORM_DATA_INVALID")
    return {str(name): value.strip() if isinstance(value, str) else value for name, value in given.items()}


def _required(name: str, value: Any) -> dict[str, Any]:
    if _empty(value):
        return {"field": name, "valid": False, "code": "FIELD_REQUIRED", "message": f"{name} is required."}
    return {"field": name, "valid": True, "code": "", "message": ""}


def _email(name: str, value: Any) -> dict[str, Any]:
    text = value if isinstance(value, str) else ""
    if len(text) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(text):
        message = f"{name} is not an email address."
        return {"field": name, "valid": False, "code": "FIELD_EMAIL_INVALID", "message": message}
    return {"field": name, "valid": True, "code": "", "message": ""}


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _speaks_of_mail(name: str) -> bool:
    return "mail" in name.lower()


NODES = (chat_input, form_data_receiver, get_workflow_data, text_input)
