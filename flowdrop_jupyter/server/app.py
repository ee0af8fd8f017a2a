"""The server extension: configuration, routes, and one host for the server's lifetime."""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web
from traitlets import Bool, Enum, Float, Int, List, Unicode

from ..errors import FlowDropError, StoreLocked, Unavailable
from ..nodes import Network, World
from ..sessions import Host
from ..store import TinyDBStore
from ..workflow.categories import read_categories
from . import (
    authoring,
    catalog,
    contract,
    description,
    exchange,
    interrupts,
    lookback,
    runs,
    sessions,
    snapshots,
    system,
    triggers,
    workflows,
)
from .handlers import WORKFLOW, FlowDropHandler, answers
from .kernels import ServerKernels
from .models import FlowDropModels
from .retention import FlowDropRetention
from .site import SiteCatalog

END_SECONDS: Final = 10
"""How long the end of the server waits for work that does not react to being cancelled."""

SERVER_URL_VARIABLE = "FLOWDROP_SERVER_URL"
TOKEN_VARIABLE = "FLOWDROP_TOKEN"  # noqa: S105 - the variable's name, not a token


ALL_ROUTES: Final = (
    *system.ROUTES,
    *authoring.ROUTES,
    *catalog.ROUTES,
    *exchange.ROUTES,
    *workflows.ROUTES,
    *contract.ROUTES,
    *sessions.ROUTES,
    *interrupts.ROUTES,
    *runs.ROUTES,
    *lookback.ROUTES,
    *triggers.ROUTES,
    *snapshots.ROUTES,
    *description.ROUTES,
)
"""Every route below the base, with its handler."""


class UnknownRouteHandler(FlowDropHandler):
    """Whatever lies under the base and is no route: a refusal in our own envelope."""

    auth_resource = WORKFLOW

    @web.authenticated
    @answers
    async def get(self) -> None:
        self.write_error(404)

    post = put = patch = delete = get


