"""The state that the nodes of a run share, its reducers, and how checkpoints keep it (SG-1 to SG-3, SG-11).

A checkpoint holds what its node changed, not the whole state: a conversation of any length makes each
step no larger. :func:`state_at` puts a state together again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..errors import NodeError
from ..nodes.iteration import Iteration, Step
from ..store.records import CheckpointRecord

STATE_UPDATE: Final = "state_update"
"""The control output that changes the state (SG-3)."""

RESERVED_INPUTS: Final = frozenset(
    {"__state__", "__messages__", "__data__", "__iterator__", "__current_item__", "__interrupt_id__"}
)
"""The inputs that only the engine fills, of nodes that declare them (SG-2)."""

WORKFLOW_END: Final = "workflow_end"
"""The name of a run's last checkpoint (SG-11)."""

_ITERATORS: Final = "iterators"
_KEPT_BY_ENGINE: Final = frozenset({"iterator", _ITERATORS, "threadId"})


def fresh_state(thread_id: str = "") -> dict[str, Any]:
    """Return the state that a run begins with when nothing came before it (SG-12)."""
    return {
        "messages": [],
        "data": {},
        "metadata": {},
        "threadId": thread_id,
        "currentNodeId": "",
        "iterationCount": 0,
        "iterator": None,
        "isComplete": False,
        "status": None,
        "error": None,
    }


