"""The body gate: one set of limits for every JSON door (STORE-1, API-1)."""

from __future__ import annotations

from typing import Any, Final

import anyio.to_thread
import msgspec

from ..errors import InvalidInput
from ..workflow.nesting import MAX_CONTAINERS, MAX_DEPTH, excess

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
_INLINE_BYTES: Final = 64 * 1024


async def read_object(body: bytes, *, optional: bool = False) -> dict[str, Any]:
    """Return the JSON object in a request body; a large one is read in a worker thread.

    :param optional: whether an absent body means ``{}``.
    :raises InvalidInput: ``BODY_EMPTY``, ``BODY_TOO_LARGE``, ``BODY_TOO_DEEP``,
        ``BODY_TOO_COMPLEX``, ``BODY_MALFORMED`` or ``BODY_NOT_AN_OBJECT``.
    """
    if not body:
        if optional:
            return {}
        raise InvalidInput("The request needs a JSON body.", code="BODY_EMPTY")
    if len(body) > MAX_BODY_BYTES:
        raise InvalidInput("The request body is larger than 8 MiB.", code="BODY_TOO_LARGE")
    parsed = _parse(body) if len(body) <= _INLINE_BYTES else await anyio.to_thread.run_sync(_parse, body)
    if not isinstance(parsed, dict):
        raise InvalidInput("The request body has to be a JSON object.", code="BODY_NOT_AN_OBJECT")
    return parsed


def _parse(body: bytes) -> Any:
    # Looked at before parsing, so that no input can exhaust the parser's stack or hold up everybody else.
    found = excess(body)
    if found == "deep":
        raise InvalidInput(f"The request body nests deeper than {MAX_DEPTH} levels.", code="BODY_TOO_DEEP")
    if found == "complex":
        message = f"The request body holds more than {MAX_CONTAINERS} lists and objects."
        raise InvalidInput(message, code="BODY_TOO_COMPLEX")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput("The request body is not valid JSON.", code="BODY_MALFORMED") from error
