"""Categories: the groups of the editor's palette, declared in one place (META-1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from ..errors import InvalidInput

_ICON: Final = "mdi:folder-outline"
_COLOR: Final = "#64748b"


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One group of the palette; ``name`` is what node types say, ``label`` what people read.

    :param enabled: a category that is not is absent from the list, even if node types use it.
    """

    name: str
    label: str
    icon: str = _ICON
    color: str = _COLOR
    description: str = ""
    enabled: bool = True

    def served(self) -> dict[str, str]:
        """Return the row that is served: these keys in this order, all of them texts (META-1)."""
        return {
            "name": self.name,
            "label": self.label,
            "icon": self.icon,
            "color": self.color,
            "description": self.description,
        }


CATEGORIES: Final = (
    Category("triggers", "Triggers", "mdi:lightning-bolt", "#a855f7", "What starts a workflow."),
    Category("inputs", "Inputs", "mdi:arrow-down-circle", "#10b981", "Where values come in."),
    Category("outputs", "Outputs", "mdi:arrow-up-circle", "#3b82f6", "Where results go out."),
    Category("prompts", "Prompts", "mdi:message-text", "#f59e0b", "Texts for models."),
    Category("models", "Models", "mdi:robot", "#6366f1", "Language models."),
    Category("processing", "Processing", "mdi:cog", "#14b8a6", "Changing values."),
    Category("logic", "Logic", "mdi:source-branch", "#8b5cf6", "Deciding what runs next."),
    Category("data", "Data", "mdi:database", "#f97316", "Tables and files."),
    Category("tools", "Tools", "mdi:wrench", "#eab308", "What a model may call, and other services."),
    Category("helpers", "Helpers", "mdi:help-circle", "#64748b", "Notes and small aids."),
    Category("vector stores", "Vector stores", "mdi:vector-square", "#0ea5e9", "Search by meaning."),
    Category("embeddings", "Embeddings", "mdi:vector-line", "#06b6d4", "Texts as vectors."),
    Category("memories", "Memories", "mdi:brain", "#ec4899", "What is kept between turns."),
    Category("agents", "Agents", "mdi:account-cog", "#d946ef", "Models that use tools."),
    Category("ai", "AI", "mdi:creation", "#7c3aed", "Analysis by models."),
    Category("interrupts", "Human in the loop", "mdi:account-question", "#ef4444", "Asking a person."),
    Category("bundles", "Bundles", "mdi:package-variant", "#78716c", "Workflows in one package."),
)
"""The shipped categories, in the order of the palette."""


def read_categories(listed: Iterable[Any]) -> tuple[Category, ...]:
    """Return the categories that a site's configuration declares.

    :param listed: ``{name, label, icon?, color?, description?, enabled?}`` each.
    :raises InvalidInput: ``CATEGORY_INVALID`` naming the entry that is malformed.
    """
    found: list[Category] = []
    for index, raw in enumerate(listed):
        try:
            category = msgspec.convert(raw, Category)
        except msgspec.ValidationError as error:
            raise _invalid(index, str(error)) from error
        if not category.name.strip() or not category.label.strip():
            raise _invalid(index, "its name and its label may not be empty")
        if any(category.name == other.name for other in found):
            raise _invalid(index, f"{category.name!r} is there twice")
        found.append(category)
    return tuple(found)


def served_categories(site: Iterable[Category], used: Iterable[str]) -> list[dict[str, str]]:
    """Return the rows of the palette's groups (META-1).

    :param site: the site's own categories; one with a shipped name takes its place.
    :param used: the categories of the enabled node types; one that nobody declared gets a plain row.
    """
    declared: dict[str, Category] = {category.name: category for category in (*CATEGORIES, *site)}
    names = sorted({name for name in used if name not in declared})
    plain: Mapping[str, Category] = {name: Category(name, _label(name)) for name in names}
    return [category.served() for category in {**declared, **plain}.values() if category.enabled]


def _label(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] or name


def _invalid(index: int, reason: str) -> InvalidInput:
    detail = {"code": "CATEGORY_INVALID", "message": reason, "locator": f"categories.{index}"}
    message = f"The category number {index} is malformed: {reason}."
    return InvalidInput(message, code="CATEGORY_INVALID", details=[detail])
