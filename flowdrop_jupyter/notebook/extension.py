"""What ``%load_ext flowdrop_jupyter`` and ``%unload_ext`` do: the magics and their completion."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from .completion import Matcher, WorkflowNames, completer
from .magics import FlowDropMagics
from .opening import client_for

_matchers: dict[int, Matcher] = {}


def load_ipython_extension(ip: InteractiveShell) -> None:
    """Register ``%flowdrop``, ``%%flowdrop`` and their completion; once is enough, twice does no harm."""
    ip.register_magics(FlowDropMagics(ip))
    if id(ip) in _matchers or ip.Completer is None:
        return
    names = WorkflowNames(lambda: [document["id"] for document in client_for().workflows()])
    matcher = completer(names.get)
    _matchers[id(ip)] = matcher
    ip.Completer.custom_matchers.append(matcher)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """Take back what :func:`load_ipython_extension` registered."""
    matcher = _matchers.pop(id(ip), None)
    if matcher is not None and ip.Completer is not None and matcher in ip.Completer.custom_matchers:
        ip.Completer.custom_matchers.remove(matcher)
    for kind in ("line", "cell"):
        ip.magics_manager.magics[kind].pop("flowdrop", None)
