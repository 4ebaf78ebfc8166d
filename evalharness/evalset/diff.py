"""The meaning of a change to an eval set: which cases came, went and changed, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from evalharness.core.cases import Case
from evalharness.core.specs import canonical_json, thaw
from evalharness.evalset.versions import Changes, changes


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of one case, before and after; None is absent."""

    case_id: str
    field: str
    before: Any
    after: Any

    def line(self) -> str:
        """``refund-017 target: "30 days" -> "14 days"``, values as JSON, not shortened."""
        before, after = (
            "(none)" if value is None else canonical_json(thaw(value)) for value in (self.before, self.after)
        )
        return f"{self.case_id} {self.field}: {before} -> {after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDiff:
    """The difference between two states of one eval set."""

    old: str
    """What the old state is called, for example ``main:evalsets/support.jsonl``."""
    new: str
    changes: Changes
    fields: tuple[FieldChange, ...] = ()
    """Every changed field of the cases that are in both, by case id."""

    def lines(self) -> Iterator[str]:
        """The diff for a person: the summary, the ids that came and went, the changed fields."""
        yield f"{self.old} .. {self.new}: {self.changes.summary()}"
        yield from (f"  + {case_id}" for case_id in self.changes.added)
        yield from (f"  - {case_id}" for case_id in self.changes.removed)
        yield from (f"  ~ {change.line()}" for change in self.fields)

    def to_json(self) -> dict[str, Any]:
        """JSON object with the summary, the bump and every change."""
        return {
            "old": self.old,
            "new": self.new,
            "summary": self.changes.summary(),
            "bump": self.changes.bump,
            "added": list(self.changes.added),
            "removed": list(self.changes.removed),
            "deprecated": list(self.changes.deprecated),
            "restored": list(self.changes.restored),
            "edited": {case_id: list(names) for case_id, names in self.changes.edited.items()},
            "described": list(self.changes.described),
            "fields": [
                {"id": c.case_id, "field": c.field, "before": thaw(c.before), "after": thaw(c.after)}
                for c in self.fields
            ],
        }


def diff_cases(old: Iterable[Case], new: Iterable[Case], *, old_name: str, new_name: str) -> SetDiff:
    """Compare two states of a set.

    Args:
        old: Cases before; for a git ref ``read_cases(name, content=BYTES)`` reads what git has.
        new: Cases after.
        old_name: What to call the old state.
        new_name: What to call the new state.

    Raises:
        EvalSetError: From the readers, if a side is no eval set.
    """
    before, after = list(old), list(new)
    earlier = {case.id: case for case in before}
    found = [
        change
        for case in sorted(after, key=lambda case: case.id)
        if case.id in earlier
        for change in _field_changes(earlier[case.id], case)
    ]
    return SetDiff(old=old_name, new=new_name, changes=changes(before, after), fields=tuple(found))


def _field_changes(before: Case, after: Case) -> Iterator[FieldChange]:
    old, new = before.to_json(), after.to_json()
    for f in fields(Case):
        # Canonical text, not ==: 1 and 1.0 and True are equal in Python, but not the same line.
        if canonical_json(old.get(f.name)) != canonical_json(new.get(f.name)):
            yield FieldChange(case_id=after.id, field=f.name, before=old.get(f.name), after=new.get(f.name))
