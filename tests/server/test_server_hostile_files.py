"""Whatever somebody puts into a file below the root, no door fails on it, and no door spoils it."""

import json
from pathlib import Path
from typing import Any

from graphs import node
from hostile_documents import EDGE_LISTS, ENTRIES, INTERFACES, JSON, NODE_LISTS, WORDS, or_anything
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from server_desk import Api, Reply

ID = "file:hostile.flowdrop.json"
ENTRY = {"name": "start", "node_id": "r", "port": "start"}
SOUND = {
    "name": "Sound",
    "nodes": [node("r", "range", end=5)],
    "edges": [],
    "inputs": [ENTRY],
    "outputs": [{"name": "values", "node_id": "r", "port": "values"}],
}
VERSIONS = st.sampled_from(
    ["0.0.0", "1.2.3", "abc", "", "1", f"{'9' * 5000}.0.0", "1\r\nX-Evil: 1", "€", f"{10**15 - 1}.0.0"]
)
FRAGMENT_KEYS = ("type", "enum", "items", "properties", "default", "required", "x-data-type")
FRAGMENTS = or_anything(st.fixed_dictionaries({}, optional=dict.fromkeys(FRAGMENT_KEYS, JSON)))
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": JSON,
        "properties": or_anything(
            st.dictionaries(st.sampled_from(["start", "values", "x"]), FRAGMENTS, max_size=2)
        ),
        "required": or_anything(st.lists(or_anything(st.sampled_from(["start", "x"])), max_size=3)),
    },
)
BOUND = st.lists(
    st.fixed_dictionaries(
        {
            "name": or_anything(st.sampled_from(["start", 1, "a"])),
            "node_id": or_anything(st.just("r")),
            "port": or_anything(st.sampled_from(["start", "end", "values"])),
        },
        optional=dict.fromkeys(("title", "description", "examples", "required", "label"), JSON),
    ),
    max_size=3,
)
FLAWS = {
    "nodes": NODE_LISTS,
    "edges": EDGE_LISTS,
    "interface": INTERFACES,
    "inputs": st.one_of(ENTRIES, BOUND),
    "outputs": st.one_of(ENTRIES, BOUND),
    "contract_version": or_anything(VERSIONS),
    "parameter_schema": or_anything(SCHEMAS),
    "output_schema": or_anything(SCHEMAS),
    "metadata": or_anything(st.dictionaries(WORDS, JSON, max_size=3)),
    "name": JSON,
    "description": JSON,
    "tags": JSON,
    "id": JSON,
    "created": JSON,
    "changed": JSON,
    "uid": JSON,
    "extra": JSON,
    "style": JSON,
}
PAIRS = st.lists(st.sampled_from(sorted(FLAWS)), min_size=2, max_size=2, unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({key: FLAWS[key] for key in keys})
)
RUBBISH = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.integers(0, 400).map(lambda length: json.dumps(SOUND).encode()[:length]),
)


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return values that hypothesis makes up, the same ones in every run."""
    values: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(value: Any) -> None:
        values.append(value)

    keep()
    return values


def flaws(each: int, pairs: int) -> list[dict[str, Any]]:
    """Return keys to put in the place of sound ones: mostly one, so that it is not hidden by another."""
    found = [{key: value} for key, strategy in FLAWS.items() for value in drawn(strategy, each)]
    return found + drawn(PAIRS, pairs)


def put(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def held(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


async def readings(api: Api) -> list[Reply]:
    return [
        await api.get(f"workflows/{ID}"),
        await api.get(f"workflows/{ID}/export"),
        await api.get(f"workflows/{ID}/export", params={"format": "yaml"}),
        await api.get(f"workflows/{ID}/bundle"),
        await api.get(f"workflows/{ID}/schema"),
        await api.get(f"workflows/{ID}/schema", params={"annotated": "1"}),
        await api.get("workflows", params={"folder": ""}),
        await api.get("files/suggest", params={"q": "hostile"}),
    ]


async def launches(api: Api) -> list[Reply]:
    opened = await api.post(f"workflows/{ID}/playground/sessions", {})
    replies = [
        opened,
        await api.post(f"workflows/{ID}/execute", {"inputs": {"start": 1}}),
        await api.post(f"workflows/{ID}/execute", {"inputs": {"start": "x", "1": [], "a": {}}}),
        await api.post(f"workflows/{ID}/execute", {}),
    ]
    if opened.status == 201:
        path = f"playground/sessions/{opened.data['id']}/messages"
        replies.append(await api.post(path, {"content": "hi", "inputs": {"start": [1]}}))
    return replies


async def writings(api: Api) -> list[Reply]:
    return [
        await api.post(f"workflows/{ID}/contract"),
        await api.post(f"workflows/{ID}/contract", {"bump": "major"}),
        await api.put(f"workflows/{ID}", {"name": "Saved", "interface": None}),
        await api.put(f"workflows/{ID}", {"name": "Saved", "tags": ["a"], "style": 1}),
    ]


def assert_answered(replies: list[Reply], content: bytes) -> None:
    for reply in replies:
        assert reply.status < 500, (reply.status, reply.text, content)
        assert b"Traceback" not in reply.raw


async def test_no_file_makes_a_door_fail(api: Api, jp_root_dir: Path) -> None:
    file = jp_root_dir / "hostile.flowdrop.json"
    contents = [(json.dumps({**SOUND, **flaw}).encode(), "nodes" not in flaw) for flaw in flaws(10, 30)]
    contents += [(content, False) for content in drawn(RUBBISH, 25)]
    sound = refused = 0
    for content, harmless in contents:
        put(file, content)
        replies = await readings(api)
        if harmless:
            replies += await launches(api)
        assert_answered(replies, content)
        assert held(file) == content
        imported = await api.post("workflows/import", {"workflow": content.decode(errors="replace")})
        changed = await writings(api)
        assert_answered([imported, *changed], content)
        again = await api.get(f"workflows/{ID}")
        if replies[0].status == 200:
            sound += 1
            assert again.status == 200, (again.text, content)
        else:
            refused += 1
            assert (again.status, held(file)) == (422, content)
        for reply in changed[2:]:
            assert reply.status != 200 or again.data["name"] == "Saved"
        assert (await api.delete(f"workflows/{ID}")).status == 200
    assert sound > 40
    assert refused > 25


async def test_what_is_acknowledged_as_saved_in_a_file_can_be_read(api: Api, jp_root_dir: Path) -> None:
    file = jp_root_dir / "hostile.flowdrop.json"
    stored = 0
    for flaw in flaws(8, 30):
        document = {key: value for key, value in SOUND.items() if key not in ("inputs", "outputs")}
        raw = json.dumps({**document, **flaw, "id": ID}).encode()
        created = await api("POST", "workflows", raw=raw)
        assert_answered([created], raw)
        if created.status == 201:
            stored += 1
            assert (await api.get(f"workflows/{ID}")).data == created.data
            assert_answered(await readings(api), raw)
            assert (await api.delete(f"workflows/{ID}")).status == 200
        assert held(file) is None
    assert stored > 20
