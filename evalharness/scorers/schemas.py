"""JSON Schemas in scorers: read from the config, checked, and run where they can do no harm.

Validation can take hours on a small text (``uniqueItems``, doubled ``allOf``, a pattern), so only a schema whose effort is
counted and small is run in this process; any other goes to the worker process.
References are resolved inside the schema only; nothing is ever fetched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from evalharness.core import strictjson
from evalharness.core.results import Failure
from evalharness.core.specs import canonical_json, thaw
from evalharness.scorers import sandbox, worker
from evalharness.scorers.parameters import Params

_WORDS: Final = """
    $schema $comment $defs definitions $ref title description default examples deprecated readOnly writeOnly type const enum
    properties required additionalProperties items prefixItems anyOf allOf oneOf not if then else format
    minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems minProperties maxProperties
"""
PLAIN: Final = frozenset(_WORDS.split())
"""Keywords whose work is at most one step for each place of the schema and each value of the text."""

PLAIN_FORMATS: Final = frozenset(("date", "date-time", "time", "email", "ipv4", "ipv6", "uuid"))

BUDGET: Final = 100_000
"""Effort of the schema times characters of the text that are validated in this process: 0.1 s at worst."""


class Schema:
    """A schema that is ready to judge texts.

    Args:
        schema: The schema as frozen in the spec, or true or false.
        formats: Whether ``format`` is asserted.
        trusted: False when a case's data wrote it; then even checking it happens in the worker process.

    Raises:
        ValueError: If it is no schema; the message says why.
    """

    def __init__(self, schema: Any, *, formats: bool, trusted: bool) -> None:
        self.text = canonical_json(thaw(schema))
        self._formats = formats
        self._effort = schema_effort(schema)
        run = worker.check_schema if trusted or self._effort <= BUDGET else _check_in_worker
        problem = run(self.text, formats)
        if problem is not None:
            raise ValueError(f"not a JSON Schema: {problem}")

    def problem(self, value: Any, text: str) -> str | Failure | None:
        """What is wrong with a JSON value; None when it is valid, a ``Failure`` when the worker was stopped.

        Args:
            value: The parsed value.
            text: The JSON text that it was parsed from.
        """
        if self._effort * len(text) <= BUDGET:
            return worker.instance_problem(self.text, self._formats, value)
        found: str | Failure | None = sandbox.call("schema_problem", self.text, self._formats, text)
        return found


def read_schema(params: Params, *, required: bool) -> Schema | None:
    """The ``schema`` parameter: a table, true or false, or the path of a JSON file.

    Raises:
        ConfigError: If it is missing and required, the file is not there or not strict JSON, or it is no schema.
    """
    formats = params.flag("formats", default=True)
    if not params.has("schema"):
        if required:
            params.refuse("schema", "a JSON Schema, as a table or a file", None)
        params.note("schema", None)
        return None
    value = params.value("schema")
    if isinstance(value, str):
        value = _from_file(params, value)
    if not isinstance(value, (Mapping, bool)):
        params.refuse("schema", "a JSON Schema, as a table or a file", value)
    params.note("schema", thaw(value))
    try:
        return Schema(value, formats=formats, trusted=not params.from_data)
    except ValueError as error:
        params.refuse("schema", "a JSON Schema", value, tip=str(error))


def _from_file(params: Params, name: str) -> Any:
    if params.from_data:
        params.refuse("schema", "a table: a case names no files", name)
    path = params.root / name
    if not path.resolve().is_relative_to(params.root.resolve()):
        params.refuse("schema", "a file inside the project", name)
    try:
        return strictjson.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        params.refuse("schema", "a readable JSON file", name, tip=error.strerror or "")
    except (UnicodeDecodeError, strictjson.StrictJSONError) as error:
        params.refuse("schema", "a JSON file", name, tip=str(error))


def _check_in_worker(schema_text: str, formats: bool) -> str | None:  # noqa: FBT001 - the worker's own signature
    found: str | Failure | None = sandbox.call("check_schema", schema_text, formats)
    return found.message if isinstance(found, Failure) else found


def schema_effort(schema: Any) -> float:
    """How many places of a schema can look at one value, references followed; infinite when nobody can say.

    A schema that refers to itself, or that has any keyword outside ``PLAIN``, has infinite effort.
    """
    root = schema if isinstance(schema, Mapping) else {}
    return _effort(schema, root, {})


def _effort(schema: Any, root: Mapping[str, Any], known: dict[str, float]) -> float:
    if isinstance(schema, bool):
        return 1.0
    if not isinstance(schema, Mapping) or not schema.keys() <= PLAIN or not _is_usual(schema):
        return math.inf
    inner = [schema[key] for key in ("items", "additionalProperties", "not", "if", "then", "else") if key in schema]
    lists = [schema.get(key, ()) for key in ("prefixItems", "anyOf", "allOf", "oneOf", "oneOf")]  # oneOf looks twice
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping) or not all(isinstance(part, (tuple, list)) for part in lists):
        return math.inf
    inner += [*properties.values(), *(item for part in lists for item in part)]
    own = 1.0 + len(schema) + sum(len(schema[key]) for key in ("enum", "required") if key in schema)
    followed = _followed(schema["$ref"], root, known) if "$ref" in schema else 0.0
    return own + followed + sum(_effort(part, root, known) for part in inner)


def _is_usual(schema: Mapping[str, Any]) -> bool:
    """True when the dialect is ours and what should be a list is one."""
    dialect, kind = str(schema.get("$schema", "draft/2020-12")), str(schema.get("format", "date"))
    lists = all(isinstance(schema.get(key, ()), (tuple, list)) for key in ("enum", "required"))
    return lists and kind in PLAIN_FORMATS and "draft/2020-12" in dialect


def _followed(reference: Any, root: Mapping[str, Any], known: dict[str, float]) -> float:
    """Effort of ``#/$defs/NAME``; each name is counted once, and one that leads back to itself is infinite."""
    if not isinstance(reference, str):
        return math.inf
    if reference not in known:
        known[reference] = math.inf
        _, section, name = (*reference.split("/"), "", "")[:3]
        found = root.get(section, {}) if section in ("$defs", "definitions") else {}
        if isinstance(found, Mapping) and reference == f"#/{section}/{name}" and name in found:
            known[reference] = _effort(found[name], root, known)
    return known[reference]
