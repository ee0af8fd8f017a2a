"""Workflows go out as JSON or YAML and come in again; the routes beside them tell what they promise."""

import json
import time
from typing import Any

import pytest
import yaml
from graphs import ECHO, document, edge, node
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host

KNOWN = ["id", "name", "description", "nodes", "edges", "metadata", "created", "changed", "uid"]
TRICKY = ["no", "1e5", "0o17", "2026-01-01", "a: b\n- c\n", "~", " x ", "\u2028", "=", "<<", "'\"", "1:30"]
RICH = {**ECHO, "name": "Täst: no", "description": "line\nline\n", "style": {"dark": True, "tricky": TRICKY}}


async def exported(api: Api, form: str | None = None, workflow_id: str = "echo") -> Any:
    return await api.get(f"workflows/{workflow_id}/export", params={"format": form} if form else None)


async def test_an_export_is_the_raw_document_as_a_file(api: Api) -> None:
    await api.post("workflows", RICH)
    reply = await exported(api)
    assert reply.status == 200
    assert reply.headers["Content-Disposition"] == 'attachment; filename="T-st-no.flowdrop.json"'
    raw = json.loads(reply.raw)
    assert list(raw) == [*KNOWN, "style"]
    served = (await api.get("workflows/echo")).data
    assert {key: raw[key] for key in KNOWN} == served
    assert raw["style"] == RICH["style"]


async def test_yaml_says_the_same_as_json(api: Api) -> None:
    await api.post("workflows", RICH)
    reply = await exported(api, "yaml")
    assert reply.headers["Content-Type"].startswith("application/x-yaml")
    assert reply.headers["Content-Disposition"].endswith('.flowdrop.yaml"')
    # The older rules of YAML as well must find nothing but texts where texts are.
    assert yaml.safe_load(reply.text) == json.loads((await exported(api)).raw)
    assert list(yaml.safe_load(reply.text)) == [*KNOWN, "style"]


async def test_an_export_refuses_what_it_does_not_know(api: Api) -> None:
    await api.post("workflows", ECHO)
    assert assert_refused(await exported(api, "xml"), 400, "FORMAT_UNKNOWN")["details"]
    assert_refused(await exported(api, workflow_id="nothing"), 404, "WORKFLOW_NOT_FOUND")
    twice = await api.get("workflows/echo/export", params=[("format", "json"), ("format", "yaml")])
    assert_refused(twice, 400, "PARAMETER_REPEATED")


@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("wrapped", [True, False], ids=["text", "bare"])
async def test_what_was_exported_comes_in_again_under_a_new_id(api: Api, form: str, wrapped: bool) -> None:
    await api.post("workflows", RICH)
    raw = (await exported(api, form)).text
    body = {"workflow": raw} if wrapped else yaml.safe_load(raw)
    reply = await api.post("workflows/import", body)
    assert reply.status == 201, reply.text
    assert reply.data["id"] != "echo"
    again = json.loads((await exported(api, workflow_id=reply.data["id"])).raw)
    before = json.loads((await exported(api)).raw)
    for document_ in (again, before):
        for key in ("id", "created", "changed"):
            del document_[key]
        for key in ("createdAt", "updatedAt"):
            del document_["metadata"][key]
    assert again == before
    assert len((await api.get("workflows")).data) == 2


async def test_an_import_is_validated_like_a_save(api: Api) -> None:
    unknown = document([node("a", "no_such_type")], [])
    reply = await api.post("workflows/import", {"workflow": json.dumps(unknown)})
    body = assert_refused(reply, 422, "VALIDATION_ERROR")
    assert [detail["code"] for detail in body["details"]] == ["R9_NODE_TYPE_UNKNOWN"]
    assert_refused(await api.post("workflows/import", {"nodes": []}), 400, "VALIDATION_ERROR")
    assert_refused(await api.post("workflows/import", raw=b"{"), 400, "BODY_MALFORMED")
    assert_refused(await api.post("workflows/import", raw=b""), 400, "BODY_EMPTY")
    assert (await api.get("workflows")).data == []


