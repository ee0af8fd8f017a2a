"""Expressions authors write: property paths, JSONPath, the expression language and templates (LANG)."""

from .budget import TooLarge, TooSlow, budget, charge, weigh
from .engines import (
    ENGINES,
    EXTRACTION_ENGINES,
    EngineId,
    compile_expression,
    evaluate,
    require_engine,
    validate,
)
from .equality import equal, identical
from .paths import check_path, exists, extract_all, is_jsonpath, read_path
from .patterns import pattern_found, pattern_matches
from .quoting import quoted, shortened
from .template import render_template, template_variables, validate_template
from .texts import as_text
from .trigger_values import literal_text, trigger_value

__all__ = [
    "ENGINES",
    "EXTRACTION_ENGINES",
    "EngineId",
    "TooLarge",
    "TooSlow",
    "as_text",
    "budget",
    "charge",
    "check_path",
    "compile_expression",
    "equal",
    "evaluate",
    "exists",
    "extract_all",
    "identical",
    "is_jsonpath",
    "literal_text",
    "pattern_found",
    "pattern_matches",
    "quoted",
    "read_path",
    "render_template",
    "require_engine",
    "shortened",
    "template_variables",
    "trigger_value",
    "validate",
    "validate_template",
    "weigh",
]
