"""promptfoo's test cases: variables expanded, defaults merged, assertion sets taken apart, answers kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError
from evalharness.moving.documents import beside, read_source, text_of
from evalharness.moving.moved import CaseBook, Ledger
from evalharness.moving.promptfoo_asserts import KEYS, Translated, Untranslatable, fill, translate

MAX_EXPANDED: Final = 100_000
"""Most cases that the lists of one test may make."""
_TEST_KEYS: Final = frozenset({"description", "vars", "assert", "threshold", "metadata", "options", "providerOutput"})
_TEXTS: Final = (".txt", ".md", ".json")
SYSTEM: Final = "provider-output"
"""Name of the recorded answers that stand in the tests themselves."""
Place = Callable[..., str]


class Tests:
    """Collects the cases of a promptfoo config.

    Args:
        ledger: The account.
        default: ``defaultTest``, or an empty mapping.
        folder: Where files that variables name lie.
    """

    def __init__(self, ledger: Ledger, default: Mapping[str, Any], folder: Path) -> None:
        self.ledger = ledger
        self._folder = folder
        self.book = CaseBook(ledger)
        self.default = default
        self.answers: list[dict[str, Any]] = []
        self.wishes: dict[str, dict[str, Any]] = {}
        """Scorers of all cases that the assertions ask for: ``similar``, ``judge``, ``latency``, ``cost``."""
        self.tests = 0
        self.expanded = 0

    def add(self, test: Mapping[str, Any], place: Place) -> list[str]:
        """Add one test and return the ids of its cases.

        Args:
            test: As promptfoo reads it.
            place: Gives the line of a path inside the test.

        Raises:
            EvalSetError: If it has no form that can be read.
        """
        self.tests += 1
        for key in sorted(test.keys() - _TEST_KEYS):
            self.ledger.drop(f"test {key}", "it has no counterpart in a case", place(key))
        variables = {**_table(self.default.get("vars"), "vars"), **_table(test.get("vars"), "vars")}
        variables = {name: self._value(name, value, place) for name, value in variables.items()}
        options = {**_table(self.default.get("options"), "options"), **_table(test.get("options"), "options")}
        for key in sorted(options.keys() - {"disableVarExpansion", "disableDefaultAsserts", "provider"}):
            self.ledger.drop(f"options.{key}", "it changes the prompt or the answer outside the case", place("options"))
        expand = options.get("disableVarExpansion") is not True
        rows = list(_expanded(variables, place("vars"))) if expand else [variables]
        if len(rows) > 1:
            why = f"lists among the variables: one case for each of {len(rows)} combinations"
            self.ledger.change("vars", why, place("vars"))
        elif "vars" in test:
            self.ledger.keep("vars", place("vars"))
        self.expanded += len(rows)
        common = options.get("disableDefaultAsserts") is not True
        return [self._case(test, self._filled(row, place), place, common=common) for row in rows]

    def _filled(self, variables: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Variables may name one another."""
        filled: dict[str, Any] = {}
        for name, value in variables.items():
            try:
                filled[name] = fill(value, variables)
            except Untranslatable as reason:
                self.ledger.drop(f"template in the variable {name}", f"left as it stands: {reason}", place("vars"))
                filled[name] = value
        return filled

    def _value(self, name: str, value: Any, place: Place) -> Any:
        """The value of a variable; a text file that it names is read."""
        if not isinstance(value, str) or not value.startswith("file://"):
            return value
        path = beside(self._folder, value)
        if path.suffix not in _TEXTS or not path.is_file():
            self.ledger.drop(
                f"vars {name} = {value[:60]}", "only .txt, .md and .json beside the config are read", place("vars")
            )
            return value
        self.ledger.change(f"vars {name} = {value[:60]}", "the file's text was written into the case", place("vars"))
        return text_of(read_source(path), str(path))

    def _case(self, test: Mapping[str, Any], variables: Mapping[str, Any], place: Place, *, common: bool) -> str:
        checks: list[Mapping[str, Any]] = []
        targets: dict[str, list[Any]] = {}
        shared = list(_flat(self.default.get("assert") or [], "defaultTest.assert", self.ledger)) if common else []
        for where, assertion in [*shared, *self._own(test, place)]:
            result = translate(assertion, variables)
            self._account(assertion, result, where)
            if result.check is not None:
                checks.append(result.check)
            elif result.wish:
                self._wish(result)
                if result.wanted is not None:
                    targets.setdefault(result.wish, []).append(result.wanted)
        data = {
            "input": dict(variables) or str(test.get("description", "")) or "(no variables)",
            "target": self._target(targets, place("assert")),
            "metadata": self._metadata(test, place),
            "checks": checks or None,
        }
        case_id = self.book.add(data, place=place())
        output = test.get("providerOutput", self.default.get("providerOutput"))
        if output is not None and all(answer["id"] != case_id for answer in self.answers):
            self.answers.append(
                {"id": case_id, "output": output if isinstance(output, (str, dict, list)) else str(output)}
            )
            self.ledger.keep("providerOutput", place("providerOutput"))
        return case_id

    def _wish(self, result: Translated) -> None:
        """One scorer serves all cases: of several thresholds the loosest for time and money, else the last."""
        before = self.wishes.get(result.wish, {})
        extra = dict(result.extra)
        if result.wish in ("latency", "cost") and "threshold" in before:
            extra["threshold"] = max(extra["threshold"], before["threshold"])
        self.wishes[result.wish] = {**before, **extra}

    def _own(self, test: Mapping[str, Any], place: Place) -> Iterator[tuple[str, Mapping[str, Any]]]:
        found = test.get("assert") or []
        if not isinstance(found, list):
            raise EvalSetError("seen assert that is no list, expected a list of assertions", where=place("assert"))
        return _flat(found, "", self.ledger, place)

    def _account(self, assertion: Mapping[str, Any], result: Translated, where: str) -> None:
        what = f"assert {assertion.get('type', '?')}"
        if result.dropped:
            self.ledger.drop(what, result.dropped, where)
        elif result.changed:
            self.ledger.change(what, result.changed, where)
        else:
            self.ledger.keep(what, where)
        for key in sorted(assertion.keys() - KEYS):
            self.ledger.drop(f"assert key {key}", "a scorer table has no such key", where)

    def _target(self, targets: Mapping[str, list[Any]], where: str) -> Any:
        """One reference a case: similar's texts before what a judge is told."""
        if not targets:
            return None
        if len(targets) > 1:
            self.ledger.drop("assert text for a judge", "similar of the same test has the target", where)
        wanted = targets.get("similar") or targets["judge"]
        flat = [text for item in wanted for text in (item if isinstance(item, list) else [item]) if text]
        if "similar" not in targets:
            return "\n".join(flat) or None
        return flat[0] if len(flat) == 1 else flat or None

    def _metadata(self, test: Mapping[str, Any], place: Place) -> dict[str, Any] | None:
        facts = {**_table(self.default.get("metadata"), "metadata"), **_table(test.get("metadata"), "metadata")}
        if test.get("metadata"):
            self.ledger.keep("metadata", place("metadata"))
        if test.get("description"):
            facts["description"] = str(test["description"])
            self.ledger.change("description", "kept as metadata.description", place("description"))
        threshold = test.get("threshold", self.default.get("threshold"))
        if threshold is not None:
            facts["promptfoo_threshold"] = threshold
            why = "every check of a case must hold here; the share that was asked for is kept in metadata"
            self.ledger.change("threshold", why, place("threshold"))
        return facts or None


