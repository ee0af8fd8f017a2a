"""What a running node may know and ask of the world around it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, TypeAlias

from ..clock import Clock, system_clock
from ..errors import InterruptRequired, NodeError
from ..expressions import quoted
from .iteration import Iteration, Reentry, Step
from .memory import HeldMemory, Identity, Memory, NodeMemory
from .model_types import OfferedTool, TextListener
from .models import Models


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person answered to one prompt.

    :param value: the answer itself, in the form its prompt type gives (INT-22's ``responseData``).
    :param user_id: who answered.
    :param response_time: seconds between the question and the answer.
    """

    value: Any
    user_id: str | None = None
    user_name: str | None = None
    response_time: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The message that started the run, with the conversation up to and including it.

    :param history: ``{"role", "content"}`` objects, oldest first, this turn's message last.
    :param inputs: the turn's declared inputs by name.
    :param event: what fired, when a trigger started the run and no message.
    """

    message: str = ""
    history: Sequence[Mapping[str, str]] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] | None = None


class Files:
    """The files nodes may touch: those below one root directory that are not hidden.

    :param base: where relative paths start from, relative to the root; a notebook's own folder, so
        that a path means in a workflow what it means in the notebook beside it. What lies in it may
        be used even if the folder itself is hidden.
    :param forbidden: files and folders below the root that no path may lead to or into.
    """

    def __init__(self, root: Path, base: str = "", forbidden: Sequence[Path] = ()) -> None:
        self._root = root.resolve()
        start = (self._root / base).resolve()
        self._base = start if start.is_relative_to(self._root) else self._root
        self._forbidden = tuple(path.resolve() for path in forbidden)

    @property
    def root(self) -> Path:
        """The directory that no path may leave."""
        return self._root

    @property
    def base(self) -> Path:
        """The directory that relative paths start from."""
        return self._base

    def offers(self, path: Path) -> bool:
        """Tell whether a file or folder, given by its absolute path, may be used, links followed."""
        try:
            resolved = path.resolve()
        except (OSError, RuntimeError, ValueError):
            return False
        hidden = self._is_hidden(resolved) or self._is_hidden(path)
        return resolved.is_relative_to(self._root) and not hidden and not self._is_forbidden(resolved)

    def resolve(self, path: str, *, must_exist: bool = False) -> Path:
        """Return the absolute path of *path*, which is relative to the base.

        :param must_exist: whether a regular file has to be there.
        :raises NodeError: ``FILE_PATH_INVALID`` for an empty path and one that leaves the root, is
            hidden or forbidden, links included; ``FILE_NOT_FOUND`` when *must_exist* and no file is
            there.
        """
        if not path.strip() or "\0" in path:
            raise NodeError("A file path is needed.", code="FILE_PATH_INVALID")
        try:
            written = self._base / path
            resolved = written.resolve()
            inside = resolved.is_relative_to(self._root)
            hidden = self._is_hidden(resolved) or self._is_hidden(Path(os.path.normpath(written)))
            offered = inside and not hidden
            offered = offered and not self._is_forbidden(resolved)
            there = offered and resolved.is_file()
        except (OSError, RuntimeError, ValueError) as error:
            # A name too long or of characters unfit for the file system, or a circle of links.
            raise NodeError(f"{quoted(path)} is not a usable file path.", code="FILE_PATH_INVALID") from error
        if not inside:
            raise NodeError(
                f"{quoted(path)} is outside the files this server offers.", code="FILE_PATH_INVALID"
            )
        if not offered:
            raise NodeError(
                f"{quoted(path)} is hidden; workflows cannot use hidden files.", code="FILE_PATH_INVALID"
            )
        if must_exist and not there:
            raise NodeError(f"There is no file {quoted(path)}.", code="FILE_NOT_FOUND")
        return resolved

    def _is_hidden(self, path: Path) -> bool:
        for start in (self._base, self._root):
            if path.is_relative_to(start):
                return any(part.startswith(".") for part in path.relative_to(start).parts)
        return False

    def _is_forbidden(self, path: Path) -> bool:
        return any(_same_place(place, at) for at in self._forbidden for place in (path, *path.parents))

    def as_written(self, path: Path) -> str:
        """Return how a workflow writes *path*: relative to the base, so that it resolves again."""
        return str(PurePosixPath(Path(os.path.relpath(path, self._base))))

    def display(self, path: Path) -> str:
        """Return *path* relative to the root with forward slashes, as shown to people."""
        return str(PurePosixPath(path.resolve().relative_to(self._root)))


def _same_place(one: Path, other: Path) -> bool:
    if one == other:
        return True
    try:
        # Where the file system ignores case, two spellings are one place.
        return one.samefile(other)
    except OSError:
        return False


Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host name, for a port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Which hosts nodes may call: those on the public internet, and those that are named here.

    :param allowed_hosts: more hosts that may be called, each a host name, ``name:port``,
        ``*.suffix``, an address, or a network such as ``10.1.0.0/16``.
    :param allow_private: whether private and loopback addresses may be called without being named;
        link-local ones, at which clouds give out credentials, never are.
    :param resolver: asked for a host's addresses in place of the system.
    """

    allowed_hosts: tuple[str, ...] = ()
    allow_private: bool = False
    resolver: Resolver | None = None


