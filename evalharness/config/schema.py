"""JSON Schemas (draft 7) of the config, of a case and of a verdict, made from the dataclasses and the loader's rules.

``python -m evalharness.config.schema`` writes them to ``evalharness/schemas/``; a test fails when they are stale. The
descriptions are the docstrings under the fields: hover text in editors, and the text of ``docs/config.md``.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from evalharness.config import keys
from evalharness.config.candidates import ENDPOINT, KINDS, Key
from evalharness.config.model import Defaults, EvalSetConfig, GateConfig, LimitConfig
from evalharness.config.rules import Rule
from evalharness.core.cases import ID_PATTERN, Case
from evalharness.core.verdicts import SCHEMA, GateVerdict, Verdict

FOLDER: Final = Path(__file__).parent.parent / "schemas"
_DRAFT: Final = "http://json-schema.org/draft-07/schema#"

Schema: typing.TypeAlias = dict[str, Any]

SCORER_TEXTS: Final[Mapping[str, str]] = {
    "use": "Scorer word, for example `equals`, `rougeL`, `absent`, `judge`; its own parameters stand beside it.",
    "threshold": "`passed` = value >= threshold (<= where lower is better).",
    "weight": "For reports only.",
    "not": "The assertion must not hold.",
    "metric": "Group name in reports.",
}
PRICE_TEXTS: Final = {"input": "USD per million input tokens.", "output": "USD per million output tokens."}
RATE_TEXTS: Final = {"rpm": "Requests per minute.", "tpm": "Tokens per minute."}
SECTION_TEXTS: Final = {
    "version": "Version of this format.",
    "defaults": "What every run starts from; flags and environment win over it.",
    "evalsets": "Name -> a file of cases.",
    "candidates": "Name -> something that answers cases; exactly one kind key each.",
    "scorers": "Name -> how an answer becomes a number.",
    "gates": "Name -> which candidate, against what, on which cases, and what may not get worse.",
    "prices": "Model name -> what its tokens cost.",
    "rates": "Host -> limits of calls per minute.",
}


def field_texts(cls: type[Any]) -> dict[str, str]:
    """Field -> the docstring under it, on one line; fields without one are left out."""
    tree = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(tree, ast.ClassDef)
    texts = {}
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        is_field = isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if is_field and is_text:
            texts[statement.target.id] = " ".join(str(following.value.value).split()).replace("``", "`")  # type: ignore[attr-defined]
    return texts


def defaults_of(cls: type[Any]) -> dict[str, Any]:
    """Field -> its default, for the fields that have a plain one other than None."""
    return {
        field.name: field.default
        for field in dataclasses.fields(cls)
        if field.default is not dataclasses.MISSING and field.default is not None and field.default != ()
    }


def table_schema(rules: Mapping[str, Rule], texts: Mapping[str, str], *, cls: type[Any] | None = None) -> Schema:
    """An object that may hold exactly the keys of ``rules``."""
    defaults = defaults_of(cls) if cls else {}
    properties = {}
    for key, rule in rules.items():
        entry = rule.schema()
        if key in texts:
            entry["description"] = texts[key]
        if key in defaults:
            entry["default"] = defaults[key]
        properties[key] = entry
    return {"type": "object", "properties": properties, "additionalProperties": False}


def config_schema() -> Schema:
    """The schema of evalh.toml."""
    limit = table_schema(keys.LIMIT, field_texts(LimitConfig), cls=LimitConfig)
    limits = _map({"anyOf": [limit, {"type": "number", "minimum": 0, "description": "A number is the margin."}]})
    gate = table_schema(keys.GATE, field_texts(GateConfig), cls=GateConfig)
    gate["properties"]["limits"] = limits | {"minProperties": 1, "description": "Scorer -> what may not happen to it."}
    gate["properties"]["slices"] = _map(limits) | {"description": field_texts(GateConfig)["slices"]}
    gate["required"] = ["candidate", "evalset", "limits"]
    scorer = table_schema(keys.SCORER, SCORER_TEXTS) | {"additionalProperties": True, "required": ["use"]}
    evalset = table_schema(keys.EVALSET, field_texts(EvalSetConfig)) | {"required": ["path"]}
    sections = {
        "version": {"const": keys.CONFIG_VERSION},
        "defaults": table_schema(keys.DEFAULTS, field_texts(Defaults), cls=Defaults),
        "evalsets": _map(evalset),
        "candidates": _map({"oneOf": [_candidate_schema(kind) for kind in KINDS]}),
        "scorers": _map(scorer),
        "gates": _map(gate),
        "prices": _map(table_schema(keys.PRICE, PRICE_TEXTS) | {"required": ["input", "output"]}),
        "rates": _map(table_schema(keys.RATE, RATE_TEXTS)),
    }
    properties = {name: section | {"description": SECTION_TEXTS[name]} for name, section in sections.items()}
    return {
        "$schema": _DRAFT,
        "title": "evalh.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def _candidate_schema(kind: str) -> Schema:
    schema = _keys_schema(KINDS[kind]) | {"title": kind, "required": [kind]}
    if kind in ("http", "retriever"):
        endpoint = _keys_schema(ENDPOINT) | {"required": ["url"]}
        address: Schema = endpoint if kind == "http" else {"anyOf": [{"type": "string", "minLength": 1}, endpoint]}
        schema["properties"][kind] = address | {"description": KINDS[kind][kind].text}
    return schema


def _keys_schema(keys_of_kind: Mapping[str, Key]) -> Schema:
    rules = {key: entry.rule for key, entry in keys_of_kind.items()}
    return table_schema(rules, {key: entry.text for key, entry in keys_of_kind.items()})


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


_TEXT: Final[Schema] = {"type": "string"}
_OBJECT: Final[Schema] = {"type": "object"}
_CASE: Final[dict[str, Schema]] = {
    "id": {"type": "string", "pattern": f"^{ID_PATTERN.pattern}$"},
    "input": {
        "anyOf": [
            _TEXT,
            {"type": "array", "items": _OBJECT | {"required": ["role"]}, "minItems": 1},
            _OBJECT,
        ]
    },
    "target": {},
    "relevant": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
    "context": {"type": "array", "items": {"anyOf": [_TEXT, _OBJECT | {"required": ["text"]}]}},
    "metadata": _OBJECT,
    "tags": {"type": "array", "items": _TEXT},
    "cluster": _TEXT,
    "weight": {"type": "number", "minimum": 1e-6, "maximum": 1e6},
    "group": _TEXT,
    "variant": _TEXT,
    "checks": {"type": "array", "items": _OBJECT | {"required": ["use"]}},
    "deprecated": _TEXT,
}
"""JSON types of a case's fields, in the dataclass's order; ``evalset.jsonl`` is the reader that decides."""


def case_schema() -> Schema:
    """The schema of one line of an eval set."""
    texts = field_texts(Case)
    properties = {name: entry | {"description": texts[name]} for name, entry in _CASE.items()}
    return {
        "$schema": _DRAFT,
        "title": "one case of an eval set",
        "type": "object",
        "properties": properties,
        "required": ["id", "input"],
        "additionalProperties": False,
    }


def verdict_schema() -> Schema:
    """The schema of what ``gate --json`` and ``compare --json`` print."""
    schema = _dataclass_schema(Verdict)
    schema["properties"] = {"schema": {"const": SCHEMA}} | schema["properties"]
    schema["required"] = ["schema", *schema["required"]]
    return {"$schema": _DRAFT, "title": "verdict of evalh gate and evalh compare"} | schema


_INTERNAL: Final = {GateVerdict: ("warnings", "exit_outcome")}
_OPTIONAL: Final = {GateVerdict: ("error",), Verdict: ("error",)}


def _dataclass_schema(cls: type[Any]) -> Schema:
    """An object with every field of a dataclass, as its ``to_json`` writes them; more may come in later versions."""
    texts, hints = field_texts(cls), typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls) if field.name not in _INTERNAL.get(cls, ())]
    properties = {}
    for name in names:
        properties[name] = _type_schema(hints[name])
        if name in texts:
            properties[name] = properties[name] | {"description": texts[name]}
    required = [name for name in names if name not in _OPTIONAL.get(cls, ())]
    return {"type": "object", "properties": properties, "required": required}


_PLAIN: Final[dict[Any, Schema]] = {
    str: _TEXT,
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    types.NoneType: {"type": "null"},
    Any: {},
}


def _type_schema(hint: Any) -> Schema:
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if dataclasses.is_dataclass(hint):
        return _dataclass_schema(typing.cast("type[Any]", hint))
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_type_schema(arg) for arg in args]}
    if origin is tuple:
        repeated = args[-1] is Ellipsis
        items = _type_schema(args[0]) if repeated else [_type_schema(arg) for arg in args]
        return {"type": "array", "items": items} | ({} if repeated else {"minItems": len(args)})
    assert origin is not None, f"no JSON Schema for {hint}"
    return _map(_type_schema(args[1]))


SCHEMAS: Final = {"config.json": config_schema, "case.json": case_schema, "verdict.json": verdict_schema}
"""File in ``evalharness/schemas/`` -> what makes it."""


def schema_text(name: str) -> str:
    """The text of one schema file."""
    return json.dumps(SCHEMAS[name](), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schema files."""
    FOLDER.mkdir(exist_ok=True)
    for name in SCHEMAS:
        (FOLDER / name).write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
