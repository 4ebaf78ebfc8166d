"""From a row of somebody else's table to a case: which column is which field, and what had to change.

The names that other tools use (question, expected_output, ideal, vars, assert, ..) are known here and nowhere else.
Nothing is guessed in silence: two columns that could be the same field are refused, and whatever is changed, left out
or dropped is counted in the ``Tally`` that the person reads.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from evalharness.core.cases import ID_PATTERN, MEANING, Case, id_look
from evalharness.core.errors import UsageError
from evalharness.core.nearest import name_tip
from evalharness.core.specs import digest
from evalharness.core.strictjson import StrictJSONError, loads
from evalharness.evalset.fields import FIELDS, check_case
from evalharness.evalset.lines import FieldError, seen

_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "id": ("_id",),
    "input": ("question", "prompt", "query", "inputs", "vars"),
    "target": ("answer", "answers", "expected_output", "expected", "ideal", "reference", "references"),
    "context": ("contexts", "retrieval_context"),
    "checks": ("assert",),
}
_STRUCTURED: Final = frozenset({"relevant", "context", "checks", "metadata", "tags", "weight"})
_PROMPTFOO: Final = frozenset(
    {"equals", "contains", "icontains", "contains_any", "contains_all", "icontains_any", "icontains_all", "starts_with"}
    | {"regex"}
)
_FIRST_ROWS: Final = 5


@dataclass(slots=True)
class Tally:
    """What happened to rows and values, by kind, with the first row numbers of each."""

    rows: dict[str, list[int]] = field(default_factory=dict)

    def note(self, what: str, row: int) -> None:
        """Count one row under a sentence."""
        self.rows.setdefault(what, []).append(row)

    def lines(self) -> tuple[str, ...]:
        """``target: empty cells left out: 3 rows (2, 5, 9)``."""
        return tuple(f"{what}: {_rows(numbers)}" for what, numbers in self.rows.items())


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Case field (or ``metadata.NAME``) -> column (dots lead into objects)."""

    columns: Mapping[str, str]

    def case_fields(self, row: Mapping[str, Any], *, number: int, text_cells: bool, changed: Tally) -> dict[str, Any]:
        """The case that a row becomes, as a JSON object without checks and perhaps without id and input.

        Raises:
            FieldError: If a cell that must hold JSON does not.
        """
        data: dict[str, Any] = {}
        facts: dict[str, Any] = {}
        for name, column in self.columns.items():
            value = _plain(_pick(row, column), column, number, changed)
            if value is None:
                continue
            if value == "" and text_cells:
                changed.note(f"{column}: empty cells left out", number)
                continue
            top, _, key = name.partition(".")
            if key:
                facts[key] = value
            else:
                data[top] = _as_field(top, value, number, changed)
        if facts:
            own = data.get("metadata", {})
            data["metadata"] = {**own, **facts} if isinstance(own, dict) else own
        return {name: data[name] for name in FIELDS if name in data}


def parse_map(words: Iterable[str]) -> dict[str, str]:
    """``field=column`` words of ``--map`` as a table.

    Raises:
        UsageError: If a word has another form, or names no case field.
    """
    table: dict[str, str] = {}
    for word in words:
        name, equals, column = word.partition("=")
        if not (name and equals and column):
            raise UsageError(f"--map {word!r}: expected field=column, for example input=question")
        if name not in FIELDS and not (name.startswith("metadata.") and name != "metadata."):
            tip = name_tip(name, (*FIELDS, "metadata.NAME"), title="case fields")
            raise UsageError(f"--map {word!r}: {name!r} is no field of a case", tip=tip)
        if name in table:
            raise UsageError(f"--map: {name} is mapped twice, to {table[name]!r} and {column!r}")
        table[name] = column
    return table


def plan_columns(columns: Sequence[str], mapping: Mapping[str, str]) -> ColumnPlan:
    """Decide which column fills which field; the columns left over go to ``metadata``.

    Raises:
        UsageError: If a mapped column is not there, two columns could be one field, or nothing can be the input.
    """
    plan = dict(mapping)
    for name, column in mapping.items():
        if column not in columns and column.split(".")[0] not in columns:
            raise UsageError(
                f"--map {name}={column}: there is no column {column!r}", tip=name_tip(column, columns, title="columns")
            )
    taken = {column if column in columns else column.split(".")[0] for column in mapping.values()}
    for name in FIELDS:
        free = [column for column in (name, *_ALIASES.get(name, ())) if column in columns and column not in taken]
        if name in plan or not free:
            continue
        if free[0] != name and len(free) > 1:
            raise UsageError(
                f"columns {' and '.join(free)} could all be {name}", tip=f"choose one: --map {name}={free[0]}"
            )
        plan[name] = free[0]
        taken.add(free[0])
    if "input" not in plan:
        raise UsageError(f"no column can be the input among {', '.join(columns)}", tip="name it: --map input=COLUMN")
    plan |= {f"metadata.{column}": column for column in columns if column not in taken}
    return ColumnPlan(plan)


