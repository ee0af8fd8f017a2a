"""What is saved in a file can be read again, is held to its contract, and overwrites no one else's work."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphs import ECHO, node
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host

ID = "file:sums.flowdrop.json"
BOUND = {"name": "start", "node_id": "r", "port": "start"}
INTERFACE = {"inputs": [{"id": "start", "bindings": [{"nodeId": "r", "portId": "start"}]}]}
OWN_KEYS = ["inputs", "outputs", "contract_version", "parameter_schema", "output_schema"]


def counting(**keys: Any) -> dict[str, Any]:
    return {"name": "Sums", "nodes": [node("r", "range", end=5)], "edges": [], **keys}


@pytest.fixture
def file(jp_root_dir: Path) -> Path:
    return jp_root_dir / "sums.flowdrop.json"


def put(file: Path, document: Any) -> bytes:
    file.write_text(json.dumps(document))
    return file.read_bytes()


def held(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def loaded(file: Path) -> dict[str, Any]:
    document = json.loads(file.read_bytes())
    assert isinstance(document, dict)
    return document


# Keys of the store's own


@pytest.mark.parametrize("key", OWN_KEYS)
@pytest.mark.parametrize("workflow_id", [ID, "stored"])
async def test_a_key_that_storage_uses_itself_is_refused(
    api: Api, file: Path, key: str, workflow_id: str
) -> None:
    document = counting(id=workflow_id, interface=INTERFACE)
    refused = await api.post("workflows", {**document, key: "zzz"})
    assert [cause["locator"] for cause in assert_refused(refused, 400, "KEY_RESERVED")["details"]] == [key]
    assert_refused(await api.get(f"workflows/{workflow_id}"), 404, "WORKFLOW_NOT_FOUND")
    assert (await api.post("workflows", document)).status == 201
    before = held(file)
    for reply in (
        await api.put(f"workflows/{workflow_id}", {"name": "x", key: [{}]}),
        await api.post("workflows/validate", {**document, key: [{}]}),
    ):
        assert_refused(reply, 400, "KEY_RESERVED")
    assert held(file) == before


@pytest.mark.parametrize("nothing", [None, []])
@pytest.mark.parametrize("workflow_id", [ID, "stored"])
async def test_a_key_of_storage_that_says_nothing_is_passed_over(
    api: Api, workflow_id: str, nothing: Any
) -> None:
    document = counting(id=workflow_id, interface=INTERFACE, inputs=nothing, parameter_schema=nothing)
    created = await api.post("workflows", document)
    assert created.status == 201, created.text
    served = await api.get(f"workflows/{workflow_id}")
    assert served.data == created.data
    assert [entry["id"] for entry in served.data["interface"]["inputs"]] == ["start"]
    schema = (await api.get(f"workflows/{workflow_id}/schema")).body
    assert schema["parameter_schema"]["properties"]["start"]["type"] == "number"


async def test_keys_kept_by_an_older_version_hide_nothing(api: Api, host: Host, file: Path) -> None:
    """Rows were written when such keys were not refused."""
    assert (await api.post("workflows", counting(id="old", interface=INTERFACE))).status == 201
    record = await host.store.workflow("old")
    assert record is not None
    record.extra = {"inputs": "zzz", "outputs": [], "name": 5, "nodes": None, "style": {"dark": True}}
    await host.store.save_workflow(record, new=False)
    flow = json.loads((await api.get("workflows/old/bundle")).raw)["flow"]
    assert (flow["name"], flow["inputs"], flow["style"]) == ("Sums", [BOUND], {"dark": True})
    exported = json.loads((await api.get("workflows/old/export")).raw)
    assert (exported["name"], len(exported["nodes"])) == ("Sums", 1)
    assert [entry["id"] for entry in exported["interface"]["inputs"]] == ["start"]
    record.id = ID
    await host.definitions.save_workflow(record, new=True)
    assert loaded(file)["inputs"] == [BOUND]
    assert (await api.get(f"workflows/{ID}")).data["name"] == "Sums"


async def test_a_file_can_be_imported_as_a_stored_workflow(api: Api, file: Path) -> None:
    assert (await api.post("workflows", counting(id=ID, interface=INTERFACE))).status == 201
    imported = await api.post("workflows/import", {"workflow": json.dumps(loaded(file))})
    assert imported.status == 201, imported.text
    assert not imported.data["id"].startswith("file:")
    assert [entry["id"] for entry in imported.data["interface"]["inputs"]] == ["start"]
    schema = (await api.get(f"workflows/{imported.data['id']}/schema")).body
    assert schema["schema_version"] == "1.0.0"
    assert schema["parameter_schema"]["properties"]["start"]["type"] == "number"


# The contract of a file


async def test_the_interface_of_a_file_has_a_contract_at_once(api: Api, file: Path) -> None:
    put(file, counting(interface=INTERFACE))
    served = (await api.get(f"workflows/{ID}")).data["interface"]["inputs"]
    assert [(entry["id"], entry["dataType"]) for entry in served] == [("start", "number")]
    schema = (await api.get(f"workflows/{ID}/schema")).body
    assert schema["schema_version"] == "1.0.0"
    assert schema["parameter_schema"]["properties"] == {
        "start": {"type": "number", "default": 0, "x-data-type": "number"}
    }
    wrong = await api.post(f"workflows/{ID}/execute", {"inputs": {"start": "no number"}})
    assert_refused(wrong, 400, "INPUT_INVALID")
    opened = (await api.post(f"workflows/{ID}/playground/sessions", {})).data["id"]
    turn = {"content": "hi", "inputs": {"start": "no number"}}
    assert_refused(await api.post(f"playground/sessions/{opened}/messages", turn), 400, "INPUT_INVALID")
    ran = await api.post(f"workflows/{ID}/execute", {"inputs": {"start": 3}, "options": {"wait": True}})
    assert ran.status == 200, ran.text


async def test_a_save_writes_the_contract_that_was_read(api: Api, file: Path) -> None:
    put(file, counting(interface=INTERFACE))
    schema = (await api.get(f"workflows/{ID}/schema")).body
    assert (await api.put(f"workflows/{ID}", {"name": "Saved"})).status == 200
    written = loaded(file)
    assert (written["name"], written["inputs"]) == ("Saved", [BOUND])
    assert written["contract_version"] == schema["schema_version"]
    assert written["parameter_schema"] == schema["parameter_schema"]
    assert (await api.get(f"workflows/{ID}/schema")).body == schema


async def test_a_contract_that_a_file_holds_is_not_built_again(api: Api, file: Path) -> None:
    published = {"type": "object", "properties": {"start": {"type": "string", "x-data-type": "string"}}}
    put(file, counting(inputs=[BOUND], contract_version="3.1.4", parameter_schema=published))
    schema = (await api.get(f"workflows/{ID}/schema")).body
    assert (schema["schema_version"], schema["parameter_schema"]) == ("3.1.4", published)


@pytest.mark.parametrize(
    "keys",
    [
        {"contract_version": "abc"},
        {"contract_version": ""},
        {"contract_version": "1.2"},
        {"contract_version": "1.2.3.4"},
        {"contract_version": "-1.0.0"},
        {"contract_version": "1.0.0\n"},
        {"contract_version": "1\r\nX-Evil: 1"},
        {"contract_version": "€"},
        {"contract_version": "\u0661.\u0660.\u0660"},
        {"contract_version": f"{'9' * 5000}.0.0"},
        {"parameter_schema": {"required": [["x"]]}},
        {"parameter_schema": {"required": "start"}},
        {"parameter_schema": {"properties": [1]}},
        {"parameter_schema": {"properties": {"start": 7}}},
        {"output_schema": {"properties": "x"}},
    ],
    ids=lambda keys: json.dumps(keys)[:50],
)
async def test_a_file_with_a_contract_of_the_wrong_form_holds_no_workflow(
    api: Api, file: Path, keys: dict[str, Any]
) -> None:
    content = put(file, counting(inputs=[BOUND], **keys))
    for reply in (
        await api.get(f"workflows/{ID}"),
        await api.get(f"workflows/{ID}/schema"),
        await api.get(f"workflows/{ID}/schema", params={"annotated": "1"}),
        await api.post(f"workflows/{ID}/contract"),
        await api.post(f"workflows/{ID}/execute", {"inputs": {"start": 1}}),
        await api.put(f"workflows/{ID}", {"name": "x"}),
    ):
        assert assert_refused(reply, 422, "WORKFLOW_FILE_INVALID")["details"]
    assert held(file) == content


async def test_a_contract_number_that_cannot_go_on_is_refused_and_not_written(api: Api, file: Path) -> None:
    last = 10**15 - 1
    content = put(file, counting(inputs=[BOUND], contract_version=f"1.{last}.0"))
    assert_refused(await api.post(f"workflows/{ID}/contract"), 400, "WORKFLOW_FILE_UNREADABLE")
    assert held(file) == content
    assert (await api.get(f"workflows/{ID}")).status == 200


async def test_a_stored_contract_with_a_list_that_makes_no_sense_does_not_break_a_launch(
    api: Api, host: Host
) -> None:
    assert (await api.post("workflows", counting(id="odd", interface=INTERFACE))).status == 201
    record = await host.store.workflow("odd")
    assert record is not None
    assert record.parameter_schema is not None
    record.parameter_schema["required"] = [["start"], {"a": 1}, 5, "start"]
    await host.store.save_workflow(record, new=False)
    assert_refused(await api.post("workflows/odd/execute", {}), 400, "INPUT_MISSING")
    assert (await api.post("workflows/odd/execute", {"inputs": {"start": 1}})).status == 202


# Names


NAMES = ["two words", "100%", "what?", "a#b", "ärger €", "x" * 200]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:9])
async def test_every_name_of_a_file_can_be_saved(api: Api, jp_root_dir: Path, name: str) -> None:
    folder = jp_root_dir / "deep folder" / ("y" * 100)
    folder.mkdir(parents=True)
    file = folder / f"{name}.flowdrop.json"
    workflow_id = f"file:deep folder:{'y' * 100}:{name}.flowdrop.json"
    created = await api.post("workflows", {**ECHO, "id": workflow_id})
    assert created.status == 201, created.text
    assert created.data["id"] == workflow_id
    served = (await api.get(f"workflows/{workflow_id}")).data
    # The editor sends the whole object back.
    saved = await api.put(f"workflows/{workflow_id}", {**served, "name": "Saved"})
    assert saved.status == 200, saved.text
    assert loaded(file)["name"] == "Saved"
    assert (await api.post("workflows/validate", served)).data["valid"] is True
    assert (await api.post(f"workflows/{workflow_id}/playground/sessions", {})).status == 201
    listed = await api.get("workflows", params={"folder": f"deep folder/{'y' * 100}"})
    assert [row["id"] for row in listed.data] == [workflow_id]
    assert (await api.delete(f"workflows/{workflow_id}")).status == 200


@pytest.mark.parametrize("other", [5, "import", "a b", "x" * 300, ["x"]])
async def test_the_id_in_the_body_of_an_update_is_not_looked_at(api: Api, other: Any) -> None:
    assert (await api.post("workflows", ECHO)).status == 201
    saved = await api.put("workflows/echo", {"name": "Saved", "id": other})
    assert (saved.status, saved.data["id"]) == (200, "echo")
    assert (await api.post("workflows/validate", {**ECHO, "id": other})).data["valid"] is True


@pytest.mark.parametrize("other", ["import", "a b", "x" * 300, "100%"])
async def test_an_id_that_no_address_can_name_is_refused_with_its_place(api: Api, other: str) -> None:
    refused = await api.post("workflows", {**ECHO, "id": other})
    code = "WORKFLOW_ID_RESERVED" if other == "import" else "VALIDATION_ERROR"
    assert [cause["locator"] for cause in assert_refused(refused, 400, code)["details"]] == ["id"]


# What others write meanwhile


@pytest.mark.parametrize("same_size", [True, False])
async def test_what_somebody_else_writes_during_a_save_is_not_lost(
    api: Api, host: Host, file: Path, monkeypatch: pytest.MonkeyPatch, same_size: bool
) -> None:
    put(file, counting(name="Before"))
    theirs = counting(name="Theirs") if same_size else counting(name="Theirs", more=[1])
    save = host.definitions.save_workflow

    async def late(*args: Any, **options: Any) -> None:
        if len(writes) == 0:
            writes.append(put(file, theirs))
        await save(*args, **options)

    writes: list[bytes] = []
    monkeypatch.setattr(host.definitions, "save_workflow", late)
    reply = await api.put(f"workflows/{ID}", {"name": "Mine"})
    assert assert_refused(reply, 409, "WORKFLOW_FILE_CHANGED")["details"]
    assert [held(file)] == writes
    assert (await api.put(f"workflows/{ID}", {"name": "Mine"})).status == 200
    assert loaded(file)["name"] == "Mine"


async def test_a_contract_is_not_built_into_a_file_that_was_changed(
    api: Api, host: Host, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(file, counting(interface=INTERFACE))
    save = host.definitions.save_workflow

    async def late(*args: Any, **options: Any) -> None:
        put(file, counting(name="Theirs"))
        await save(*args, **options)

    monkeypatch.setattr(host.definitions, "save_workflow", late)
    assert_refused(await api.post(f"workflows/{ID}/contract"), 409, "WORKFLOW_FILE_CHANGED")
    assert loaded(file)["name"] == "Theirs"


@pytest.mark.rule("META-6")
async def test_a_contract_that_somebody_edits_by_hand_gets_another_tag(api: Api, file: Path) -> None:
    put(file, counting(interface=INTERFACE))
    first = (await api.get(f"workflows/{ID}/schema")).headers["ETag"]
    renamed = {"inputs": [{**INTERFACE["inputs"][0], "id": "begin"}]}
    put(file, counting(interface=renamed))
    changed = await api.get(f"workflows/{ID}/schema", headers={"If-None-Match": first})
    assert changed.status == 200
    assert changed.headers["ETag"] != first
