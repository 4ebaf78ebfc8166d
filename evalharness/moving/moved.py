"""What a file of another tool became, and the account of it: every item kept, changed with the reason, or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from evalharness.core.cases import Case
from evalharness.core.errors import EvalSetError
from evalharness.core.specs import EMPTY, digest
from evalharness.core.text import visible
from evalharness.evalset.fields import check_case
from evalharness.evalset.lines import FieldError
from evalharness.evalset.mapping import Tally, settle_id

State: TypeAlias = Literal["kept", "changed", "dropped"]
_PLACES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One kind of thing that stood in the source, and what became of it."""

    state: State
    what: str
    """For example ``assert contains``."""
    why: str
    """Empty for what was kept."""
    places: tuple[str, ...]
    """Where: lines, rows or paths, all of them."""

    def line(self) -> str:
        """``changed  assert levenshtein (2: line 14, line 30): ...``."""
        distinct = tuple(dict.fromkeys(self.places))
        first = ", ".join(distinct[:_PLACES]) + (", .." if len(distinct) > _PLACES else "")
        times = f"{len(self.places)} times, " if len(self.places) > len(distinct) else ""
        reason = f": {self.why}" if self.why else ""
        return visible(f"{self.state:8} {self.what} ({times}{first}){reason}", limit=400)

    def to_json(self) -> dict[str, Any]:
        """``{state, what, why, count, places}`` with the first places."""
        return {
            "state": self.state,
            "what": self.what,
            "why": self.why,
            "count": len(self.places),
            "places": list(self.places[:_PLACES]),
        }


class Ledger:
    """Collects entries while a source is read."""

    def __init__(self) -> None:
        self._found: dict[tuple[State, str, str], list[str]] = {}

    def keep(self, what: str, place: str) -> None:
        """It stands in the set as it stood in the source."""
        self._note("kept", what, "", place)

    def change(self, what: str, why: str, place: str) -> None:
        """It is there, but not as it was."""
        self._note("changed", what, why, place)

    def drop(self, what: str, why: str, place: str) -> None:
        """It is not there any more."""
        self._note("dropped", what, why, place)

    def entries(self) -> tuple[Entry, ...]:
        """Dropped first, then changed, then kept: the order in which a person reads them."""
        order = ("dropped", "changed", "kept")
        found = [Entry(state=s, what=w, why=y, places=tuple(p)) for (s, w, y), p in self._found.items()]
        return tuple(sorted(found, key=lambda entry: order.index(entry.state)))

    def _note(self, state: State, what: str, why: str, place: str) -> None:
        self._found.setdefault((state, what, why), []).append(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A source of another tool, read whole."""

    kind: str
    """Word of the registry, for example ``promptfoo``."""
    sha256: str
    """Of the source's bytes."""
    cases: tuple[Case, ...] = ()
    answers: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=lambda: EMPTY)
    """System -> lines of a recorded-answers file."""
    entries: tuple[Entry, ...] = ()
    rows: int = 0
    """Records read: tests, samples, spans, log rows."""
    counted: int | None = None
    """The same by an independent count; None when the source holds no second way to count."""
    counted_by: str = ""
    """How the second count was made."""
    setup: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """For a config: ``candidates``, ``scorers``, ``limits``, ``later`` (tables by name), ``files`` (path -> text)."""
    labels: tuple[Mapping[str, Any], ...] = ()
    """What users said about answers, with its source."""
    proposed: tuple[Case, ...] = ()
    """Quarantined cases: for a person to read, never part of the set by themselves."""

    def check_count(self, where: str) -> None:
        """Refuse a source whose two counts differ.

        Raises:
            EvalSetError: If they do.
        """
        if self.counted is not None and self.counted != self.rows:
            raise EvalSetError(
                f"{self.rows} records were read, but {self.counted_by} gives {self.counted}: nothing was written",
                where=where,
                tip="the file is cut off, was edited by hand, or has a form that this version does not know",
            )

    def lines(self, origin: str) -> list[str]:
        """The account for a person."""
        second = "no second count" if self.counted is None else f"{self.counted} by {self.counted_by}"
        answers = sum(len(lines) for lines in self.answers.values())
        head = f"{origin}: {self.rows} records ({second}), {len(self.cases)} cases, {answers} recorded answers"
        return [head, *(f"  {entry.line()}" for entry in self.entries)]


class CaseBook:
    """Gives records their ids and keeps each case once.

    Args:
        ledger: Told about ids that had to be replaced and cases that came twice.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.cases: dict[str, Case] = {}
        self._ledger = ledger
        self._contents: dict[str, str] = {}

    def add(self, data: Mapping[str, Any], *, place: str, source_id: Any = None) -> str:
        """Add a case without an id and return its id; that of the earlier one when its content is there already.

        Args:
            data: Fields of the case; absent fields are left out.
            place: Where it stood, for the account.
            source_id: Its id at the other tool, when it has one.

        Raises:
            EvalSetError: If it is no case.
        """
        fields = {name: value for name, value in data.items() if value is not None}
        content = digest({name: fields[name] for name in fields if name != "metadata"})
        given: dict[str, Any] = {**fields, "metadata": dict(fields.get("metadata", {}))}
        if source_id is not None:
            given["id"] = source_id
        changed = Tally()
        if not settle_id(given, content, self._contents, number=1, changed=changed):
            self._ledger.drop("case", "the same as an earlier one", place)
            return self._earlier(content, source_id)
        for what in changed.rows:
            self._ledger.change("case", what, place)
        if not given["metadata"]:
            given.pop("metadata")
        try:
            check_case(given)
        except FieldError as error:
            raise EvalSetError(error.problem, where=f"{place}: {error.field}", tip=error.tip) from None
        self.cases[given["id"]] = Case.from_json(given)
        return str(given["id"])

    def _earlier(self, content: str, source_id: Any) -> str:
        """The id that the twin of a case got."""
        plain = f"h-{content[:12]}" if source_id is None else str(source_id)
        return plain if plain in self.cases else f"h-{digest([content, plain])[:16]}"
