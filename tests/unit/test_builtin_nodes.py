"""The built-in nodes that work on messages, texts and decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowdrop_jupyter.errors import InterruptRequired, NodeError
from flowdrop_jupyter.nodes import (
    Answer,
    Files,
    NodeContext,
    NodeRegistry,
    Turn,
    resolve_parameters,
    typed_arguments,
)
from flowdrop_jupyter.nodes.builtin import NODE_TYPES
from flowdrop_jupyter.workflow.node_types import NodeType

REGISTRY = NodeRegistry(NODE_TYPES)

Runner = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Call a node as the engine does: resolve, convert, call; returns what it returns."""

    def call(
        type_id: str,
        delivered: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        *,
        turn: Turn | None = None,
        answers: tuple[Answer, ...] = (),
    ) -> Any:
        made = REGISTRY.executor(type_id)
        assert made is not None
        values = delivered or {}
        arguments = typed_arguments(made, resolve_parameters(made.node_type, config or {}, values))
        if made.signature.context:
            declared = made.node_type.parameters
            arguments[made.signature.context] = NodeContext(
                node_id=f"{type_id}.1",
                run_id="run",
                config=config or {},
                files=Files(tmp_path),
                turn=turn or Turn(),
                dynamic_inputs={port: value for port, value in values.items() if port not in declared},
                answers=answers,
            )
        returned = made.function(**arguments)
        return asyncio.run(returned) if made.is_async else returned

    return call


@pytest.mark.parametrize("kind", list(REGISTRY), ids=lambda kind: kind.id)
def test_every_node_is_presentable(kind: NodeType) -> None:
    assert kind.icon.startswith("mdi:")
    assert kind.description.endswith(".")
    assert "`" not in kind.description
    assert kind.message_output is None or kind.message_output in kind.outputs


def test_chat_input_gives_the_turn(run: Runner) -> None:
    turn = Turn(message="hello", history=[{"role": "user", "content": "hello"}], inputs={"file": "a.csv"})

    given = run("chat_input", turn=turn)

    assert given.message == "hello"
    assert given.history == [{"role": "user", "content": "hello"}]
    assert given.inputs == {"file": "a.csv"}


def test_chat_input_begins_a_run_and_hides_history_and_inputs() -> None:
    kind = REGISTRY.node_type("chat_input")
    assert kind is not None

    assert kind.start
    assert kind.metadata()["inputs"] == []
    assert {name: output.exposed_by_default for name, output in kind.outputs.items()} == {
        "message": True,
        "history": False,
        "inputs": False,
    }


def test_chat_output_says_a_text_unchanged(run: Runner) -> None:
    assert run("chat_output", {"message": "**hello** <b>"}).message == "**hello** <b>"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1]}, '```json\n{\n  "a": [\n    1\n  ]\n}\n```'),
        (True, "```json\ntrue\n```"),
        (0, "```json\n0\n```"),
    ],
)
def test_chat_output_shows_other_values_as_json(run: Runner, value: Any, shown: str) -> None:
    assert run("chat_output", {"message": value}).message == shown


def test_chat_output_needs_a_message(run: Runner) -> None:
    with pytest.raises(NodeError, match="Message"):
        run("chat_output", {"message": None})


def test_text_input_gives_its_text_or_what_arrives(run: Runner) -> None:
    assert run("text_input", {}, {"defaultValue": "own"}).text == "own"
    assert run("text_input", {"data": "wired"}, {"defaultValue": "own"}).text == "wired"
    assert run("text_input", {"data": ""}, {"defaultValue": "own"}).text == ""
    assert run("text_input", {"data": {"a": 1}}).text == '{"a":1}'


def test_text_output_cuts_a_long_text(run: Runner) -> None:
    cut = run("text_output", {"text": "abcdef"}, {"maxLength": 4})

    assert (cut.text, cut.length) == ("abc…", 4)
    assert run("text_output", {"text": "abcd"}, {"maxLength": 4}).text == "abcd"