PUBLIC_NETWORK: Final = Network()
"""Public hosts only."""


class Kernels(Protocol):
    """What nodes may know of the server's kernels."""

    async def specs(self) -> Sequence[Mapping[str, Any]]:
        """Return what can be started: ``name``, ``display_name``, ``language`` and ``default``."""
        ...

    async def running(self) -> Sequence[Mapping[str, Any]]:
        """Return what runs: ``id``, ``name``, ``state``, ``last_activity`` and ``connections``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What lies outside of a run besides its files, as far as its nodes may reach it.

    :param kernels: the server's kernels; None where there is no server.
    :param run_code: whether nodes may run code in kernels of their own.
    :param models: the language models that nodes may ask.
    :param memory: what is remembered beyond a run; None where a run remembers nothing.
    """

    network: Network = PUBLIC_NETWORK
    kernels: Kernels | None = None
    run_code: bool = True
    models: Models = field(default_factory=Models)
    memory: Memory | None = None


DEFAULT_WORLD: Final = World()
"""Public hosts, no server, kernels of a node's own, models by the environment, and nothing remembered."""


class NodeContext:
    """Handed to a node function that has a parameter annotated with this class.

    :param node_id: the node's id in its workflow.
    :param config: what the author configured, with the type's defaults for absent keys, and without
        keys that the type does not know (CFG-13).
    :param dynamic_inputs: the values of the inputs that the author added to the node, null where
        nothing arrived (DYN-4).
    :param answers: what was answered to this node's earlier prompts, oldest first.
    :param world: what the node may reach beside its files.
    :param identity: on whose behalf the run remembers.
    :param on_text: told each piece of a text while the node's model writes it.

    Its ``tools`` makes a tool from what describes one, where the run can call tools; else it is None.
    :param state: the run's live state, of node types that declare themselves state-aware (SG-2).
    :param iteration: the iteration that the node goes on with, if it does.
    :param reentry: what came back over a loopback edge, when one began this execution.
    """

    def __init__(
        self,
        *,
        node_id: str,
        run_id: str,
        config: Mapping[str, Any],
        files: Files,
        turn: Turn,
        dynamic_inputs: Mapping[str, Any] | None = None,
        answers: Sequence[Answer] = (),
        world: World = DEFAULT_WORLD,
        identity: Identity | None = None,
        on_text: TextListener | None = None,
        clock: Clock = system_clock,
        state: Mapping[str, Any] | None = None,
        iteration: Iteration | None = None,
        reentry: Reentry | None = None,
    ) -> None:
        self.node_id = node_id
        self.run_id = run_id
        self.config = config
        self.files = files
        self.turn = turn
        self.dynamic_inputs = dict(dynamic_inputs or {})
        self.world = world
        self.clock = clock
        self.identity = identity
        self.memory = NodeMemory(world.memory or HeldMemory(), identity, node_id=node_id, run_id=run_id)
        self.tools: Callable[[Any], OfferedTool] | None = None
        self._on_text = on_text
        self.state = state
        self.iteration = iteration
        self.reentry = reentry
        self.step: Step | None = None
        self._answers = list(answers)
        self._asked = 0
        self._open: InterruptRequired | None = None

    @property
    def models(self) -> Models:
        """The language models that the node may ask."""
        return self.world.models

    def emit_text(self, piece: str) -> None:
        """Show a piece of the text that is being written, to whoever looks on; the output counts."""
        if self._on_text is not None:
            self._on_text(piece)

    @property
    def open_prompt(self) -> InterruptRequired | None:
        """The prompt that waits for an answer, even if the node swallowed its exception."""
        return self._open

    async def ask(self, prompt: Mapping[str, Any]) -> Answer:
        """Return the answer to *prompt*, pausing the run until somebody gave it.

        The node function is called again from its start once the answer is there, so ask before
        acting. The n-th call gets the n-th answer.

        :param prompt: ``type``, ``message``, optional ``allow_cancel``, and the keys of its type.
        :raises InterruptRequired: while there is no answer; let it pass.
        """
        if self._asked < len(self._answers):
            self._asked += 1
            return self._answers[self._asked - 1]
        self._open = InterruptRequired(prompt)
        raise self._open
