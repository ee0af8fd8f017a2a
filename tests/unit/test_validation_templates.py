"""A template that a save accepts is one that a run can compile, however odd it is."""

from __future__ import annotations

import pytest

from flowdrop_jupyter.errors import NodeError
from flowdrop_jupyter.expressions import render_template, validate


@pytest.mark.parametrize(
    "template",
    [
        "{{ x | replace(a=1, a=2) }}",
        "{{ f(a=1, a=1) }}",
        "{% for a in x %}" * 25 + "{% endfor %}" * 25,
        "{% if x %}" * 120 + "{% endif %}" * 120,
        "{{ a" + " + a" * 3000 + " }}",
        "{{ 1" + "0" * 5000 + " }}",
        "{{ x | no_such_filter }}",
        "{{ x",
    ],
    ids=range(8),
)
def test_what_cannot_be_compiled_for_a_run_is_refused_at_save(template: str) -> None:
    assert validate("twig", template) is not None
    with pytest.raises(NodeError) as caught:
        render_template(template, {})
    assert caught.value.code == "TEMPLATE_INVALID"


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in x %}" * 11 + "{% endfor %}" * 11,
        "{% set y %}{{ x }}{% endset %}{{ y }}",
        "{{ ñ }} \x00",
        "{{ x | join(', ') | upper }}",
    ],
    ids=range(4),
)
def test_what_a_save_accepts_can_be_rendered(template: str) -> None:
    assert validate("twig", template) is None
    render_template(template, {"x": ["a"]})
