"""Operations of the catalog: health, node types, categories, lanes, and this document."""

from __future__ import annotations

from typing import Final

from ..model import NUMBER, Answer, Operation, array, obj, ok, ref, success, text

_PAGING: Final = {"limit": "How many at most.", "offset": "How many to skip."}
_TOTALS: Final = {
    "X-Total-Count": "How many there are.",
    "X-Page-Size": "How many this page may hold.",
    "X-Page-Offset": "How many were skipped.",
}

CATALOG: Final = (
    Operation(
        method="get",
        path="/health",
        id="getHealth",
        summary="Tell whether the service answers",
        tag="System",
        public=True,
        refusals=(503,),
        answers={
            200: ok(
                obj({"status": text(), "version": text(), "service": text(), "uptime": NUMBER}),
                status=text(),
                version=text(),
                timestamp=text(format="date-time"),
            )
        },
    ),
    Operation(
        method="get",
        path="/openapi.json",
        id="getOpenApi",
        summary="This document",
        tag="System",
        answers={
            200: Answer(
                description="OpenAPI 3.1.", schema=obj({"openapi": text(), "paths": {"type": "object"}})
            )
        },
    ),
    Operation(
        method="get",
        path="/nodes",
        id="listNodeTypes",
        summary="List node types, all of them unless a limit is given",
        tag="Catalog",
        query={"category": "A category's name.", "search": "A part of name, description or tag.", **_PAGING},
        answers={
            200: Answer(
                description="One page.",
                schema=success(array(ref("NodeType")), pagination=ref("Pagination")),
                headers=_TOTALS,
            )
        },
    ),
    Operation(
        method="get",
        path="/nodes/{type_id}",
        id="getNodeType",
        summary="Read a node type",
        tag="Catalog",
        answers={200: ok(ref("NodeType"))},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/nodes/{type_id}/metadata",
        id="getNodeTypeMetadata",
        summary="Read a node type, under the path that some clients use",
        tag="Catalog",
        answers={200: ok(ref("NodeType"))},
        refusals=(404,),
    ),
    Operation(
        method="get",
        path="/categories",
        id="listCategories",
        summary="List the groups of the palette",
        tag="Catalog",
        public=True,
        answers={
            200: ok(
                array(
                    obj(
                        {
                            "name": text(),
                            "label": text(),
                            "icon": text(),
                            "color": text(),
                            "description": text(),
                        },
                        closed=True,
                    )
                )
            )
        },
    ),
    Operation(
        method="get",
        path="/port-config",
        id="getPortConfiguration",
        summary="Read the lanes and what fits together",
        tag="Catalog",
        public=True,
        answers={
            200: ok(
                obj(
                    {
                        "version": text(),
                        "defaultDataType": text(),
                        "dataTypes": array(obj({"id": text(), "name": text(), "color": text()})),
                        "compatibilityRules": array(obj({"from": text(), "to": text()})),
                    }
                )
            )
        },
    ),
)
