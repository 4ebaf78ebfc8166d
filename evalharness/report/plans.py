"""What ``plan`` prints: at most 80 columns, plain text, or one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import Any, Final

from evalharness.core.text import visible
from evalharness.project.estimating import Estimate
from evalharness.project.judge_costs import JudgeCost
from evalharness.project.planning import GatePlan
from evalharness.verdict.chart import At, Row
from evalharness.verdict.plan import GuardPlan, HardPlan
from evalharness.verdict.sentences import amount, moved

_LABEL: Final = 25
"""Width of the first column; three plans of 18 columns stand beside it."""
_NAME: Final = 36
"""Names from outside are cut to this many characters."""


def plans_text(plans: Sequence[GatePlan]) -> str:
    """What each gate can see and will cost."""
    return "\n\n".join("\n".join(_plan_lines(plan)) for plan in plans)


def _plan_lines(plan: GatePlan) -> Iterator[str]:
    version = f" {visible(plan.version, limit=12)}" if plan.version else ""
    yield f"{_name(plan.gate)}  {plan.n} cases of {_name(plan.evalset)}{version}"
    yield f"  compares {visible(plan.candidate, limit=24)} with {visible(plan.baseline, limit=40)}"
    yield from estimate_lines(plan.estimate)
    for judge in plan.judges:
        yield from _judge_cost_lines(judge)
    yield from _green_lines(plan)
    for hard in plan.hard:
        yield from _hard_lines(hard)
    if plan.slices:
        fields = ", ".join(_name(field) for field in plan.slices)
        yield f"  slices   each value of {fields} can veto, and shares alpha_block"
    if plan.pinned:
        yield f"  pinned   {_name(plan.pinned)} must hold too: exit 0 is rarer than said"
    if plan.looks:
        yield f"  looks    {', '.join(map(str, plan.looks))}: they share alpha, so the last look is a little stricter"
    for name in plan.corpus:
        yield f"  corpus   {_name(name)} is tested once, at the end, outside of the stated rates"
    for guard in plan.guards:
        yield ""
        yield from _guard_lines(guard, plan)


def estimate_lines(estimate: Estimate) -> Iterator[str]:
    """Calls, tokens and cost of what is not recorded."""
    if not estimate.missing:
        yield f"  calls    none: all {estimate.planned} answers are recorded"
        yield from _judge_lines(estimate)
        return
    lasts = f", about {_duration(estimate.seconds)}" if estimate.seconds is not None else ""
    yield f"  calls    {estimate.missing} answers to ask for, {estimate.recorded} recorded{lasts}"
    if estimate.tokens is not None:
        yield f"  tokens   ~{estimate.tokens[0]:,} in, ~{estimate.tokens[1]:,} out"
        yield f"           ({estimate.how})"
    else:
        yield f"  tokens   unknown: {estimate.how}"
    if estimate.cost_usd is None:
        yield "  cost     unknown: the price is not in the config, add it under [prices]"
        yield "           (a table of prices comes with: pip install 'evalharness[prices]')"
    else:
        apart = ", judgements apart" if estimate.judgements else ""
        yield f"  cost     ~{_dollars(estimate.cost_usd[0])}, at most {_dollars(estimate.cost_usd[1])}{apart}"
        if estimate.price_from:
            yield from wrap(visible(estimate.price_from), 79, initial_indent=" " * 11, subsequent_indent=" " * 11)
    yield from _judge_lines(estimate)


def _judge_lines(estimate: Estimate) -> Iterator[str]:
    if estimate.judgements:
        yield f"  judges   up to {estimate.judgements} calls; equal answers and stored verdicts take none"
    if estimate.anchors:
        yield f"           {estimate.anchors} for anchors and canaries, once a week"


def _judge_cost_lines(judge: JudgeCost) -> Iterator[str]:
    once, most, anchors = (bill.cost_usd for bill in (judge.once, judge.most, judge.anchors))
    bound = judge.bound_usd
    if once is None or most is None or anchors is None or bound is None:
        said = "cost unknown: a price is not in the config, add it under [prices]"
    else:
        said = f"~{_dollars(once)} if no verdict differs, ~{_dollars(most)} if all do, {_dollars(bound)} at most"
        said += f"; anchors and canaries ~{_dollars(anchors)}" if judge.anchors.calls else ""
    text = f"{_name(judge.scorer)}: ~{judge.once.tokens[0]:,} tokens in, ~{judge.once.tokens[1]:,} out; {said} ({judge.how})"
    yield from wrap(text, 79, initial_indent=" " * 11, subsequent_indent=" " * 13)


def _green_lines(plan: GatePlan) -> Iterator[str]:
    if plan.green is None:
        return
    low, high = _share(plan.green.low), _share(plan.green.high)
    chance = low if low == high else f"{low} to {high}"
    yield f"  exit 0   {chance} of unchanged candidates {_assumption(plan.guards)};"
    yield f"           at most {_share(plan.green.blocked)} are blocked, the others end inconclusive"
    if plan.hard:
        yield "           hard checks apart: they come on top"


def _assumption(guards: Sequence[GuardPlan]) -> str:
    if all(guard.reference.measured for guard in guards):
        return "if as much changes as earlier"
    binary = {guard.binary for guard in guards if not guard.reference.measured}
    said = "if 10% of cases change" if True in binary else "at sd 0.2"
    return said if len(binary) == 1 else f"{said} (sd 0.2)"


def _hard_lines(hard: HardPlan) -> Iterator[str]:
    what = "must pass on every case" if hard.absolute else "must hold wherever the baseline holds"
    yield f"  hard     {_name(hard.scorer)} {what}: all cases are asked"
    if hard.block_rate is None:
        yield "           how often chance alone blocks is not bounded: one case is enough"
    elif hard.block_rate:
        yield f"           blocks up to {_share(hard.block_rate)} of unchanged candidates on top, if answers vary"


def _guard_lines(guard: GuardPlan, plan: GatePlan) -> Iterator[str]:
    units = "clusters" if guard.clusters else "cases"
    margin = amount(guard.margin, guard.unit)
    aims = f"margin {margin}" if guard.role == "guard" else f"must gain more than {margin}"
    yield f"  {_name(guard.scorer)}  {aims}, {guard.method} path, {guard.planned} {units}"
    if guard.least is not None:
        yield f"    {guard.least} {units} at least: with fewer, no unchanged candidate can pass"
        if guard.planned < guard.least and guard.smallest is not None:
            yield f"    too few: {guard.planned} can show a margin of {amount(guard.smallest, guard.unit)} at best"
    yield from _earlier_lines(guard, plan)
    sizes = guard.reference.sizes
    yield ""
    yield f"    {'if unchanged, and':<{_LABEL - 4}}" + "".join(f"{f'{at.planned} {units}':>18}" for at in sizes)
    head = "so many cases change" if guard.binary else "sd of the differences"
    yield f"    {head:<{_LABEL - 4}}" + f"{'PASS':>6}{'best':>6}{'paid':>6}" * len(sizes)
    for row in guard.chart.rows:
        yield f"    {_label(row, guard):<{_LABEL - 4}}" + "".join(_cells(at, guard) for at in row.sizes)
    yield ""
    yield from _caught_lines(guard)
    yield from _last_lines(guard, units)


def _earlier_lines(guard: GuardPlan, plan: GatePlan) -> Iterator[str]:
    seen = guard.measured
    if seen is None or plan.earlier is None:
        return
    run, units = visible(plan.earlier.after.run[:6]), "clusters" if guard.clusters else "cases"
    yield f"    earlier: run {run} against {_name(plan.earlier.before.name)}, {seen.units} {units}:"
    change = moved(seen.law.mean * guard.span, guard.unit, lower_is_better=False)
    yield (
        f"      {seen.law.discordance:.1%} changed ({seen.worse} worse, {seen.better} better), "
        f"sd {seen.law.sd * guard.span:.3g}, {change}"
    )


def _caught_lines(guard: GuardPlan) -> Iterator[str]:
    verdict, sign = ("PASS", "gain") if guard.role == "improve" else ("FAIL", "loss")
    amounts = "".join(f"{amount(abs(change) * guard.span, guard.unit):>14}" for change, _ in guard.reference.caught)
    yield f"    {f'{verdict} at a true {sign} of':<{_LABEL - 4}}{'0':>10}{amounts}"
    for row in guard.chart.rows:
        at = row.sizes[0]
        nothing = at.passed if guard.role == "improve" else at.failed
        caught = "".join(f"{_chance(chance, guard):>14}" for _, chance in row.caught)
        yield f"    {_label(row, guard):<{_LABEL - 4}}{_chance(nothing, guard):>10}{caught}"


def _last_lines(guard: GuardPlan, units: str) -> Iterator[str]:
    row = guard.reference
    spread = f"{row.spread:.1%} changed" if guard.binary else f"sd {row.spread * guard.span:.3g}"
    yield f"    {guard.power:.0%} PASS if unchanged takes about {guard.chart.needed} {units} ({spread})"
    if guard.needed_as_seen is not None:
        yield f"    a verdict takes about {guard.needed_as_seen} {units} if the earlier difference is the truth"
    elif guard.measured is not None:
        yield "    the earlier difference sits on the margin: no affordable number settles it"
    if guard.chart.runs is None:
        yield "    exact; best: no valid rule can pass more; paid: mean until the verdict"
    else:
        yield f"    simulated, {guard.chart.runs} runs a number (seed 7); paid: mean until the verdict"


def _label(row: Row, guard: GuardPlan) -> str:
    if row.measured:
        return f"{row.spread:>6.1%} as earlier" if guard.binary else f"{row.spread * guard.span:>6.3g} as earlier"
    return f"{row.spread:>4.0%}" if guard.binary else f"{row.spread * guard.span:>6.3g}"


def _cells(at: At, guard: GuardPlan) -> str:
    best = "-" if at.ceiling is None else _share(at.ceiling)
    return f"{_chance(at.passed, guard):>6}{best:>6}{at.paid:>6.0f}"


def _chance(value: float, guard: GuardPlan) -> str:
    """A cell: a simulation cannot tell the ends apart from nearly never and nearly always."""
    if guard.chart.runs is not None and not 0.01 <= value <= 0.99:
        return "<1%" if value < 0.01 else ">99%"
    return _share(value)


def _share(value: float) -> str:
    """A chance: one digit more where it is small."""
    return f"{value:.0%}" if value >= 0.0995 or value == 0 else f"{value:.1%}"


def _dollars(value: float) -> str:
    return f"${value:.2f}" if value >= 0.095 or value == 0 else f"${value:.4f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _name(text: str) -> str:
    return visible(text, limit=_NAME)


def plans_json(plans: Sequence[GatePlan]) -> dict[str, Any]:
    """The object that ``plan --json`` prints."""
    return {"schema": "evalh.plan/1", "gates": [_plan_json(plan) for plan in plans]}


def _plan_json(plan: GatePlan) -> dict[str, Any]:
    estimate = plan.estimate
    earlier = plan.earlier
    return {
        "gate": plan.gate,
        "evalset": {"name": plan.evalset, "version": plan.version},
        "n": plan.n,
        "candidate": plan.candidate,
        "baseline": plan.baseline,
        "epochs": plan.epochs,
        "alpha_pass": plan.alpha_pass,
        "alpha_block": plan.alpha_block,
        "exit_0_if_unchanged": None if plan.green is None else [plan.green.low, plan.green.high],
        "blocked_if_unchanged": None if plan.green is None else plan.green.blocked,
        "earlier": None if earlier is None else {"run": earlier.after.run, "baseline": earlier.before.name},
        "calls": {
            "planned": estimate.planned,
            "recorded": estimate.recorded,
            "judgements": estimate.judgements,
            "anchors": estimate.anchors,
        },
        "tokens": None if estimate.tokens is None else list(estimate.tokens),
        "cost_usd": None if estimate.cost_usd is None else list(estimate.cost_usd),
        "price_from": estimate.price_from or None,
        "judges": [asdict(judge) for judge in plan.judges],
        "seconds": estimate.seconds,
        "estimated": estimate.how,
        "hard": [asdict(hard) for hard in plan.hard],
        "guards": [_guard_json(guard) for guard in plan.guards],
    }


def _guard_json(guard: GuardPlan) -> dict[str, Any]:
    seen = guard.measured
    return {
        "scorer": guard.scorer,
        "role": guard.role,
        "margin": guard.margin,
        "method": guard.method,
        "planned": guard.planned,
        "min_cases": guard.least,
        "smallest_margin": guard.smallest,
        "power": guard.power,
        "needed_cases": {"if_unchanged": guard.chart.needed, "if_as_seen": guard.needed_as_seen},
        "exact": guard.chart.runs is None,
        "simulated_runs": guard.chart.runs,
        "measured": None
        if seen is None
        else {
            "n": seen.units,
            "worse": seen.worse,
            "better": seen.better,
            "same": seen.same,
            "difference": seen.law.mean * guard.span,
            "sd": seen.law.sd * guard.span,
        },
        "rows": [_row_json(row, guard) for row in guard.chart.rows],
    }


def _row_json(row: Row, guard: GuardPlan) -> dict[str, Any]:
    return {
        "discordance": row.spread if guard.binary else None,
        "sd": None if guard.binary else row.spread * guard.span,
        "measured": row.measured,
        "pass_at_margin": row.missed,
        "unchanged": [
            {"n": at.planned, "pass": at.passed, "fail": at.failed, "paid": at.paid, "ceiling": at.ceiling}
            for at in row.sizes
        ],
        "changed": [
            {"change": change * guard.span, "pass" if guard.role == "improve" else "fail": chance}
            for change, chance in row.caught
        ],
    }
