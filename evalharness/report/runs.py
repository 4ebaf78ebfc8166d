"""What ``run``, ``promote`` and ``plan`` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evalharness.core.errors import EXIT_CODES
from evalharness.core.verdicts import SCHEMA
from evalharness.project.planning import GatePlan, GuardPlan
from evalharness.project.promoting import Promoted
from evalharness.project.running import RunSummary, ScorerSummary
from evalharness.report.sinks import visible
from evalharness.report.terminal import Screen
from evalharness.report.view import points


def runs_text(summaries: Sequence[RunSummary], screen: Screen) -> str:
    """One block per candidate: cases, calls, and a line per scorer."""
    return "\n\n".join(_run_text(summary, screen) for summary in summaries)


def _run_text(summary: RunSummary, screen: Screen) -> str:
    run, calls = summary.run, summary.run.calls
    failures = run.failures()
    head = f"{visible(summary.evalset.name)}  {visible(run.header.candidate['name'])}  run {run.header.run_id[:6]}"
    answered = len(run.results) - len({case_id for case_id, _ in failures})
    facts = f"{answered} of {summary.selected} cases answered, {calls.made} calls, {calls.replayed} replayed"
    lines = [head, f"{facts}, ${calls.cost_usd:.2f}"]
    if run.stopped:
        lines.append(f"stopped: {run.stopped}")
    lines.append("")
    lines.append(f"    {'scorer':<24}{'mean':>10}{'n':>8}")
    lines.extend(_scorer_line(scorer) for scorer in summary.scorers)
    if summary.not_applicable:
        lines.append(f"    not applicable: {', '.join(visible(name) for name in summary.not_applicable)}")
    for case_id, failure in failures[:5]:
        lines.append(f"  {case_id}: {visible(failure.message, limit=max(20, screen.width - len(case_id) - 4))}")
    if len(failures) > 5:
        lines.append(f"  and {len(failures) - 5} more without an answer")
    if summary.selected < len(summary.evalset):
        lines.append(f"  {summary.selected} of {len(summary.evalset)} cases selected: scores, but no verdict")
    return "\n".join(lines)


def _scorer_line(scorer: ScorerSummary) -> str:
    absent = [f"{scorer.unscored} unscored"] if scorer.unscored else []
    absent += [f"{scorer.failed} failed"] if scorer.failed else []
    tail = f"  ({', '.join(absent)})" if absent else ""
    return f"    {visible(scorer.scorer):<24}{points(scorer.mean, scorer.unit):>10}{scorer.n:>8}{tail}"


def runs_json(summaries: Sequence[RunSummary], outcome: str) -> dict[str, Any]:
    """The object that ``run --json`` prints: the verdict's shape without gates, and the runs."""
    return {
        "schema": SCHEMA,
        "outcome": outcome,
        "exit_code": EXIT_CODES[outcome],
        "warnings": [],
        "gates": [],
        "runs": [_run_json(summary) for summary in summaries],
    }


def _run_json(summary: RunSummary) -> dict[str, Any]:
    run, evalset = summary.run, summary.evalset
    calls = run.calls
    return {
        "run": run.header.run_id,
        "candidate": {"name": run.header.candidate["name"], "digest": run.header.candidate["digest"]},
        "evalset": {"name": evalset.name, "version": evalset.version, "digest": evalset.digest},
        "cases": len(evalset),
        "selected": summary.selected,
        "answered": len(run.results) - len({case_id for case_id, _ in run.failures()}),
        "complete": run.complete,
        "stopped": run.stopped,
        "calls": {
            "planned": calls.planned,
            "made": calls.made,
            "replayed": calls.replayed,
            "cost_usd": calls.cost_usd,
        },
        "scorers": [
            {
                "scorer": s.scorer,
                "n": s.n,
                "mean": s.mean,
                "unscored": s.unscored,
                "failed": s.failed,
                "signature": s.signature,
            }
            for s in summary.scorers
        ],
        "not_applicable": list(summary.not_applicable),
    }


