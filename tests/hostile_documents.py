"""Strategies for documents that nobody would write: near enough to workflows to be looked into."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES

REGISTRY = NodeRegistry(NODE_TYPES)
KINDS = [kind.id for kind in REGISTRY]
KEYS = sorted({key for kind in REGISTRY for key in kind.config_schema()["properties"]})

WORDS = st.one_of(
    st.sampled_from(
        ["a", "b", "a-input-b", "x-output-y", "", "\ud800", "🙂", "trigger", "tool_availability"]
    ),
    st.sampled_from(["{{ x", "$.a[", "{% for", "${{ secrets.X }}", "{{ secrets.X }}", "1 +", "_NOW_"]),
    st.text(max_size=8),
    st.sampled_from(KINDS),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**4000), float("inf"), float("nan"), 1e308]),
    st.floats(),
    WORDS,
)
NAMES = st.one_of(
    WORDS,
    st.sampled_from(KEYS),
    st.sampled_from(["name", "value", "_source", "_each", "exposed", "inputs", "outputs", "edgeType"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


def or_anything(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return mostly what *strategy* gives, and sometimes any JSON value in its place."""
    return st.one_of(strategy, strategy, strategy, JSON)


CONFIGS = or_anything(st.dictionaries(st.one_of(st.sampled_from(KEYS), WORDS), JSON, max_size=5))
DATA = st.fixed_dictionaries(
    {"metadata": or_anything(st.fixed_dictionaries({"id": or_anything(st.sampled_from(KINDS))}))},
    optional={"config": CONFIGS, "label": JSON},
)
NODES = or_anything(
    st.fixed_dictionaries({"id": or_anything(WORDS), "data": or_anything(DATA)}, optional={"type": JSON})
)
EDGES = or_anything(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("id", "source", "target", "sourceHandle", "targetHandle"), or_anything(WORDS)),
            "data": JSON,
        },
    )
)
ENTRIES = or_anything(
    st.lists(
        or_anything(st.fixed_dictionaries({"name": JSON, "node_id": JSON, "port": JSON})),
        max_size=4,
    )
)
NODE_LISTS = or_anything(st.lists(NODES, max_size=5))
EDGE_LISTS = or_anything(st.lists(EDGES, max_size=5))

INTERFACES = or_anything(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("inputs", "outputs"),
            or_anything(
                st.lists(
                    or_anything(
                        st.fixed_dictionaries(
                            {
                                "id": JSON,
                                "bindings": or_anything(
                                    st.lists(
                                        st.fixed_dictionaries({"nodeId": WORDS, "portId": WORDS}), max_size=2
                                    )
                                ),
                            }
                        )
                    ),
                    max_size=3,
                )
            ),
        ),
    )
)
DOCUMENTS = st.fixed_dictionaries(
    {"name": or_anything(st.just("Fuzzed"))},
    optional={
        "nodes": NODE_LISTS,
        "edges": EDGE_LISTS,
        "interface": INTERFACES,
        "metadata": or_anything(st.dictionaries(WORDS, JSON, max_size=3)),
        "id": JSON,
        "description": JSON,
        "tags": JSON,
    },
)
