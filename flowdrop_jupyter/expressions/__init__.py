"""Expressions authors write: templates, property paths and JSONPath (LANG)."""

from .paths import PathEngine, check_path, exists, extract_all, is_jsonpath, read_path
from .patterns import pattern_found
from .quoting import quoted, shortened
from .template import render_template, template_variables, validate_template
from .texts import as_text

__all__ = [
    "PathEngine",
    "as_text",
    "check_path",
    "exists",
    "extract_all",
    "is_jsonpath",
    "pattern_found",
    "quoted",
    "read_path",
    "render_template",
    "shortened",
    "template_variables",
    "validate_template",
]