def promoted_text(promoted: Sequence[Promoted]) -> str:
    """One line per baseline: file, cases, what moved, what to do."""
    lines = []
    for one in promoted:
        moved = ", ".join(
            f"{visible(name)} {now:.3f}" if before is None else f"{visible(name)} {before:.3f} -> {now:.3f}"
            for name, before, now in one.means
        )
        replayed = f", {one.replayed} answers replayed" if one.replayed else ""
        cost = f", ${one.cost_usd:.2f}" if one.cost_usd else ""
        lines.append(f"{one.path}: {one.n} cases, {moved} (run {one.run[:6]}{replayed}{cost}); commit this file")
    return "\n".join(lines)


def plans_text(plans: Sequence[GatePlan]) -> str:
    """What each gate can see and will cost."""
    return "\n\n".join(_plan_text(plan) for plan in plans)


def _plan_text(plan: GatePlan) -> str:
    lines = [f"{visible(plan.gate)}  {plan.n} cases against {visible(plan.baseline)}"]
    if plan.recorded == plan.calls:
        lines.append(f"  calls   none: all {plan.calls} answers are recorded")
    else:
        cost = "unknown" if plan.cost_usd is None else f"~${plan.cost_usd[0]:.2f}, at most ${plan.cost_usd[1]:.2f}"
        lines.append(
            f"  calls   {plan.calls - plan.recorded} of {plan.calls} answers to ask for, cost {cost} ({plan.how})"
        )
    for guard in plan.guards:
        lines.extend(_guard_lines(guard, plan.n))
    lines.extend(
        f"  {visible(name)}  must hold on every case: early PASS is off, all cases are asked" for name in plan.hard
    )
    return "\n".join(lines)


def _guard_lines(guard: GuardPlan, n: int) -> list[str]:
    shown = points(guard.margin, guard.unit).replace("%", " points")
    lines = [f"  {visible(guard.scorer)}  margin {shown}, {guard.method} path, at least {guard.least} cases to PASS"]
    if n < guard.least:
        smallest = points(guard.smallest, guard.unit).replace("%", " points")
        lines.append(f"    too few: the smallest margin that {n} cases can show is {smallest}")
    head = "".join(f"{f'-{loss:g} margin':>12}" for loss, _ in (guard.power[0].caught if guard.power else ()))
    lines.append(f"    {'':<28}{'unchanged':^20}{'caught (FAIL) at a true drop of':^48}".rstrip())
    lines.append(f"    {'':<28}{'PASS':>7}{'FAIL':>6}{'paid':>7}{head}")
    for row in guard.power:
        caught = "".join(f"{chance:>12.0%}" for _, chance in row.caught)
        lines.append(
            f"    {row.label:<28}{row.pass_unchanged:>7.0%}{row.fail_unchanged:>6.1%}{row.paid_unchanged:>7.0%}{caught}"
        )
    about = "exact" if guard.exact else "approximate"
    lines.append(f"    {about}; about {guard.needed} cases for the planned power at 10 % discordance")
    return lines


def plans_json(plans: Sequence[GatePlan]) -> dict[str, Any]:
    """The object that ``plan --json`` prints."""
    return {
        "schema": "evalh.plan/1",
        "gates": [
            {
                "gate": plan.gate,
                "n": plan.n,
                "baseline": plan.baseline,
                "calls": {"planned": plan.calls, "recorded": plan.recorded},
                "cost_usd": None if plan.cost_usd is None else list(plan.cost_usd),
                "hard": list(plan.hard),
                "guards": [
                    {
                        "scorer": guard.scorer,
                        "margin": guard.margin,
                        "method": guard.method,
                        "min_cases": guard.least,
                        "smallest_margin": guard.smallest,
                        "needed_cases": guard.needed,
                        "exact": guard.exact,
                        "power": [
                            {
                                "at": row.label,
                                "pass_unchanged": row.pass_unchanged,
                                "fail_unchanged": row.fail_unchanged,
                                "paid_unchanged": row.paid_unchanged,
                                "pass_at_margin": row.pass_at_margin,
                                "ceiling": row.ceiling,
                                "caught": [{"margins": loss, "fail": chance} for loss, chance in row.caught],
                            }
                            for row in guard.power
                        ],
                    }
                    for guard in plan.guards
                ],
            }
            for plan in plans
        ],
    }