LAUGHS = "a0: &a0 lol\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (LAUGHS, "DOCUMENT_MALFORMED"),
        ("name: &a x\ndescription: *a", "DOCUMENT_MALFORMED"),
        ("&loop {name: x, nodes: *loop}", "DOCUMENT_MALFORMED"),
        ("!!python/object/apply:os.system [id]", "DOCUMENT_MALFORMED"),
        ("name: !!python/name:os.system x", "DOCUMENT_MALFORMED"),
        ("name: x\n---\nname: y", "DOCUMENT_MALFORMED"),
        ("name: x\nname: y", "DOCUMENT_MALFORMED"),
        ("name: .inf", "DOCUMENT_MALFORMED"),
        ("name: " + "9" * 1000, "DOCUMENT_MALFORMED"),
        ("? [name]\n: x", "DOCUMENT_MALFORMED"),
        ("name: [", "DOCUMENT_MALFORMED"),
        ("\x00", "DOCUMENT_MALFORMED"),
        ('{"name": NaN}', "DOCUMENT_MALFORMED"),
        ("- " * 100 + "x", "DOCUMENT_TOO_DEEP"),
        ("[" * 200_000, "DOCUMENT_TOO_DEEP"),
        ("a: " + "{a: " * 100_000, "DOCUMENT_TOO_DEEP"),
        ('{"a":' * 64 + "1" + "}" * 64, "DOCUMENT_TOO_DEEP"),
        ("", "DOCUMENT_NOT_AN_OBJECT"),
        ("just a text", "DOCUMENT_NOT_AN_OBJECT"),
        ("[1]", "DOCUMENT_NOT_AN_OBJECT"),
        ("name: 5", "VALIDATION_ERROR"),
        ("name: yes\nnodes: {}", "VALIDATION_ERROR"),
    ],
    ids=lambda value: value[:20],
)
@pytest.mark.parametrize("door", ["import", "import-bundle"])
async def test_a_hostile_text_is_refused_quickly(api: Api, door: str, text: str, code: str) -> None:
    key = "workflow" if door == "import" else "bundle"
    began = time.monotonic()
    reply = await api.post(f"workflows/{door}", {key: text})
    assert time.monotonic() - began < 5
    if door == "import-bundle" and code == "VALIDATION_ERROR":
        assert_refused(reply, 422, "BUNDLE_UNSUPPORTED")
    else:
        assert assert_refused(reply, 400, code)["details"]
    assert (await api.get("workflows")).data == []


@pytest.mark.parametrize("value", [5, True, [1], ["x"]])
async def test_a_text_that_is_none_is_refused(api: Api, value: Any) -> None:
    for door, key in (("import", "workflow"), ("import-bundle", "bundle")):
        reply = await api.post(f"workflows/{door}", {key: value})
        assert_refused(reply, 400, "DOCUMENT_NOT_AN_OBJECT")


async def test_no_workflow_can_be_called_like_a_door(api: Api) -> None:
    for word in ("import", "import-bundle", "validate"):
        assert_refused(await api.post("workflows", {**ECHO, "id": word}), 400, "WORKFLOW_ID_RESERVED")


# Forms


async def test_a_node_type_tells_its_form_and_its_defaults(api: Api, host: Host) -> None:
    schema = (await api.get("nodes/text_input/schema")).data
    assert schema == json.loads(json.dumps(host.registry.node_type("text_input").config_schema()))
    assert schema["type"] == "object"
    defaults = (await api.get("nodes/text_input/config")).data
    merged = (await api.post("nodes/text_input/config", {"config": {"defaultValue": "mine"}})).data
    assert merged == {**defaults, "defaultValue": "mine"}
    assert (await api.post("nodes/text_input/config")).data == defaults
    assert_refused(await api.get("nodes/nothing/schema"), 404, "SCHEMA_NOT_FOUND")
    assert_refused(await api.get("nodes/nothing/config"), 404, "CONFIG_NOT_FOUND")
    assert_refused(await api.post("nodes/nothing/config", {}), 404, "CONFIG_NOT_FOUND")
    assert_refused(await api.post("nodes/text_input/config", {"config": [1]}), 400, "INVALID_CONFIG")


@pytest.mark.rule("API-4")
async def test_a_configuration_gets_no_verdict_of_its_own(api: Api) -> None:
    nonsense = {"config": {"defaultValue": {"not": "a text"}, "unheard": 1}}
    reply = await api.post("nodes/text_input/config", nonsense)
    assert reply.status == 200
    assert reply.data["unheard"] == 1