def to_cases(
    rows: Iterable[Mapping[str, Any]], plan: ColumnPlan, *, text_cells: bool, changed: Tally, dropped: Tally
) -> list[Case]:
    """Every row as a case, in order; ids by content hash where the row has none that can be used.

    Raises:
        FieldError: If a row makes no case; its field begins with ``row N``.
    """
    cases: list[Case] = []
    contents: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        try:
            data = plan.case_fields(row, number=number, text_cells=text_cells, changed=changed)
            if "input" not in data:
                dropped.note("no input", number)
                continue
            content = digest({name: data[name] for name in MEANING if name in data and name != "id"})
            if not settle_id(data, content, contents, number=number, changed=changed):
                dropped.note("the same as an earlier row", number)
                continue
            check_case(data)
        except FieldError as error:
            raise FieldError(f"row {number}: {error.field}", error.problem, error.tip) from None
        cases.append(Case.from_json(data))
    return cases


def settle_id(data: dict[str, Any], content: str, contents: dict[str, str], *, number: int, changed: Tally) -> bool:
    """Give the row its id; False when the row is a duplicate."""
    given = data.pop("id", None)
    case_id = f"h-{content[:12]}" if given is None else str(given)
    if given is not None and not isinstance(given, str):
        changed.note("id: numbers written as text", number)
    usable = ID_PATTERN.fullmatch(case_id) is not None
    if contents.get(case_id.lower()) == content:
        return False
    if not usable or case_id.lower() in contents or id_look(case_id) in contents:
        why = "ids in use already" if usable else "ids with characters that an id cannot have"
        changed.note(f"{why} replaced by a content hash, kept as metadata.source_id", number)
        data.setdefault("metadata", {})["source_id"] = given
        case_id = f"h-{digest([content, case_id])[:16]}"
        if contents.get(case_id) == content:
            return False
    contents[case_id.lower()] = contents[id_look(case_id)] = content
    ordered = {"id": case_id, **data}
    data.clear()
    data.update(ordered)
    return True


def _pick(row: Mapping[str, Any], column: str) -> Any:
    """The cell of a column; a dotted name that is no column leads into an object."""
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _as_field(name: str, value: Any, number: int, changed: Tally) -> Any:
    if name in _STRUCTURED and isinstance(value, str):
        value = _from_text(name, value)
    if name == "checks" and isinstance(value, list):
        return [_check(table, number, changed) for table in value]
    if name in {"input", "target"} and isinstance(value, bool):
        changed.note(f"{name}: true and false written as text", number)
        return "true" if value else "false"
    if name == "input" and isinstance(value, (int, float)):
        changed.note("input: numbers written as text", number)
        return str(value)
    return value


def _from_text(name: str, text: str) -> Any:
    """A text cell of a field that is no text: JSON, or the plain forms of tags, weight and context."""
    if name == "tags" and not text.lstrip().startswith("["):
        return [tag.strip() for tag in text.split(",") if tag.strip()]
    if name == "context" and not text.lstrip().startswith("["):
        return [text]
    try:
        return loads(text)
    except StrictJSONError as error:
        raise FieldError(name, f"seen {seen(text)} ({error}), expected JSON in the cell") from None


def _check(table: Any, number: int, changed: Tally) -> Any:
    """A promptfoo assertion ``{type, value}`` as a scorer table; a scorer table as it is."""
    if not isinstance(table, dict) or "use" in table or not isinstance(table.get("type"), str):
        return table
    word = table["type"].removeprefix("not-").replace("-", "_")
    if word not in _PROMPTFOO or table.keys() - {"type", "value"}:
        raise FieldError(
            "checks",
            f"seen the assertion {seen(table['type'])}, expected one of {', '.join(sorted(_PROMPTFOO))} with a value",
            "write it as a scorer table {use: ..}, or leave the column out with --map metadata.assert=assert",
        )
    changed.note("checks: promptfoo assertions written as scorer tables", number)
    check = {"use": word, ("pattern" if word == "regex" else "value"): table.get("value")}
    return check | {"not": True} if table["type"].startswith("not-") else check


def _plain(value: Any, column: str, number: int, changed: Tally) -> Any:
    """A value as JSON knows it. What JSON does not know is written as text or left out, and counted."""
    if isinstance(value, float) and not math.isfinite(value):
        changed.note(f"{column}: {value} left out, it is no JSON number", number)
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{column}.{key}", number, changed) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, column, number, changed) for item in value]
    kind = type(value).__name__
    if isinstance(value, (dt.datetime, dt.date, dt.time, decimal.Decimal)):
        changed.note(f"{column}: {kind} written as text", number)
        return str(value) if isinstance(value, decimal.Decimal) else value.isoformat()
    changed.note(f"{column}: {kind} left out, JSON cannot hold it", number)
    return None


def _rows(numbers: list[int]) -> str:
    first = ", ".join(map(str, numbers[:_FIRST_ROWS])) + (", .." if len(numbers) > _FIRST_ROWS else "")
    return f"{len(numbers)} {'row' if len(numbers) == 1 else 'rows'} ({first})"
