"""The site's own node types, lanes and categories, as settings of the extension.

What is malformed is refused when the setting is read, before anything runs with it (SCH-45).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from traitlets import Dict, List, TraitError, Unicode, validate
from traitlets.config import Configurable

from ..errors import InvalidInput
from ..nodes import NodeRegistry
from ..nodes.presets import read_preset
from ..workflow.categories import read_categories
from ..workflow.overlay import read_overlay
from ..workflow.shapes import site_shapes


class SiteCatalog(Configurable):
    """Settings from which the catalog of node types is built."""

    port_config = Dict(
        help="An overlay on the port configuration: `dataTypes` and `compatibilityRules` of the site. Its"
        " entries win and shipped ones fill in; nothing shipped is removed."
    ).tag(config=True)
    shapes = Dict(
        help="Port shapes of the site, `{id: {schema, name, color, description}}`; each becomes a lane."
    ).tag(config=True)
    node_types = List(
        Dict(),
        help="Node types made of installed processors: `{id, executor_plugin, label, description, category,"
        " icon, color, tags, enabled, parameters, outputs, reserved_exposure}`.",
    ).tag(config=True)
    disabled_node_types = List(
        Unicode(),
        help="Ids of node types that the palette does not offer; workflows that use them still run.",
    ).tag(config=True)
    categories = List(
        Dict(),
        help="Categories of the palette, `{name, label, icon, color, description, enabled}`; a shipped name"
        " replaces the shipped one.",
    ).tag(config=True)

    @validate("port_config")
    def _check_port_config(self, proposal: Mapping[str, Any]) -> Any:
        return _checked(read_overlay, proposal)

    @validate("shapes")
    def _check_shapes(self, proposal: Mapping[str, Any]) -> Any:
        return _checked(site_shapes, proposal)

    @validate("node_types")
    def _check_node_types(self, proposal: Mapping[str, Any]) -> Any:
        return _checked(lambda listed: [read_preset(raw) for raw in listed], proposal)

    @validate("categories")
    def _check_categories(self, proposal: Mapping[str, Any]) -> Any:
        return _checked(read_categories, proposal)

    def registry(self) -> NodeRegistry:
        """Return the registry of everything installed and of this site's own node types.

        :raises InvalidInput: ``PORT_CONFIG_INVALID`` when a rule names a lane that does not exist.
        """
        return NodeRegistry.installed(
            site_shapes=site_shapes(self.shapes),
            port_overlay=self.port_config,
            presets=self.node_types,
            disabled=self.disabled_node_types,
        )


def _checked(read: Callable[[Any], Any], proposal: Mapping[str, Any]) -> Any:
    try:
        read(proposal["value"])
    except InvalidInput as error:
        raise TraitError(error.message) from error
    return proposal["value"]
