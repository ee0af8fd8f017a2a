"""The host: one store, one registry and one processor, put together and kept alive.

Whoever owns it (a server extension, a test, a script) runs :meth:`Host.run` in one task.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from ..clock import Clock, system_clock
from ..errors import FlowDropError
from ..ids import IdFactory, new_id
from ..nodes import DEFAULT_WORLD, Files, NodeRegistry, World
from ..store.protocol import Store
from ..store.records import SessionFilter
from ..store.retention import RetentionPolicy, sweep
from .bundles import DEFAULT_PUBLISHER, BundleService
from .counts import ExecutionCounts
from .exchange import ExchangeService
from .overlap import OverlapPolicy
from .preferences import PreferenceService
from .processor import DEFAULT_CONCURRENCY, DeferredMessageProcessor
from .runs import RunService
from .service import SessionService
from .snapshots import SnapshotService
from .triggers import TriggerService
from .unattended import UnattendedRuns
from .watches import Watches
from .worker import SessionMessageWorker
from .workflow_files import Definitions, FileWorkflows
from .workflows import WorkflowService

logger = logging.getLogger(__name__)


class Host:
    """Everything the faces talk to.

    :param root: the directory whose files nodes may touch.
    :param private: files and folders below it that they may not.
    :param world: what nodes may reach beside files: the network, the server's kernels, code.
    :param publisher: the name in the bundles that are exported.
    :param trusted_publishers: whose bundles are imported without anybody's confirmation (STORE-9).
    :param reading: whether the store only reads; then no session is taken up and none removed.
    :param concurrency: how many sessions run at once.
    :param retention: what to keep; everything by default.
    :param sweep_interval_seconds: how long after a sweep the next one begins; the first is at the start.
    :param trigger_interval_seconds: how long after a look at all triggers the next one begins.
    """

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        *,
        root: Path,
        private: Sequence[Path] = (),
        world: World = DEFAULT_WORLD,
        reading: bool = False,
        concurrency: int = DEFAULT_CONCURRENCY,
        answer_wait: float = 55.0,
        retention: RetentionPolicy | None = None,
        sweep_interval_seconds: float = 3600.0,
        trigger_interval_seconds: float = 1.0,
        stop_wait: float = 5.0,
        publisher: str = DEFAULT_PUBLISHER,
        trusted_publishers: Collection[str] = (),
        clock: Clock = system_clock,
        ids: IdFactory = new_id,
    ) -> None:
        self.store = store
        self.reading = reading
        self.registry = registry
        self.retention = retention or RetentionPolicy()
        self._sweep_interval_seconds = sweep_interval_seconds
        self._trigger_interval_seconds = trigger_interval_seconds
        self._clock = clock
        self._worker = SessionMessageWorker(
            store, registry, root=root, private=private, world=world, clock=clock, ids=ids
        )
        self.concurrency = concurrency
        self.processor = DeferredMessageProcessor(
            self._worker.process, self._worker.close_stopped, concurrency=concurrency
        )
        self.files = partial(Files, root, forbidden=private)
        self.definitions = Definitions(store, FileWorkflows(self.files, registry, reading=reading))
        self.workflows = WorkflowService(self.definitions, registry, clock=clock, ids=ids)
        self.preferences = PreferenceService(store)
        self.counts = ExecutionCounts(store)
        self.exchange = ExchangeService(self.workflows, registry)
        self.bundles = BundleService(
            self.definitions,
            registry,
            publisher=publisher,
            trusted=trusted_publishers,
            clock=clock,
            ids=ids,
        )
        self.sessions = SessionService(
            store,
            registry,
            self.processor,
            workflows=self.definitions,
            answer_wait=answer_wait,
            stop_wait=stop_wait,
            clock=clock,
            ids=ids,
        )
        self.runs = RunService(
            store, registry, self.processor, self.sessions, self.definitions.workflow, clock=clock, ids=ids
        )
        self.snapshots = SnapshotService(store, self.runs, clock=clock, ids=ids)
        watches = Watches(self.files, world.kernels)
        overlap = OverlapPolicy(store, self.sessions)
        self.unattended = UnattendedRuns(store, self.runs, overlap, watches, clock=clock, ids=ids)
        self.triggers = TriggerService(
            self.unattended,
            self.definitions.workflow,
            has_kernels=watches.has_kernels,
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
                await self._load_node_types()
                await owner.start(self.processor.run)
                if not self.reading:
                    await self._take_up()
                    owner.start_soon(self._sweep)
                    owner.start_soon(self._watch)
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

    async def _watch(self) -> None:
        """Fire triggers when they are due, for as long as the host runs."""
        while True:
            try:
                await self.unattended.tick()
            except FlowDropError as error:
                logger.warning("The triggers could not be read; the next try is soon: %s", error)
            except Exception:
                # What starts runs by itself must not take the sessions with it.
                logger.exception("The triggers could not be read; the next try is soon.")
            await anyio.sleep(self._trigger_interval_seconds)

    async def _load_node_types(self) -> None:
        """Make the node types that bundles brought known again."""
        try:
            stored = await self.store.node_types()
        except FlowDropError as error:
            logger.error("The node types of imported bundles are not there: %s", error.message)
            return
        # A second start of this host in one process finds them in the registry.
        self.registry.load_presets(each.preset for each in stored if self.registry.preset(each.id) is None)

    async def _take_up(self) -> None:
        for session in await self.store.sessions(SessionFilter(status="running")):
            logger.info("Taking up the session %s, which was running when its server ended.", session.id)
            self.processor.submit(session.id, str(session.active_run))
