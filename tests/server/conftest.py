"""A real Jupyter server for each test, in one process with it and on the same event loop.

The hooks of pytest-jupyter are imported by name and not loaded as a plugin: hooks in this file count
for this folder only, so that its way of running async tests does not take over the suites that run
under anyio.
"""

from pytest_jupyter.jupyter_core import pytest_pycollect_makeitem, pytest_pyfunc_call  # noqa: F401
from server_fixtures import *  # noqa: F403
