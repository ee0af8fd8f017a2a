"""The registry: plugins by entry points, and one that is broken."""

import logging
from importlib.metadata import EntryPoint

import pytest

from flowdrop_jupyter.nodes import NodeRegistry, node
from flowdrop_jupyter.nodes.registry import ENTRY_POINT_GROUP

BUILT_IN = EntryPoint("builtin", "flowdrop_jupyter.nodes.builtin:NODE_TYPES", ENTRY_POINT_GROUP)


@node(id="chat_input")
def thief() -> None:
    """Declares a type id that is taken."""


@node(id="fine")
def fine() -> None:
    """Declares one of its own."""


NODES = [fine]
THIEVES = [thief]


def plugin(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, ENTRY_POINT_GROUP)


def test_plugins_add_to_the_built_in_nodes() -> None:
    registry = NodeRegistry.installed([plugin("a", f"{__name__}:NODES"), BUILT_IN])
    assert registry.available("fine")
    assert registry.available("chat_input")


@pytest.mark.parametrize("value", ["no.such.module:NODES", f"{__name__}:NO_SUCH", f"{__name__}:THIEVES"])
def test_a_broken_plugin_takes_no_other_node_away(value: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        registry = NodeRegistry.installed([plugin("aaa", value), BUILT_IN, plugin("b", f"{__name__}:NODES")])
    found = registry.node_type("chat_input")
    assert found is not None
    assert found.name == "Chat input"
    assert registry.available("fine")
    assert value in caplog.text