def test_prompt_template_takes_variables_from_its_ports_and_from_data(run: Runner) -> None:
    config = {"template": "{{ a }} {{ b }} {{ c }}."}

    assert run("prompt_template", {"data": {"a": 1, "b": 2}, "b": 3}, config).prompt == "1 3 ."
    assert run("prompt_template", {"data": [1]}, {"template": "{{ data|raw }}"}).prompt == "[1]"


def test_an_unwired_port_of_a_prompt_template_does_not_hide_data(run: Runner) -> None:
    assert run("prompt_template", {"data": {"a": 1}, "a": None}, {"template": "{{ a }}"}).prompt == "1"


def test_prompt_template_in_strict_mode_fails_for_a_missing_variable(run: Runner) -> None:
    with pytest.raises(NodeError) as caught:
        run("prompt_template", {"a": None}, {"template": "{{ a }}", "strictMode": True})

    assert caught.value.code == "TEMPLATE_FAILED"


def test_prompt_template_offers_dynamic_inputs() -> None:
    kind = REGISTRY.node_type("prompt_template")
    assert kind is not None

    assert kind.config_defaults()["dynamicInputs"] == []
    assert kind.config_schema()["properties"]["template"]["format"] == "template"
    assert "dynamicInputs" not in kind.ports("input")


@pytest.mark.parametrize(
    ("message", "command", "arguments"),
    [
        ("describe", "describe", ""),
        ("  /Plot   bill_length_mm by species \n", "plot", "bill_length_mm by species"),
        ("Help!", "help", ""),
        ("plot: a\nb", "plot", "a\nb"),
        ("   ", "", ""),
        ("…", "…", ""),
    ],
)
def test_chat_command_splits_off_the_first_word(
    run: Runner, message: str, command: str, arguments: str
) -> None:
    given = run("chat_command", {"message": message})

    assert (given.command, given.arguments) == (command, arguments)


DATA = {"items": [{"name": "a", "n": 0}, {"name": "b", "n": None}], "flag": False, "text": ""}


@pytest.mark.parametrize(
    ("path", "engine", "value", "success"),
    [
        ("items[0].name", "jsonpath", "a", True),
        ("$.items[*].name", "jsonpath", "a", True),
        ("$.items[*].name", "property_path", ["a", "b"], True),
        ("flag", "property_path", False, True),
        ("text", "property_path", "", True),
        ("items[0].n", "jsonpath", 0, True),
        ("items[1].n", "jsonpath", "fallback", False),
        ("$.nowhere", "jsonpath", "fallback", False),
        ("", "jsonpath", DATA, True),
    ],
)
def test_data_extractor_takes_a_part(run: Runner, path: str, engine: str, value: Any, success: bool) -> None:
    found = run("data_extractor", {"data": DATA}, {"path": path, "engine": engine, "default": "fallback"})

    assert (found.data, found.success) == (value, success)
    assert found.is_jsonpath == path.startswith("$")


def test_data_extractor_gives_every_match_when_asked(run: Runner) -> None:
    config = {"path": "$.items[*].name", "extract_all": True}

    assert run("data_extractor", {"data": DATA}, config).data == ["a", "b"]
    empty = run("data_extractor", {"data": DATA}, {"path": "nowhere", "extract_all": True})
    assert (empty.data, empty.success) == ([], False)


@pytest.mark.parametrize("path", ["$.[broken", "a..b"])
def test_data_extractor_fails_for_an_unreadable_path_despite_a_default(run: Runner, path: str) -> None:
    with pytest.raises(NodeError) as caught:
        run("data_extractor", {"data": DATA}, {"path": path, "default": "fallback"})

    assert caught.value.code == "PATH_INVALID"
    assert path in caught.value.message
    assert "jsonpath" in caught.value.message


