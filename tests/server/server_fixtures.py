"""The fixtures of a real Jupyter server for each test, for the ``conftest`` of a folder that needs one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_jupyter.jupyter_core import (  # noqa: F401
    echo_kernel_spec,
    jp_asyncio_loop,
    jp_config_dir,
    jp_data_dir,
    jp_env_config_path,
    jp_env_jupyter_path,
    jp_environ,
    jp_home_dir,
    jp_kernel_dir,
    jp_runtime_dir,
    jp_system_config_path,
    jp_system_jupyter_path,
)
from pytest_jupyter.jupyter_server import (  # noqa: F401
    jp_argv,
    jp_auth_header,
    jp_base_url,
    jp_configurable_serverapp,
    jp_extension_environ,
    jp_fetch,
    jp_http_port,
    jp_logging_stream,
    jp_nbconvert_templates,
    jp_root_dir,
    jp_server_auth_core_resources,
    jp_server_authorizer,
    jp_server_cleanup,
    jp_serverapp,
    jp_web_app,
)
from pytest_jupyter.pytest_tornasync import (  # noqa: F401
    http_server,
    http_server_client,
    http_server_port,
    io_loop,
)
from server_desk import TOKEN, Api, extension_of
from traitlets.config import Config

from flowdrop_jupyter.server import FlowDropApp
from flowdrop_jupyter.sessions import Host


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "flowdrop"


@pytest.fixture
def flowdrop_config() -> dict[str, Any]:
    """Settings of the extension beside its data directory."""
    return {}


@pytest.fixture
def server_config() -> dict[str, Any]:
    """Settings of the server beside those every test needs."""
    return {}


@pytest.fixture
def jp_server_config(
    data_dir: Path, flowdrop_config: dict[str, Any], server_config: dict[str, Any]
) -> Config:
    return Config(
        {
            "ServerApp": {
                "jpserver_extensions": {"flowdrop_jupyter": True, "jupyter_server_terminals": False},
                "allow_unauthenticated_access": False,
                **server_config,
            },
            "IdentityProvider": {"token": TOKEN},
            "FlowDropApp": {"data_dir": str(data_dir), **flowdrop_config},
        }
    )


@pytest.fixture
def flowdrop(jp_serverapp: Any) -> FlowDropApp:  # noqa: F811
    """The extension as this server runs it; its start hook was not called."""
    return extension_of(jp_serverapp)


@pytest.fixture
def host(flowdrop: FlowDropApp) -> Host:
    """The host behind the handlers, for adding node types."""
    return flowdrop.settings["flowdrop_host"]


@pytest.fixture
def api(jp_fetch: Callable[..., Awaitable[Any]], jp_serverapp: Any) -> Api:  # noqa: F811
    """Calls of the API with the server's token."""
    return Api(jp_fetch)
