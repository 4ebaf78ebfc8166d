"""What ``show`` prints: the list of runs, one run, one case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from evalharness.core.results import CaseResult, Failure, Output, Score, Trial, Unscored
from evalharness.core.specs import thaw
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

_MOST_FIRST = 20
_MOST_TREND = 6
"""Runs of a gate on its line under the list: what fits into 80 columns."""


def runs_table(rows: Sequence[RunSummary]) -> str:
    """``show --list``: newest first."""
    if not rows:
        return "no runs recorded yet; evalh run or evalh gate makes one"
    lines = [f"{'run':<8}{'when':<18}{'what':<9}{'eval set':<14}{'candidate':<14}{'cases':>7}{'cost':>8}  outcome"]
    for row in rows:
        what = visible(row.gate or row.purpose)[:8]
        end = WORDS.get(row.outcome, "") or (
            f"stopped: {row.stopped}" if row.stopped else "whole" if row.complete else ""
        )
        lines.append(
            f"{row.run_id[:6]:<8}{row.created[:16].replace('T', ' '):<18}{what:<9}{visible(row.evalset)[:13]:<14}"
            f"{visible(row.candidate)[:13]:<14}{row.cases:>7}{f'${row.cost_usd:.2f}':>8}  {end}"
        )
    return "\n".join(lines)


def history_text(history: History, screen: Screen) -> str:
    """``show --list``: the runs, and under them how each gate went, the newest run on the right."""
    text = runs_table(history.runs)
    lines = [_trend(name, runs, screen) for name, runs in history.gates.items()]
    return "\n".join((text, "", *lines)) if lines else text


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
    return f"{visible(name):<14}{visible(scorer):<14}{'  '.join(shown)}"


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
        lines.append(
            f"  verdict    {WORDS.get(str(shown.verdict['outcome']), '')}  {visible(str(shown.verdict['reason']))}"
        )
    for name, signature in header.scorers.items():
        values = [value for result in run.results.values() if (value := _value(result, name)) is not None]
        mean = f"{sum(values) / len(values):.4f}" if values else "-"
        lines.append(f"  {visible(name)}  mean {mean}  n {len(values)}  {visible(signature)}")
    lines.append("")
    lines.extend(
        _case_row(result, tuple(header.scorers), screen) for result in list(run.results.values())[:_MOST_FIRST]
    )
    if len(run.results) > _MOST_FIRST:
        lines.append(
            f"  ... {len(run.results) - _MOST_FIRST} more: evalh show {header.run_id[:6]} CASE, or --format csv"
        )
    return "\n".join(lines)


def _value(result: CaseResult, name: str) -> float | None:
    score = result.trials[0].scores.get(name) if result.trials else None
    return score.value if isinstance(score, Score) else None


def _case_row(result: CaseResult, names: Sequence[str], screen: Screen) -> str:
    numbers = "  ".join(f"{visible(name)} {_short(_value(result, name))}" for name in names[:4])
    output = result.trials[0].output if result.trials else None
    head = f"  {result.case_id}  {numbers}  "
    return head + visible(_answer(output), limit=max(10, screen.width - len(head) - 1))


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


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
            lines.append(_block("target", _json(case.target)))
        if case.relevant:
            lines.append(_block("relevant", _json(case.relevant)))
    before = shown.baseline.get(case_id)
    if before is not None and before.trials:
        lines.append(_block("baseline", _answer(before.trials[0].output)))
    for trial in result.trials:
        label = "answer" if len(result.trials) == 1 else f"answer, epoch {trial.epoch}, attempt {trial.attempt}"
        lines.append(_block(label, _answer(trial.output)))
        lines.append(_changed(before, trial))
        lines.extend(_score_line(name, trial) for name in trial.scores)
        lines.append(_facts(trial))
    text = "\n".join(line for line in lines if line)
    return text if screen.unicode else ascii_only(text)


def _changed(before: CaseResult | None, trial: Trial) -> str:
    """The word diff against the baseline's answer; nothing where there is none or it is the same."""
    old = before.trials[0].output if before is not None and before.trials else None
    new = trial.output
    if not isinstance(old, Output) or not isinstance(new, Output) or old.text == new.text:
        return ""
    return _block("changed  [-gone-] {+come+}", merged_diff(old.text, new.text)) if old.text and new.text else ""


def _block(label: str, text: str) -> str:
    """A labelled text, indented so that nothing a model wrote starts a line."""
    body = visible(text, keep_newlines=True, limit=20_000).replace("\n", "\n    ")
    return f"  {label}\n    {body}"


def _score_line(name: str, trial: Trial) -> str:
    score = trial.scores[name]
    if isinstance(score, Unscored):
        return f"  {visible(name)}: not scored: {visible(score.reason)}"
    if isinstance(score, Failure):
        return f"  {visible(name)}: failed: {visible(score.message)}"
    passed = {True: " pass", False: " fail", None: ""}[score.passed]
    evidence = f"  {visible(_json(score.evidence), limit=300)}" if score.evidence else ""
    return f"  {visible(name)}: {score.value:.6g}{passed}  {visible(score.reason, limit=400)}{evidence}"


def _facts(trial: Trial) -> str:
    if isinstance(trial.output, Failure):
        return ""
    output = trial.output
    facts = [
        f"{output.latency_s:.2f} s" if output.latency_s is not None else "",
        f"${output.cost_usd:.6f}" if output.cost_usd is not None else "",
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