@pytest.mark.parametrize(
    ("operator", "value", "wanted", "case_sensitive", "branch"),
    [
        ("equals", "Yes", "yes", False, "True"),
        ("equals", "Yes", "yes", True, "False"),
        ("not_equals", "a", "b", False, "True"),
        ("contains", "penguins", "GUIN", False, "True"),
        ("starts_with", "penguins", "guin", False, "False"),
        ("ends_with", "penguins", "ins", True, "True"),
        ("regex", "ABC", "^[a-c]+$", False, "True"),
        ("regex", "ABC", "^[a-c]+$", True, "False"),
        ("regex", "7", r"\D", False, "False"),
        ("equals", 7, "7", False, "True"),
        ("equals", True, "true", False, "True"),
    ],
)
def test_if_else_compares(
    run: Runner, operator: str, value: Any, wanted: str, case_sensitive: bool, branch: str
) -> None:
    config = {"operator": operator, "matchText": wanted, "caseSensitive": case_sensitive}

    taken = run("if_else", {"data": value}, config)

    assert taken.branches == (branch,)
    assert taken.outputs.result is (branch == "True")


def test_if_else_in_strict_mode_compares_texts_only(run: Runner) -> None:
    assert run("if_else", {"data": 7}, {"matchText": "7", "strictMode": True}).branches == ("False",)


def test_if_else_emits_the_names_that_the_author_gave(run: Runner) -> None:
    branches = [{"name": "yes", "value": "true"}, {"name": "no", "value": 0}]

    assert run("if_else", {"data": "a"}, {"matchText": "a", "branches": branches}).branches == ("yes",)
    assert run("if_else", {"data": "b"}, {"matchText": "a", "branches": branches}).branches == ("no",)


def test_if_else_refuses_another_operator_and_a_broken_pattern(run: Runner) -> None:
    with pytest.raises(NodeError) as unknown:
        run("if_else", {"data": "a"}, {"operator": "greater"})
    with pytest.raises(NodeError) as broken:
        run("if_else", {"data": "a"}, {"operator": "regex", "matchText": "("})

    assert (unknown.value.code, broken.value.code) == ("PARAMETER_INVALID", "PATTERN_INVALID")


@pytest.mark.parametrize(
    "type_id",
    [
        "chat_command",
        "chat_output",
        "data_extractor",
        "if_else",
        "prompt_template",
        "switch",
        "text_input",
        "text_output",
    ],
)
def test_a_node_that_may_take_long_runs_in_a_worker_thread(type_id: str) -> None:
    made = REGISTRY.executor(type_id)

    assert made is not None
    assert not made.is_async


