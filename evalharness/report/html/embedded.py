"""The cases of a page as one JSON block: what its script shows, searches and sorts. Every text is cleaned here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.results import CaseResult, Failure, Score
from evalharness.core.specs import EMPTY, canonical_json, thaw
from evalharness.core.verdicts import Comparison, GateVerdict
from evalharness.report.changes import CaseChange, case_changes, mean_of, why
from evalharness.report.sinks import html_json, visible
from evalharness.report.view import answer_text

MOST_CASES: Final = 20_000
"""Cases embedded; of a larger comparison only changed ones, at most so many."""
_ANSWER, _INPUT, _REASON = 4_000, 2_000, 400


def comparison_json(comparison: Comparison, fields: Sequence[str]) -> tuple[str, str]:
    """The cases of a comparison.

    Args:
        comparison: Both sides.
        fields: Metadata fields to filter by.

    Returns:
        The JSON, and a sentence that says what was left out, or empty; ("", "") when there is no case.
    """
    by_case: dict[str, list[CaseChange]] = {}
    for change in case_changes(comparison):
        by_case.setdefault(change.id, []).append(change)
    if not by_case:
        return "", ""
    kept, cut = _kept(by_case, comparison.gate)
    gate = comparison.gate
    data = {
        "sides": True,
        "scorers": list(dict.fromkeys(change.scorer for changes in kept.values() for change in changes)),
        "judged": _judged(gate),
        "scale": {s.scorer: s.margin for s in gate.scorers if s.margin},
        "fields": list(fields),
        "cases": [_case(comparison, case_id, changes, fields) for case_id, changes in kept.items()],
    }
    return html_json(_clean(data)), cut


def results_json(
    results: Mapping[str, CaseResult], cases: Mapping[str, Case], scorers: Iterable[str], fields: Sequence[str]
) -> tuple[str, str]:
    """The cases of a run without a comparison; the same as :func:`comparison_json`."""
    names = list(scorers)
    shown = dict(list(results.items())[:MOST_CASES])
    if not shown:
        return "", ""
    rows = []
    for case_id, result in shown.items():
        scores = {
            name: [None, mean_of(result, name), None, "", _cut(why(result, name), _REASON), _evidence(result, name)]
            for name in names
        }
        rows.append({**_about(case_id, cases.get(case_id), result, fields), "o": None, "s": scores})
    data = {
        "sides": False,
        "scorers": names,
        "judged": names,
        "scale": {},
        "fields": list(fields),
        "cases": rows,
    }
    left = len(results) - len(shown)
    return html_json(_clean(data)), f"The first {len(shown)} cases are shown; {left} more are not." if left else ""


def _judged(gate: GateVerdict) -> list[str]:
    own = [s for s in gate.scorers if "against" not in s.details]
    names = [s.scorer for s in own if s.role in ("guard", "improve")] + [check.scorer for check in gate.hard]
    return list(dict.fromkeys(names or [s.scorer for s in own]))


def _kept(by_case: dict[str, list[CaseChange]], gate: GateVerdict) -> tuple[dict[str, list[CaseChange]], str]:
    if len(by_case) <= MOST_CASES:
        return by_case, ""
    judged = set(_judged(gate))
    changed = {
        case_id: changes
        for case_id, changes in by_case.items()
        if any(c.outcome in ("flip", "worse", "better", "failed") and c.scorer in judged for c in changes)
    }
    kept = dict(sorted(changed.items(), key=lambda item: _least(item[1], judged))[:MOST_CASES])
    said = (
        f"{len(by_case)} cases are too many for a page: the {len(kept)} of {len(changed)} that changed most are here."
    )
    return kept, said


def _least(changes: Sequence[CaseChange], judged: set[str]) -> float:
    return min((c.difference for c in changes if c.difference is not None and c.scorer in judged), default=0.0)


def _case(comparison: Comparison, case_id: str, changes: Sequence[CaseChange], fields: Sequence[str]) -> dict[str, Any]:
    after = comparison.candidate.get(case_id)
    old = answer_text(comparison.baseline.get(case_id))
    scores = {
        c.scorer: [
            c.before,
            c.after,
            c.difference,
            c.outcome,
            _cut(c.reason, _REASON),
            _evidence(after, c.scorer),
        ]
        for c in changes
    }
    about = _about(case_id, comparison.cases.get(case_id), after, fields)
    return {**about, "o": None if old is None else _cut(old, _ANSWER), "s": scores}


def _about(case_id: str, case: Case | None, result: CaseResult | None, fields: Sequence[str]) -> dict[str, Any]:
    """Id, question, target, new answer, facts and slices of a case."""
    new = answer_text(result)
    metadata: Mapping[str, Any] = case.metadata if case is not None else EMPTY
    return {
        "id": case_id,
        "q": _cut(case.prompt_text, _INPUT) if case is not None else "",
        "t": _cut("\n".join(_plain(one) for one in case.references), _INPUT) if case is not None else "",
        "n": None if new is None else _cut(new, _ANSWER),
        "f": _facts(result),
        "m": {name: _cut(str(metadata[name]), 80) for name in fields if name in metadata},
    }


def _facts(result: CaseResult | None) -> list[str]:
    """Tokens, money, time and how the answer came about."""
    trial = result.trials[0] if result is not None and result.trials else None
    if result is None or trial is None or isinstance(trial.output, Failure):
        return []
    output = trial.output
    tokens = [f"{output.usage[key]} {key.replace('_', ' ')}" for key in sorted(output.usage) if key.endswith("_tokens")]
    facts = [
        f"{output.latency_s:.2f} s" if output.latency_s is not None else "",
        f"${output.cost_usd:.4f}" if output.cost_usd is not None else "",
        *tokens,
        output.model or "",
        f"ended by {output.finish_reason}" if output.finish_reason else "",
        "recorded answer" if trial.replayed else "",
        f"epoch 1 of {len(result.epoch_trials())}" if len(result.epoch_trials()) > 1 else "",
        f"{len(result.trials) - len(result.epoch_trials())} more attempts"
        if len(result.trials) > len(result.epoch_trials())
        else "",
    ]
    return [_cut(fact, 120) for fact in facts if fact]


def _evidence(result: CaseResult | None, name: str) -> str:
    """What the scorer kept beside the number of the first answer: the judge's quote, matched text, parts."""
    score = result.trials[0].scores.get(name) if result is not None and result.trials else None
    if not isinstance(score, Score):
        return ""
    parts = [f"{part} {inner.value:.3g}" for part, inner in score.parts.items()]
    kept = {key: value for key, value in score.evidence.items() if key != "stats"}
    if kept:
        parts.append(_plain(kept))
    return _cut("; ".join(parts), _REASON)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(thaw(value))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"


def _clean(value: Any) -> Any:
    """Every text of the block made visible: the script puts it on the page as it is."""
    if isinstance(value, str):
        return visible(value, keep_newlines=True)
    if isinstance(value, Mapping):
        return {visible(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
