"""What ``show`` prints: the list of runs, one run, one case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from evalharness.core.results import CaseResult, Failure, Output, Run, Score, Trial, Unscored
from evalharness.core.specs import thaw
from evalharness.project.running import unit_of
from evalharness.project.showing import Shown
from evalharness.report.bars import ASCII, UNICODE
from evalharness.report.sinks import ascii_only, visible
from evalharness.report.terminal import Screen
from evalharness.report.view import WORDS, points
from evalharness.report.worddiff import merged_diff

if TYPE_CHECKING:
    from evalharness.project.explaining import Explained
    from evalharness.project.history import GateRun, History
    from evalharness.store.past import RunSummary

_MOST_FIRST = 8
"""Cases that a run's screen shows."""
_MOST_TREND = 6
"""Runs of a gate on its line under the list: what fits into 80 columns."""


def runs_table(rows: Sequence[RunSummary]) -> str:
    """``show --list``: newest first."""
    if not rows:
        return "no runs recorded yet; evalh run or evalh gate makes one"
    lines = [f"{'run':<8}{'when':<13}{'what':<18}{'candidate':<10}{'cases':>6}{'cost':>8}  outcome"]
    for row in rows:
        # The year is said where it is another one than the newest run's.
        day = row.created[5:16].replace("T", " ") if row.created[:4] == rows[0].created[:4] else row.created[:10]
        what = visible(f"{row.purpose} {row.gate or row.evalset}")[:17]
        end = WORDS.get(row.outcome, "") or (
            f"stopped: {row.stopped}" if row.stopped else "whole" if row.complete else ""
        )
        lines.append(
            f"{row.run_id[:6]:<8}{day:<13}{what:<18}{visible(row.candidate)[:9]:<10}"
            f"{row.cases:>6}{f'${row.cost_usd:.2f}':>8}  {end}"
        )
    return "\n".join(lines)


def history_text(history: History, screen: Screen) -> str:
    """``show --list``: the runs, and under them how each gate went, the newest run on the right."""
    text = runs_table(history.runs)
    lines = [_trend(name, runs, screen) for name, runs in history.gates.items()]
    return "\n".join((text, "", "Trend of each gate's first guard, newest last", *lines)) if lines else text


def _trend(name: str, runs: Sequence[GateRun], screen: Screen) -> str:
    """``titles  ndcg  67.9% ? 68.3% ✓``: the first guard's mean and the outcome of the last runs."""
    marks = (UNICODE if screen.unicode else ASCII).marks
    shown = []
    scorer = ""
    for one in runs[-_MOST_TREND:]:
        first = next((s for s in one.verdict.scorers if s.role != "report"), None)
        scorer = scorer or (first.scorer if first is not None else "")
        mean = "" if first is None or first.scorer != scorer else points(first.candidate_mean, first.unit)
        shown.append(f"{mean} {marks.get(one.verdict.outcome, '!')}".strip())
    return f"  {visible(name)[:13]:<14}{visible(scorer)[:13]:<14}{'  '.join(shown)}"


def run_text(shown: Shown, screen: Screen) -> str:
    """One run: where it came from, its scores, its verdict, its first cases."""
    header, run = shown.run.header, shown.run
    lines = [
        f"run {header.run_id}  {visible(header.purpose)} {visible(header.gate)}".rstrip(),
        f"  candidate  {visible(header.candidate['name'])} ({header.candidate['kind']}, {header.candidate['digest'][:12]})",
        (
            f"  eval set   {visible(str(header.evalset.get('name')))} {visible(str(header.evalset.get('version') or ''))}"
            f" ({str(header.evalset.get('digest'))[:12]})"
        ),
        f"  made       {header.created}  commit {header.commit[:12] or 'none'}  seed {header.seed}  epochs {header.epochs}",
        f"  cases      {len(run.results)} of {len(header.case_digests)} answered"
        + (f", stopped: {run.stopped}" if run.stopped else "")
        + f"; {run.calls.made} calls, ${run.calls.cost_usd:.2f}",
    ]
    if shown.verdict is not None:
        said = f"{WORDS.get(str(shown.verdict['outcome']), '')}  {visible(str(shown.verdict['reason']))}"
        lines.extend(wrap(said, screen.width, initial_indent="  verdict    ", subsequent_indent=" " * 13))
    lines += ["", f"    {'scorer':<24}{'mean':>10}{'n':>8}"]
    lines.extend(_mean_line(run, name, signature, screen) for name, signature in header.scorers.items())
    lines += ["", "Cases, those to look at first"]
    for result in _worst_first(shown)[:_MOST_FIRST]:
        lines.extend(_case_rows(shown, result, screen))
    rest = len(run.results) - _MOST_FIRST
    more = f"  ... {rest} more with --format csv" if rest > 0 else ""
    lines += [more, "", f"Look    evalh show {header.run_id[:6]} CASE"] if more else ["", "Look    evalh show RUN CASE"]
    text = "\n".join(lines)
    return text if screen.unicode else ascii_only(text)