def test_if_else_gives_up_on_a_pattern_that_backtracks_for_ever(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowdrop_jupyter.expressions.patterns.MAX_SECONDS", 0.1)
    config = {"operator": "regex", "matchText": "(a|aa)+$"}

    with pytest.raises(NodeError) as caught:
        run("if_else", {"data": "a" * 5000 + "!"}, config)

    assert caught.value.code == "PATTERN_TIMEOUT"


def test_data_extractor_fails_for_a_path_that_cannot_be_evaluated(run: Runner) -> None:
    with pytest.raises(NodeError) as caught:
        run("data_extractor", {"data": [[1] * 2000] * 2000}, {"path": "$[*][*]", "default": 0})

    assert caught.value.code == "PATH_FAILED"
    assert "engine jsonpath" in caught.value.message


SWITCH = {
    "branches": [
        {"name": "one", "value": 1},
        {"name": "one as text", "value": "1"},
        {"name": "yes", "value": True},
        {"name": "named"},
    ]
}


@pytest.mark.parametrize(
    ("value", "branch"), [(1, "one"), ("1", "one as text"), (True, "yes"), ("named", "named")]
)
def test_switch_takes_the_branch_of_the_same_type_and_value(run: Runner, value: Any, branch: str) -> None:
    taken = run("switch", {"expression": value}, SWITCH)

    assert taken.branches == (branch,)
    assert taken.outputs.branch == branch


def test_switch_accepts_the_older_name_of_its_input(run: Runner) -> None:
    assert run("switch", {"value": "named"}, SWITCH).branches == ("named",)


def test_switch_without_a_match_takes_the_default_or_fails(run: Runner) -> None:
    assert run("switch", {"expression": 1.0}, {**SWITCH, "default_branch": "Named"}).branches == ("named",)
    with pytest.raises(NodeError) as caught:
        run("switch", {"expression": "NAMED"}, SWITCH)

    assert caught.value.code == "BRANCH_NOT_CONFIGURED"


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def test_switch_says_that_values_cannot_be_compared(run: Runner) -> None:
    config = {"branches": [{"name": "deep", "value": nested(100_000)}]}

    with pytest.raises(NodeError) as caught:
        run("switch", {"expression": nested(100_000)}, config)

    assert caught.value.code == "BRANCH_NOT_COMPARABLE"


@pytest.mark.parametrize("value", ["x" * 100_000, ["x" * 100_000], nested(100_000), 10**9999], ids=type)
def test_switch_says_shortly_what_has_no_branch(run: Runner, value: Any) -> None:
    with pytest.raises(NodeError) as caught:
        run("switch", {"expression": value}, SWITCH)

    assert caught.value.code == "BRANCH_NOT_CONFIGURED"
    assert len(caught.value.message) < 400


def test_an_unacceptable_parameter_is_shortly_said(run: Runner) -> None:
    with pytest.raises(NodeError) as caught:
        run("if_else", {"data": "a"}, {"operator": "x" * 100_000})

    assert caught.value.code == "PARAMETER_INVALID"
    assert len(str(caught.value.details)) + len(caught.value.message) < 900


def test_switch_may_ignore_case(run: Runner) -> None:
    assert run("switch", {"expression": "NAMED"}, {**SWITCH, "caseSensitive": False}).branches == ("named",)


def test_confirmation_asks_and_waits(run: Runner) -> None:
    with pytest.raises(InterruptRequired) as asked:
        run("confirmation", {"message": "Go on?"}, {"confirm_label": "Go"})

    assert asked.value.prompt == {
        "type": "confirmation",
        "message": "Go on?",
        "confirm_label": "Go",
        "cancel_label": "No",
        "allow_cancel": False,
    }


@pytest.mark.parametrize("said", [True, False])
def test_confirmation_gives_the_answer_and_gates_nothing_without_branches(run: Runner, said: bool) -> None:
    answer = Answer(value=said, user_id="ada", response_time=2.5)

    given = run("confirmation", {"message": "Go on?"}, answers=(answer,))

    assert given.branches == ()
    assert (given.outputs.confirmed, given.outputs.response_time, given.outputs.user_id) == (said, 2.5, "ada")


@pytest.mark.parametrize(("said", "branch"), [(True, "True"), (False, "False")])
def test_confirmation_with_branches_takes_the_one_of_the_answer(run: Runner, said: bool, branch: str) -> None:
    kind = REGISTRY.node_type("confirmation")
    assert kind is not None
    config = {"message": "Go on?", **kind.config_defaults(), "nodeType": "gateway"}

    assert run("confirmation", {}, config, answers=(Answer(value=said),)).branches == (branch,)


def test_confirmation_needs_a_question(run: Runner) -> None:
    with pytest.raises(NodeError) as caught:
        run("confirmation")

    assert caught.value.code == "PARAMETER_MISSING"


def test_notes_never_run_and_have_no_ports() -> None:
    kind = REGISTRY.node_type("notes")
    assert kind is not None

    metadata = kind.metadata()
    assert not kind.executable
    assert (metadata["type"], metadata["inputs"], metadata["outputs"]) == ("note", [], [])
    assert "maxRetries" not in metadata["configSchema"]["properties"]