def reduced(state: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new state: ``messages`` appended, ``data`` and ``metadata`` merged, the rest replaced (SG-1).

    A field that *update* leaves out keeps its value; *state* is not changed.
    """
    new = dict(state)
    for key, value in update.items():
        if key == "messages":
            new[key] = [*new.get(key, ()), *value]
        elif key in ("data", "metadata"):
            new[key] = {**new.get(key, {}), **value}
        else:
            new[key] = value
    return new


def read_update(output: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the update among a node's outputs, or None when it has none.

    What is no object updates nothing, and what only the engine may change is left out.

    :raises NodeError: ``STATE_UPDATE_INVALID`` for one that the reducers cannot take.
    """
    update = output.get(STATE_UPDATE)
    if not isinstance(update, Mapping):
        return None
    kinds = {"messages": list, "data": dict, "metadata": dict, "iterationCount": int}
    for key, kind in kinds.items():
        if key in update and (not isinstance(update[key], kind) or isinstance(update[key], bool)):
            raise _invalid(f"{key!r} in it has to be {'a list' if kind is list else 'another kind of value'}")
    return {key: value for key, value in update.items() if key not in _KEPT_BY_ENGINE}


class RunState:
    """The state of one run, and the iterations of its loops.

    ``values`` is replaced and never changed, so whoever holds it holds a state of that moment.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values: Mapping[str, Any] = values
        self.iterations: dict[str, Iteration] = {}
        self.newest: str | None = None
        """The id of the checkpoint that the next one follows."""
        self._unkept: dict[str, Any] = {}

    @property
    def iteration_count(self) -> int:
        """How many rounds of loops the run has begun."""
        count = self.values.get("iterationCount")
        return count if isinstance(count, int) else 0

    def change(self, update: Mapping[str, Any]) -> None:
        """Apply an update that the next checkpoint will keep; its fields are all replaced ones."""
        self.values = reduced(self.values, update)
        self._unkept |= update

    def innermost(self, heads: Sequence[str]) -> Iteration | None:
        """Return the iteration that was begun last within these loops, or else the newest of all."""
        newest = list(reversed(self.iterations.values()))
        inside = (going for going in newest if going.stamp.keys() <= set(heads))
        return next(inside, newest[0] if newest else None)

    def step(
        self,
        checkpoint_id: str,
        run_id: str,
        node_id: str,
        *,
        update: Mapping[str, Any] | None = None,
        step: Step | None = None,
        stamp: Mapping[str, int] | None = None,
    ) -> CheckpointRecord:
        """Apply what a node changed, and return the checkpoint that keeps it (SG-3, SG-11)."""
        change: dict[str, Any] = {**self._unkept, **(update or {}), "currentNodeId": node_id}
        if step is not None:
            change[_ITERATORS] = {node_id: _described(step, dict(stamp or {}))}
        return self._checkpoint(checkpoint_id, run_id, node_id, change)

    def pass_by(
        self,
        node_id: str,
        update: Mapping[str, Any] | None,
        step: Step | None,
        stamp: Mapping[str, int] | None,
    ) -> dict[str, Any] | None:
        """Apply what a node changed without a checkpoint; returns its step of an iteration, to be kept."""
        self.values = reduced(self.values, {**(update or {}), "currentNodeId": node_id})
        if step is None:
            return None
        described = _described(step, dict(stamp or {}))
        self.go_through(node_id, described)
        return described

    def end(self, checkpoint_id: str, run_id: str, status: str) -> CheckpointRecord:
        """Return the checkpoint of the run's end (SG-11)."""
        change = {**self._unkept, "isComplete": True, "status": status}
        return self._checkpoint(checkpoint_id, run_id, WORKFLOW_END, change)

    def take(self, change: Mapping[str, Any]) -> None:
        """Apply what one checkpoint keeps."""
        plain = {key: value for key, value in change.items() if key != _ITERATORS}
        self.values = reduced(self.values, plain)
        for node_id, made in (change.get(_ITERATORS) or {}).items():
            self.go_through(node_id, made)

    def described(self, heads: Sequence[str] = ()) -> dict[str, Any]:
        """Return the state as nodes see it, with the iteration of the innermost of the loops *heads*."""
        going = self.innermost(heads)
        return {**self.values, "iterator": None if going is None else going.described()}

    def _checkpoint(
        self, checkpoint_id: str, run_id: str, name: str, change: dict[str, Any]
    ) -> CheckpointRecord:
        begins = self.newest is None
        whole = dict(self.values) if begins else {}
        self.take(change)
        kept = CheckpointRecord(
            id=checkpoint_id,
            run_id=run_id,
            session_id="",
            name=name,
            state=whole,
            update=change,
            parent_id=self.newest,
        )
        self.newest, self._unkept = checkpoint_id, {}
        return kept

    def go_through(self, node_id: str, made: Mapping[str, Any]) -> None:
        """Begin, go on with, or end the iteration of a node, as one of its executions did."""
        if made.get("items") is not None:
            self.iterations.pop(node_id, None)
            self.iterations[node_id] = Iteration(items=list(made["items"]), stamp=made["stamp"])
        elif made.get("end"):
            self.iterations.pop(node_id, None)
        elif (going := self.iterations.get(node_id)) is not None:
            going.results.append(made.get("result"))
            going.index += 1
            going.stamp = made["stamp"]


def restored_state(
    checkpoints: Iterable[CheckpointRecord], initial: Mapping[str, Any] | None = None
) -> RunState:
    """Return the state after *checkpoints*, oldest first; without any, *initial* or a fresh one."""
    state = RunState(fresh_state() if initial is None else initial)
    for kept in checkpoints:
        if kept.state:
            state.values = kept.state
        state.take(kept.update or {})
        state.newest = kept.id
    return state


def state_at(checkpoints: Iterable[CheckpointRecord], checkpoint_id: str) -> dict[str, Any] | None:
    """Return the state as it was at one checkpoint of a run, or None when it is not among them.

    :param checkpoints: all of the run's, oldest first.
    """
    chain = []
    for kept in checkpoints:
        chain.append(kept)
        if kept.id == checkpoint_id:
            return restored_state(chain).described()
    return None


def reserved_inputs(state: RunState, heads: Sequence[str], interrupt_id: str | None) -> dict[str, Any]:
    """Return the values of the reserved inputs at this moment (SG-2).

    :param heads: the loops that the node is in.
    :param interrupt_id: the prompt that the node goes on from, if it does.
    """
    described = state.described(heads)
    given = {
        "__state__": described,
        "__messages__": described["messages"],
        "__data__": described["data"],
    }
    going = state.innermost(heads)
    if going is not None:
        given |= {"__iterator__": described["iterator"], "__current_item__": going.item}
    if interrupt_id is not None:
        given["__interrupt_id__"] = interrupt_id
    return given


def _described(step: Step, stamp: dict[str, int]) -> dict[str, Any]:
    if step.begin is not None:
        return {"items": step.begin, "stamp": stamp}
    if step.end:
        return {"end": True, "stamp": stamp}
    return {"result": step.result, "stamp": stamp}


def _invalid(reason: str) -> NodeError:
    return NodeError(f"The state update is not acceptable: {reason}.", code="STATE_UPDATE_INVALID")
