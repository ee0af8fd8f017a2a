"""Message rows as a document that reads without any widget: Markdown, HTML or plain text.

Pure functions. Log messages are left out, content goes through ``markup`` and labels are escaped, so the
result of any rows can be stored in a notebook and shown by any viewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..client.rows import MessageRow
from . import markup
from .prompts import Prompt, describe_answer, prompt_of, ways_to_answer

MAX_MESSAGES = 200
"""Rows a transcript shows; of a longer conversation, the last ones."""

_BOX = "border-left:3px solid rgba(128,128,128,.5);padding:.1em .8em;margin:.6em 0"
_NO_MATH = "mathjax_ignore tex2jax_ignore"
"""Lab and nbviewer look for formulas in the finished page, where escapes are gone: "$5 and $6" is one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as a reader sees it.

    :param who: the label, plain text.
    :param content: Markdown that nobody has vouched for.
    :param note: one line below the content, plain text, or empty.
    :param aside: a notice and not part of the conversation.
    """

    who: str
    content: str
    note: str = ""
    aside: bool = False


def entries(rows: Sequence[MessageRow]) -> list[Entry]:
    """The rows a reader wants to see, in their order."""
    return [_entry(row) for row in rows if row.get("role") != "log"]


def to_markdown(rows: Sequence[MessageRow], *, title: str = "", images: bool = True) -> str:
    """The conversation as Markdown.

    :param rows: message rows, ascending.
    :param title: plain text above it.
    :param images: whether embedded pictures stay; else they are ``[image: alt]``.
    """
    shown, omitted = _last(entries(rows))
    parts = [f"**{markup.escape_markdown(title)}**"] if title else []
    if omitted:
        parts.append(f"*{omitted}*")
    for entry in shown:
        body = markup.to_markdown(entry.content, images=images)
        who = markup.escape_markdown(entry.who)
        if entry.aside:
            parts.append(f"*{who}:* {body}")
        else:
            parts.append(f"**{who}:**\n\n{body}")
        if entry.note:
            parts.append(f"*{markup.escape_markdown(entry.note)}*")
    if not shown:
        parts.append("*No messages yet.*")
    return "\n\n".join([f'<div class="{_NO_MATH}">', *parts, "</div>"])


def to_html(rows: Sequence[MessageRow], *, title: str = "") -> str:
    """The conversation as an HTML fragment; its few inline styles suit light and dark pages.

    :param rows: message rows, ascending.
    :param title: plain text above it.
    """
    shown, omitted = _last(entries(rows))
    parts = [f"<p><strong>{markup.escape_html(title)}</strong></p>"] if title else []
    if omitted:
        parts.append(f"<p><em>{omitted}</em></p>")
    if not shown:
        parts.append("<p><em>No messages yet.</em></p>")
    for entry in shown:
        label = "em" if entry.aside else "strong"
        note = f"<p><em>{markup.escape_html(entry.note)}</em></p>" if entry.note else ""
        parts.append(
            f'<div style="{_BOX}"><p><{label}>{markup.escape_html(entry.who)}</{label}></p>'
            f"{markup.to_html(entry.content)}{note}</div>"
        )
    return f'<div class="flowdrop-transcript {_NO_MATH}">{"".join(parts)}</div>'


def to_plain(rows: Sequence[MessageRow], *, title: str = "") -> str:
    """The conversation as plain text; pictures are ``[image: alt]``.

    :param rows: message rows, ascending.
    :param title: plain text above it.
    """
    shown, omitted = _last(entries(rows))
    parts = [title] if title else []
    if omitted:
        parts.append(omitted)
    for entry in shown:
        body = markup.to_plain(entry.content)
        text = f"{entry.who}:\n{body}" if "\n" in body else f"{entry.who}: {body}"
        parts.append(f"{text}\n({entry.note})" if entry.note else text)
    if not shown:
        parts.append("No messages yet.")
    return "\n\n".join(parts)


def mime_bundle(rows: Sequence[MessageRow], *, title: str = "") -> dict[str, str]:
    """The three forms under their mime types.

    A notebook stores them side by side and Lab shows the HTML, so pictures are kept in that one only.
    """
    return {
        "text/plain": to_plain(rows, title=title),
        "text/markdown": to_markdown(rows, title=title, images=False),
        "text/html": to_html(rows, title=title),
    }


def _last(shown: list[Entry]) -> tuple[list[Entry], str]:
    omitted = len(shown) - MAX_MESSAGES
    if omitted <= 0:
        return shown, ""
    return shown[-MAX_MESSAGES:], f"{omitted} earlier messages are not shown."


def _entry(row: MessageRow) -> Entry:
    about = row.get("metadata") or {}
    content = row.get("content")
    content = content if isinstance(content, str) else ""
    prompt = prompt_of(row)
    if prompt is not None:
        return Entry("Question", _with_options(prompt), _prompt_note(prompt))
    failed = "failed" if row.get("status") == "failed" else ""
    role = row.get("role")
    if role == "user":
        return Entry(str(about.get("userName") or "You"), content, failed)
    if role == "assistant":
        return Entry("Assistant", content, failed)
    return Entry("Notice", content, failed, aside=True)


def _with_options(prompt: Prompt) -> str:
    if not prompt.options:
        return prompt.text
    listed = "\n".join(f"- {markup.escape_markdown(option.label)}" for option in prompt.options)
    return f"{prompt.text}\n\n{listed}"


def _prompt_note(prompt: Prompt) -> str:
    if not prompt.is_open:
        return describe_answer(prompt)
    return f"waits for an answer: {' / '.join(ways_to_answer(prompt))}"
