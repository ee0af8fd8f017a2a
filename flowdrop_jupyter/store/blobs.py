"""Large values apart from their rows: taken out of the JSON, named by content, and put back.

A value of more than 64 KiB leaves its row: a text or list that is a field of the row, or any value
in an object that is a field of the row. An empty value of the same kind keeps its place, so the row
still is a row of its type, and the row begins with where its values went::

    {"blobs":{"/metadata/image":"<sha-256>"},"id":…,"metadata":{"image":""}}

Places are JSON Pointers (RFC 6901). ``mentions`` beside ``blobs`` names the blobs that the taken
out values speak of themselves, so that one look at the rows finds every blob in use.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from ..errors import StoreDamaged

INLINE_BYTES: Final = 64 * 1024
"""The most bytes of JSON that a value takes inside its row."""

ROW_APART: Final = b'{"blobs":'
"""How a row begins whose large values were taken out, and no other."""

_EMPTY: Final = {ord('"'): msgspec.Raw(b'""'), ord("["): msgspec.Raw(b"[]"), ord("{"): msgspec.Raw(b"{}")}
_HASH: Final = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class _Head(msgspec.Struct):
    blobs: dict[str, str]


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_head = msgspec.json.Decoder(_Head).decode
_encode = msgspec.json.Encoder().encode


def content_hash(content: bytes) -> str:
    """Return the name of a blob: the SHA-256 of its bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_blob_name(text: str) -> bool:
    """Tell whether *text* has the form of a blob's name."""
    return text.isascii() and _HASH.fullmatch(text.encode()) is not None


def split_row(raw: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Return a row without its large values, and those by the hash of their JSON."""
    if len(raw) <= INLINE_BYTES:
        return raw, {}
    places: dict[str, str] = {}
    blobs: dict[str, bytes] = {}

    def take(place: str, content: bytes) -> msgspec.Raw:
        name = content_hash(content)
        places[place], blobs[name] = name, content
        return _EMPTY[content[0]]

    fields = _fields(raw)
    for name, value in fields.items():
        content = bytes(value)
        if len(content) <= INLINE_BYTES:
            continue
        if content[0] != ord("{"):
            fields[name] = take(_pointer(name), content)
            continue
        inner = _fields(content)
        for key, item in inner.items():
            if len(bytes(item)) > INLINE_BYTES:
                inner[key] = take(_pointer(name, key), bytes(item))
        fields[name] = msgspec.Raw(_encode(inner))
    if not blobs:
        return raw, {}
    mentioned = mentions(blobs.values())
    head = {"blobs": places, **({"mentions": sorted(mentioned)} if mentioned else {})}
    return _encode({**head, **fields}), blobs


def blob_places(raw: bytes) -> dict[str, str]:
    """Return the hashes of the values that were taken out of a row, by their places in it."""
    return _head(raw).blobs if raw.startswith(ROW_APART) else {}


def join_row(raw: bytes, blobs: Mapping[str, bytes]) -> bytes:
    """Return the row as it was before :func:`split_row`.

    :param blobs: at least those that the row needs.
    :raises StoreDamaged: when a blob is not what its name says.
    """
    places = blob_places(raw)
    if not places:
        return raw
    fields = _fields(raw)
    del fields["blobs"]
    fields.pop("mentions", None)
    for place, name in places.items():
        content = blobs[name]
        if content_hash(content) != name:
            raise StoreDamaged(f"The content of the blob {name} has changed.")
        field, *key = (part.replace("~1", "/").replace("~0", "~") for part in place[1:].split("/"))
        if key:
            inner = _fields(bytes(fields[field]))
            inner[key[0]] = msgspec.Raw(content)
            fields[field] = msgspec.Raw(_encode(inner))
        else:
            fields[field] = msgspec.Raw(content)
    return _encode(fields)


def mentions(contents: Iterable[bytes]) -> frozenset[str]:
    """Return every text in *contents* that has the form of a blob's name.

    A text that only looks like one keeps nothing in use but a blob that happens to have its name.
    """
    return frozenset(found.decode() for content in contents for found in _HASH.findall(content))


def _pointer(*parts: str) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
