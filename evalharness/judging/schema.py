"""JSON Schemas (draft 7) of rubric files and of labelled answers, made from the reader's own table of keys.

``python -m evalharness.judging.schema`` writes them to ``evalharness/schemas/``; a test fails when they are stale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from evalharness.judging import keys

FOLDER: Final = Path(__file__).parent.parent / "schemas"

Schema = dict[str, Any]


def rubric_schema() -> Schema:
    """The schema of ``rubrics/ID.toml``."""
    top = _object(keys.TOP)
    parts = top["properties"]
    parts["aggregate"] |= _object(keys.AGGREGATE)
    parts["cannot_tell"] |= _object(keys.CANNOT)
    parts["on_invalid"] |= _object(keys.INVALID)
    parts["anchors"] |= _object(keys.ANCHORS)
    parts["judge"] |= _object(keys.JUDGE)
    parts["judge"]["properties"]["repeats"] |= _object(keys.REPEATS)
    parts["criteria"]["items"] = {"oneOf": [_criterion(kind) for kind in keys.CRITERIA]}
    example = _object(keys.EXAMPLE)
    example["properties"]["human"] |= _object(keys.HUMAN)
    parts["examples"]["items"] = example
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "a rubric"} | top


def _criterion(kind: str) -> Schema:
    schema = _object(keys.CRITERIA[kind]) | {"title": kind}
    schema["properties"]["type"] = {"const": kind}
    if kind == "ordinal":
        schema["properties"]["levels"] |= {"items": _object(keys.LEVEL), "maxItems": 7}
    if kind == "itemised":
        schema["properties"]["verdicts"] |= {"items": _object(keys.ITEM_VERDICT), "maxItems": 7}
    if kind == "numeric":
        schema["properties"]["range"] |= {"maxItems": 2}
    return schema


def _object(known: keys.Keys) -> Schema:
    properties = {
        name: key.rule.schema() | ({"description": key.text} if key.text else {}) for name, key in known.items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, key in known.items() if key.needed],
        "additionalProperties": False,
    }


SCHEMAS: Final = {"rubric.json": rubric_schema}
"""File in ``evalharness/schemas/`` -> what makes it."""


def schema_text(name: str) -> str:
    """The text of one schema file."""
    return json.dumps(SCHEMAS[name](), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schema files."""
    for name in SCHEMAS:
        (FOLDER / name).write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
