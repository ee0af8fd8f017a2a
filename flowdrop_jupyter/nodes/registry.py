"""The registry: every node type this installation knows, looked up by id.

Node types come from the functions of plugins, from functions added while it runs, and from presets
of the site's configuration or of an import (:mod:`flowdrop_jupyter.nodes.presets`).
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from ..errors import Conflict, FlowDropError, InvalidInput, NodeError
from ..expressions import pattern_found
from ..workflow.lanes import SHIPPED, PortConfiguration
from ..workflow.node_types import NodeType
from ..workflow.patience import ENDLESS, Patience
from ..workflow.shapes import PortShape
from .api import FunctionNode, function_node
from .expression_config import ExpressionProblem, expression_problems
from .presets import Preset, preset_type, read_preset, unfit

ENTRY_POINT_GROUP: Final = "flowdrop_jupyter.nodes"
"""Entry points of this group name an iterable of functions made with ``@node`` and of port shapes."""


logger = logging.getLogger(__name__)


def _built_in_first(found: EntryPoint) -> tuple[bool, str]:
    return not found.value.startswith("flowdrop_jupyter."), found.name


class NodeRegistry:
    """Node types by id; a :class:`~flowdrop_jupyter.workflow.node_types.NodeCatalog`.

    :param nodes: functions made with ``@node``, and the port shapes their ports use.
    :param site_shapes: the port shapes of the site's configuration.
    :param port_overlay: the site's overlay on the port configuration.
    :param disabled: ids of node types that the catalog does not show.
    :raises InvalidInput: ``PORT_CONFIG_INVALID`` when the overlay is malformed (SCH-45).
    """

    def __init__(
        self,
        nodes: Iterable[Callable[..., Any] | PortShape] = (),
        *,
        site_shapes: Iterable[PortShape] = (),
        port_overlay: Mapping[str, Any] | None = None,
        disabled: Collection[str] = (),
    ) -> None:
        targets = list(nodes)
        self._shapes = [target for target in targets if isinstance(target, PortShape)]
        self._site_shapes = tuple(site_shapes)
        self._overlay = port_overlay
        self._disabled = frozenset(disabled)
        self._lanes = self._compose()
        self._functions: dict[str, FunctionNode] = {}
        self._presets: dict[str, Preset] = {}
        self._kinds: dict[str, NodeType] = {}
        self._executors: dict[str, FunctionNode] = {}
        self._catalog: tuple[NodeType, ...] | None = None
        for target in targets:
            if not isinstance(target, PortShape):
                self.add(target)

    @classmethod
    def installed(
        cls,
        plugins: Iterable[EntryPoint] | None = None,
        *,
        site_shapes: Iterable[PortShape] = (),
        port_overlay: Mapping[str, Any] | None = None,
        presets: Iterable[Any] = (),
        disabled: Collection[str] = (),
    ) -> NodeRegistry:
        """Return a registry of the built-in nodes, those of every installed plugin, and the site's.

        What cannot be loaded or built, or declares a type id that is taken, is left out with an
        error in the log; it must not take the others away (SCH-24).

        :param plugins: the entry points to load; those of the environment by default.
        :param presets: the node types of the site's configuration.
        """
        found = entry_points(group=ENTRY_POINT_GROUP) if plugins is None else plugins
        loaded: list[tuple[str, list[Any]]] = []
        for entry_point in sorted(found, key=_built_in_first):
            try:
                loaded.append((entry_point.value, list(entry_point.load())))
            except Exception:
                logger.exception("The nodes of the plugin %s cannot be used.", entry_point.value)
        # Shapes come first: they decide the lanes that node types are built with.
        shapes = [target for _, targets in loaded for target in targets if isinstance(target, PortShape)]
        registry = cls(shapes, site_shapes=site_shapes, port_overlay=port_overlay, disabled=disabled)
        for value, targets in loaded:
            for target in targets:
                if isinstance(target, PortShape):
                    continue
                try:
                    registry.add(target)
                except Exception:
                    logger.exception("A node of the plugin %s cannot be used.", value)
        registry.load_presets(presets)
        return registry

    @property
    def lanes(self) -> PortConfiguration:
        """The lanes, shapes and rules in force here (SCH-41)."""
        return self._lanes

    def add(self, target: Callable[..., Any] | PortShape) -> None:
        """Add a function made with ``@node``, or a port shape.

        :raises ValueError: when its node type id is taken.
        :raises TypeError: when it was not decorated, or what it declares cannot be built.
        """
        if isinstance(target, PortShape):
            self._add_shape(target)
            return
        made = function_node(target)
        type_id = made.node_type.id
        if type_id in self._kinds:
            raise ValueError(f"Two nodes declare the type id {type_id!r}.")
        kind = self._bound(made.node_type)
        self._warn_of_unknown_lanes(kind)
        self._functions = {**self._functions, type_id: made}
        self._put(kind, made)
        for preset in self._presets.values():
            if preset.processor == type_id:
                self._build(preset)

    def copy(self) -> NodeRegistry:
        """Return a registry that knows the same; what is added to it is not added here."""
        # Every change puts new mappings in place of the old ones; only the shapes are a list.
        twin = copy.copy(self)
        twin._shapes = list(self._shapes)
        return twin

    def add_preset(self, raw: Any, patience: Patience = ENDLESS) -> NodeType:
        """Add a node type that configuration spells (:func:`~flowdrop_jupyter.nodes.presets.read_preset`).

        It blocks while its defaults are judged: call it in a worker thread.

        :param patience: once it is over, the next expression among the defaults is refused unread.
        :raises InvalidInput: ``NODE_TYPE_INVALID`` when it is malformed, or does not fit its processor
            (:func:`~flowdrop_jupyter.nodes.presets.unfit`).
        :raises Conflict: ``NODE_TYPE_EXISTS`` when its id is taken.
        """
        preset = read_preset(raw)
        if preset.id in self._kinds:
            raise Conflict(f"There is already a node type {preset.id!r}.", code="NODE_TYPE_EXISTS")
        self._refuse_unfit(preset, patience)
        return self._build(preset)

    def change_preset(self, raw: Any) -> NodeType:
        """Put a preset in the place of the one with its id.

        :raises InvalidInput: as :meth:`add_preset`; ``NODE_TYPE_NOT_CONFIGURED`` when there is none.
        :raises Conflict: ``NODE_TYPE_SCHEMA_UNAVAILABLE`` when the processor's schema cannot be read
            and the stored parameter configuration would be lost (SCH-33); nothing is changed.
        """
        preset = read_preset(raw)
        old = self._presets.get(preset.id)
        if old is None:
            message = f"No configuration made a node type {preset.id!r}."
            raise InvalidInput(message, code="NODE_TYPE_NOT_CONFIGURED")
        unreadable = preset.processor not in self._functions
        if unreadable and any(old.stored_configuration) and _loses(old, preset):
            raise Conflict(
                f"The parameters of {preset.id!r} cannot be changed while {preset.processor!r} is missing.",
                code="NODE_TYPE_SCHEMA_UNAVAILABLE",
            )
        self._refuse_unfit(preset)
        return self._build(preset)

    def remove_preset(self, type_id: str) -> bool:
        """Take a preset's node type away, and tell whether there was one."""
        if type_id not in self._presets:
            return False
        self._presets = _without(self._presets, type_id)
        self._kinds = _without(self._kinds, type_id)
        self._executors = _without(self._executors, type_id)
        self._catalog = None
        return True

    def load_presets(self, stored: Iterable[Any]) -> None:
        """Add presets that were accepted before; one that no longer builds is logged and left out.

        A parameter that its processor has since dropped is passed over (SCH-24).
        """
        for raw in stored:
            try:
                preset = read_preset(raw)
                if preset.id in self._kinds:
                    raise Conflict(f"There is already a node type {preset.id!r}.", code="NODE_TYPE_EXISTS")
                self._build(preset)
            except FlowDropError as error:
                logger.error("A configured node type is left out: %s", error.message)

    def preset(self, type_id: str) -> Mapping[str, Any] | None:
        """Return the stored form of a preset, or None when no preset made that type."""
        found = self._presets.get(type_id)
        return found.raw if found else None

    def node_type(self, type_id: str) -> NodeType | None:
        """Return the node type with this id, disabled or not, or None."""
        return self._kinds.get(type_id)

    def available(self, type_id: str) -> bool:
        """Tell whether the node type can be executed here (R1.a)."""
        return type_id in self._executors

    def expression_problems(
        self, type_id: str, config: Mapping[str, Any], patience: Patience = ENDLESS
    ) -> list[ExpressionProblem]:
        """Return the expressions in *config* that their engines refuse; nothing is raised (R11).

        :param config: the configuration of a node of the type; the type's own engine counts where the
            node chooses none.
        :param patience: once it is over, the next expression is refused, and none after it is read.
        """
        kind, preset = self._kinds.get(type_id), self._presets.get(type_id)
        if kind is None:
            return []
        chosen = kind.parameters.get("engine")
        if chosen is not None and config.get("engine") is None:
            config = {**config, "engine": chosen.default}
        return expression_problems(preset.processor if preset else type_id, config, patience)

    def matches(self, pattern: str, text: str) -> bool:
        """Tell whether *pattern* matches anywhere in *text*; true of one that cannot be read (R6.h)."""
        try:
            return pattern_found(pattern, text)
        except NodeError as error:
            # A text that is too long or takes too long is the author's; a broken pattern is not.
            return error.code == "PATTERN_INVALID"

    def executor(self, type_id: str) -> FunctionNode | None:
        """Return what executes the node type, or None (SCH-28)."""
        return self._executors.get(type_id)

    def processor(self, type_id: str) -> FunctionNode | None:
        """Return the ``@node`` function with this id that a preset may name, or None."""
        return self._functions.get(type_id)

    def enabled(self, type_id: str) -> bool:
        """Tell whether the catalog shows a node type (SCH-26)."""
        preset = self._presets.get(type_id)
        return type_id in self._kinds and type_id not in self._disabled and (preset is None or preset.enabled)

    def __iter__(self) -> Iterator[NodeType]:
        """Give the enabled node types in the catalog's order: category, then name (SCH-26)."""
        if self._catalog is None:
            shown = [kind for kind in self._kinds.values() if self.enabled(kind.id)]
            self._catalog = tuple(sorted(shown, key=lambda kind: (kind.category, kind.name, kind.id)))
        return iter(self._catalog)

    def _add_shape(self, shape: PortShape) -> None:
        self._shapes.append(shape)
        self._lanes = self._compose()
        for made in self._functions.values():
            self._put(self._bound(made.node_type), made)
        for preset in self._presets.values():
            self._build(preset)

    def _compose(self) -> PortConfiguration:
        if not self._shapes and not self._site_shapes and not self._overlay:
            return SHIPPED
        return PortConfiguration(self._shapes, self._site_shapes, self._overlay)

    def _bound(self, kind: NodeType) -> NodeType:
        """Return *kind* with this registry's lanes, built once to see that it can be (SCH-24)."""
        bound = kind if kind.lanes is self._lanes else replace(kind, lanes=self._lanes)
        bound.metadata()
        return bound

    def _build(self, preset: Preset) -> NodeType:
        processor = self._functions.get(preset.processor)
        try:
            kind = self._bound(preset_type(preset, processor))
        except (TypeError, ValueError) as error:
            message = f"The node type {preset.id!r} cannot be built: {error}"
            raise InvalidInput(message, code="NODE_TYPE_INVALID") from error
        if processor is None:
            logger.warning("The node type %r needs %r, which is missing.", preset.id, preset.processor)
        self._presets = {**self._presets, preset.id: preset}
        self._put(kind, processor)
        return kind

    def _put(self, kind: NodeType, made: FunctionNode | None) -> None:
        # New mappings and not changes in place: readers in other threads see one state or the other.
        self._kinds = {**self._kinds, kind.id: kind}
        if made is None:
            self._executors = _without(self._executors, kind.id)
        else:
            bound = made if made.node_type is kind else replace(made, node_type=kind)
            self._executors = {**self._executors, kind.id: bound}
        self._catalog = None

    def _refuse_unfit(self, preset: Preset, patience: Patience = ENDLESS) -> None:
        processor = self._functions.get(preset.processor)
        if processor is not None and (found := unfit(preset, processor, patience)):
            place, reason = found[0]
            message = f"The node type {preset.id!r} does not fit {preset.processor!r} at {place}: {reason}"
            details = [
                {"code": "NODE_TYPE_INVALID", "message": reason, "locator": place} for place, reason in found
            ]
            raise InvalidInput(message, code="NODE_TYPE_INVALID", details=details)

    def _warn_of_unknown_lanes(self, kind: NodeType) -> None:
        schemas = [entry.schema for entry in kind.parameters.values()]
        schemas += [entry.schema for entry in kind.outputs.values()]
        for schema in schemas:
            lane = schema.get("x-data-type")
            if isinstance(lane, str) and lane not in self._lanes.ids:
                logger.warning("The node type %r names the lane %r, which nothing serves.", kind.id, lane)


def _loses(old: Preset, new: Preset) -> bool:
    return old.stored_configuration != new.stored_configuration or old.processor != new.processor


def _without(held: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in held.items() if name != key}
