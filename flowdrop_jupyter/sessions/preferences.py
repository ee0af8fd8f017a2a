"""What a user of the editor prefers: one bounded object per user, kept in the store (§1.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import anyio
import msgspec

from ..errors import Forbidden, InvalidInput
from ..store.protocol import Store
from ..store.records import MemoryRecord
from .permissions import Principal

MAX_PREFERENCES_BYTES: Final = 64 * 1024

_SCOPE: Final = "preferences"
_KEY: Final = "editor"


class PreferenceService:
    """Reads and writes the preferences of whoever is asking."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = anyio.Lock()

    async def read(self, principal: Principal) -> dict[str, Any]:
        """Return the caller's preferences; empty until some were written."""
        if not principal.id:
            return {}
        found = await self._store.memory(_SCOPE, principal.id, _KEY)
        return dict(found.value) if found is not None and isinstance(found.value, dict) else {}

    async def replace(self, principal: Principal, preferences: Mapping[str, Any]) -> dict[str, Any]:
        """Put *preferences* in place of those that were there.

        :raises InvalidInput: ``PREFERENCES_TOO_LARGE`` above 64 KiB.
        :raises Forbidden: ``PREFERENCES_FORBIDDEN`` for a caller without an identity.
        """
        return await self._write(principal, dict(preferences))

    async def change(self, principal: Principal, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Lay *changes* over the preferences, objects key by key; null takes a key away (RFC 7396).

        :raises InvalidInput: ``PREFERENCES_TOO_LARGE`` above 64 KiB.
        :raises Forbidden: ``PREFERENCES_FORBIDDEN`` for a caller without an identity.
        """
        async with self._turn:
            return await self._write(principal, _merged(await self.read(principal), changes))

    async def _write(self, principal: Principal, preferences: dict[str, Any]) -> dict[str, Any]:
        if not principal.id:
            raise Forbidden("Nobody has these preferences.", code="PREFERENCES_FORBIDDEN")
        if len(msgspec.json.encode(preferences)) > MAX_PREFERENCES_BYTES:
            raise InvalidInput("Preferences take at most 64 KiB.", code="PREFERENCES_TOO_LARGE")
        record = MemoryRecord(scope=_SCOPE, scope_id=principal.id, key=_KEY, value=preferences)
        await self._store.put_memory(record)
        return preferences


def _merged(old: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            known = merged.get(key)
            merged[key] = _merged(known if isinstance(known, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
