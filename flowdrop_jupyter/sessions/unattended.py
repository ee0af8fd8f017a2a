"""Unattended runs: looks at what triggers watch, holds firings back, and launches them (TRIG).

A firing is made durable together with the cursor of the look that found it, and its id is the id of
the run it begins. So a process that dies anywhere in between leaves either no firing and the old
cursor, a firing that the next process takes up, or a run that it finds and does not begin again.
"""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import anyio
import msgspec

from ..clock import Clock, format_time, parse_time, system_clock
from ..errors import FlowDropError, NotFound, Unavailable
from ..expressions.trigger_values import trigger_value
from ..ids import IdFactory, new_id
from ..store.protocol import Store
from .overlap import OverlapPolicy
from .runs import RunService
from .trigger_records import Firing, Trigger, TriggerShelf, TriggerState
from .watches import Watches

logger = logging.getLogger(__name__)

Draw: TypeAlias = Callable[[float, float], float]
"""Draws a number between two bounds, each as likely as any other."""


def jitter_bounds(jitter: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the least and the greatest number of seconds to hold a firing back; None for not at all.

    A negative minimum counts as 0, one above the maximum as both bounds (TRIG-2).
    """
    least, most = (_seconds(jitter.get(key)) for key in ("min_seconds", "max_seconds"))
    if most <= 0:
        return None
    least = max(least, 0.0)
    return (least, least) if least > most else (least, most)


class UnattendedRuns:
    """Fires the triggers of a store.

    :param draw: where jitter comes from.
    """

    def __init__(
        self,
        store: Store,
        runs: RunService,
        overlap: OverlapPolicy,
        watches: Watches,
        *,
        draw: Draw = random.uniform,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self._store = store
        self._runs = runs
        self._overlap = overlap
        self._watches = watches
        self.draw = draw
        self._clock = clock
        self._ids = ids
        self.shelf = TriggerShelf(store)
        self._turns: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._launches: dict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._troubles: dict[str, str] = {}

    def turn(self, trigger_id: str) -> anyio.Lock:
        """Return the lock that everybody holds who changes this trigger or fires it."""
        return self._turns[trigger_id]

    async def tick(self, now: datetime | None = None) -> None:
        """Look at every trigger once, and launch what is due; what goes wrong with one is logged.

        :param now: the time to judge by; the clock's by default.
        """
        moment = now or self._clock()
        triggers = await self.shelf.all()
        async with anyio.create_task_group() as looks:
            for trigger in triggers:
                if trigger.enabled:
                    looks.start_soon(self._guarded, trigger.id, moment)

    async def fire(self, trigger_id: str, now: datetime | None = None) -> dict[str, Any]:
        """Fire a trigger by hand: at once, with its overlap policy; return the entry of its history.

        :raises NotFound: ``TRIGGER_NOT_FOUND``.
        :raises Unavailable: when no run can be launched right now.
        """
        moment = now or self._clock()
        async with self.turn(trigger_id):
            trigger = await self.shelf.get(trigger_id)
            if trigger is None:
                raise NotFound("There is no such trigger.", code="TRIGGER_NOT_FOUND")
            state = await self.shelf.state(trigger_id)
            event = {"event": "manual", "at": format_time(moment)}
            await self._start(trigger, state, Firing(id=self._ids(), event=event), moment)
            await self.shelf.put_state(trigger_id, state)
            return state.record.history[0]

    async def first_look(self, trigger: Trigger) -> TriggerState:
        """Return the state of a trigger that begins to watch now; what is there already is no news."""
        look = await self._watches.look(trigger, None, self._clock())
        return TriggerState(cursor=look.cursor)

    async def _guarded(self, trigger_id: str, now: datetime) -> None:
        """Take one trigger one step further; a failure must not keep the others from firing."""
        try:
            async with self.turn(trigger_id):
                await self._step(trigger_id, now)
            self._troubles.pop(trigger_id, None)
        except FlowDropError as error:
            # The same trouble at every look needs one line in the log.
            if self._troubles.get(trigger_id) != error.message:
                self._troubles[trigger_id] = error.message
                logger.warning("The trigger %s could not be looked at: %s", trigger_id, error.message)
        except Exception:
            logger.exception("The trigger %s could not be looked at.", trigger_id)

    async def _step(self, trigger_id: str, now: datetime) -> None:
        trigger = await self.shelf.get(trigger_id)
        if trigger is None or not trigger.enabled:
            return
        state = await self.shelf.state(trigger_id)
        if state.firing is None:
            stored = msgspec.to_builtins(state)
            look = await self._watches.look(trigger, state.cursor, now)
            state.cursor = look.cursor
            if look.event is not None:
                # What was found is durable before anything comes of it.
                state.firing = Firing(id=self._ids(), event=look.event)
                bounds = jitter_bounds(trigger.jitter)
                if bounds is not None:
                    held = now + timedelta(seconds=self.draw(*bounds))
                    state.fire_at = format_time(held)
            if msgspec.to_builtins(state) != stored:
                await self.shelf.put_state(trigger_id, state)
            if state.firing is None or state.fire_at is not None:
                return
        if state.fire_at is not None:
            due = parse_time(state.fire_at)
            if due is not None and now < due:
                return
        await self._start(trigger, state, state.firing, now)
        state.firing = state.fire_at = None
        await self.shelf.put_state(trigger_id, state)

    async def _start(self, trigger: Trigger, state: TriggerState, firing: Firing, now: datetime) -> None:
        """Launch what a firing begins, and take down in *state* what became of it."""
        # Of two triggers that fire together the second has to see the run of the first.
        async with self._launches[trigger.workflow_id]:
            await self._launch(trigger, state, firing, now)

    async def _launch(self, trigger: Trigger, state: TriggerState, firing: Firing, now: datetime) -> None:
        at, kind = format_time(now), str(firing.event.get("event", trigger.kind))
        if await self._store.session_of(firing.id) is not None:
            # The process that launched it died before it could say so.
            state.record.executed(at, firing.id, kind)
            return
        buffered = state.buffer
        verdict = await self._overlap.judge(trigger, state, firing.event)
        if verdict.event is None:
            state.record.skipped(at, str(verdict.reason), kind)
            return
        if buffered is not None and state.firing is firing:
            # A buffered firing that is released takes this one's place for good.
            firing.event = verdict.event
            await self.shelf.put_state(trigger.id, state)
        try:
            run = await self._runs.launch(
                trigger.workflow_id,
                trigger.principal,
                inputs=run_inputs(trigger, verdict.event),
                run_id=firing.id,
                event=published_event(trigger, verdict.event),
            )
        except Unavailable:
            # Nothing was launched, so the firing stays at hand.
            raise
        except FlowDropError as error:
            logger.warning("The trigger %s launched nothing: %s", trigger.id, error.message)
            state.record.skipped(at, error.code, kind)
            return
        state.record.executed(at, run.id, kind)


def published_event(trigger: Trigger, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what fired, as nodes and mappings see it."""
    return {**event, "trigger_id": trigger.id, "trigger": trigger.name, "workflow_id": trigger.workflow_id}


def run_inputs(trigger: Trigger, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a run's declared inputs: the fixed ones, and those read from what fired.

    A mapping that leads nowhere gives null (LANG-18).
    """
    context = published_event(trigger, event)
    return trigger.inputs | {name: trigger_value(context, text) for name, text in trigger.mapping.items()}


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
