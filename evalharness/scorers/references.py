"""What is expected of an output: the scorer's own ``value``, else the case's target; several are alternatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from evalharness.core.cases import Case
from evalharness.core.results import Output, ScoreResult, Unscored
from evalharness.core.specs import canonical_json
from evalharness.scorers.base import OWN, Scorer, shown
from evalharness.scorers.parameters import Params

NO_TARGET: Final = Unscored(reason="the case has no target, and the scorer no value")


class AgainstReferences(Scorer):
    """A scorer that compares the output with references: its own ``value``, else the case's target."""

    numbers_too: ClassVar[bool] = False
    """Whether ``value`` may be a number, which stands for its text."""

    def __init__(self, params: Params, *, version: str = OWN) -> None:
        self._given = self._read(params)
        if self._given is None:
            self.needs = frozenset({"target"})
        super().__init__(params, version=version)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Compare with the references."""
        references = self.references_of(case)
        if not references:
            return NO_TARGET
        return self.compare(output.text or "", references)

    def references_of(self, case: Case) -> tuple[str, ...]:
        """The texts that outputs to a case are compared with; empty when there are none."""
        return self._given if self._given is not None else tuple(map(reference_text, case.references))

    def compare(self, text: str, references: Sequence[str]) -> ScoreResult:
        """The score of a text against at least one reference; subclasses write it."""
        raise NotImplementedError

    def _read(self, params: Params) -> tuple[str, ...] | None:
        key = given_key(params)
        if key is None:
            return None
        value = params.value(key)
        items = value if isinstance(value, (tuple, list)) else (value,)
        kinds = (str, int, float) if self.numbers_too else (str,)
        if not items or not all(isinstance(i, kinds) and not isinstance(i, bool) for i in items):
            params.refuse(key, f"a text{' or number' if self.numbers_too else ''}, or a list of them", value)
        return tuple(map(reference_text, items))


def given_key(params: Params) -> str | None:
    """``value`` or ``values``, whichever the table holds; None when neither.

    Raises:
        ConfigError: If it holds both.
    """
    if params.has("value") and params.has("values"):
        params.refuse("values", "'value' or 'values', not both", params.spec.component.params["values"])
    key = next((key for key in ("value", "values") if params.has(key)), None)
    if key is None:
        params.note("value", None)
        params.note("values", None)
    return key


def reference_text(reference: Any) -> str:
    """One reference as text: a string as it is, anything else as canonical JSON (``5``, ``true``, ``{"a":1}``)."""
    return reference if isinstance(reference, str) else canonical_json(reference)


def reference_texts(case: Case) -> tuple[str, ...]:
    """All references of a case as texts; empty when it has no target."""
    return tuple(reference_text(reference) for reference in case.references)


def alternatives(references: Sequence[str]) -> str:
    """Up to three references for a reason: ``'a' or 'b' or 'c' (and 4 more)``."""
    more = f" (and {len(references) - 3} more)" if len(references) > 3 else ""
    return " or ".join(shown(reference, 80) for reference in references[:3]) + more


def json_equal(one: Any, other: Any) -> bool:
    """Equality of JSON values: numbers by value (1 = 1.0), ``true`` is not 1, key order does not count."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping):
        if not isinstance(other, Mapping) or one.keys() != other.keys():
            return False
        return all(json_equal(item, other[key]) for key, item in one.items())
    if isinstance(one, (list, tuple)):
        if not isinstance(other, (list, tuple)) or len(one) != len(other):
            return False
        return all(map(json_equal, one, other))
    return bool(one == other)
