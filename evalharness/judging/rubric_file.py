"""Reads a rubric file strictly: known keys only, every value by its rule, errors as ``FILE:LINE: key: problem``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evalharness.config.locate import key_lines
from evalharness.config.source import Source, Table
from evalharness.core.builtin import shipped_rubrics
from evalharness.core.errors import RubricError
from evalharness.core.files import shown as shown_path
from evalharness.core.nearest import name_tip
from evalharness.core.specs import digest, freeze
from evalharness.judging import keys
from evalharness.judging.rubric import (
    Aggregate,
    Criterion,
    Example,
    Human,
    JudgeSettings,
    Option,
    Rubric,
)
from evalharness.judging.verdict_words import check_verdicts, example_fields

UNDIGESTED: Final = ("title", "version", "anchors")
"""Keys outside the digest: they change nothing that a judge sees."""
MOST_TOGETHER: Final = 12
"""Criteria in one call at most."""
MAX_BYTES: Final = 1_000_000


def load_rubric(path: Path, *, data: bytes | None = None, name: str | None = None) -> Rubric:
    """Read a rubric file.

    Args:
        path: ``rubrics/ID.toml``.
        data: What to read instead of the file (its content at another commit).
        name: What messages call it; the path when left out.

    Raises:
        RubricError: If it cannot be read or is wrong, with file, line and key.
    """
    title = shown_path(path) if name is None else name
    text = _text(path, data, title)
    source = Source(shown=title, lines=_lines(text, title), error=RubricError)
    table = Table(data=_parsed(text, title), path=(), source=source)
    return _Reader(table, path).rubric()


def content_digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of a parsed rubric without title, version and anchors: equal digests ask the judge the same.

    Raises:
        ValueError: If it holds what JSON has no word for (a date, an infinite number).
    """
    return digest({key: value for key, value in content.items() if key not in UNDIGESTED})


def _text(path: Path, data: bytes | None, title: str) -> str:
    try:
        raw = path.read_bytes() if data is None else data
        if len(raw) > MAX_BYTES:
            raise RubricError(f"seen {len(raw)} bytes, expected at most {MAX_BYTES}", where=title)
        return raw.decode("utf-8")
    except FileNotFoundError:
        tip = f"shipped, by their bare names: {', '.join(name.removesuffix('.toml') for name in shipped_rubrics())}"
        raise RubricError("no such rubric file", where=title, tip=tip) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RubricError(f"cannot be read: {error}", where=title) from None


def _parsed(text: str, title: str) -> dict[str, Any]:
    import tomllib  # 25 ms of start-up

    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RubricError(f"not a TOML file: {error}", where=title) from None
    try:
        digest(content)
    except (TypeError, ValueError):
        raise RubricError("seen a date or an infinite number, expected text and finite numbers", where=title) from None
    return content


def _lines(text: str, title: str) -> dict[Any, int]:
    _parsed(text, title)  # positions are found only in what TOML accepts
    return key_lines(text)


def _values(table: Table, known: keys.Keys) -> dict[str, Any]:
    """The values of a table, each by its rule; what it needs must be there."""
    values = table.values({name: key.rule for name, key in known.items()})
    table.require(*(name for name, key in known.items() if key.needed))
    return values


