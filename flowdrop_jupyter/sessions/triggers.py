"""The trigger service: make, read, change, remove, report on and fire what starts workflows by itself.

A trigger belongs to whoever made it, and its runs are launched as that principal. To everybody who
may not see it, it does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from anyio import to_thread

from ..clock import Clock, format_time, system_clock
from ..errors import Conflict, Forbidden, InvalidInput, NotFound
from ..ids import IdFactory, new_id
from ..store.records import WorkflowRecord
from .inputs import launch_values
from .permissions import Principal, may, may_drive, may_list, require_launch
from .schedules import NextRun, next_run
from .trigger_bodies import check_trigger
from .trigger_records import Trigger, TriggerShelf, TriggerState
from .unattended import UnattendedRuns

MAX_TRIGGERS: Final = 100
"""How many triggers one workflow may have."""

_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "schedule": {"expression": "", "timezone": "UTC"},
    "file": {"settle_seconds": 2.0},
    "kernel": {"kernel": "", "on": ["started", "ended"]},
}


class TriggerService:
    """Triggers, for the principals they belong to.

    :param source: returns a stored workflow by its id, or None.
    :param has_kernels: whether there are kernels to look at.
    """

    def __init__(
        self,
        unattended: UnattendedRuns,
        source: Callable[[str], Awaitable[WorkflowRecord | None]],
        *,
        has_kernels: bool,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._unattended = unattended
        self._shelf: TriggerShelf = unattended.shelf
        self._source = source
        self._has_kernels = has_kernels
        self._clock = clock
        self._ids = ids

    async def find(self, workflow_id: str, principal: Principal) -> list[dict[str, Any]]:
        """Return the rows of a workflow's triggers that the caller may see, oldest first.

        :raises NotFound: ``WORKFLOW_NOT_FOUND`` for a workflow that neither exists nor has triggers.
        """
        found = [trigger for trigger in await self._shelf.all() if trigger.workflow_id == workflow_id]
        shown = [trigger for trigger in found if may(principal, "view", trigger)]
        if not shown:
            await self._workflow(workflow_id)
        return [await self._row(trigger) for trigger in shown if may_list(principal)]

    async def create(self, workflow_id: str, body: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        """Make a trigger; it watches from now on.

        :param body: ``kind``, and optionally ``name``, ``enabled``, ``settings``, ``inputs``, ``mapping``,
            ``overlap`` and ``jitter``.
        :raises Forbidden: without the permissions to launch runs.
        :raises NotFound: ``WORKFLOW_NOT_FOUND``.
        :raises InvalidInput: ``TRIGGER_INVALID``, and for inputs as a launch refuses them (MAN-15).
        :raises Conflict: ``TRIGGER_LIMIT``.
        """
        require_launch(principal)
        workflow = await self._workflow(workflow_id)
        await to_thread.run_sync(check_trigger, body)
        kind = body["kind"]
        if kind == "kernel" and not self._has_kernels:
            raise InvalidInput("There is no Jupyter server whose kernels to watch.", code="TRIGGER_INVALID")
        now = format_time(self._clock())
        trigger = Trigger(
            id=self._ids(),
            workflow_id=workflow_id,
            kind=kind,
            owner=principal.owner,
            permissions=sorted(principal.permissions),
            settings={**_DEFAULTS[kind], **(body.get("settings") or {})},
            created=now,
            changed=now,
            **{key: body[key] for key in _CHANGEABLE if key in body},
        )
        _check_inputs(trigger, workflow)
        if sum(each.workflow_id == workflow_id for each in await self._shelf.all()) >= MAX_TRIGGERS:
            raise Conflict(f"A workflow has at most {MAX_TRIGGERS} triggers.", code="TRIGGER_LIMIT")
        state = await self._unattended.first_look(trigger)
        await self._shelf.put_state(trigger.id, state)
        await self._shelf.put(trigger)
        return await self._row(trigger)

    async def read(self, trigger_id: str, principal: Principal) -> dict[str, Any]:
        """Return one trigger's row; NotFound (``TRIGGER_NOT_FOUND``) when it may not be seen."""
        return await self._row(await self._find(trigger_id, principal))

    async def change(self, trigger_id: str, body: Mapping[str, Any], principal: Principal) -> dict[str, Any]:
        """Change a trigger; settings are merged, every other key replaces what was there.

        One that is switched on, or watches something else now, begins to watch anew. What it had
        begun to fire is dropped then; its record stays.

        :raises Forbidden: ``TRIGGER_FORBIDDEN`` when it may be seen, but not changed.
        :raises InvalidInput: as :meth:`create` does.
        """
        _require_edit(await self._find(trigger_id, principal), principal)
        async with self._unattended.turn(trigger_id):
            before = await self._find(trigger_id, principal)
            await to_thread.run_sync(lambda: check_trigger(body, kind=before.kind))
            after = msgspec.structs.replace(
                before,
                settings={**before.settings, **(body.get("settings") or {})},
                changed=format_time(self._clock()),
                **{key: body[key] for key in _CHANGEABLE if key in body},
            )
            if "inputs" in body or "mapping" in body:
                _check_inputs(after, await self._workflow(after.workflow_id))
            anew = after.settings != before.settings or (after.enabled and not before.enabled)
            if anew or not after.enabled:
                held = await self._shelf.state(trigger_id)
                fresh = await self._unattended.first_look(after) if anew else TriggerState(cursor=held.cursor)
                await self._shelf.put_state(trigger_id, msgspec.structs.replace(fresh, record=held.record))
            await self._shelf.put(after)
        return await self._row(after)

    async def remove(self, trigger_id: str, principal: Principal) -> None:
        """Remove a trigger; runs that it began go on.

        :raises Forbidden: ``TRIGGER_FORBIDDEN`` when it may be seen, but not removed.
        """
        trigger = await self._find(trigger_id, principal)
        if not may(principal, "delete", trigger):
            raise Forbidden("You may not remove this trigger.", code="TRIGGER_FORBIDDEN")
        async with self._unattended.turn(trigger_id):
            await self._shelf.remove(trigger_id)

    async def fire(self, trigger_id: str, principal: Principal) -> dict[str, Any]:
        """Fire a trigger at once, switched on or not; return the entry of its history (TRIG-3).

        Its overlap policy holds, jitter does not. What it begins is launched as its owner.

        :raises Forbidden: ``TRIGGER_FORBIDDEN`` without the permissions to change it and to run workflows.
        """
        trigger = await self._find(trigger_id, principal)
        if not may_drive(principal, trigger):
            raise Forbidden("You may not fire this trigger.", code="TRIGGER_FORBIDDEN")
        return await self._unattended.fire(trigger_id)

    async def report(self, trigger_id: str, principal: Principal) -> dict[str, Any]:
        """Return when a trigger is due next and what became of it, however broken its settings (CRON-2)."""
        trigger = await self._find(trigger_id, principal)
        state = await self._shelf.state(trigger_id)
        due = await self._next(trigger)
        return {
            "id": trigger.id,
            "enabled": trigger.enabled,
            "next_run": due.text,
            "code": due.code,
            "held_until": state.fire_at,
            "buffered": state.buffer is not None,
            "last_run": state.record.last_run,
            "run_count": state.record.run_count,
            "history": state.record.history,
        }

    async def _find(self, trigger_id: str, principal: Principal) -> Trigger:
        trigger = await self._shelf.get(trigger_id)
        if trigger is None or not may(principal, "view", trigger):
            raise NotFound("There is no such trigger.", code="TRIGGER_NOT_FOUND")
        return trigger

    async def _workflow(self, workflow_id: str) -> WorkflowRecord:
        workflow = await self._source(workflow_id)
        if workflow is None:
            raise NotFound(f"There is no workflow {workflow_id!r}.", code="WORKFLOW_NOT_FOUND")
        return workflow

    async def _next(self, trigger: Trigger) -> NextRun:
        if trigger.kind != "schedule":
            return NextRun(None, None)
        settings, now = trigger.settings, self._clock()
        found = await to_thread.run_sync(_next_of, settings, now)
        return found if trigger.enabled else NextRun(None, found.code)

    async def _row(self, trigger: Trigger) -> dict[str, Any]:
        state = await self._shelf.state(trigger.id)
        due = await self._next(trigger)
        return {
            "id": trigger.id,
            "workflow_id": trigger.workflow_id,
            "kind": trigger.kind,
            "name": trigger.name,
            "enabled": trigger.enabled,
            "owner": msgspec.to_builtins(trigger.owner),
            "settings": trigger.settings,
            "inputs": trigger.inputs,
            "mapping": trigger.mapping,
            "overlap": trigger.overlap,
            "jitter": trigger.jitter,
            "created": trigger.created,
            "changed": trigger.changed,
            "next_run": due.text,
            "code": due.code,
            "last_run": state.record.last_run,
            "run_count": state.record.run_count,
        }


_CHANGEABLE: Final = ("name", "enabled", "inputs", "mapping", "overlap", "jitter")


def _next_of(settings: Mapping[str, Any], now: datetime) -> NextRun:
    return next_run(settings.get("expression", ""), settings.get("timezone", "UTC"), now)


def _require_edit(trigger: Trigger, principal: Principal) -> None:
    if not may(principal, "edit", trigger):
        raise Forbidden("You may not change this trigger.", code="TRIGGER_FORBIDDEN")


def _check_inputs(trigger: Trigger, workflow: WorkflowRecord) -> None:
    """Check what a trigger brings to its runs as far as it is known before something fires.

    :raises InvalidInput: as a launch does; values that are read from what fires are judged then.
    """
    try:
        launch_values(workflow, trigger.inputs | dict.fromkeys(trigger.mapping))
    except InvalidInput as error:
        places = {f"inputs.{name}" for name in trigger.mapping}
        if error.code != "INPUT_INVALID" or not all(
            detail.get("locator") in places for detail in error.details
        ):
            raise