def _flat(
    assertions: list[Any], prefix: str, ledger: Ledger, place: Place | None = None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(place, assertion) with assertion sets taken apart."""
    for index, assertion in enumerate(assertions):
        where = place("assert", index) if place else f"{prefix}[{index}]"
        if not isinstance(assertion, Mapping):
            raise EvalSetError("seen an assertion that is no object", where=where)
        if assertion.get("type") != "assert-set":
            yield where, assertion
            continue
        if assertion.get("threshold") not in (None, 1):
            # As checks that must all hold, a set of which a part is enough would fail cases that passed there.
            ledger.drop("assert-set threshold", "a part of it was enough; checks of a case must all hold", where)
            for part in assertion.get("assert") or []:
                kind = part.get("type", "?") if isinstance(part, Mapping) else "?"
                ledger.drop(f"assert {kind}", "in a set of which a part was enough", where)
            continue
        inside = {key: assertion[key] for key in ("weight", "metric") if key in assertion}
        ledger.change("assert-set", "taken apart: its assertions are checks of the case", where)
        parts = [{**inside, **part} if isinstance(part, Mapping) else part for part in assertion.get("assert") or []]
        yield from _flat(parts, f"{where}.assert", ledger)


def _expanded(variables: Mapping[str, Any], where: str) -> Iterator[dict[str, Any]]:
    """Every combination of the values of list variables; promptfoo's order."""
    lists = {name: value for name, value in variables.items() if isinstance(value, list)}
    total = 1
    for value in lists.values():
        total *= len(value)
    if total > MAX_EXPANDED:
        raise EvalSetError(f"seen lists that make {total:,} cases, expected at most {MAX_EXPANDED:,}", where=where)
    if not lists:
        yield dict(variables)
        return
    for values in product(*lists.values()):
        yield {**variables, **dict(zip(lists, values, strict=True))}


def _table(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    raise EvalSetError(f"seen {name} that is no table", where=name, tip="a file of variables: write them into the test")
