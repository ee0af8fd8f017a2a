"""The host: one store, one registry and one processor, put together and kept alive.

Whoever owns it (a server extension, a test, a script) runs :meth:`Host.run` in one task.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from ..clock import Clock, system_clock
from ..errors import FlowDropError
from ..ids import IdFactory, new_id
from ..nodes import NodeRegistry
from ..store.protocol import Store
from ..store.records import SessionFilter
from ..store.retention import RetentionPolicy, sweep
from .processor import DEFAULT_CONCURRENCY, DeferredMessageProcessor
from .service import SessionService
from .worker import SessionMessageWorker
from .workflows import WorkflowService

logger = logging.getLogger(__name__)


class Host:
    """Everything the faces talk to.

    :param root: the directory whose files nodes may touch.
    :param private: files and folders below it that they may not.
    :param reading: whether the store only reads; then no session is taken up and none removed.
    :param concurrency: how many sessions run at once.
    :param retention: what to keep; everything by default.
    :param sweep_interval_seconds: how long after a sweep the next one begins; the first is at the start.
    """

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        *,
        root: Path,
        private: Sequence[Path] = (),
        reading: bool = False,
        concurrency: int = DEFAULT_CONCURRENCY,
        answer_wait: float = 55.0,
        retention: RetentionPolicy | None = None,
        sweep_interval_seconds: float = 3600.0,
        stop_wait: float = 5.0,
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self.store = store
        self._reading = reading
        self.registry = registry
        self.retention = retention or RetentionPolicy()
        self._sweep_interval_seconds = sweep_interval_seconds
        self._clock = clock
        self._worker = SessionMessageWorker(store, registry, root=root, private=private, clock=clock, ids=ids)
        self.processor = DeferredMessageProcessor(
            self._worker.process, self._worker.close_stopped, concurrency=concurrency
        )
        self.workflows = WorkflowService(store, registry, clock=clock, ids=ids)
        self.sessions = SessionService(
            store,
            registry,
            self.processor,
            answer_wait=answer_wait,
            stop_wait=stop_wait,
            clock=clock,
            ids=ids,
        )

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; *task_status* is started once requests can be taken.

        Sessions that a dead process left running are taken up again.

        :raises StoreLocked: when another process owns the data.
        """
        await self.store.open()
        try:
            async with anyio.create_task_group() as owner:
                await owner.start(self.processor.run)
                if not self._reading:
                    await self._take_up()
                    owner.start_soon(self._sweep)
                task_status.started()
        finally:
            with anyio.CancelScope(shield=True):
                await self.store.close()

    async def _sweep(self) -> None:
        """Hold the store to what it is to keep, for as long as the host runs."""
        while True:
            try:
                await sweep(self.store, self.retention, self._clock)
            except FlowDropError as error:
                logger.warning("The store could not be swept; the next try is later: %s", error)
            except Exception:
                # Upkeep that goes wrong must not take the sessions with it.
                logger.exception("The store could not be swept; the next try is later.")
            await anyio.sleep(self._sweep_interval_seconds)

    async def _take_up(self) -> None:
        for session in await self.store.sessions(SessionFilter(status="running")):
            logger.info("Taking up the session %s, which was running when its server ended.", session.id)
            self.processor.submit(session.id, str(session.active_run))
