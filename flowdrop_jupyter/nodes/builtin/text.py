"""Nodes that find, replace and cut texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from ...errors import NodeError
from ...expressions import pattern_matches, quoted, shortened
from ..api import node
from ..signature import Config, Wire
from .refusals import refused

MAX_TEXT: Final = 1_000_000
"""Characters of the longest text that is cut or in which plain words are replaced."""

MAX_MADE: Final = 4_000_000
"""Characters that the pieces or the replaced text may have together."""

_MAX_DEPTH: Final = 100
_LONGEST_PHRASE: Final = 400
_COLOR: Final = "#b45309"


class Matches(msgspec.Struct):
    """What a pattern found in a text.

    ``captures`` has one object per match: ``groups`` by number, ``named`` groups, and the places of its
    ``start`` and ``end``.
    """

    matches: list[str]
    total_matches: int
    captures: list[dict[str, Any]]
    pattern: str
    flags: str
    match_all: bool


class Chunks(msgspec.Struct):
    """A text in pieces."""

    chunks: list[str]
    method: str
    chunk_size: int
    total_chunks: int


class Replaced(msgspec.Struct):
    """A content with its texts changed."""

    processed_content: Any
    replacements_made: int
    find_text: str
    replace_text: str


@node(category="processing", icon="mdi:regex", color=_COLOR, tags=("regex", "pattern", "text"))
def regex_extractor(
    text: Annotated[str, Wire()] = "",
    pattern: Annotated[str, Config()] = "",
    flags: Annotated[str, Config()] = "",
    matchAll: Annotated[bool, Config()] = False,
) -> Matches:
    """Finds what a regular expression matches in a text.

    :param text: the text to search; at most 100,000 characters.
    :param pattern: the regular expression, in Python's language; an empty one finds nothing.
    :param flags: letters: ``i`` ignores case, ``m`` takes lines one by one, ``s`` lets a dot match
        line breaks.
    :param matchAll: find every match and not only the first.
    """
    texts, captures = [], []
    if pattern:
        for found in pattern_matches(pattern, text, flags=flags, first_only=not matchAll):
            texts.append(found.group())
            groups = {"groups": list(found.groups()), "named": found.groupdict()}
            captures.append({**groups, "start": found.start(), "end": found.end()})
    return Matches(
        matches=texts,
        total_matches=len(texts),
        captures=captures,
        pattern=pattern,
        flags=flags,
        match_all=matchAll,
    )


@node(category="processing", icon="mdi:content-cut", color=_COLOR, tags=("chunk", "text"))
def split_text(
    text: Annotated[str, Wire()] = "",
    method: Annotated[Literal["words", "characters", "sentences", "paragraphs"], Config()] = "words",
    chunkSize: Annotated[int, Config(), msgspec.Meta(ge=1, le=1_000_000)] = 100,
    separator: Annotated[str, Config()] = " ",
    chunkOverlap: Annotated[int, Config(), msgspec.Meta(ge=0, le=999_999)] = 0,
) -> Chunks:
    """Cuts a text into pieces of a number of words, characters, sentences or paragraphs.

    :param text: the text to cut; at most a million characters.
    :param method: what is counted.
    :param chunkSize: how many of them make one piece; the last piece may have fewer.
    :param separator: what stands between two words, in the text and in the pieces.
    :param chunkOverlap: how many of a piece's last parts the next one begins with; fewer than it has.
    """
    _check_length(text)
    if chunkOverlap >= chunkSize:
        message = f"Pieces of {chunkSize} cannot overlap by {chunkOverlap}."
        raise refused(message, "CHUNK_OVERLAP_TOO_LARGE", "chunkOverlap")
    parts, joint = _parts(text, method, separator)
    starts = range(0, max(len(parts) - chunkOverlap, min(len(parts), 1)), chunkSize - chunkOverlap)
    chunks: list[str] = []
    made = 0
    for start in starts:
        chunk = joint.join(parts[start : start + chunkSize])
        made += len(chunk)
        if made > MAX_MADE:
            raise NodeError(
                f"The pieces have more than {MAX_MADE} characters together; let them overlap less.",
                code="TEXT_TOO_LONG",
            )
        chunks.append(chunk)
    return Chunks(chunks=chunks, method=method, chunk_size=chunkSize, total_chunks=len(chunks))


@node(
    name="Find and replace",
    category="processing",
    icon="mdi:find-replace",
    color=_COLOR,
    tags=("replace", "text"),
)
def text_find_replace(
    content: Annotated[Any, Wire()] = None,
    findText: Annotated[str, Config()] = "",
    replaceText: Annotated[str, Config()] = "",
    caseSensitive: Annotated[bool, Config()] = False,
    useRegex: Annotated[bool, Config()] = False,
    wholeWordsOnly: Annotated[bool, Config()] = True,
) -> Replaced:
    """Replaces words in a text, or in every text of a list or an object.

    :param content: a text, or a value in which texts stand; names of properties are not changed.
    :param findText: what to look for; nothing is replaced when it is empty.
    :param replaceText: what to put in its place; with a regular expression, ``\\1`` is its first group.
    :param caseSensitive: whether upper and lower case differ.
    :param useRegex: what to look for is a regular expression.
    :param wholeWordsOnly: what is found does not begin or end within a word.
    """
    work = _Replacement(findText, replaceText, caseSensitive, useRegex, wholeWordsOnly)
    processed = work.of(content, 0) if findText else content
    return Replaced(
        processed_content=processed,
        replacements_made=work.count,
        find_text=findText,
        replace_text=replaceText,
    )


class _Replacement:
    def __init__(self, find: str, replace: str, case_sensitive: bool, as_pattern: bool, words: bool) -> None:
        self.count = 0
        self._made = 0
        self._plain = (find, replace) if case_sensitive and not as_pattern and not words else None
        if not as_pattern and self._plain is None and len(find) > _LONGEST_PHRASE:
            raise NodeError(
                f"What to look for has {len(find)} characters; {_LONGEST_PHRASE} are the limit"
                " unless case counts and parts of words do.",
                code="TEXT_TOO_LONG",
            )
        pattern = find if as_pattern else re.escape(find)
        self._pattern = rf"(?<!\w)(?:{pattern})(?!\w)" if words else pattern
        self._replace = replace
        self._template = as_pattern
        self._case_sensitive = case_sensitive

    def of(self, value: Any, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise NodeError(
                f"The content is nested more than {_MAX_DEPTH} levels deep.", code="CONTENT_TOO_DEEP"
            )
        if isinstance(value, str):
            return self._in_text(value)
        if isinstance(value, Mapping):
            return {key: self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(item, depth + 1) for item in value]
        return value

    def _in_text(self, text: str) -> str:
        if self._plain is not None:
            _check_length(text)
            find, replace = self._plain
            count = text.count(find)
            self._charge(len(text) + count * (len(replace) - len(find)))
            self.count += count
            return text.replace(find, replace)
        pieces, end = [], 0
        for found in pattern_matches(self._pattern, text, case_sensitive=self._case_sensitive):
            put = self._expanded(found)
            pieces += [text[end : found.start()], put]
            self._charge(len(pieces[-2]) + len(put))
            end = found.end()
            self.count += 1
        self._charge(len(text) - end)
        return "".join(pieces) + text[end:]

    def _expanded(self, found: Any) -> str:
        if not self._template:
            return self._replace
        try:
            return str(found.expand(self._replace))
        except Exception as error:  # various ones, for groups that there are not and odd escapes
            raise NodeError(
                f"The replacement {quoted(self._replace)} cannot be used: {shortened(error)}",
                code="REPLACEMENT_INVALID",
            ) from error

    def _charge(self, length: int) -> None:
        self._made += length
        if self._made > MAX_MADE:
            raise NodeError(f"The replaced text has more than {MAX_MADE} characters.", code="TEXT_TOO_LONG")


def _parts(text: str, method: str, separator: str) -> tuple[Sequence[str], str]:
    if method == "characters":
        return text, ""
    if method == "sentences":
        return [part for part in re.split(r"(?<=[.!?…\u3002\uff01\uff1f])\s+", text.strip()) if part], " "
    if method == "paragraphs":
        parts = (part.strip() for part in re.split(r"\r?\n[^\S\n]*\r?\n", text))
        return [part for part in parts if part], "\n\n"
    words = text.split(separator) if separator.strip() else text.split()
    return [word for word in words if word], separator or " "


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise NodeError(
            f"A text of {len(text)} characters is too long; {MAX_TEXT} are the limit.", code="TEXT_TOO_LONG"
        )


NODES = (regex_extractor, split_text, text_find_replace)
