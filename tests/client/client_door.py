"""Both clients behind one callable, so that each behaviour is stated once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

from flowdrop_jupyter.client import AsyncFlowDropClient, FlowDropClient

SERVER = "http://127.0.0.1:8888/base"
Handler = Callable[[httpx.Request], httpx.Response]


class FakeTime:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Door:
    """Runs an operation on a fresh client of one kind against a handler; keeps what was sent."""

    kind: str
    time: FakeTime = field(default_factory=FakeTime)
    sent: list[httpx.Request] = field(default_factory=list)

    def __call__(self, handler: Handler, operation: Callable[[Any], Any], **options: Any) -> Any:
        def record(request: httpx.Request) -> httpx.Response:
            self.sent.append(request)
            answer = handler(request)
            # A fresh one each time: a case may be run by several clients.
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

        options = {"server": SERVER, "token": "s3cret", **options}
        transport = httpx.MockTransport(record)
        if self.kind == "sync":
            with FlowDropClient(
                transport=transport, clock=self.time.clock, sleep=self.time.sleep, **options
            ) as client:
                return operation(client)

        async def main() -> Any:
            async with AsyncFlowDropClient(
                transport=transport, clock=self.time.clock, sleep=self.time.asleep, **options
            ) as client:
                result = operation(client)
                return await result if inspect.isawaitable(result) else result

        return anyio.run(main, backend=self.kind)


def ok(data: Any = None, **more: Any) -> httpx.Response:
    return httpx.Response(200, json={"success": True, "data": data, **more})


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"m{number}", "sequenceNumber": number, "role": "assistant", "content": f"{number}", **more}
