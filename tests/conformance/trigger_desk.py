"""Triggers over the API, and a clock that tests set: a look is asked for with the time it is to be."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from gates import DEADLINE, Gate
from graphs import document, node
from server_desk import Api, Reply

from flowdrop_jupyter.sessions import Host

FIRED = document([node("trigger.1", "trigger")], [], id="fired")
"""Gives what fired."""

HELD = document([node("gate.1", "gate")], [], id="held")
"""Waits at a gate."""

EVERY_MINUTE = {"expression": "* * * * *", "timezone": "UTC"}

TOLD = document(
    [node("text.1", "text_output")],
    [],
    id="told",
    interface={
        "inputs": [{"id": "say", "bindings": [{"nodeId": "text.1", "portId": "text"}]}],
        "outputs": [],
    },
)
"""Says its declared input."""


def soon(**later: float) -> datetime:
    """Return a time that much later than now."""
    return datetime.now(UTC) + timedelta(**later)


class Bench:
    """One server, its workflows and triggers."""

    def __init__(self, api: Api, host: Host) -> None:
        self.api = api
        self.host = host

    async def make(self, workflow: dict[str, Any], **body: Any) -> str:
        """Save *workflow* unless it is there, and make a trigger for it."""
        reply = await self.offer(workflow, **body)
        assert reply.status == 201, reply.text
        trigger_id: str = reply.data["id"]
        return trigger_id

    async def offer(self, workflow: dict[str, Any], **body: Any) -> Reply:
        saved = await self.api.post("workflows", workflow)
        assert saved.status in (201, 409), saved.text
        said = {"kind": "schedule", **body}
        if said["kind"] == "schedule":
            said.setdefault("settings", EVERY_MINUTE)
        return await self.api.post(f"workflows/{workflow['id']}/triggers", said)

    async def report(self, trigger_id: str) -> dict[str, Any]:
        reply = await self.api.get(f"triggers/{trigger_id}/report")
        assert reply.status == 200, reply.text
        report: dict[str, Any] = reply.data
        return report

    async def break_settings(self, trigger_id: str, **settings: Any) -> None:
        """Put settings into the store that no request would be let through with."""
        trigger = await self.host.unattended.shelf.get(trigger_id)
        assert trigger is not None
        trigger.settings.update(settings)
        await self.host.unattended.shelf.put(trigger)

    async def tick(self, now: datetime) -> None:
        await self.host.unattended.tick(now)

    async def fire(self, trigger_id: str) -> dict[str, Any]:
        reply = await self.api.post(f"triggers/{trigger_id}/fire")
        assert reply.status in (200, 202), reply.text
        entry: dict[str, Any] = reply.data
        assert (reply.status == 202) is (entry["outcome"] == "executed")
        return entry

    async def runs(self, workflow: dict[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.api.get(f"workflow/{workflow['id']}/pipelines")).data
        return rows

    async def ended(self, run_id: str) -> dict[str, Any]:
        """Poll a run until it has ended, and return its document."""
        async with asyncio.timeout(DEADLINE):
            while True:
                run: dict[str, Any] = (await self.api.get(f"pipeline/{run_id}")).data
                if run["status"] not in ("pending", "running"):
                    return run
                await asyncio.sleep(0.005)

    async def fired(self, run_id: str) -> dict[str, Any] | None:
        """Return what the trigger node of a run gave."""
        (job,) = (await self.ended(run_id))["jobs"]
        output: dict[str, Any] | None = job["output_data"]["output"]
        return output

    def gate(self) -> Gate:
        """Add the node type that holds runs back."""
        held = Gate()
        self.host.registry.add(held.function)
        return held
