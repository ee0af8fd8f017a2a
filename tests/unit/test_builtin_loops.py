"""What ``foreach`` hands out in a round, apart from the loop that leads back to it."""

from __future__ import annotations

from typing import Any

import pytest
from node_runs import outputs_of, run_node

from flowdrop_jupyter.errors import NodeError


@pytest.mark.rule("SG-4")
@pytest.mark.parametrize("single", ["scalar_value", 7, {"a": 1}, False])
def test_what_is_no_list_is_a_list_of_one_item(single: Any) -> None:
    made = outputs_of("foreach", {"items": single})
    wanted = {"current_item": single, "current_index": 0, "total_count": 1, "is_first": True, "is_last": True}
    assert made.items() >= wanted.items()


@pytest.mark.rule("SG-4")
def test_an_empty_list_is_over_at_once() -> None:
    made = run_node("foreach", {"items": []})
    wanted = {"loop_active": False, "current_item": None, "total_count": 0, "collected_results": []}
    assert made.output.items() >= wanted.items()
    assert made.active_branches == ["completed", "collected_results"]


@pytest.mark.rule("SG-4")
def test_the_list_is_needed_to_begin() -> None:
    with pytest.raises(NodeError) as caught:
        run_node("foreach")
    assert caught.value.code == "PARAMETER_MISSING"
