"""Tab completion of ``%flowdrop``: commands, and workflows out of a small cache.

Completion may neither fail nor make the user wait: the list of workflows is fetched on a thread of its own,
and only a first fetch is waited for, briefly.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from .magics import COMMANDS

FRESH_SECONDS = 30.0
FIRST_WAIT = 0.5
_LINE = re.compile(r"\s*%flowdrop\s+(?P<rest>.*)\Z", re.DOTALL)
_TAKES_WORKFLOW = {"open", "sessions"}


class WorkflowNames:
    """Workflow ids for completion, never older than they need to be and never in the way.

    :param fetch: asks the server; may be slow and may fail.
    :param clock: a monotonic clock in seconds.
    """

    def __init__(self, fetch: Callable[[], list[str]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._fetched_at: float | None = None
        self._busy: threading.Thread | None = None

    def get(self, wait: float = FIRST_WAIT) -> list[str]:
        """What is known; starts a fetch when that is old.

        :param wait: seconds to wait for the very first fetch.
        """
        with self._lock:
            first = self._fetched_at is None
            old = first or self._clock() - (self._fetched_at or 0.0) > FRESH_SECONDS
            if old and self._busy is None:
                self._busy = threading.Thread(target=self._run, name="flowdrop-completion", daemon=True)
                self._busy.start()
            thread = self._busy
        if first and thread is not None:
            thread.join(wait)
        with self._lock:
            return list(self._names)

    def _run(self) -> None:
        try:
            names = self._fetch()
        except Exception:
            # A failed fetch is not repeated at every key; what was known stays.
            names = None
        with self._lock:
            self._names = self._names if names is None else names
            self._fetched_at = self._clock()
            self._busy = None


Matcher = Callable[[CompletionContext], SimpleMatcherResult]


def completer(names: Callable[[], list[str]]) -> Matcher:
    """A matcher for ``ip.Completer.custom_matchers``."""

    @context_matcher(identifier="flowdrop_jupyter")  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        try:
            found = candidates(context.text_until_cursor, names)
        except Exception:
            # Completion of everything else must go on.
            found = []
        return {
            "completions": [SimpleCompletion(text, type="magic") for text in found],
            "suppress": bool(found),
        }

    matcher: Matcher = match
    return matcher


def candidates(line: str, names: Callable[[], list[str]]) -> list[str]:
    """What may stand at the end of a line.

    :param line: the text up to the cursor.
    :param names: the workflows' ids.
    """
    match = _LINE.match(line)
    if match is None:
        return []
    *before, word = re.split(r"\s+", match["rest"])
    if not before:
        return [command for command in COMMANDS if command.startswith(word)]
    if len(before) == 1 and before[0] in _TAKES_WORKFLOW:
        return [name for name in names() if name.startswith(word)]
    return []
