"""The document in a workflow's file: read into a record, and written from one.

Keys that nobody here knows stay in the file. A key that storage itself uses is always storage's own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ..clock import format_time
from ..errors import InvalidInput, WorkflowInvalid
from ..store.records import WorkflowRecord
from ..workflow.contract import form_problem
from ..workflow.formats import MAX_TEXT_BYTES, read_document, write_document
from ..workflow.interface import OWN_KEYS, read_interface

SUFFIX: Final = ".flowdrop.json"

_OWN: Final = (
    *("name", "description", "nodes", "edges", "metadata"),
    *sorted(OWN_KEYS),
    *("created", "changed", "uid"),
)
_ALWAYS: Final = frozenset({"name", "description", "nodes", "edges", "metadata", "created", "changed"})


class FileRecord(WorkflowRecord, dict=True):
    """A workflow that was read from a file, and what it was read from.

    That is no field: it is in no snapshot, and in no file.
    """

    def remember(self, content: bytes) -> None:
        """Keep in mind which bytes this was read from."""
        vars(self)["digest"] = hashlib.sha256(content).digest()

    def was_read_from(self, content: bytes) -> bool:
        """Tell whether this was read from these bytes."""
        return bool(vars(self)["digest"] == hashlib.sha256(content).digest())


def read_record(workflow_id: str, content: bytes, status: os.stat_result) -> FileRecord:
    """Return the workflow that a file's content spells; what is absent comes from the file itself.

    :raises WorkflowInvalid: ``WORKFLOW_FILE_INVALID`` when it is no JSON object, or a key has the wrong form.
    """
    record = _record(workflow_id, _parsed(content), status)
    record.remember(content)
    return record


def written_record(workflow: WorkflowRecord, before: bytes | None, status: os.stat_result) -> bytes:
    """Return what a file is to hold: the workflow, and what was in the file and means nothing here.

    It is read again at once, so that what is acknowledged is there for whoever asks next.

    :param before: what is in the file now; None when there is none.
    :raises InvalidInput: ``WORKFLOW_TOO_LARGE`` and ``WORKFLOW_FILE_UNREADABLE``.
    """
    content = write_document(_document(workflow, {} if before is None else _parsed(before)), "json")
    if len(content) > MAX_TEXT_BYTES:
        message = "A workflow's file holds at most 8 MiB."
        detail = {"code": "WORKFLOW_TOO_LARGE", "message": message}
        raise InvalidInput(message, code="WORKFLOW_TOO_LARGE", details=[detail])
    try:
        again = _record(workflow.id, _parsed(content), status)
    except WorkflowInvalid as error:
        raise _unreadable(error.message) from error
    different = [key for key in _OWN if getattr(again, key) != getattr(workflow, key)]
    if different:
        raise _unreadable(f"Its {different[0]} cannot be kept in a file.")
    return content


def _parsed(content: bytes) -> dict[str, Any]:
    """Return the document that a file spells.

    :raises WorkflowInvalid: ``WORKFLOW_FILE_INVALID`` when it is not a JSON object.
    """
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.lstrip().startswith(b"{"):
        raise _invalid("it is not a JSON object")
    try:
        return read_document(content)
    except InvalidInput as error:
        raise _invalid(error.message) from error


def _record(workflow_id: str, document: Mapping[str, Any], status: os.stat_result) -> FileRecord:
    """Return the workflow that a file's document spells; what is absent comes from the file itself.

    :raises WorkflowInvalid: ``WORKFLOW_FILE_INVALID`` when a key has the wrong form.
    """
    given = {key: document[key] for key in _OWN if document.get(key) is not None}
    if given.get("metadata") == []:
        del given["metadata"]
    born = getattr(status, "st_birthtime", status.st_mtime)
    try:
        if "inputs" not in given and "outputs" not in given:
            declared = read_interface(document.get("interface"))
            given |= {"inputs": declared.inputs, "outputs": declared.outputs}
        record = msgspec.convert(
            {
                "name": workflow_id.rpartition(":")[2].removesuffix(SUFFIX),
                "created": _time(born),
                "changed": _time(status.st_mtime),
                **given,
                "id": workflow_id,
                "extra": {key: document[key] for key in document if key not in (*_OWN, "id", "interface")},
            },
            FileRecord,
        )
    except InvalidInput as error:
        raise _invalid(error.message) from error
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error
    if problem := form_problem(record):
        raise _invalid(problem)
    return record


def _document(workflow: WorkflowRecord, kept: Mapping[str, Any]) -> dict[str, Any]:
    document = {**kept, **workflow.extra}
    document.pop("interface", None)
    for key in _OWN:
        value = getattr(workflow, key)
        if value or key in _ALWAYS:
            document[key] = value
        else:
            document.pop(key, None)
    return document


def _time(seconds: float) -> str:
    return format_time(datetime.fromtimestamp(seconds, UTC))


def _unreadable(reason: str) -> InvalidInput:
    detail = {"code": "WORKFLOW_FILE_UNREADABLE", "message": reason}
    message = f"The file could not be read again: {reason}"
    return InvalidInput(message, code="WORKFLOW_FILE_UNREADABLE", details=[detail])


def _invalid(reason: str) -> WorkflowInvalid:
    detail = {"code": "WORKFLOW_FILE_INVALID", "message": reason}
    message = f"The file holds no workflow: {reason.rstrip('.')}."
    return WorkflowInvalid(message, code="WORKFLOW_FILE_INVALID", details=[detail])
