"""Markdown that nobody has vouched for, turned into harmless HTML, Markdown or plain text.

mistune only parses; every character of the result is written here, so that an element, an attribute or an
address can come out only if this module knows it. Raw HTML is shown as text, links are http, https or
mailto, images are embedded PNG, JPEG, GIF or WebP; anything else becomes its words.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import mistune

MAX_PARSED = 4_000_000
"""Longer texts are shown as they are, without their Markdown being read."""

_CODE_STYLE = (
    "white-space:pre-wrap;overflow-wrap:anywhere;padding:.5em;"
    "border:1px solid rgba(128,128,128,.4);border-radius:3px"
)
_QUOTE_STYLE = "margin:.5em 0;padding-left:.8em;border-left:3px solid rgba(128,128,128,.5)"
_TABLE_STYLE = "border-collapse:collapse"
_CELL_STYLE = "border:1px solid rgba(128,128,128,.4);padding:.2em .5em"
_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}\Z")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,30}")

Token = dict[str, Any]
_parse = mistune.create_markdown(renderer=None, plugins=["table", "strikethrough"])


@lru_cache(maxsize=512)
def to_html(text: str) -> str:
    """Safe HTML for a Markdown text."""
    return _Html().blocks(_tokens(text))


@lru_cache(maxsize=512)
def to_markdown(text: str, *, images: bool = True) -> str:
    """The same Markdown without raw HTML, without formulas and without addresses that are not allowed.

    :param images: whether embedded pictures stay; else they are ``[image: alt]``.
    """
    return _Markdown(images=images).blocks(_tokens(text)).strip("\n")


@lru_cache(maxsize=512)
def to_plain(text: str) -> str:
    """Readable text; an image is ``[image: alt]``."""
    return _Plain().blocks(_tokens(text)).strip("\n")


def escape_html(text: str) -> str:
    """One line of text for an HTML document, also inside a quoted attribute."""
    return entities.escape(_clean(text), quote=True)


def escape_markdown(text: str) -> str:
    """One line of text for a Markdown document, shown as it is."""
    return _Markdown().line_start(_Markdown().text(" ".join(text.split())))


def safe_link(address: str) -> str | None:
    """The address when a reader may follow it, else None."""
    address = _CONTROL.sub("", address).strip()
    try:
        scheme = urlsplit(address).scheme.lower()
    except ValueError:
        return None
    if scheme not in {"http", "https", "mailto"} or re.search(r"[\s\\]", address):
        return None
    return address


def safe_image(address: str) -> str | None:
    """The address when it is an embedded picture of a kind that cannot carry script, else None."""
    return address if _IMAGE.match(address) else None


def _clean(text: str) -> str:
    return _CONTROL.sub("", text)


def _tokens(text: str) -> list[Token]:
    whole = [{"type": "block_code", "raw": text}]
    if len(text) > MAX_PARSED:
        return whole
    try:
        tokens = _parse(_clean(text.replace("\r\n", "\n")))
    except RecursionError:
        return whole
    return tokens if isinstance(tokens, list) else whole


class _Writer:
    """Walks a token tree; a kind of token that a subclass does not know is written as its words."""

    def blocks(self, tokens: Iterable[Token]) -> str:
        return "".join(self.one(token) for token in tokens)

    def one(self, token: Token) -> str:
        method = getattr(self, f"on_{token['type']}", None)
        if method is not None:
            written: str = method(token)
            return written
        if "children" in token:
            return self.inside(token)
        return self.text(str(token.get("raw", "")))

    def inside(self, token: Token) -> str:
        return self.blocks(token.get("children", ()))

    def text(self, text: str) -> str:
        raise NotImplementedError

    def on_text(self, token: Token) -> str:
        return self.text(entities.unescape(token["raw"]))

    def on_blank_line(self, token: Token) -> str:
        return ""

    def on_inline_html(self, token: Token) -> str:
        return self.text(token["raw"])


class _Html(_Writer):
    def text(self, text: str) -> str:
        return escape_html(text)

    def _wrap(self, tag: str, token: Token, style: str = "") -> str:
        attribute = f' style="{style}"' if style else ""
        return f"<{tag}{attribute}>{self.inside(token)}</{tag}>"

    def on_paragraph(self, token: Token) -> str:
        return self._wrap("p", token)

    def on_block_text(self, token: Token) -> str:
        return self.inside(token)

    def on_heading(self, token: Token) -> str:
        # Below the headings of the notebook around it.
        return self._wrap(f"h{min(int(token['attrs']['level']) + 3, 6)}", token)

    def on_emphasis(self, token: Token) -> str:
        return self._wrap("em", token)

    def on_strong(self, token: Token) -> str:
        return self._wrap("strong", token)

    def on_strikethrough(self, token: Token) -> str:
        return self._wrap("del", token)

    def on_codespan(self, token: Token) -> str:
        return f"<code>{self.text(token['raw'])}</code>"

    def on_block_code(self, token: Token) -> str:
        return f'<pre style="{_CODE_STYLE}"><code>{self.text(token["raw"])}</code></pre>'

    def on_block_html(self, token: Token) -> str:
        return f"<p>{self.text(token['raw'].strip()).replace(chr(10), '<br>')}</p>"

    def on_block_quote(self, token: Token) -> str:
        return self._wrap("blockquote", token, _QUOTE_STYLE)

    def on_list(self, token: Token) -> str:
        attrs = token.get("attrs", {})
        if not attrs.get("ordered"):
            return self._wrap("ul", token)
        start = attrs.get("start")
        attribute = f' start="{int(start)}"' if isinstance(start, int) and start != 1 else ""
        return f"<ol{attribute}>{self.inside(token)}</ol>"

    def on_list_item(self, token: Token) -> str:
        return self._wrap("li", token)

    def on_table(self, token: Token) -> str:
        return self._wrap("table", token, _TABLE_STYLE)

    def on_table_head(self, token: Token) -> str:
        return f"<thead><tr>{self.inside(token)}</tr></thead>"

    def on_table_body(self, token: Token) -> str:
        return self._wrap("tbody", token)

    def on_table_row(self, token: Token) -> str:
        return self._wrap("tr", token)

    def on_table_cell(self, token: Token) -> str:
        align = token["attrs"].get("align")
        style = f"{_CELL_STYLE};text-align:{align}" if align in {"left", "right", "center"} else _CELL_STYLE
        return self._wrap("th" if token["attrs"].get("head") else "td", token, style)

    def on_link(self, token: Token) -> str:
        address = safe_link(token["attrs"]["url"])
        words = self.inside(token)
        if address is None:
            return words
        return f'<a href="{escape_html(address)}" rel="noopener noreferrer" target="_blank">{words}</a>'

    def on_image(self, token: Token) -> str:
        alt = _Plain().inside(token)
        address = safe_image(token["attrs"]["url"])
        if address is None:
            return self.text(f"[image: {alt}]")
        return f'<img src="{address}" alt="{escape_html(alt)}" style="max-width:100%">'

    def on_linebreak(self, token: Token) -> str:
        return "<br>"

    def on_softbreak(self, token: Token) -> str:
        return "\n"

    def on_thematic_break(self, token: Token) -> str:
        return "<hr>"


class _Markdown(_Writer):
    def __init__(self, *, images: bool = True) -> None:
        self._images = images

    def text(self, text: str) -> str:
        text = entities.escape(_clean(text), quote=False)
        # Notebooks take $…$, and brackets behind two backslashes, for formulas; people mean prices and paths.
        text = re.sub(r"\\(?=[()\[\]]|\Z)", "&#92;", text)
        text = re.sub(r"\\(?=[!-/:-@\[-`{-~\n])", r"\\\\", text)
        text = re.sub(r"([*`\[\]~|$])", r"\\\1", text)
        # An underscore inside a word is no emphasis; names_like_this stay readable.
        text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)
        return re.sub(r"!\Z", r"\\!", text)

    @staticmethod
    def line_start(line: str) -> str:
        line = re.sub(r"^(\s*)([#+=-])", r"\1\\\2", line)
        return re.sub(r"^(\s*\d+)([.)])", r"\1\\\2", line)

    def _flow(self, token: Token) -> str:
        return "\n".join(self.line_start(line) for line in self.inside(token).split("\n"))

    def on_paragraph(self, token: Token) -> str:
        return f"{self._flow(token)}\n\n"

    def on_block_text(self, token: Token) -> str:
        return f"{self._flow(token)}\n"

    def on_heading(self, token: Token) -> str:
        level = min(int(token["attrs"]["level"]) + 3, 6)
        return f"{'#' * level} {self.inside(token)}\n\n"

    def on_emphasis(self, token: Token) -> str:
        return f"*{self.inside(token)}*"

    def on_strong(self, token: Token) -> str:
        return f"**{self.inside(token)}**"

    def on_strikethrough(self, token: Token) -> str:
        return f"~~{self.inside(token)}~~"

    def on_codespan(self, token: Token) -> str:
        raw = token["raw"]
        fence = "`" * (_longest_run(raw) + 1)
        pad = " " if raw.startswith("`") or raw.endswith("`") else ""
        return f"{fence}{pad}{raw}{pad}{fence}"

    def on_block_code(self, token: Token) -> str:
        raw = token["raw"]
        fence = "`" * max(3, _longest_run(raw) + 1)
        language = _LANGUAGE.match(str(token.get("attrs", {}).get("info") or ""))
        return f"{fence}{language.group() if language else ''}\n{raw.rstrip(chr(10))}\n{fence}\n\n"

    def on_block_html(self, token: Token) -> str:
        return f"{self.text(token['raw'].strip())}\n\n"

    def on_block_quote(self, token: Token) -> str:
        lines = self.inside(token).rstrip("\n").split("\n")
        return "".join(f"> {line}".rstrip() + "\n" for line in lines) + "\n"

    def on_list(self, token: Token) -> str:
        attrs = token.get("attrs", {})
        number = attrs.get("start", 1) if attrs.get("ordered") else None
        written = []
        for offset, item in enumerate(token["children"]):
            mark = "- " if number is None else f"{int(number) + offset}. "
            lines = self.inside(item).rstrip("\n").split("\n")
            rest = [f"{' ' * len(mark)}{line}" if line else "" for line in lines[1:]]
            written.append("\n".join([f"{mark}{lines[0]}", *rest]))
        return "\n".join(written) + "\n\n"

    def on_table(self, token: Token) -> str:
        rows: list[str] = []
        for part in token["children"]:
            if part["type"] == "table_head":
                rows.append(self._cells(part))
                rows.append("|" + "|".join(" --- " for _ in part["children"]) + "|")
            else:
                rows += [self._cells(entry) for entry in part["children"]]
        return "\n".join(rows) + "\n\n"

    def _cells(self, token: Token) -> str:
        return "|" + "|".join(f" {self.inside(cell)} " for cell in token["children"]) + "|"

    def on_link(self, token: Token) -> str:
        address = safe_link(token["attrs"]["url"])
        words = self.inside(token)
        if address is None:
            return words
        return f"[{words}]({_quoted(address)})"

    def on_image(self, token: Token) -> str:
        alt = self.text(_Plain().inside(token))
        address = safe_image(token["attrs"]["url"]) if self._images else None
        return f"![{alt}]({address})" if address else f"\\[image: {alt}\\]"

    def on_linebreak(self, token: Token) -> str:
        return "  \n"

    def on_softbreak(self, token: Token) -> str:
        return "\n"

    def on_thematic_break(self, token: Token) -> str:
        return "---\n\n"


class _Plain(_Writer):
    def text(self, text: str) -> str:
        return _clean(text)

    def on_paragraph(self, token: Token) -> str:
        return f"{self.inside(token)}\n\n"

    def on_heading(self, token: Token) -> str:
        return f"{self.inside(token)}\n\n"

    def on_block_text(self, token: Token) -> str:
        return f"{self.inside(token)}\n"

    def on_block_code(self, token: Token) -> str:
        return "".join(f"    {line}\n" for line in _clean(token["raw"]).rstrip("\n").split("\n")) + "\n"

    def on_block_html(self, token: Token) -> str:
        return f"{self.text(token['raw'].strip())}\n\n"

    def on_block_quote(self, token: Token) -> str:
        return "".join(f"> {line}\n" for line in self.inside(token).rstrip("\n").split("\n")) + "\n"

    def on_list(self, token: Token) -> str:
        ordered = token.get("attrs", {}).get("ordered")
        items = []
        for number, item in enumerate(token["children"], start=1):
            mark = f"{number}. " if ordered else "- "
            body = self.inside(item).rstrip("\n").replace("\n", "\n" + " " * len(mark))
            items.append(f"{mark}{body}\n")
        return "".join(items) + "\n"

    def on_table(self, token: Token) -> str:
        rows = []
        for part in token["children"]:
            for entry in [part] if part["type"] == "table_head" else part["children"]:
                rows.append(" | ".join(self.inside(cell) for cell in entry["children"]))  # noqa: PERF401
        return "\n".join(rows) + "\n\n"

    def on_link(self, token: Token) -> str:
        address = safe_link(token["attrs"]["url"])
        words = self.inside(token)
        return words if address is None or address == words else f"{words} ({address})"

    def on_image(self, token: Token) -> str:
        return f"[image: {self.inside(token)}]"

    def on_linebreak(self, token: Token) -> str:
        return "\n"

    def on_softbreak(self, token: Token) -> str:
        return "\n"

    def on_thematic_break(self, token: Token) -> str:
        return "----\n\n"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _quoted(address: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in "()<>\"'`" else char for char in address)