def _mean_line(run: Run, name: str, signature: str, screen: Screen) -> str:
    values = [value for result in run.results.values() if (value := _value(result, name)) is not None]
    mean = points(sum(values) / len(values), unit_of(signature)) if values else "-"
    how = f"  {visible(signature)}" if screen.verbose else ""
    return f"    {visible(name):<24}{mean:>10}{len(values):>8}{how}"


def _worst_first(shown: Shown) -> list[CaseResult]:
    """Cases without an answer, then the largest falls of the first quality scorer, then its lowest values."""
    names = [name for name, signature in shown.run.header.scorers.items() if unit_of(signature) == "points"]

    def rank(result: CaseResult) -> tuple[float, float, str]:
        now = _value(result, names[0]) if names else 0.0
        if now is None:
            return (-2.0, 0.0, result.case_id)
        before = _value_before(shown, result.case_id, names[0]) if names else None
        return (0.0 if before is None else min(0.0, now - before), now, result.case_id)

    return sorted(shown.run.results.values(), key=rank)


def _value(result: CaseResult, name: str) -> float | None:
    score = result.trials[0].scores.get(name) if result.trials else None
    return score.value if isinstance(score, Score) else None


def _value_before(shown: Shown, case_id: str, name: str) -> float | None:
    before = shown.baseline.get(case_id)
    return None if before is None else _value(before, name)


def _case_rows(shown: Shown, result: CaseResult, screen: Screen) -> list[str]:
    """Id and scores; under them what was asked and answered, a line each."""
    numbers = []
    for name, signature in list(shown.run.header.scorers.items())[:4]:
        now, before = _value(result, name), _value_before(shown, result.case_id, name)
        unit = unit_of(signature)
        fell = "" if unit != "points" or before in (None, now) else f"{_short(before, unit)} {_arrow(screen)} "
        numbers.append(f"{visible(name)} {fell}{_short(now, unit)}")
    rows = [f"  {result.case_id}  {'  '.join(numbers)}"]
    case = shown.cases.get(result.case_id)
    room = max(20, screen.width - 7)
    if case is not None:
        rows.append(f"      {visible(' '.join(case.prompt_text.split()), limit=room)}")
    output = result.trials[0].output if result.trials else None
    return [*rows, f"    > {visible(' '.join(_answer(output).split()), limit=room)}"]


def _arrow(screen: Screen) -> str:
    return screen.glyphs.arrow


def _short(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.3g}" if unit == "points" else points(value, unit)


def _answer(output: Output | Failure | None) -> str:
    if output is None:
        return ""
    if isinstance(output, Failure):
        return f"(no answer: {output.message})"
    return output.text if output.text is not None else ", ".join(document.id for document in output.documents)


