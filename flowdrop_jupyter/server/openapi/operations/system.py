"""Operations about the system and its user."""

from __future__ import annotations

from typing import Final

from ..model import OBJECT, Body, Operation, obj, ok, text

SYSTEM: Final = (
    Operation(
        method="get",
        path="/system/config",
        id="getSystemConfig",
        summary="Read what this server can do, and within which limits",
        tag="System",
        answers={200: ok(obj({"version": text(), "features": OBJECT, "limits": OBJECT}))},
    ),
    Operation(
        method="get",
        path="/system/version",
        id="getSystemVersion",
        summary="Read the version",
        tag="System",
        answers={
            200: ok(
                obj({"version": text(), "build": text(), "api_version": text()}),
                version=text(),
                build=text(),
                api_version=text(),
            )
        },
    ),
    Operation(
        method="get",
        path="/users/preferences",
        id="getPreferences",
        summary="Read the settings that the editor keeps for the caller",
        tag="System",
        answers={200: ok(OBJECT)},
    ),
    Operation(
        method="put",
        path="/users/preferences",
        id="replacePreferences",
        summary="Put other settings in their place",
        tag="System",
        body=Body(schema=OBJECT),
        answers={200: ok(OBJECT)},
    ),
    Operation(
        method="patch",
        path="/users/preferences",
        id="changePreferences",
        summary="Change the settings that are given",
        tag="System",
        body=Body(schema=OBJECT),
        answers={200: ok(OBJECT)},
    ),
    Operation(
        method="get",
        path="/node-execution-counts",
        id="getExecutionCounts",
        summary="Count the executions by node",
        tag="System",
        query={"workflow_id": "Only nodes of this workflow."},
        answers={200: ok({"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}})},
    ),
)