class _Reader:
    """One rubric while it is being read."""

    def __init__(self, table: Table, path: Path) -> None:
        self.top = table
        self.path = path

    def rubric(self) -> Rubric:
        values = _values(self.top, keys.TOP)
        if values["id"] != self.path.stem:
            self.top.refuse("id", f"seen {values['id']!r}, expected {self.path.stem!r}: the file's name")
        if not {"output", "context"} & set(values["uses"]):
            self.top.refuse("uses", "seen neither output nor context", "a candidate makes these: it is judged by them")
        criteria = tuple(self.criterion(row, values["uses"]) for row in self._rows("criteria"))
        self._check_criteria(criteria)
        judge = self.judge()
        if judge.probabilities and any(criterion.type in ("itemised", "numeric") for criterion in criteria):
            self.top.refuse("judge", "probabilities are read for single words, not for numbers and items")
        cannot = _values(self._child("cannot_tell"), keys.CANNOT) if "cannot_tell" in values else {}
        if cannot.get("action") == "escalate" and judge.escalate_to is None:
            self.top.refuse("cannot_tell", "escalate needs judge.escalate_to: the model to ask")
        invalid = _values(self._child("on_invalid"), keys.INVALID) if "on_invalid" in values else {}
        anchors = _values(self._child("anchors"), keys.ANCHORS) if "anchors" in values else {}
        return Rubric(
            id=values["id"],
            version=values["version"],
            title=values["title"],
            uses=values["uses"],
            task=values["task"],
            criteria=criteria,
            aggregate=self._aggregate(),
            cannot_tell=cannot.get("action", "exclude"),
            short_answers=values.get("short_answers", False),
            retries=invalid.get("retries", 2),
            judge=judge,
            examples=tuple(self.example(row, values["uses"], criteria) for row in self._rows("examples")),
            anchors=self._anchor_file(anchors["file"]) if anchors else None,
            anchors_minimum=anchors.get("minimum", 40),
            digest=content_digest(self.top.data),
            path=self.top.source.shown,
            content=freeze(self.top.data),
        )

    def _rows(self, key: str) -> Iterable[Table]:
        for number, row in enumerate(self.top.data.get(key, ())):
            yield Table(data=row, path=(key, number), source=self.top.source)

    def _child(self, key: str) -> Table:
        return self.top.child(key, example=f"{key} = {{ .. }}")

    def _aggregate(self) -> Aggregate:
        values = _values(self._child("aggregate"), keys.AGGREGATE)
        values.pop("score", None)
        return Aggregate(**values)

    def _anchor_file(self, name: str) -> Path:
        table = self._child("anchors")
        file = (self.path.parent / name).resolve()
        if Path(name).is_absolute() or not file.is_relative_to(self.path.parent.resolve()):
            table.refuse("file", f"{name}: lies outside the rubric's folder", "expected for example anchors/ID.jsonl")
        return self.path.parent / name

    # --- criteria -----------------------------------------------------------------------------------------------------

    def criterion(self, row: Table, uses: Sequence[str]) -> Criterion:
        kind = row.data.get("type")
        if not isinstance(kind, str) or kind not in keys.CRITERIA:
            row.require("type")
            row.refuse("type", f"expected one of {', '.join(keys.CRITERIA)}, got {kind!r}")
        values = _values(row, keys.CRITERIA[kind])
        for field in (values.get("evidence", "none"), values.get("items", "none").partition(".")[0]):
            if field not in ("none", *uses):
                key = "evidence" if field == values.get("evidence") else "items"
                row.refuse(key, f"the judge does not see {field!r}", f"add it to uses: {', '.join(uses)}")
        if kind == "ordinal":
            values["options"] = self._options(row, "levels", keys.LEVEL)
            values.pop("levels")
        if kind == "itemised":
            values["options"] = self._options(row, "verdicts", keys.ITEM_VERDICT)
            values.pop("verdicts")
            self._check_itemised(row, values)
        if kind == "numeric":
            low, high = values["range"][0], values["range"][-1]
            if len(values["range"]) != 2 or not low < high:
                row.refuse("range", "expected [lowest, highest], the first below the second")
            values["range"] = (low, high)
        if "at_least" in values and not values.get("must_pass", False):
            row.refuse("at_least", "goes with must_pass = true")
        return Criterion(**values)

    def _options(self, row: Table, key: str, known: keys.Keys) -> tuple[Option, ...]:
        options: list[Option] = []
        for number, data in enumerate(row.data[key]):
            option = Table(data=data, path=(*row.path, key, number), source=row.source)
            values = _values(option, known)
            if values["id"] == "cannot_tell" or values["id"] in {other.id for other in options}:
                option.refuse("id", f"{values['id']!r} is taken", "cannot_tell is always allowed, and ids are unique")
            options.append(Option(id=values["id"], value=values.get("value"), when=values.get("when", "")))
        if len(options) > 7:
            row.refuse(key, f"seen {len(options)}, expected 2 to 7")
        valued = {option.value for option in options if option.value is not None}
        if len(valued) < 2:
            row.refuse(key, "expected at least two different values: else it measures nothing")
        return tuple(options)

    def _check_itemised(self, row: Table, values: dict[str, Any]) -> None:
        known = [option.id for option in values["options"]]
        for word in values.get("fatal", ()):
            if word not in known:
                row.refuse("fatal", f"no verdict {word!r}", name_tip(word, known, title="verdicts"))

    def _check_criteria(self, criteria: Sequence[Criterion]) -> None:
        seen: set[str] = set()
        for number, criterion in enumerate(criteria):
            if criterion.id in seen:
                self.top.source.refuse(("criteria", number, "id"), f"{criterion.id!r} is taken: ids are unique")
            seen.add(criterion.id)
        together = sum(not criterion.isolate for criterion in criteria)
        if together > MOST_TOGETHER:
            self.top.refuse("criteria", f"{together} in one call, expected at most {MOST_TOGETHER}", "isolate some")
        pairs = sum(criterion.type == "pairwise" for criterion in criteria)
        if pairs not in (0, len(criteria)):
            self.top.refuse("criteria", "pairwise criteria compare two answers, the others look at one", "split them")

    # --- judge and examples -------------------------------------------------------------------------------------------

    def judge(self) -> JudgeSettings:
        table = self._child("judge")
        values = _values(table, keys.JUDGE)
        if values.get("temperature") == "unset":
            values["temperature"] = None
        repeats = values.pop("repeats", None)
        if repeats is not None:
            own = Table(data=table.data["repeats"], path=("judge", "repeats"), source=table.source)
            values |= _values(own, keys.REPEATS)
            for key in ("first", "on_change"):
                if values.get(key, 1) % 2 == 0:
                    own.refuse(key, "expected an odd number: an even one has no majority")
            if values.get("on_change", 3) < values.get("first", 1):
                own.refuse("on_change", "expected at least as many as first")
        if values.get("probabilities") and values.get("panel"):
            table.refuse("panel", "votes and probabilities do not go together")
        return JudgeSettings(**values)

    def example(self, row: Table, uses: Sequence[str], criteria: Sequence[Criterion]) -> Example:
        values = _values(row, keys.EXAMPLE)
        pairwise = criteria[0].type == "pairwise"
        fields = {name: value for name, value in values.items() if name not in ("verdicts", "human", "why")}
        expected = example_fields(uses, pairwise=pairwise)
        for name in fields:
            if name not in expected:
                row.refuse(name, "the judge does not see this", f"uses: {', '.join(expected)}")
        problem = check_verdicts(values["verdicts"], criteria, fields)
        if problem:
            row.refuse("verdicts", problem)
        return Example(
            fields=freeze(fields),
            verdicts=freeze(values["verdicts"]),
            why=values.get("why", ""),
            human=self._human(row) if "human" in values else None,
        )

    def _human(self, row: Table) -> Human:
        table = Table(data=row.data["human"], path=(*row.path, "human"), source=row.source)
        values = _values(table, keys.HUMAN)
        if values["agree"] > values["raters"]:
            table.refuse("agree", f"{values['agree']} of {values['raters']} cannot agree")
        return Human(**values)
