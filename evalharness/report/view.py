"""The one display model: what every surface shows of a verdict, in the order in which a person asks.

Is it worse? By how much, against what limit, how sure? Where? Show me one. Compared with what, at what cost? What now?
Strings here are plain text with numbers formatted; the surfaces only place and colour them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evalharness.core.results import CaseResult, Failure, Score
from evalharness.core.verdicts import Comparison, GateVerdict, ScorerVerdict

MADE_ID: Final = re.compile(r"h-[0-9a-f]{12,16}")
"""An id that an import made from a row's content."""
WORDS: Final[Mapping[str, str]] = {
    "pass": "PASS",
    "regression": "REGRESSION",
    "inconclusive": "INCONCLUSIVE",
    "incomplete": "INCOMPLETE",
    "refused": "REFUSED",
    "store": "STORE ERROR",
    "interrupted": "INTERRUPTED",
    "bug": "INTERNAL ERROR",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerRow:
    """One scorer as a table row. Bars are in units of the scorer's own margin, so that all rows share one axis."""

    name: str
    role: str
    outcome: str
    base: str
    new: str
    change: str
    interval: str
    margin: str
    reason: str
    signature: str
    bar: tuple[float, float, float] | None
    """(low, point, high) divided by the margin; None without a margin or an interval."""
    level: float | None
    """Level of the interval, 0..1."""
    judged: bool
    counts: str
    """``17 worse, 4 better, 176 the same``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """One case for the eye."""

    id: str
    scorer: str
    change: str
    """``1 -> 0``, or ``pass -> fail`` for a hard check."""
    before: str | None
    """Baseline's answer; None when it was not kept or there is none."""
    after: str | None
    reason: str
    """What the scorer said of the new answer."""
    asked: str
    """The question on one line, where the id was made from a digest and says nothing; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """One gate, ready to be placed on a screen, a page or a comment."""

    title: str
    """``support  bot  against  baseline main@3f2c1ab, 12 Nov``."""
    against: str
    facts: tuple[str, ...]
    """Pairs, money, time: short phrases."""
    word: str
    outcome: str
    reason: str
    scorers: tuple[ScorerRow, ...]
    hard: tuple[tuple[str, str], ...]
    """(outcome word or empty, sentence) of the hard checks."""
    slices: tuple[tuple[str, tuple[str, ...]], ...]
    """(field, phrases like ``eu -17.2 (n=58)``) of the first guard."""
    worst: tuple[CaseRow, ...]
    counts: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    where: str
    """``FILE:LINE`` of what is wrong, when refused."""
    tip: str
    softened: bool
    """True when the config lets an outcome that is no pass exit with 0."""
    next_steps: tuple[tuple[str, str], ...]
    """(what, command)."""
    verdict: GateVerdict


def gate_view(comparison: Comparison, *, most_worst: int = 5) -> GateView:
    """The display model of one gate.

    Args:
        comparison: The verdict and both arms.
        most_worst: Worst cases to prepare.
    """
    gate = comparison.gate
    against = _against(gate)
    candidate = str(gate.candidate.get("name", ""))
    guards = [s for s in gate.scorers if s.role in ("guard", "improve")] or list(gate.scorers)
    return GateView(
        title=f"{gate.gate}  {candidate}  against  {against}" if candidate else gate.gate,
        against=against,
        facts=_facts(gate),
        word=WORDS[gate.outcome],
        outcome=gate.outcome,
        reason=gate.reason,
        scorers=tuple(_row(s) for s in gate.scorers),
        hard=tuple(_hard(gate)),
        slices=_slices(gate, guards[0].scorer) if guards else (),
        worst=tuple(_worst(comparison, most_worst)),
        counts=_moved(guards),
        notes=(*_lost(comparison), *gate.notes, *_signs(gate)),
        warnings=tuple(warned.message for warned in gate.warnings),
        where=str((gate.error or {}).get("where", "")),
        tip=str((gate.error or {}).get("tip", "")),
        softened=gate.exit_outcome == "pass" and gate.outcome != "pass",
        next_steps=_next_steps(gate),
        verdict=gate,
    )


def points(value: float | None, unit: str, *, sign: bool = False) -> str:
    """A value in its unit as tables show it: ``91.9%`` for a level, ``-6.6`` for a change in points, ``1.2 s``, ``22 ms``."""
    if value is None:
        return "-"
    if unit == "points":
        return f"{_tidy(value * 100, '+.1f')}" if sign else f"{_tidy(value * 100, '.1f')}%"
    if unit == "s" and abs(value) < 1:
        value, unit = value * 1000, "ms"
        digits = ".0f" if abs(value) >= 10 else ".2g"
        return f"{_tidy(value, f'+{digits}' if sign else digits)} {unit}"
    digits = ".0f" if abs(value) >= 100 else ".2g" if sign else ".3g"
    text = _tidy(value, f"+{digits}" if sign else digits)
    return f"{text} {unit}".rstrip()


def _tidy(value: float, form: str) -> str:
    """Formatted, without a minus before zero."""
    text = format(value, form)
    return text.replace("-", "+" if form.startswith("+") else "", 1) if float(text) == 0 else text


def _against(gate: GateVerdict) -> str:
    name = str(gate.baseline.get("name", ""))
    commit = str(gate.baseline.get("commit", ""))[:7]
    day = str(gate.baseline.get("created", ""))[:10]
    return ", ".join(part for part in (f"{name}@{commit}" if commit else name, day) if part)


def _facts(gate: GateVerdict) -> tuple[str, ...]:
    pairs = gate.pairs
    if not pairs.planned and not gate.calls.planned:
        return ()  # refused before anything was looked at
    lost = [f"{pairs.unscored} unscored", f"{pairs.failed} failed"] if pairs.unscored or pairs.failed else []
    changed = [
        f"{count} {word}"
        for count, word in ((pairs.edited, "edited"), (pairs.added, "added"), (pairs.removed, "removed"))
        if count
    ]
    inside = f" ({', '.join((*lost, *changed))})" if lost or changed else ""
    whole = pairs.used - max(pairs.unscored, pairs.failed)  # those that were looked at and have both scores
    facts = [f"{max(0, whole)} of {pairs.planned} cases paired{inside}"]
    calls = gate.calls
    if calls.made or calls.cost_usd:
        facts.append(f"{calls.made} calls, ${calls.cost_usd:.2f}")
    elif calls.planned:
        facts.append("no call made")
    if calls.saved_by_early_stop:
        facts.append(f"{calls.saved_by_early_stop} saved by stopping early")
    facts.append(f"{gate.seconds:.1f} s")
    return tuple(facts)


def _row(scorer: ScorerVerdict) -> ScorerRow:
    unit = scorer.unit
    interval = "-"
    if scorer.interval is not None:
        interval = " .. ".join(points(end, unit, sign=True) for end in scorer.interval)
    bar = None
    if scorer.margin and scorer.interval is not None and scorer.difference is not None:
        low, high = scorer.interval
        bar = (low / scorer.margin, scorer.difference / scorer.margin, high / scorer.margin)
    return ScorerRow(
        name=scorer.scorer,
        role=scorer.role,
        outcome=scorer.outcome,
        base=points(scorer.baseline_mean, unit),
        new=points(scorer.candidate_mean, unit),
        change=points(scorer.difference, unit, sign=True),
        interval=interval,
        margin="-" if scorer.margin is None else points(scorer.margin, unit, sign=True).replace("+", "-"),
        reason=scorer.reason,
        signature=scorer.signature,
        bar=bar,
        level=scorer.interval_level,
        judged=scorer.role != "report",
        counts=_counts(scorer),
    )


def _moved(guards: Sequence[ScorerVerdict]) -> str:
    """How many cases moved by the first guard; nothing where none did."""
    if not guards or not (guards[0].worse or guards[0].better):
        return ""
    return f"{guards[0].scorer}: {_counts(guards[0])}"


def _counts(scorer: ScorerVerdict) -> str:
    return f"{scorer.worse} got worse, {scorer.better} got better, {scorer.same} the same"


def _lost(comparison: Comparison) -> tuple[str, ...]:
    """Why answers are missing: the commonest cause, where the sentence of the verdict does not say it already."""
    if comparison.gate.outcome != "incomplete":
        return ()
    causes: dict[str, int] = {}
    for result in comparison.candidate.values():
        output = result.trials[0].output if result.trials else None
        if isinstance(output, Failure):
            causes[output.message] = causes.get(output.message, 0) + 1
    if not causes:
        return ()
    cause, count = max(causes.items(), key=lambda item: item[1])
    return () if cause in comparison.gate.reason else (f"no answer on {count} case{'s' * (count > 1)}: {cause}",)


def _signs(gate: GateVerdict) -> tuple[str, ...]:
    """What the sign of a change means, where a smaller number is the better one."""
    turned = [s.scorer for s in gate.scorers if s.unit in ("s", "USD") and s.difference]
    return (f"changes are signed so that + is better, also for {' and '.join(turned)}",) if turned else ()


def _hard(gate: GateVerdict) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for check in gate.hard:
        if check.flips:
            how = (
                "as recorded (one attempt)"
                if check.confirmed_as_recorded
                else f"in {check.attempts} of {check.attempts} attempts"
            )
            lines.append(("regression", f"{check.scorer} fails {how}: {_named(check.flips)}"))
        elif check.judged:
            lines.append(("pass", f"{check.scorer} held on all {check.judged} judged cases"))
        else:
            lines.append(("incomplete", f"{check.scorer} could be judged on no case"))
        if check.unknown:
            lines.append(("incomplete", f"{check.scorer}: no result on {len(check.unknown)} cases"))
        if check.baseline_failed:
            failed = f"{check.scorer}: the baseline failed already, not judged: {_named(check.baseline_failed)}"
            lines.append(("", failed))
    return lines


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")


def _slices(gate: GateVerdict, scorer: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, list[str]] = {}
    for part in gate.slices:
        for one in part.scorers:
            if one.scorer == scorer and one.difference is not None:
                vetoes = ", vetoes" if part.guard and one.outcome == "regression" else ""
                found.setdefault(part.field, []).append(
                    f"{part.value} {points(one.difference, one.unit, sign=True)} (n={one.n}{vetoes})"
                )
    return tuple((field, tuple(phrases)) for field, phrases in found.items())


def _worst(comparison: Comparison, most: int) -> list[CaseRow]:
    """Cases to look at: those that a hard check flipped on, then the largest drops."""
    gate = comparison.gate
    flips = [(case_id, check.scorer, "pass -> fail") for check in gate.hard for case_id in check.flips]
    drops = [(w.id, w.scorer, f"{w.baseline:.3g} -> {w.candidate:.3g}") for w in gate.worst_cases]
    return [
        CaseRow(
            id=case_id,
            scorer=scorer,
            change=change,
            before=answer_text(comparison.baseline.get(case_id)),
            after=answer_text(comparison.candidate.get(case_id)),
            reason=score_reason(comparison.candidate.get(case_id), scorer),
            asked=_asked(comparison, case_id),
        )
        for case_id, scorer, change in (*flips, *drops)[:most]
    ]


def _asked(comparison: Comparison, case_id: str) -> str:
    case = comparison.cases.get(case_id) if MADE_ID.fullmatch(case_id) else None
    return "" if case is None else " ".join(case.prompt_text.split())


def answer_text(result: CaseResult | None) -> str | None:
    """The first epoch's answer as text: a text, document ids, or what went wrong; None when nothing was kept."""
    if result is None or not result.trials:
        return None
    output = result.trials[0].output
    if isinstance(output, Failure):
        return f"(no answer: {output.message})"
    if output.text is not None:
        return output.text
    return ", ".join(document.id for document in output.documents) or None


def score_reason(result: CaseResult | None, scorer: str) -> str:
    """What a scorer said of a case's first epoch."""
    if result is None or not result.trials:
        return ""
    score = result.trials[0].scores.get(scorer)
    return score.reason if isinstance(score, Score) else ""


def _next_steps(gate: GateVerdict) -> tuple[tuple[str, str], ...]:
    if gate.outcome == "incomplete" and gate.run:
        return (("Again", f"evalh gate {gate.gate}    (asks only what is missing)"),)
    if gate.outcome not in ("regression", "inconclusive") or not gate.run:
        return ()
    ids = [case_id for check in gate.hard for case_id in check.flips] + [worst.id for worst in gate.worst_cases]
    look = ("Look", " ".join(["evalh show", gate.run[:6], *ids[:1]]))
    if gate.outcome == "inconclusive":
        return look, ("Plan", f"evalh plan {gate.gate}")
    stored = "stored" in gate.baseline
    return (look, ("Accept", f'evalh promote {gate.gate} --why "..."')) if stored else (look,)
