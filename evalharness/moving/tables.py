"""DeepEval goldens and Ragas rows: tables whose columns are known, as cases and recorded answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError
from evalharness.core.files import shown
from evalharness.evalset.tables import read_csv
from evalharness.moving.answers import Answers
from evalharness.moving.documents import Records, read_records
from evalharness.moving.fields import amount, asked, first, mapping, messages, parsed, sequence, without_none, written
from evalharness.moving.moved import CaseBook, Ledger, Moved
from evalharness.moving.printed_lists import holds_printed_objects, printed_list


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns of a peer's table are which fields of ours; the first that is there counts."""

    kind: str
    input: tuple[str, ...]
    target: tuple[str, ...]
    output: tuple[str, ...]
    context: tuple[str, ...]
    """Passages that are given with the question."""
    retrieved: tuple[str, ...]
    """Passages that the system itself found: documents of its answer."""
    tools: tuple[str, ...] = ()
    """Expected tool calls."""
    called: tuple[str, ...] = ()
    """Tool calls that were made."""
    id: tuple[str, ...] = ()
    turns: tuple[str, ...] = ()
    """A conversation."""
    latency: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    separator: str = ""
    """What puts passages apart where the form of the file has no lists."""


DEEPEVAL: Final = Columns(
    kind="deepeval",
    input=("input", "scenario"),
    target=("expected_output", "expectedOutput", "expected_outcome", "expectedOutcome"),
    output=("actual_output", "actualOutput"),
    context=("context",),
    retrieved=("retrieval_context", "retrievalContext"),
    tools=("expected_tools", "expectedTools"),
    called=("tools_called", "toolsCalled"),
    turns=("turns",),
    latency=("completion_time", "completionTime"),
    cost=("token_cost", "tokenCost"),
    separator="|",
)
RAGAS: Final = Columns(
    kind="ragas",
    input=("user_input", "question"),
    target=("reference", "ground_truth", "ground_truths"),
    output=("response", "answer"),
    context=("reference_contexts",),
    retrieved=("retrieved_contexts", "contexts"),
    tools=("reference_tool_calls",),
    id=("id",),
)


def read_deepeval(path: Path) -> Moved:
    """Goldens or test cases of DeepEval: ``.json``, ``.jsonl`` or ``.csv``.

    Raises:
        EvalSetError: If it is none.
    """
    return _read(path, DEEPEVAL)


def read_ragas(path: Path) -> Moved:
    """Rows of a Ragas data set: ``.json``, ``.jsonl`` or ``.csv``.

    Raises:
        EvalSetError: If it is none.
    """
    return _read(path, RAGAS)


def _read(path: Path, columns: Columns) -> Moved:
    records = _records(path)
    ledger = Ledger()
    if records.nulls:
        ledger.change("numbers", "NaN and Infinity became null", f"{records.nulls} of them")
    book, answers = CaseBook(ledger), Answers()
    for place, row in records.rows:
        _row(row, place, columns, book=book, answers=answers, ledger=ledger)
    if not book.cases:
        wanted = " or ".join(columns.input)
        raise EvalSetError(f"seen no row with {wanted}, expected {columns.kind} rows", where=shown(path))
    return Moved(
        kind=columns.kind,
        sha256=records.sha256,
        cases=tuple(book.cases.values()),
        answers=answers.done(),
        entries=ledger.entries(),
        rows=len(records.rows),
        counted=records.counted,
        counted_by=records.counted_by,
        setup={"has_tools": any(isinstance(case.target, Mapping) for case in book.cases.values())},
    )


def _records(path: Path) -> Records:
    if path.suffix != ".csv":
        return read_records(path)
    table = read_csv(path)
    rows = tuple(
        (f"row {number}", {name: _cell(cell) for name, cell in row.items() if cell != ""})
        for number, row in enumerate(table.rows, 1)
    )
    counted = len(rows) if table.counted is None else table.counted
    return Records(rows=rows, sha256=table.sha256, counted=counted, counted_by="quotation marks")


def _cell(cell: str) -> Any:
    """JSON, a list as Python prints it, or the text itself."""
    value = parsed(cell)
    listed = printed_list(value) if isinstance(value, str) else None
    return value if listed is None else listed


