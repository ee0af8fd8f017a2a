"""Workflows as text: the raw document out, and a document or its text in as a new workflow (decision 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from anyio import to_thread

from ..errors import InvalidInput
from ..workflow import serve_workflow
from ..workflow.formats import Format, read_document, write_document
from ..workflow.interface import OWN_KEYS, read_manifests
from ..workflow.node_types import NodeCatalog
from .permissions import Principal
from .workflows import WorkflowService

_OF_THE_STORE: Final = OWN_KEYS | {"id", "interface", "created", "changed", "uid"}
_NO_FILE_NAME: Final = re.compile(r"[^\w.-]+", re.ASCII)


class ExchangeService:
    """Exports and imports single workflows."""

    def __init__(self, workflows: WorkflowService, catalog: NodeCatalog) -> None:
        self._workflows = workflows
        self._catalog = catalog

    async def export(self, workflow_id: str, form: Format) -> tuple[str, bytes]:
        """Return a file name for a workflow, and its document as text.

        The document is the published object (STORE-14) with the keys behind it that nobody here knows.

        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        """
        record = await self._workflows.record(workflow_id)

        def written() -> bytes:
            served = serve_workflow(record, self._catalog)
            # Rows of older versions may hold keys here that have a meaning.
            known = OWN_KEYS | served.keys()
            return write_document(
                served | {key: value for key, value in record.extra.items() if key not in known}, form
            )

        suffix = ".flowdrop.json" if form == "json" else ".flowdrop.yaml"
        return file_name(record.name, suffix), await to_thread.run_sync(written)

    async def take_in(self, body: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        """Store a document as a new workflow under a new id, and return it.

        A document may be an export or a workflow's file: it declares an ``interface``, or manifests, of
        which a new contract is built.

        :param body: a workflow, or ``{workflow}`` with one as an object or as JSON or YAML text.
        :raises InvalidInput: when the text cannot be read, or a key has the wrong form.
        :raises WorkflowInvalid: when the workflow does not validate (STORE-5).
        """
        document = await read_enclosed(body, "workflow")
        fresh = {key: value for key, value in document.items() if key not in _OF_THE_STORE}
        return await self._workflows.create(fresh, principal, manifests=read_manifests(document))


async def read_enclosed(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the document that a body is, or has under *key* as an object or as text.

    :raises InvalidInput: when what is there is neither, or is a text that cannot be read.
    """
    enclosed = body.get(key)
    if enclosed is None:
        return body
    if isinstance(enclosed, str):
        return await to_thread.run_sync(partial(read_document, enclosed))
    if not isinstance(enclosed, Mapping):
        message = f"The {key} has to be an object, or the text of one."
        raise InvalidInput(
            message,
            code="DOCUMENT_NOT_AN_OBJECT",
            details=[{"code": "DOCUMENT_NOT_AN_OBJECT", "message": message, "locator": key}],
        )
    return enclosed


def file_name(name: str, suffix: str) -> str:
    """Return a name for a file that every system and every header can carry."""
    return (_NO_FILE_NAME.sub("-", name).strip("-.")[:80] or "workflow") + suffix