def case_text(shown: Shown, case_id: str, screen: Screen) -> str:
    """One case in full: input, target, both answers, every score with its reason and evidence."""
    result = shown.run.results[case_id]
    case = shown.cases.get(case_id)
    lines = [f"{case_id}  run {shown.run.header.run_id[:6]}"]
    if case is not None:
        lines.append(_block("input", case.prompt_text))
        if case.target is not None:
            lines.append(_block("target", case.target if isinstance(case.target, str) else _json(case.target)))
        if case.relevant:
            lines.append(_block("relevant", _json(case.relevant)))
    before = shown.baseline.get(case_id)
    if before is not None and before.trials:
        lines.append(_block("baseline", _answer(before.trials[0].output)))
    for trial in result.trials:
        label = "answer" if len(result.trials) == 1 else f"answer, epoch {trial.epoch}, attempt {trial.attempt}"
        lines.append(_block(label, _answer(trial.output)))
        lines.append(_changed(before, trial))
        for name in trial.scores:
            unit = unit_of(shown.run.header.scorers.get(name, ""))
            lines.append(_score_line(name, trial, unit, _value_before(shown, case_id, name)))
        lines.append(_facts(trial))
    text = "\n".join(line for line in lines if line)
    return text if screen.unicode else ascii_only(text)


def _changed(before: CaseResult | None, trial: Trial) -> str:
    """The word diff against the baseline's answer; nothing where there is none or it is the same."""
    old = before.trials[0].output if before is not None and before.trials else None
    new = trial.output
    if not isinstance(old, Output) or not isinstance(new, Output) or old.text == new.text:
        return ""
    return _block("changed  [-removed-] {+added+}", merged_diff(old.text, new.text)) if old.text and new.text else ""


def _block(label: str, text: str) -> str:
    """A labelled text, indented so that nothing a model wrote starts a line."""
    body = visible(text, keep_newlines=True, limit=20_000).replace("\n", "\n    ")
    return f"  {label}\n    {body}"


def _score_line(name: str, trial: Trial, unit: str, before: float | None) -> str:
    score = trial.scores[name]
    if isinstance(score, Unscored):
        return f"  {visible(name)}: not scored: {visible(score.reason)}"
    if isinstance(score, Failure):
        return f"  {visible(name)}: failed: {visible(score.message)}"
    passed = {True: " pass", False: " fail", None: ""}[score.passed]
    if unit != "points":
        return f"  {visible(name)}: {points(score.value, unit)}{passed}"
    evidence = f"  {visible(_json(score.evidence), limit=300)}" if score.evidence else ""
    was = "" if before is None or before == score.value else f", was {before:.6g}"
    return f"  {visible(name)}: {score.value:.6g}{passed}{was}  {visible(score.reason, limit=400)}{evidence}"


def _facts(trial: Trial) -> str:
    if isinstance(trial.output, Failure):
        return ""
    output = trial.output
    facts = [
        points(output.latency_s, "s") if output.latency_s is not None else "",
        f"${output.cost_usd:.6f}" if output.cost_usd else "",
        visible(output.model or ""),
        visible(output.finish_reason or ""),
        "replayed" if trial.replayed else "",
        f"key {trial.key[:16]}" if trial.key else "",
    ]
    return "  " + "  ".join(fact for fact in facts if fact)


def _json(value: Any) -> str:
    return json.dumps(thaw(value), ensure_ascii=False)


def explain_text(shown: Shown, case_id: str, answers: Sequence[Explained]) -> str:
    """``show --explain``: the content key of each answer of a case, and what it is made of."""
    header = shown.run.header
    lines = [
        f"{case_id}: an answer is found again by its content key, the SHA-256 of endpoint, version, epoch, attempt"
    ]
    lines.append("and the rendered request (model, messages, parameters, seed):")
    lines.append(f"  candidate  {header.candidate['name']}, digest {header.candidate['digest']}")
    for answer in answers:
        lines.append(f"  epoch {answer.epoch} attempt {answer.attempt}")
        lines.append(f"    endpoint  {answer.endpoint or '(none)'}")
        lines.append(f"    version   {answer.version or '(none)'}")
        if answer.body is None:
            lines.append(f"    request   not rendered again: {answer.why_not}")
            lines.append(f"    fields    {_json(answer.facts)}")
        else:
            lines.append(f"    request   {_json(answer.body)}")
        lines.append(
            f"    key       {answer.key or '(a recording: no key)'}{_BINDINGS[answer.binding] if answer.body else ''}"
        )
    return "\n".join(visible(line) for line in lines)


_BINDINGS: Final = {
    "content": "  (made again from the above: the same)",
    "run": "  (made from the above and this run: the answer serves no other run)",
    "": "  (made again from the above: another one, so this request is not the one that was answered)",
}
