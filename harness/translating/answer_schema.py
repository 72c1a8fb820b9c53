"""The forms of answers to lines, as JSON schemas for servers that can hold a model to one.

Three fixed texts, whatever is asked: a server has to prepare each of them only once. They
keep to what every provider's strict mode takes, so ids are any whole numbers and lists of
any length. An answer is read no less strictly for its schema (``answers.py``).
"""

import json
from typing import Any

TEXT = {"type": "string"}


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _list(**fields: Any) -> dict[str, Any]:
    return {"type": "array", "items": _object(**fields)}


def _text(schema: dict[str, Any]) -> str:
    """Write a schema as one text; the order of its fields is that of the answer, so it stays."""
    return json.dumps(schema, separators=(",", ":"))


LINES = _list(id={"type": "integer"}, text=TEXT)
ONE = _text(_object(translation=TEXT))
MANY = _text(_object(translations=LINES))
MANY_AND_TERMS = _text(_object(translations=LINES, terms=_list(source=TEXT, target=TEXT)))