def _row(
    row: Mapping[str, Any], place: str, columns: Columns, *, book: CaseBook, answers: Answers, ledger: Ledger
) -> None:
    asking = _asking(row, columns)
    if any(holds_printed_objects(row.get(name)) for name in (*columns.input, *columns.tools, *columns.called)):
        ledger.drop("row", "messages or calls as Python prints them are no JSON: export it as .jsonl", place)
        return
    if asking is None:
        ledger.drop("row", "it has no input", place)
        return
    used = {name for group in _groups(columns) for name in group}
    if any(row.get(name) for name in columns.turns):  # what was said is the input; what the talk is about is a fact
        used -= set(columns.input)
    facts = {name: value for name, value in row.items() if name not in used and value not in (None, "", [], {})}
    for name in facts:
        ledger.change(f"column {name}", "kept in metadata", place)
    tools = _expected_tools(row, columns)
    target = _target(row, columns)
    if tools and target is not None:
        # A case has one target. The text is it, for any scorer reads texts; the calls stay with the case.
        facts["expected_tools"] = tools
        why = "kept in metadata: the expected text is the target"
        ledger.change(f"column {next(name for name in columns.tools if row.get(name))}", why, place)
        used -= set(columns.tools)
    for name in (*columns.context, *columns.retrieved):
        if columns.separator and columns.separator in str(row.get(name, "")) and isinstance(row.get(name), str):
            ledger.change(f"column {name}", f"split into passages at {columns.separator!r}", place)
    for name in sorted(used & row.keys()):
        if row[name] not in (None, "", [], {}):
            ledger.keep(f"column {name}", place)
    data = {
        "input": asking,
        "target": target if target is not None else {"tools": tools} if tools else None,
        "context": _passages(first(row, *columns.context), columns) or None,
        "metadata": facts or None,
    }
    case_id = book.add(data, place=place, source_id=first(row, *columns.id) if columns.id else None)
    _answer(row, columns, case_id, answers)


def _groups(columns: Columns) -> Sequence[tuple[str, ...]]:
    return (
        *(columns.input, columns.target, columns.output, columns.context, columns.retrieved, columns.tools),
        *(columns.called, columns.id, columns.turns, columns.latency, columns.cost),
    )


def _asking(row: Mapping[str, Any], columns: Columns) -> Any:
    turns = messages(first(row, *columns.turns) if columns.turns else None)
    value = first(row, *columns.input)
    if isinstance(value, list):
        return asked(_before_the_answer(messages(_typed(value))))
    if turns:
        return asked(_before_the_answer(turns))
    return value if isinstance(value, (str, dict)) and value != "" else None


def _typed(values: list[Any]) -> list[Any]:
    """Ragas writes the role of a message as its ``type``."""
    return [{"role": mapping(value).get("type", "user"), **mapping(value)} for value in values]


def _before_the_answer(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns up to the last one of the user: what comes after is an answer."""
    users = [index for index, turn in enumerate(found) if turn["role"] == "user"]
    return found[: users[-1] + 1] if users else found


def _expected_tools(row: Mapping[str, Any], columns: Columns) -> list[dict[str, Any]]:
    calls = (_tool(call) for call in sequence(first(row, *columns.tools) if columns.tools else None))
    return [call for call in calls if call]


def _target(row: Mapping[str, Any], columns: Columns) -> Any:
    value = first(row, *columns.target)
    if isinstance(value, list):
        return [written(item) for item in value if item is not None] or None
    return None if value is None or value == "" else written(value) if isinstance(value, bool) else value


def _tool(call: Any) -> dict[str, Any]:
    table = mapping(call)
    name = table.get("name")
    args = first(table, "input_parameters", "inputParameters", "args")
    if not isinstance(name, str):
        return {}
    return without_none({"name": name, "args": dict(args) if isinstance(args, Mapping) and args else None})


def _passages(value: Any, columns: Columns) -> list[Any]:
    if isinstance(value, str):
        items = value.split(columns.separator) if columns.separator else [value]
    else:
        items = sequence(value)
    return [item if isinstance(item, str) else written(item) for item in items if item is not None]


def _answer(row: Mapping[str, Any], columns: Columns, case_id: str, answers: Answers) -> None:
    output = first(row, *columns.output) or _said(row, columns)
    found = _passages(first(row, *columns.retrieved), columns)
    calls = [_tool(call) for call in sequence(first(row, *columns.called) if columns.called else None)]
    if output is None and not found:
        return
    trace = [{"role": "assistant", "content": None, "tool_calls": [_call(call) for call in calls if call]}]
    answers.add(
        columns.kind,
        case_id,
        output=output if isinstance(output, (str, dict, list)) or output is None else written(output),
        documents=[{"id": f"passage-{n}", "text": text} for n, text in enumerate(found, 1)] or None,
        messages=trace if any(calls) else None,
        latency_s=amount(first(row, *columns.latency)) if columns.latency else None,
        cost_usd=amount(first(row, *columns.cost)) if columns.cost else None,
    )


def _said(row: Mapping[str, Any], columns: Columns) -> str | None:
    """What the assistant said after the user's last turn of a recorded conversation."""
    value = first(row, *columns.input)
    turns = messages(
        _typed(value) if isinstance(value, list) else first(row, *columns.turns) if columns.turns else None
    )
    later = turns[len(_before_the_answer(turns)) :]
    texts = [turn["content"] for turn in later if turn["role"] == "assistant" and turn["content"]]
    return texts[-1] if texts else None


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": call["name"], "arguments": written(call.get("args", {}))}}
