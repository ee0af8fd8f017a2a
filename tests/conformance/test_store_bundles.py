"""Import of bundles: seven gates in their order, and nothing left behind by a refusal (STORE-9)."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from graphs import edge, node
from server_desk import Api, Reply, assert_refused

from flowdrop_jupyter.errors import StoreError
from flowdrop_jupyter.nodes import NodeRegistry
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.server.app import FlowDropApp
from flowdrop_jupyter.sessions import ALL_PERMISSIONS, OWN_PERMISSIONS, Host, Principal
from flowdrop_jupyter.store import NodeTypeRecord, TinyDBStore, WorkflowRecord
from flowdrop_jupyter.workflow.interface import normalised_entries

TRUSTED, STRANGER = "acme", "stranger"

GREETING = {
    "id": "acme_greeting",
    "executor_plugin": "text_input",
    "label": "Greeting",
    "description": "Greets.",
}


def bundle(flow: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """A bundle that passes every gate, but for what is given."""
    sound = {
        "id": "greeter",
        "name": "Greeter",
        "nodes": [node("hi.1", "acme_greeting", defaultValue="hi"), node("out.1", "chat_output")],
        "edges": [edge("hi.1", "text", "out.1", "message")],
        "metadata": {},
    }
    return {
        "format": "flowdrop-bundle",
        "schemaVersion": "1.0",
        "publisher": TRUSTED,
        "capabilities": {"processors": ["text_input", "chat_output"]},
        "node_types": [GREETING],
        "flow": {**sound, **(flow or {})},
        **keys,
    }


FLAWS: list[tuple[str, Callable[[dict[str, Any]], None], int, str, str]] = [
    ("1", lambda b: b.update(schemaVersion="2.0"), 422, "BUNDLE_UNSUPPORTED", "schemaVersion"),
    ("2", lambda b: b.update(publisher=STRANGER), 403, "PUBLISHER_UNTRUSTED", "publisher"),
    (
        "3",
        lambda b: b["capabilities"]["processors"].insert(0, "missing"),
        422,
        "CAPABILITY_MISSING",
        "capabilities.processors.0",
    ),
    (
        "4",
        lambda b: b["node_types"].append({**GREETING, "id": "not an id"}),
        422,
        "NODE_TYPE_INVALID",
        "node_types.1",
    ),
    (
        "5",
        lambda b: b["flow"]["edges"].append(edge("hi.1", "text", "nobody", "message")),
        422,
        "VALIDATION_ERROR",
        "edge.1",
    ),
    ("6", lambda b: b["flow"].update(id="Not an id"), 422, "FLOW_ID_INVALID", "flow.id"),
    ("7", lambda b: b["flow"].update(id="taken"), 409, "WORKFLOW_EXISTS", "flow.id"),
]
NAMES = [flaw[0] for flaw in FLAWS]


@pytest.fixture
def flowdrop_config() -> dict[str, Any]:
    return {"trusted_publishers": [TRUSTED], "publisher": "here"}


async def take(api: Api) -> dict[str, Any]:
    """Store the workflow ``taken``."""
    body = {"id": "taken", "name": "Was here first"}
    assert (await api.post("workflows", body)).status == 201
    return (await api.get("workflows/taken")).data


async def post(api: Api, document: Any, **params: str) -> Reply:
    return await api.post("workflows/import-bundle", document, params=params or None)


async def everything(api: Api, host: Host) -> Any:
    """All that an import could leave behind."""
    return (
        (await api.get("workflows")).data,
        (await api.get("nodes")).data,
        await host.store.node_types(),
    )


def located(reply: Reply) -> list[str]:
    return [detail.get("locator", "") for detail in reply.body["details"]]


@pytest.mark.rule("STORE-9")
async def test_a_sound_bundle_is_imported_with_its_node_types(api: Api) -> None:
    reply = await post(api, bundle())
    assert reply.status == 201, reply.text
    assert (reply.data["id"], reply.data["name"]) == ("greeter", "Greeter")
    kind = (await api.get("nodes/acme_greeting")).data
    assert (kind["name"], kind["description"]) == ("Greeting", "Greets.")
    opened = await api.post("workflows/greeter/playground/sessions", {})
    page = await api.turn(opened.data["id"], "hello")
    assert [row["content"] for row in page["data"] if row["role"] == "assistant"] == ["hi"]


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize(("gate", "spoil", "status", "code", "locator"), FLAWS, ids=NAMES)
async def test_each_gate_refuses_with_its_cause_and_leaves_nothing(
    api: Api,
    host: Host,
    gate: str,
    spoil: Callable[[dict[str, Any]], None],
    status: int,
    code: str,
    locator: str,
) -> None:
    await take(api)
    before = await everything(api, host)
    document = bundle()
    spoil(document)
    reply = await post(api, document)
    assert_refused(reply, status, code)
    assert locator in located(reply)
    assert await everything(api, host) == before


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize("first", range(len(FLAWS) - 1), ids=NAMES[:-1])
async def test_the_first_gate_that_refuses_ends_the_import(api: Api, first: int) -> None:
    """Every later gate would refuse as well."""
    await take(api)
    document = bundle()
    # Backwards, because the flaws of the two last gates are both in the id, and the sixth has to be seen.
    for _, spoil, *_ in reversed(FLAWS[first:]):
        spoil(document)
    _, _, status, code, locator = FLAWS[first]
    reply = await post(api, document)
    assert_refused(reply, status, code)
    assert locator in located(reply)


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"format": "other"},
        bundle(format=None),
        bundle(schemaVersion=None),
        bundle(schemaVersion=1),
        bundle(schemaVersion="1"),
        bundle(schemaVersion="1.0\n"),
        bundle(publisher=""),
        bundle(publisher=5),
        bundle(publisher="x" * 300),
        bundle(capabilities=[]),
        bundle(capabilities={"processors": "text_input"}),
        bundle(capabilities={"processors": [1]}),
        bundle(node_types={}),
        bundle(node_types=[1]),
        bundle(node_types=[GREETING] * 501),
        {**bundle(), "flow": None},
        {**bundle(), "flow": [1]},
    ],
)
async def test_an_envelope_of_the_wrong_form_is_refused(api: Api, host: Host, broken: Any) -> None:
    before = await everything(api, host)
    reply = await post(api, broken)
    assert reply.status == 422
    assert assert_refused(reply, 422, reply.body["code"])["details"]
    assert reply.body["code"] in ("BUNDLE_UNSUPPORTED", "BUNDLE_MALFORMED")
    assert await everything(api, host) == before


# Gate 2


@pytest.mark.rule("STORE-9")
async def test_a_stranger_is_let_in_only_when_confirmed_by_name(api: Api) -> None:
    document = bundle(publisher=STRANGER)
    for params in ({}, {"confirm_publisher": "true"}, {"confirm_publisher": "other"}):
        assert_refused(await post(api, document, **params), 403, "PUBLISHER_UNTRUSTED")
    assert (await post(api, document, confirm_publisher=STRANGER)).status == 201


async def test_a_bundle_cannot_confirm_itself(api: Api) -> None:
    document = bundle(publisher=STRANGER, confirm_publisher=STRANGER)
    for body in (document, {"bundle": document, "confirm_publisher": STRANGER}):
        assert_refused(await post(api, body), 403, "PUBLISHER_UNTRUSTED")


class TestOrdinaryUsers:
    """Where people are told apart, they do not hold the permission to confirm."""

    @pytest.fixture
    def flowdrop_config(self) -> dict[str, Any]:
        return {"trusted_publishers": [TRUSTED], "owner_policy": "username"}

    @pytest.mark.rule("STORE-9")
    async def test_a_confirmation_without_the_permission_does_not_count(self, api: Api) -> None:
        reply = await post(api, bundle(publisher=STRANGER), confirm_publisher=STRANGER)
        assert_refused(reply, 403, "PUBLISHER_UNTRUSTED")
        assert (await post(api, bundle())).status == 201


# Gates 3 and 4


@pytest.mark.rule("STORE-9")
async def test_every_missing_processor_is_named(api: Api) -> None:
    document = bundle(
        capabilities={"processors": ["one", "text_input", "other"]},
        node_types=[GREETING, {**GREETING, "id": "b", "executor_plugin": "third"}],
    )
    reply = await post(api, document)
    assert_refused(reply, 422, "CAPABILITY_MISSING")
    assert located(reply) == [
        "capabilities.processors.0",
        "capabilities.processors.2",
        "node_types.1.executor_plugin",
    ]


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize(
    ("node_types", "status", "code"),
    [
        ([{**GREETING, "id": "chat_input"}], 409, "NODE_TYPE_EXISTS"),
        ([GREETING, {**GREETING, "label": "Other"}], 409, "NODE_TYPE_EXISTS"),
        ([GREETING, {**GREETING, "id": "b", "parameters": {"unheard": {}}}], 422, "NODE_TYPE_INVALID"),
        ([GREETING, {"id": "b", "executor_plugin": "text_input"}], 422, "NODE_TYPE_INVALID"),
        ([GREETING, {**GREETING, "id": ""}], 422, "NODE_TYPE_INVALID"),
        ([GREETING, {}], 422, "NODE_TYPE_INVALID"),
    ],
)
async def test_a_node_type_that_cannot_be_made_ends_the_import(
    api: Api, host: Host, node_types: list[Any], status: int, code: str
) -> None:
    before = await everything(api, host)
    assert assert_refused(await post(api, bundle(node_types=node_types)), status, code)["details"]
    assert await everything(api, host) == before


@pytest.mark.rule("STORE-9")
async def test_a_node_type_that_is_there_and_says_the_same_is_used(api: Api, host: Host) -> None:
    assert (await post(api, bundle())).status == 201
    assert (await post(api, bundle({"id": "second"}))).status == 201
    assert [kept.id for kept in await host.store.node_types()] == ["acme_greeting"]
    # What an earlier import has made is not taken away by the refusal of a later one.
    assert_refused(await post(api, bundle({"id": "second"})), 409, "WORKFLOW_EXISTS")
    assert (await api.get("nodes/acme_greeting")).status == 200


# Gate 5


def bound(*inputs: Any) -> dict[str, Any]:
    return {"inputs": list(inputs), "outputs": []}


@pytest.mark.rule("STORE-9")
async def test_entries_are_judged_at_the_indexes_at_which_they_were_sent(api: Api) -> None:
    good = {"name": "say", "node_id": "out.1", "port": "message"}
    document = bundle(bound("no object", good, None, {"name": ["x"], "node_id": "out.1", "port": "message"}))
    reply = await post(api, document)
    assert_refused(reply, 422, "VALIDATION_ERROR")
    found = [(each["code"], each["locator"]) for each in reply.body["details"]]
    formats = [locator for code, locator in found if code == "R4_NAME_FORMAT"]
    assert formats == ["schema.input.0", "schema.input.2", "schema.input.3"]
    assert all(locator != "schema.input.1" for _, locator in found)


@pytest.mark.rule("STORE-9")
async def test_an_entry_is_kept_as_it_was_submitted(api: Api, host: Host) -> None:
    entry = {"name": 7, "node_id": "out.1", "port": "message", "title": "Say", "x-more": {"deep": [1]}}
    reply = await post(api, bundle(bound(entry)))
    assert reply.status == 201, reply.text
    record = await host.store.workflow("greeter")
    assert record is not None
    assert record.inputs == [entry]
    # Nor do a later save and a launch take offence.
    assert (await api.put("workflows/greeter", {"name": "Renamed"})).status == 200
    session_id = (await api.post("workflows/greeter/playground/sessions", {})).data["id"]
    assert (await api.turn(session_id, "hello"))["sessionStatus"] == "completed"


@pytest.mark.rule("STORE-9")
async def test_trusted_bundles_are_normalised_too(api: Api) -> None:
    entry = {"name": "say", "node_id": True, "port": "message"}
    assert_refused(await post(api, bundle(bound(entry))), 422, "VALIDATION_ERROR")


@pytest.mark.rule("STORE-9")
def test_only_three_scalars_are_judged_as_text() -> None:
    entries = [
        {"name": "a", "node_id": 1, "port": 1.5, "title": "gone"},
        {"name": True, "node_id": None, "port": ["x"]},
        "text",
        None,
        [],
        {},
    ]
    assert normalised_entries(entries) == [
        {"name": "a", "node_id": "1", "port": "1.5"},
        {"name": "true"},
        {},
        {},
        {},
        {},
    ]


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize(
    ("flow", "locator"),
    [
        ({"name": ""}, "flow.name"),
        ({"name": None}, "flow.name"),
        ({"nodes": {}}, "flow.nodes"),
        ({"nodes": [1]}, "flow.nodes"),
        ({"edges": "x"}, "flow.edges"),
        ({"inputs": {}}, "flow.inputs"),
        ({"outputs": "x"}, "flow.outputs"),
        ({"metadata": "x"}, "flow.metadata"),
        ({"description": 5}, "flow.description"),
        ({"interface": 5}, "flow.interface"),
    ],
)
async def test_a_flow_of_the_wrong_form_is_refused_with_its_place(
    api: Api, host: Host, flow: dict[str, Any], locator: str
) -> None:
    before = await everything(api, host)
    reply = await post(api, bundle(flow))
    assert reply.status == 422
    assert located(reply) == [locator]
    assert await everything(api, host) == before


# Gates 6 and 7


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize("flow_id", ["a", "a_1", "0", "x" * 64])
async def test_an_id_of_the_right_shape_is_used(api: Api, flow_id: str) -> None:
    assert (await post(api, bundle({"id": flow_id}))).data["id"] == flow_id


@pytest.mark.rule("STORE-9")
@pytest.mark.parametrize(
    "flow_id", ["x" * 65, "A", "a-b", "a b", "ä", "a\n", "file:x.flowdrop.json", 5, ["a"]]
)
async def test_an_id_of_another_shape_is_refused(api: Api, flow_id: Any) -> None:
    reply = await post(api, bundle({"id": flow_id}))
    assert_refused(reply, 422, "FLOW_ID_INVALID")
    assert located(reply) == ["flow.id"]


@pytest.mark.rule("STORE-9")
async def test_without_an_id_a_fresh_one_is_made(api: Api) -> None:
    first, second = await post(api, bundle({"id": ""})), await post(api, bundle({"id": None}))
    assert first.status == second.status == 201
    assert first.data["id"] != second.data["id"]
    exported = json.loads((await api.get(f"workflows/{first.data['id']}/bundle")).raw)
    assert exported["flow"]["id"] == first.data["id"]


@pytest.mark.rule("STORE-9")
async def test_a_workflow_that_is_there_is_never_replaced(api: Api) -> None:
    taken = await take(api)
    reply = await post(api, bundle({"id": "taken"}))
    assert_refused(reply, 409, "WORKFLOW_EXISTS")
    assert (await api.get("workflows/taken")).data == taken


# Out again


async def test_a_bundle_that_is_exported_can_be_imported_elsewhere(
    api: Api, host: Host, flowdrop: FlowDropApp
) -> None:
    entry = {"name": "say", "node_id": "out.1", "port": "message", "title": "Say"}
    await post(api, bundle({**bound(entry), "style": {"dark": True}}))
    reply = await api.get("workflows/greeter/bundle")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="Greeter.flowdrop-bundle.json"'
    exported = json.loads(reply.raw)
    assert exported["publisher"] == "here"
    assert exported["capabilities"] == {"processors": ["chat_output", "text_input"]}
    assert exported["node_types"] == [GREETING]
    assert exported["flow"]["inputs"] == [entry]
    assert exported["flow"]["style"] == {"dark": True}
    await api.delete("workflows/greeter")
    await host.store.remove_node_type("acme_greeting")
    host.registry.remove_preset("acme_greeting")
    again = await post(api, {"bundle": json.dumps(exported)}, confirm_publisher="here")
    assert again.status == 201, again.text
    back = json.loads((await api.get("workflows/greeter/bundle")).raw)
    assert back == exported
    assert_refused(await api.get("workflows/nothing/bundle"), 404, "WORKFLOW_NOT_FOUND")


# Across the end of a process


PRINCIPAL = Principal("ada", "Ada", ALL_PERMISSIONS)


@asynccontextmanager
async def running(host: Host) -> AsyncIterator[Host]:
    async with anyio.create_task_group() as owner:
        await owner.start(host.run)
        try:
            yield host
        finally:
            owner.cancel_scope.cancel()


class DyingStore(TinyDBStore):
    """Fails where it would write a workflow."""

    async def _write_definitions(self, batch: Any) -> None:
        raise StoreError("No space is left.")


@pytest.mark.anyio
@pytest.mark.rule("STORE-9")
async def test_node_types_are_there_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for turn in range(2):
        host = Host(TinyDBStore(data), NodeRegistry(NODE_TYPES), root=tmp_path, trusted_publishers=[TRUSTED])
        async with running(host):
            if turn == 0:
                await host.bundles.take_in(bundle(), PRINCIPAL)
            kind = host.registry.node_type("acme_greeting")
            assert kind is not None
            assert kind.name == "Greeting"
            assert (await host.workflows.read("greeter"))["nodes"][0]["data"]["metadata"][
                "name"
            ] == "Greeting"


@pytest.mark.anyio
@pytest.mark.rule("STORE-9")
async def test_a_write_that_fails_leaves_neither_workflow_nor_node_type(tmp_path: Path) -> None:
    data = tmp_path / "data"
    host = Host(DyingStore(data), NodeRegistry(NODE_TYPES), root=tmp_path, trusted_publishers=[TRUSTED])
    async with running(host):
        with pytest.raises(StoreError):
            await host.bundles.take_in(bundle(), PRINCIPAL)
        assert host.registry.node_type("acme_greeting") is None
    async with running(Host(TinyDBStore(data), NodeRegistry(NODE_TYPES), root=tmp_path)) as host:
        assert host.registry.node_type("acme_greeting") is None
        assert await host.store.workflows() == []
        assert await host.store.node_types() == []


@pytest.mark.anyio
@pytest.mark.rule("STORE-9")
async def test_two_imports_at_once_make_one_of_each(tmp_path: Path) -> None:
    host = Host(
        TinyDBStore(tmp_path / "data"), NodeRegistry(NODE_TYPES), root=tmp_path, trusted_publishers=[TRUSTED]
    )
    outcomes: list[str] = []

    async def take_in() -> None:
        try:
            outcomes.append((await host.bundles.take_in(bundle(), PRINCIPAL))["id"])
        except Exception as error:
            outcomes.append(getattr(error, "code", repr(error)))

    async with running(host):
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(take_in)
        assert sorted(outcomes) == ["WORKFLOW_EXISTS"] * 4 + ["greeter"]
        assert len(await host.store.node_types()) == 1


@pytest.mark.anyio
async def test_a_node_type_whose_processor_is_gone_does_not_keep_the_host_from_starting(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    store = TinyDBStore(data)
    await store.open()
    await store.add_node_type(NodeTypeRecord(id="orphan", preset={**GREETING, "executor_plugin": "gone"}))
    await store.add_node_type(NodeTypeRecord(id="broken", preset={"nonsense": 1}))
    await store.save_workflow(WorkflowRecord(id="w", name="W"), new=True)
    await store.close()
    async with running(Host(TinyDBStore(data), NodeRegistry(NODE_TYPES), root=tmp_path)) as host:
        assert (await host.workflows.read("w"))["name"] == "W"


def test_only_an_administrator_may_confirm() -> None:
    from flowdrop_jupyter.sessions.permissions import may_confirm_publisher

    assert may_confirm_publisher(PRINCIPAL)
    assert not may_confirm_publisher(Principal("bob", "Bob", OWN_PERMISSIONS))
