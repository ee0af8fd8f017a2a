"""No body makes the doors of workflows fail: each is stored, judged, or refused for a reason."""

from __future__ import annotations

import json
from typing import Any

from hostile_documents import DOCUMENTS
from hypothesis import HealthCheck, Phase, given, settings
from server_desk import Api, Reply


def drawn(count: int) -> list[dict[str, Any]]:
    """Return documents that hypothesis makes up, the same ones in every run."""
    documents: list[dict[str, Any]] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(DOCUMENTS)
    def keep(document: dict[str, Any]) -> None:
        documents.append(document)

    keep()
    return documents


def assert_answered(reply: Reply, document: dict[str, Any]) -> None:
    """See that an answer is a success or names what is wrong with the document."""
    assert reply.status in (200, 201, 400, 409, 422), (reply.status, reply.text, document)
    if reply.status >= 400:
        assert reply.body["error_code"]
        assert reply.body["error"]


async def test_no_document_makes_a_door_fail(api: Api) -> None:
    stored = 0
    assert (await api.post("workflows", {"name": "Kept", "id": "kept"})).status == 201
    for document in drawn(120):
        # Lone surrogates and infinities go over the wire as Python writes them, which is not JSON.
        raw = json.dumps(document).encode()
        asked = await api("POST", "workflows/validate", raw=raw)
        created = await api("POST", "workflows", raw=raw)
        updated = await api("PUT", "workflows/kept", raw=raw)
        for reply in (asked, created, updated):
            assert_answered(reply, document)
        if created.status == 201:
            stored += 1
            assert asked.data["valid"] is True
            assert (await api.get(f"workflows/{created.data['id']}")).data == created.data
        elif created.status == 422:
            assert asked.data["details"] == created.body["details"]
        assert (await api.get("workflows/kept")).status == 200
    assert stored > 5