class FlowDropApp(SiteCatalog, ExtensionApp):
    """FlowDrop sessions as an extension of a Jupyter server."""

    name = "flowdrop_jupyter"
    # As jupyter_core declares it.
    classes = [*ExtensionApp.classes, FlowDropRetention, FlowDropModels]  # noqa: RUF012

    data_dir = Unicode(
        help="Where sessions and workflows are kept; `flowdrop` in Jupyter's data directory by default."
    ).tag(config=True)
    root_dir = Unicode(help="The directory whose files nodes may touch; the server's root by default.").tag(
        config=True
    )
    read_only = Bool(
        False,
        help="Read the data directory without owning it, beside another server that does; nothing can be"
        " sent or changed, and what is shown is the state at the start.",
    ).tag(config=True)
    concurrency = Int(8, min=1, help="How many sessions may run at once.").tag(config=True)
    answer_wait_seconds = Float(
        55.0,
        min=0.0,
        help="How long the reply to an answered prompt waits for the run's next stop, in seconds.",
    ).tag(config=True)
    trigger_interval_seconds = Float(
        1.0, min=0.05, help="How long after a look at all triggers the next one begins, in seconds."
    ).tag(config=True)
    owner_policy = Enum(
        ["auto", "local", "username"],
        default_value="auto",
        help="Who owns sessions: `local`, one owner for everybody who may log in; `username`, the name the"
        " identity provider gives; `auto`, `local` under the default token and password login.",
    ).tag(config=True)

    allowed_hosts = List(
        Unicode(),
        help="Hosts that workflows may call beside those on the public internet: host names, `name:port`,"
        " `*.suffix`, addresses, or networks such as `10.1.0.0/16`.",
    ).tag(config=True)
    allow_private_network = Bool(
        False,
        help="Let workflows call every private and loopback address, this machine's own services included.",
    ).tag(config=True)
    allow_code = Bool(
        True, help="Let workflows run code in kernels of their own, with the rights of this server's user."
    ).tag(config=True)

    publisher = Unicode("local", help="The publisher that exported bundles name.").tag(config=True)
    trusted_publishers = List(
        Unicode(),
        help="Publishers whose bundles may be imported; any other needs an administrator's confirmation.",
    ).tag(config=True)

    # Set before anything can fail: a server whose extension did not come up must still end.
    _owner: asyncio.Task[None] | None = None
    _closed = False
    _told: Mapping[str, str] = MappingProxyType({})

    def initialize_settings(self) -> None:
        """Build the host and hand it to the handlers; nothing is opened yet."""
        served = self.serverapp.root_dir if self.serverapp else ""
        root = Path(self.root_dir or served).expanduser()
        data = Path(self.data_dir or Path(jupyter_data_dir()) / "flowdrop").expanduser()
        self._host = Host(
            TinyDBStore(data, read_only=self.read_only),
            self.registry(),
            root=root,
            private=(data,),
            world=World(
                network=Network(
                    allowed_hosts=tuple(self.allowed_hosts), allow_private=self.allow_private_network
                ),
                kernels=ServerKernels(self.serverapp) if self.serverapp else None,
                run_code=self.allow_code,
                models=FlowDropModels(parent=self).models(),
            ),
            reading=self.read_only,
            concurrency=self.concurrency,
            answer_wait=self.answer_wait_seconds,
            retention=FlowDropRetention(parent=self).policy(),
            trigger_interval_seconds=self.trigger_interval_seconds,
            publisher=self.publisher,
            trusted_publishers=self.trusted_publishers,
        )
        self._starting = asyncio.Lock()
        self.settings.update(
            flowdrop_host=self._host,
            flowdrop_categories=read_categories(self.categories),
            flowdrop_owner_policy=self.owner_policy,
            flowdrop_ensure_started=self.ensure_started,
        )

    def initialize_handlers(self) -> None:
        """Register every route under ``{base_url}flowdrop/api``."""
        for route, handler in ALL_ROUTES:
            self.handlers.append((url_path_join("flowdrop", "api", route) + "/?", handler))
        self.handlers.append((r"flowdrop/api(?:/.*)?", UnknownRouteHandler))

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Start the host with the server, so that interrupted sessions are taken up at once."""
        self._tell_kernels(serverapp)
        try:
            await self.ensure_started()
        except FlowDropError as error:
            # The server itself goes on; every FlowDrop request says the same until this is mended.
            self.log.error("FlowDrop is not available: %s", error.message)

    async def ensure_started(self) -> None:
        """Start the host unless it runs.

        :raises Unavailable: when it cannot start, such as StoreLocked, or the server is stopping.
        """
        async with self._starting:
            if self._owner is not None and not self._owner.done():
                return
            if self._closed:
                raise Unavailable("The server is shutting down.", code="SHUTTING_DOWN")
            started = _Started()
            # A fresh context, so that a run never sees the request that happened to start the host.
            owner = asyncio.create_task(
                self._host.run(task_status=started),
                name="flowdrop-host",
                context=contextvars.Context(),
            )
            await asyncio.wait({owner, started.future}, return_when=asyncio.FIRST_COMPLETED)
            if owner.done():
                started.future.cancel()
                try:
                    owner.result()
                except StoreLocked as error:
                    remedy = (
                        "End it, or start this server with another --FlowDropApp.data_dir,"
                        " or with --FlowDropApp.read_only=True."
                    )
                    raise StoreLocked(f"{error.message} {remedy}") from error
            owner.add_done_callback(self._report_end)
            self._owner = owner

    def _report_end(self, owner: asyncio.Task[None]) -> None:
        if not owner.cancelled() and owner.exception() is not None:
            self.log.error("FlowDrop ended by itself and starts again.", exc_info=owner.exception())

    async def stop_extension(self) -> None:
        """End the host: runs stop where they were last durable and are taken up at the next start."""
        self._closed = True
        self._forget_kernels()
        owner, self._owner = self._owner, None
        if owner is not None and not owner.done():
            owner.cancel()
            _, left = await asyncio.wait({owner}, timeout=END_SECONDS)
            if left:
                self.log.warning("FlowDrop leaves work behind that did not end in %s s.", END_SECONDS)

    def current_activity(self) -> dict[str, Any] | None:
        """Tell an idle culler how many sessions are at work."""
        active = self._host.processor.active_sessions if self._owner else 0
        return {"flowdrop_sessions": active} if active else None

    def _tell_kernels(self, serverapp: ServerApp) -> None:
        """Leave the server's own address and token to its kernels; they run as the same user.

        Without a token, such as under a password alone, the address would only mislead them.
        """
        token = serverapp.identity_provider.token
        if serverapp.sock or not token:
            return
        self._told = {
            SERVER_URL_VARIABLE: serverapp.local_url.split("?")[0],
            TOKEN_VARIABLE: token,
        }
        os.environ.update(self._told)

    def _forget_kernels(self) -> None:
        for name, value in self._told.items():
            if os.environ.get(name) == value:
                del os.environ[name]


class _Started:
    """The task status the host reports to; its future is done once the host can serve."""

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def started(self, value: None = None) -> None:
        if not self.future.done():
            self.future.set_result(value)