async def test_the_variables_of_a_template_are_what_reaches_it(api: Api) -> None:
    flow = document(
        [
            node("chat_input.1", "chat_input"),
            node("prompt.1", "prompt_template", template="{{ question }} {{ past }}"),
        ],
        [
            edge("chat_input.1", "message", "prompt.1", "question"),
            edge("chat_input.1", "history", "prompt.1", "past"),
            edge("chat_input.1", "trigger", "prompt.1", "trigger"),
        ],
        id="w",
    )
    flow["nodes"][0]["data"]["config"]["ports"] = {"outputs": {"history": {"exposed": True}}}
    saved = await api.post("workflows", flow)
    assert saved.status == 201, saved.text
    variables = (await api.get("variables/w/prompt.1")).data["variables"]
    assert {name: each["type"] for name, each in variables.items()} == {"question": "string", "past": "array"}
    assert all(each["name"] == name for name, each in variables.items())
    asked = await api.post("variables", {"workflowId": "w", "nodeId": "prompt.1"})
    assert asked.data == {"variables": variables}
    assert (await api.get("variables/w/chat_input.1")).data == {"variables": {}}
    assert_refused(await api.get("variables/w/nothing"), 404, "NODE_NOT_FOUND")
    assert_refused(await api.get("variables/nothing/x"), 404, "WORKFLOW_NOT_FOUND")
    assert_refused(await api.post("variables", {"workflowId": 5}), 400, "VALIDATION_ERROR")
    assert_refused(await api.get("variables"), 405, "METHOD_NOT_ALLOWED")


# The system


async def test_the_system_tells_its_version_in_both_forms(api: Api) -> None:
    reply = await api.get("system/version")
    described = {key: reply.body[key] for key in ("version", "build", "api_version")}
    assert reply.data == described
    config = (await api.get("system/config")).data
    assert config["version"] == described["version"]
    assert config["limits"] == {"maxWorkflowNodes": 500, "maxConcurrentExecutions": 8}
    assert config["features"]
    assert all(isinstance(value, bool) for value in config["features"].values())


async def test_preferences_are_replaced_and_changed(api: Api) -> None:
    assert (await api.get("users/preferences")).data == {}
    assert (
        await api.put("users/preferences", {"theme": "dark", "grid": {"on": True, "size": 8}})
    ).status == 200
    patched = await api("PATCH", "users/preferences", {"theme": None, "grid": {"size": 4}, "list": [1]})
    expected = {"grid": {"on": True, "size": 4}, "list": [1]}
    assert patched.data == expected
    assert (await api.get("users/preferences")).data == expected
    assert (await api.put("users/preferences", {})).data == {}
    assert (await api.get("users/preferences")).data == {}


async def test_preferences_are_bounded(api: Api) -> None:
    await api.put("users/preferences", {"kept": 1})
    for reply in (
        await api.put("users/preferences", {"x": "y" * 70_000}),
        await api("PATCH", "users/preferences", {"x": "y" * 70_000}),
    ):
        assert_refused(reply, 400, "PREFERENCES_TOO_LARGE")
    assert_refused(await api.put("users/preferences", [1]), 400, "BODY_NOT_AN_OBJECT")
    assert (await api.get("users/preferences")).data == {"kept": 1}


async def test_executions_are_counted_by_node(api: Api) -> None:
    assert (await api.get("node-execution-counts")).data == {}
    first, second = await api.open(ECHO), await api.open({**ECHO, "id": "other"})
    for session_id, turns in ((first, 2), (second, 1)):
        for _ in range(turns):
            await api.turn(session_id, "hello")
    counts = (await api.get("node-execution-counts")).data
    assert counts == {"chat_input.1": 3, "chat_output.1": 3}
    one = await api.get("node-execution-counts", params={"workflow_id": "echo"})
    assert one.data == {"chat_input.1": 2, "chat_output.1": 2}
    await api.turn(first, "again")
    assert (await api.get("node-execution-counts")).data["chat_input.1"] == 4
    await api.delete(f"playground/sessions/{first}")
    assert (await api.get("node-execution-counts")).data["chat_input.1"] == 1
