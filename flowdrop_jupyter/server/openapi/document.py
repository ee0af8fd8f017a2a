"""From the table of operations to one OpenAPI 3.1 document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from ...version import __version__
from .model import JSON, Answer, Operation
from .operations import OPERATIONS
from .schemas import SCHEMAS

_ALWAYS: Final = (401, 403, 503)
"""Refusals that every operation behind the login may give: strangers, the forbidden, a closed store."""

_MEANINGS: Final = {
    400: "The request is malformed, or a value in it is not acceptable.",
    401: "No valid credentials.",
    403: "Known, but not allowed.",
    404: "No such thing, or one that the caller may not see.",
    409: "The thing is in another state.",
    412: "The thing has changed meanwhile.",
    422: "The workflow does not validate; `details` has every error.",
    503: "The service cannot answer right now.",
}


def openapi_document(base_url: str) -> dict[str, Any]:
    """Return the description of the API as it is served below *base_url*."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "FlowDrop for Jupyter",
            "version": __version__,
            "description": "Workflows, their sessions and their runs on a Jupyter server.",
        },
        "servers": [{"url": base_url.rstrip("/") + "/flowdrop/api"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Bearer` or `token`, and the Jupyter server's token.",
                },
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": list(_parameters(operation)),
        "responses": {
            **{str(status): _answer(answer) for status, answer in operation.answers.items()},
            **{str(status): _refusal(status, operation) for status in _refusals(operation)},
        },
    }
    if operation.public:
        described["security"] = []
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.body.required,
            "content": {JSON: {"schema": operation.body.schema}},
        }
    return described


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for place, named in (("query", operation.query), ("header", operation.headers)):
        for name, said in named.items():
            schema = {"type": "string", "description": said} if isinstance(said, str) else said
            yield {"name": name, "in": place, "required": False, "schema": schema}


def _answer(answer: Answer) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.schema is not None:
        described["content"] = {
            media_type: {"schema": answer.schema if media_type == JSON else {}}
            for media_type in (JSON, *answer.also)
        }
    if answer.headers:
        described["headers"] = {
            name: {"description": meaning, "schema": {"type": "string"}}
            for name, meaning in answer.headers.items()
        }
    return described


def _refusals(operation: Operation) -> list[int]:
    given = set(operation.refusals)
    if not operation.public:
        given.update(_ALWAYS)
    if operation.body is not None or operation.query:
        given.add(400)
    return sorted(given)


def _refusal(status: int, operation: Operation) -> dict[str, Any]:
    schema = operation.refusal if status == 404 else {"$ref": "#/components/schemas/Refusal"}
    return {
        "description": _MEANINGS.get(status, HTTPStatus(status).phrase),
        "content": {JSON: {"schema": schema}},
    }
