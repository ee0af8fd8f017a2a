"""Expressions authors write: templates, property paths and JSONPath (LANG)."""

from .paths import PathEngine, check_path, exists, extract_all, is_jsonpath, read_path
from .template import as_text, render_template, template_variables, validate_template

__all__ = [
    "PathEngine",
    "as_text",
    "check_path",
    "exists",
    "extract_all",
    "is_jsonpath",
    "read_path",
    "render_template",
    "template_variables",
    "validate_template",
]
