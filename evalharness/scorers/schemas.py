"""JSON Schemas in scorers: read from the config, checked, and run where they can do no harm.

Validation can take hours on a small text (``uniqueItems``, doubled ``allOf``, a pattern), so only a schema made of
keywords whose work is bounded by schema times text is run in this process; any other goes to the worker process.
References are resolved inside the schema only; nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from evalharness.core import strictjson
from evalharness.core.results import Failure
from evalharness.core.specs import canonical_json, thaw
from evalharness.scorers import sandbox, worker
from evalharness.scorers.parameters import Params

PLAIN: Final = frozenset(
    (
        "$schema",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "type",
        "const",
        "enum",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "prefixItems",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "format",
    )
)
"""Keywords whose work is at most the size of the schema times that of the text."""

PLAIN_FORMATS: Final = frozenset(("date", "date-time", "time", "email", "ipv4", "ipv6", "uuid"))

BUDGET: Final = 2_000_000
"""Schema characters times text characters that are validated in this process."""


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
        self._plain = _is_plain(schema)
        run = worker.check_schema if trusted or self._plain else _check_in_worker
        problem = run(self.text, formats)
        if problem is not None:
            raise ValueError(f"not a JSON Schema: {problem}")

    def problem(self, value: Any, text: str) -> str | Failure | None:
        """What is wrong with a JSON value; None when it is valid, a ``Failure`` when the worker was stopped.

        Args:
            value: The parsed value.
            text: The JSON text that it was parsed from.
        """
        if self._plain and len(self.text) * len(text) <= BUDGET:
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


def _is_plain(schema: Any) -> bool:
    """True when every keyword at every place of the schema is in ``PLAIN``."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, Mapping) or not schema.keys() <= PLAIN:
        return False
    dialect, kind = str(schema.get("$schema", "draft/2020-12")), str(schema.get("format", "date"))
    if kind not in PLAIN_FORMATS or "draft/2020-12" not in dialect:
        return False
    inner = [schema[key] for key in ("items", "additionalProperties") if key in schema]
    for key in ("properties", "prefixItems"):
        part = schema.get(key, ())
        inner.extend(part.values() if isinstance(part, Mapping) else part if isinstance(part, (tuple, list)) else [part])
    return all(map(_is_plain, inner))
