"""A ``*.flowdrop.json`` below the Jupyter root behaves like a workflow in the store."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from graphs import ECHO
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host

ID = "file:notebooks:quality.flowdrop.json"


def drawn(**keys: Any) -> dict[str, Any]:
    return {**{key: value for key, value in ECHO.items() if key != "id"}, **keys}


@pytest.fixture
def root(jp_root_dir: Path) -> Path:
    (jp_root_dir / "notebooks").mkdir()
    return jp_root_dir


@pytest.fixture
def file(root: Path) -> Path:
    path = root / "notebooks" / "quality.flowdrop.json"
    path.write_text(json.dumps(drawn(name="Quality", style={"dark": True})))
    return path


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def read(path: Path) -> bytes:
    return path.read_bytes()


def there(path: Path) -> bool:
    return path.exists()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_file_opens_like_a_stored_workflow(api: Api, file: Path) -> None:
    os.utime(file, (1_700_000_000, 1_700_000_000))
    served = (await api.get(f"workflows/{ID}")).data
    assert list(served) == [
        *("id", "name", "description", "nodes", "edges", "metadata", "created", "changed", "uid")
    ]
    assert (served["id"], served["name"]) == (ID, "Quality")
    assert served["changed"] == "2023-11-14T22:13:20.000000Z"
    assert served["nodes"][0]["data"]["metadata"]["node_type_id"] == "chat_input"


async def test_a_file_without_a_name_is_called_like_the_file(api: Api, root: Path) -> None:
    (root / "my.flowdrop.json").write_text("{}")
    assert (await api.get("workflows/file:my.flowdrop.json")).data["name"] == "my"


async def test_a_file_runs(api: Api, file: Path) -> None:
    opened = await api.post(f"workflows/{ID}/playground/sessions", {})
    assert opened.status == 201, opened.text
    page = await api.turn(opened.data["id"], "hello")
    assert page["sessionStatus"] == "completed"
    assert [row["content"] for row in page["data"] if row["role"] == "assistant"] == ["hello"]
    listed = (await api.get(f"workflows/{ID}/playground/sessions")).data
    assert [row["workflowId"] for row in listed] == [ID]


async def test_saving_writes_the_file_and_keeps_what_nobody_here_knows(api: Api, file: Path) -> None:
    write(file, json.dumps({"id": "its own", "style": {"dark": True}, **drawn(name="Quality")}))
    os.chmod(file, 0o640)
    saved = await api.put(f"workflows/{ID}", {"name": "Renamed", "metadata": {"colour": "red"}})
    assert saved.status == 200, saved.text
    written = json.loads(read(file))
    assert list(written)[:2] == ["id", "style"]
    assert (written["id"], written["style"]) == ("its own", {"dark": True})
    assert (written["name"], written["metadata"]) == ("Renamed", {"colour": "red"})
    assert written["nodes"][0]["data"]["metadata"] == {"node_type_id": "chat_input"}
    assert mode(file) == 0o640
    assert os.listdir(file.parent) == [file.name]
    assert (await api.get(f"workflows/{ID}")).data == saved.data


async def test_a_refused_save_leaves_the_file_as_it_was(api: Api, file: Path) -> None:
    before = read(file)
    broken = {"name": "x", "nodes": [{"id": "a", "data": {"metadata": {"node_type_id": "nothing"}}}]}
    assert_refused(await api.put(f"workflows/{ID}", broken), 422, "VALIDATION_ERROR")
    assert read(file) == before


async def test_what_somebody_else_wrote_is_read_at_once(api: Api, file: Path) -> None:
    assert (await api.get(f"workflows/{ID}")).data["name"] == "Quality"
    write(file, json.dumps(drawn(name="Changed on disk")))
    assert (await api.get(f"workflows/{ID}")).data["name"] == "Changed on disk"


async def test_a_workflow_can_be_created_as_a_file(api: Api, root: Path) -> None:
    created = await api.post("workflows", drawn(id=ID, name="New"))
    assert created.status == 201, created.text
    assert json.loads((root / "notebooks" / "quality.flowdrop.json").read_text())["name"] == "New"
    again = await api.post("workflows", drawn(id=ID, name="Other"))
    assert_refused(again, 409, "WORKFLOW_EXISTS")
    assert (await api.get(f"workflows/{ID}")).data["name"] == "New"


async def test_a_file_can_be_deleted(api: Api, file: Path) -> None:
    assert (await api.delete(f"workflows/{ID}")).status == 200
    assert not there(file)
    assert_refused(await api.delete(f"workflows/{ID}"), 404, "WORKFLOW_NOT_FOUND")


async def test_the_interface_of_a_file_is_kept_over_a_save(api: Api, file: Path) -> None:
    interface = {"inputs": [{"id": "say", "bindings": [{"nodeId": "chat_output.1", "portId": "message"}]}]}
    write(file, json.dumps(drawn(name="With a port", interface=interface)))
    before = (await api.get(f"workflows/{ID}")).data["interface"]
    assert [(entry["id"], entry["dataType"]) for entry in before["inputs"]] == [("say", "mixed")]
    assert (await api.put(f"workflows/{ID}", {"name": "Saved"})).status == 200
    assert "interface" not in json.loads(read(file))
    assert (await api.get(f"workflows/{ID}")).data["interface"] == before


async def test_a_folder_is_listed(api: Api, file: Path, root: Path) -> None:
    (file.parent / "broken.flowdrop.json").write_text("{")
    (file.parent / "other.json").write_text("{}")
    (file.parent / ".hidden.flowdrop.json").write_text("{}")
    (file.parent / "a:b.flowdrop.json").write_text("{}")
    listed = await api.get("workflows", params={"folder": "notebooks"})
    assert [row["id"] for row in listed.data] == [ID]
    assert listed.body["pagination"]["total"] == 1
    assert (await api.get("workflows", params={"folder": ""})).data == []
    for folder in ("nowhere", "..", ".ssh", "notebooks/../..", "/etc", "a\0b"):
        assert_refused(await api.get("workflows", params={"folder": folder}), 404, "FOLDER_NOT_FOUND")


async def test_a_list_without_a_folder_is_that_of_the_store(api: Api, file: Path) -> None:
    assert (await api.get("workflows")).data == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"[]",
        b"[1]",
        b"null",
        b'{"name": ',
        b'{"name": 5}',
        b'{"nodes": {}}',
        b'{"nodes": [1]}',
        b'{"edges": "x"}',
        b'{"metadata": 3}',
        b'{"contract_version": []}',
        b'{"interface": 7}',
        b'{"nodes": [' + b"[" * 70 + b"]" * 70 + b"]}",
        b"\xff\xfe\x00",
        b'{"name": "\xff"}',
        b"name: yaml",
        b" " * (8 * 1024 * 1024) + b"{}",
    ],
    ids=lambda content: content[:20].decode(errors="replace").strip() or "blank",
)
async def test_a_file_without_a_workflow_is_refused(api: Api, file: Path, content: bytes) -> None:
    write(file, content)
    for reply in (
        await api.get(f"workflows/{ID}"),
        await api.get(f"workflows/{ID}/export"),
        await api.put(f"workflows/{ID}", {"name": "x"}),
        await api.post(f"workflows/{ID}/playground/sessions", {}),
    ):
        assert assert_refused(reply, 422, "WORKFLOW_FILE_INVALID")["details"]
    assert read(file) == content


async def test_a_turn_on_a_file_that_was_broken_since_is_refused(api: Api, file: Path) -> None:
    session_id = (await api.post(f"workflows/{ID}/playground/sessions", {})).data["id"]
    write(file, "{")
    sent = await api.post(f"playground/sessions/{session_id}/messages", {"content": "hi"})
    assert_refused(sent, 422, "WORKFLOW_FILE_INVALID")
    os.unlink(file)
    sent = await api.post(f"playground/sessions/{session_id}/messages", {"content": "hi"})
    assert_refused(sent, 409, "SESSION_WORKFLOW_MISSING")
    assert (await api.messages(session_id))["data"] == []


TRICKS = [
    "file:",
    "file:nothing.flowdrop.json",
    "file:notebooks",
    "file:.flowdrop.json",
    "file:notebooks:.hidden.flowdrop.json",
    "file:.git:x.flowdrop.json",
    "file:..:outside.flowdrop.json",
    "file:notebooks:..:..:outside.flowdrop.json",
    "file::etc:x.flowdrop.json",
    "file:/etc/x.flowdrop.json",
    "file:..%2Foutside.flowdrop.json",
    "file:..\\outside.flowdrop.json",
    "file:secret.json",
    "file:link.flowdrop.json",
    "file:inward.flowdrop.json",
    "file:loop.flowdrop.json",
    "file:pipe.flowdrop.json",
    "file:folder.flowdrop.json",
    "file:data:x.flowdrop.json",
    "file:\0.flowdrop.json",
    f"file:{'x' * 300}.flowdrop.json",
]


@pytest.fixture
def traps(root: Path, tmp_path: Path, host: Host) -> Path:
    outside = root.parent / "outside.flowdrop.json"
    for path in (outside, root / "secret.json", root / "notebooks" / ".hidden.flowdrop.json"):
        path.write_text(json.dumps(drawn(name="Secret")))
    (root / "link.flowdrop.json").symlink_to(outside)
    (root / "inward.flowdrop.json").symlink_to(root / "secret.json")
    (root / "loop.flowdrop.json").symlink_to(root / "loop.flowdrop.json")
    (root / "folder.flowdrop.json").mkdir()
    (root / ".git").mkdir()
    (root / ".git" / "x.flowdrop.json").write_text("{}")
    os.mkfifo(root / "pipe.flowdrop.json")
    return outside


@pytest.mark.parametrize("workflow_id", TRICKS, ids=range(len(TRICKS)))
async def test_no_id_leads_to_any_other_file(api: Api, traps: Path, workflow_id: str) -> None:
    # The client escapes everything else by itself; see below for a slash.
    quoted = workflow_id.replace("/", "%2F")
    before = {path: path.read_bytes() for path in traps.parent.rglob("*") if path.is_file()}
    for reply in (
        await api.get(f"workflows/{quoted}"),
        await api.put(f"workflows/{quoted}", {"name": "x"}),
        await api.delete(f"workflows/{quoted}"),
        await api.get(f"workflows/{quoted}/export"),
        await api.post(f"workflows/{quoted}/playground/sessions", {}),
    ):
        assert_refused(reply, 404, "WORKFLOW_NOT_FOUND")
    created = await api.post("workflows", drawn(id=workflow_id))
    if workflow_id == "file:nothing.flowdrop.json":
        assert created.status == 201
        return
    assert created.status in (400, 404, 409), created.text
    assert created.body["success"] is False
    after = {path: path.read_bytes() for path in traps.parent.rglob("*") if path.is_file()}
    assert {path: after.get(path) for path in before if "flowdrop/" not in str(path)} == {
        path: content for path, content in before.items() if "flowdrop/" not in str(path)
    }


@pytest.mark.parametrize("path", ["/etc/x", "..%2Foutside", "notebooks%2F..%2F..%2Foutside", "%2Fetc%2Fx"])
async def test_an_escaped_slash_leads_nowhere(
    api: Api, traps: Path, path: str, http_server_client: Any, jp_base_url: str, jp_auth_header: Any
) -> None:
    assert (await api.get("workflows")).status == 200
    for address in (f"workflows/file:{path}.flowdrop.json", f"workflows/file%3A{path}.flowdrop.json/export"):
        answer = await http_server_client.fetch(
            f"{jp_base_url}flowdrop/api/{address}", headers=jp_auth_header, raise_error=False
        )
        assert answer.code == 404, answer.body


async def test_a_file_in_a_missing_folder_is_not_created(api: Api, root: Path) -> None:
    reply = await api.post("workflows", drawn(id="file:nowhere:x.flowdrop.json"))
    assert_refused(reply, 404, "FOLDER_NOT_FOUND")
    assert not (root / "nowhere").exists()


class TestDataBelowTheRoot:
    """The data directory is no place for workflows even where the root holds it."""

    @pytest.fixture
    def data_dir(self, jp_root_dir: Path) -> Path:
        return jp_root_dir / "data"

    async def test_it_is_out_of_bounds(self, api: Api, data_dir: Path) -> None:
        assert (await api.get("workflows")).status == 200
        (data_dir / "x.flowdrop.json").write_text("{}")
        assert_refused(await api.get("workflows/file:data:x.flowdrop.json"), 404, "WORKFLOW_NOT_FOUND")
        reply = await api.post("workflows", drawn(id="file:data:new.flowdrop.json"))
        assert_refused(reply, 400, "WORKFLOW_FILE_PATH")
        assert not (data_dir / "new.flowdrop.json").exists()
        assert_refused(await api.get("workflows", params={"folder": "data"}), 404, "FOLDER_NOT_FOUND")


async def test_suggestions_complete_a_path(api: Api, file: Path, traps: Path) -> None:
    async def suggested(typed: str) -> list[dict[str, str]]:
        reply = await api.get("files/suggest", params={"q": typed})
        assert reply.status == 200
        found = json.loads(reply.raw)
        assert isinstance(found, list)
        return found

    assert await suggested("note") == [{"label": "notebooks", "value": "notebooks/"}]
    assert await suggested("notebooks/Q") == [
        {"label": "quality.flowdrop.json", "value": "notebooks/quality.flowdrop.json"}
    ]
    assert await suggested("link") == []
    for typed in ("../", "/etc/", ".git/", "nowhere/", "notebooks/.", "a\0/b", "x" * 5000):
        assert await suggested(typed) == []
