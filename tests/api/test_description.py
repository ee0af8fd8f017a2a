"""The served OpenAPI document describes the routes that there are, and only those."""

from __future__ import annotations

import re
from typing import Any

from flowdrop_jupyter.server.app import ALL_ROUTES
from flowdrop_jupyter.server.openapi import OPERATIONS, openapi_document

VERBS = ("get", "post", "put", "patch", "delete")
_SAMPLES = {"format": "json"}


def handler_of(path: str) -> Any:
    """Return the handler class that the routes give a described path, or None."""
    sample = re.sub(r"\{(\w+)\}", "x", path).removeprefix("/")
    return next((handler for route, handler in ALL_ROUTES if re.fullmatch(route, sample)), None)


def verbs_of(handler: Any) -> set[str]:
    """Return the verbs that a handler class defines itself."""
    return {
        verb
        for verb in VERBS
        if any(verb in vars(kind) for kind in handler.__mro__[:-1] if "flowdrop" in kind.__module__)
    }


def test_every_verb_of_every_route_is_described() -> None:
    described = {(handler_of(operation.path), operation.method) for operation in OPERATIONS}
    served = {(handler, verb) for _, handler in ALL_ROUTES for verb in verbs_of(handler)}
    assert {(handler.__name__, verb) for handler, verb in served - described} == set()


def test_nothing_is_described_that_is_not_served() -> None:
    missing = [
        f"{operation.method} {operation.path}"
        for operation in OPERATIONS
        if handler_of(operation.path) is None or operation.method not in verbs_of(handler_of(operation.path))
    ]
    assert missing == []


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [operation.id for operation in OPERATIONS]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_to_a_schema() -> None:
    document = openapi_document("/")
    names = set(re.findall(r"#/components/schemas/(\w+)", repr(document)))
    assert names == set(document["components"]["schemas"])


def test_the_document_names_the_address_it_is_served_under(server: Any) -> None:
    served = server("GET", "openapi.json")
    assert served["openapi"] == "3.1.0"
    assert served["servers"] == [{"url": "/flowdrop/api"}]
    assert served == openapi_document("/")
