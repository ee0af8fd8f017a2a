"""JSON values that nobody can change: what is derived once and handed out many times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Never


class FrozenDict(dict[str, Any]):
    """A JSON object that refuses every change; its copies are plain and may be changed."""

    def _refuse(self, *_: Any, **__: Any) -> Never:
        raise TypeError("This value is derived from a node type and cannot be changed; copy it first.")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __deepcopy__(self, memo: Mapping[int, Any]) -> dict[str, Any]:
        return {key: thawed(value) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """A JSON array that refuses every change; its copies are plain and may be changed."""

    def _refuse(self, *_: Any, **__: Any) -> Never:
        raise TypeError("This value is derived from a node type and cannot be changed; copy it first.")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __deepcopy__(self, memo: Mapping[int, Any]) -> list[Any]:
        return [thawed(value) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenList, (list(self),)


def frozen(value: Any, where: str = "value") -> Any:
    """Return a JSON value in a form that cannot be changed, at any depth.

    :param where: what the value is, for the message.
    :raises TypeError: when something in it has no JSON form; the message says where it is.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, FrozenDict | FrozenList):
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where}: the key {key!r} is no text")
        return FrozenDict({key: frozen(item, f"{where}.{key}") for key, item in value.items()})
    if isinstance(value, list | tuple):
        return FrozenList([frozen(item, f"{where}.{index}") for index, item in enumerate(value)])
    raise TypeError(f"{where}: a {type(value).__name__} has no JSON form")


def thawed(value: Any) -> Any:
    """Return a JSON value as plain dictionaries and lists that the caller may change."""
    if isinstance(value, Mapping):
        return {key: thawed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [thawed(item) for item in value]
    return value
