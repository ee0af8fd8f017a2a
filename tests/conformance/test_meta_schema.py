"""The two doors an editor opens before drawing: a workflow's schema, and the categories (META-3 … META-9)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from contract_desk import bound, calc, declaring, saved, schema
from jupyter_server.auth import Authorizer
from server_desk import Api, assert_refused

from flowdrop_jupyter.sessions import Host

DOOR = "workflows/sums/schema"
PLAIN: dict[str, str] = {}
ANNOTATED = {"annotated": "1"}
VARIANTS = pytest.mark.parametrize("variant", [PLAIN, ANNOTATED], ids=["plain", "annotated"])


@pytest.fixture(autouse=True)
def _calc(host: Host) -> None:
    host.registry.add(calc)


@pytest.mark.rule("META-4")
async def test_the_schema_is_a_bare_document_of_three_keys_in_order(api: Api, host: Host) -> None:
    published = await saved(api, declaring(bound("values", description="Mine."), outputs=[bound("total")]))
    assert list(published) == ["schema_version", "parameter_schema", "output_schema"]
    stored = await host.store.workflow("sums")
    assert stored is not None
    assert published["parameter_schema"] == stored.parameter_schema
    assert published["output_schema"] == stored.output_schema
    assert published["schema_version"] == stored.contract_version


@pytest.mark.rule("META-4")
async def test_without_declared_ports_both_schemas_are_null(api: Api) -> None:
    await saved(api, declaring())
    raw = (await api.get(DOOR)).raw
    assert raw == b'{"schema_version":"0.0.0","parameter_schema":null,"output_schema":null}'


@pytest.mark.rule("META-5")
@VARIANTS
async def test_an_unknown_workflow_is_404_with_one_key_whatever_tag_is_sent(
    api: Api, variant: dict[str, str]
) -> None:
    for headers in ({}, {"If-None-Match": '"0.0.0"'}, {"If-None-Match": "*"}):
        reply = await api.get("workflows/nope/schema", params=variant, headers=headers)
        assert reply.status == 404
        assert json.loads(reply.raw) == {"error": "Workflow not found."}
        assert "Etag" not in reply.headers


@pytest.mark.rule("META-6")
async def test_the_tag_is_the_quoted_version_and_a_marker_for_the_variant(api: Api) -> None:
    await saved(api, declaring(bound("values")))
    plain, described = await api.get(DOOR), await api.get(DOOR, params=ANNOTATED)
    assert plain.headers["Etag"] == '"1.0.0"'
    assert described.headers["Etag"] == '"1.0.0+annotated"'
    assert plain.raw != described.raw
    await api.post("workflows/sums/contract")
    assert (await api.get(DOOR)).headers["Etag"] == '"1.1.0"'


@pytest.mark.rule("META-6")
async def test_an_argument_that_does_not_change_the_body_does_not_change_the_tag(api: Api) -> None:
    await saved(api, declaring(bound("values")))
    plain = await api.get(DOOR)
    for value in ("0", "false", ""):
        other = await api.get(DOOR, params={"annotated": value})
        assert (other.raw, other.headers["Etag"]) == (plain.raw, plain.headers["Etag"])
    assert_refused(await api.get(DOOR, params={"annotated": "perhaps"}), 400, "PARAMETER_INVALID")


@pytest.mark.rule("META-7")
@VARIANTS
async def test_the_exact_tag_of_the_variant_is_answered_304_without_a_body(
    api: Api, host: Host, variant: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await saved(api, declaring(bound("values")))
    tag = (await api.get(DOOR, params=variant)).headers["Etag"]

    async def assembled(*_: Any, **__: Any) -> Any:
        raise AssertionError("the schema was put together for a 304")

    monkeypatch.setattr(host.workflows, "contract", assembled)
    reply = await api.get(DOOR, params=variant, headers={"If-None-Match": tag})
    assert (reply.status, reply.raw, reply.headers["Etag"]) == (304, b"", tag)


@pytest.mark.rule("META-7")
@pytest.mark.parametrize(
    "sent",
    ["*", 'W/"1.0.0"', '"1.0.0", "2.0.0"', "1.0.0", '"0.9.0"', '"1.0.0+annotated"', ' "1.0.0"x', ""],
)
async def test_every_other_condition_gives_the_whole_document(api: Api, sent: str) -> None:
    whole = await saved(api, declaring(bound("values")))
    reply = await api.get(DOOR, headers={"If-None-Match": sent})
    assert (reply.status, reply.body) == (200, whole)


@pytest.mark.rule("META-7")
async def test_the_plain_tag_is_no_condition_for_the_annotated_variant(api: Api) -> None:
    await saved(api, declaring(bound("values")))
    assert (await api.get(DOOR, params=ANNOTATED, headers={"If-None-Match": '"1.0.0"'})).status == 200


@pytest.mark.rule("META-8")
async def test_each_variant_says_how_it_may_be_cached_the_304_too(api: Api) -> None:
    await saved(api, declaring(bound("values")))
    for variant, control, language in ((PLAIN, "public, max-age=60", False), (ANNOTATED, "no-cache", True)):
        full = await api.get(DOOR, params=variant)
        unchanged = await api.get(DOOR, params=variant, headers={"If-None-Match": full.headers["Etag"]})
        assert (full.status, unchanged.status) == (200, 304)
        for reply in (full, unchanged):
            assert reply.headers["Cache-Control"] == control
            assert ("Accept-Language" in reply.headers.get("Vary", "")) is language


@pytest.mark.rule("META-8")
async def test_a_change_of_another_workflow_leaves_the_tag_and_one_of_this_renews_it(api: Api) -> None:
    await saved(api, declaring(bound("values")))
    await saved(api, {**declaring(bound("mode")), "id": "other"})
    await api.put("workflows/other", {"name": "x", "interface": {"inputs": [bound("count")]}})
    assert (await api.get(DOOR, headers={"If-None-Match": '"1.0.0"'})).status == 304
    await api.put("workflows/sums", {"name": "x", "interface": {"inputs": [bound("count")]}})
    assert (await api.get(DOOR, headers={"If-None-Match": '"1.0.0"'})).status == 200


@pytest.mark.rule("META-9")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("door", [DOOR, "categories"])
async def test_both_doors_take_get_only(api: Api, method: str, door: str) -> None:
    await saved(api, declaring())
    refused = await api(method, door, {})
    assert_refused(refused, 405, "METHOD_NOT_ALLOWED")
    assert "GET" in refused.headers["Allow"]
    assert method not in refused.headers["Allow"]


class _Recording(Authorizer):
    asked: list[tuple[str, str]]
    answer = False

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return self.answer


@pytest.mark.rule("META-9")
async def test_the_named_authorization_is_asked_before_the_handler(
    api: Api, host: Host, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await saved(api, declaring())
    authorizer = _Recording(parent=jp_serverapp, identity_provider=jp_serverapp.identity_provider)
    authorizer.asked = []
    monkeypatch.setitem(jp_serverapp.web_app.settings, "authorizer", authorizer)

    async def reached(*_: Any) -> Any:
        raise AssertionError("the handler ran")

    monkeypatch.setattr(host.workflows, "record", reached)
    assert_refused(await api.get(DOOR), 403, "FORBIDDEN")
    assert authorizer.asked == [("read", "flowdrop_workflow")]


@pytest.mark.rule("META-3")
@VARIANTS
async def test_a_failed_read_says_what_failed_and_nothing_else(
    api: Api,
    host: Host,
    variant: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await saved(api, declaring())

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(host.workflows, "contract", broken)
    reply = await api.get(DOOR, params=variant)
    refused = assert_refused(reply, 500, "INTERNAL_ERROR")
    assert refused["error"] == "The workflow schema could not be read."
    assert "secret" not in reply.text
    assert "the secret reason" in caplog.text
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.rule("META-3")
async def test_failed_categories_say_so_and_nothing_else(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr("flowdrop_jupyter.server.catalog.served_categories", broken)
    reply = await api.get("categories")
    refused = assert_refused(reply, 500, "INTERNAL_ERROR")
    assert refused["error"] == "The node categories could not be read."
    assert "the secret reason" in caplog.text


async def test_the_schema_of_the_moment_is_served_after_the_workflow_changed_its_graph_only(api: Api) -> None:
    before = await saved(api, declaring(bound("values")))
    await api.put("workflows/sums", {"name": "x", "description": "y"})
    assert await schema(api) == before


@pytest.mark.rule("META-8")
async def test_what_any_cache_may_keep_carries_no_login(api: Api) -> None:
    await api.post("workflows", {"id": "w", "name": "x"})
    for path in ("workflows/w/schema", "workflows/w/schema?annotated=1"):
        bare, _, query = path.partition("?")
        reply = await api.get(bare, params=dict([query.split("=")]) if query else None)
        public = "public" in reply.headers["Cache-Control"]
        assert public == (query == "")
        assert not (public and "Set-Cookie" in reply.headers)
