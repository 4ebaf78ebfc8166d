"""What ``plan --selfcheck`` prints: measured beside stated error rates, and the same candidate twice."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from evalharness.core.text import visible
from evalharness.project.selfchecking import SEED, Flips, GuardCheck, Rate, SameTwice, SelfCheck
from evalharness.verdict.sentences import amount

_NAME = 36
_WIDTH = 80


def selfcheck_text(checks: Sequence[SelfCheck]) -> str:
    """What each gate does on the user's own pairs, at most 80 columns."""
    return "\n\n".join("\n".join(_lines(check)) for check in checks)


def _lines(check: SelfCheck) -> Iterator[str]:
    yield f"{_name(check.gate)}  self-check on your own pairs"
    if check.pairs is None:
        yield "  no pairs yet: the store holds no run of this gate beside its baseline"
        yield f"  make some: evalh gate {_name(check.gate)}"
    else:
        yield f"  pairs    run {visible(check.pairs[1][:6])} against {_name(check.pairs[0])}, drawn again with replacement,"
        yield "           re-centred: how often each value comes changes, the values do not"
    for guard in check.guards:
        yield ""
        yield from _guard_lines(guard)
    if check.pairs is not None:
        for reason in check.without:
            yield from textwrap.wrap(visible(reason), _WIDTH, initial_indent="  ", subsequent_indent="    ")
    yield ""
    if check.twice is not None:
        yield from _twice_lines(check.twice)
    else:
        yield "  the same candidate twice (A/A): not in the store"
        yield from textwrap.wrap(visible(check.why_not_twice), _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _guard_lines(guard: GuardCheck) -> Iterator[str]:
    seen = guard.measured
    yield (
        f"  {_name(guard.scorer)}  margin {amount(guard.margin, guard.unit)}, {guard.method} path, "
        f"{guard.planned} planned"
    )
    yield f"    from {seen.units} pairs: {seen.worse} worse, {seen.better} better, {seen.same} the same"
    yield f"    {guard.missed.runs:,} runs each (seed {SEED}){'measured':>19}{'95 % interval':>19}{'stated':>9}"
    yield _rate_line("PASS at the margin", guard.missed)
    yield _rate_line("FAIL at no change", guard.blocked)
    yield _rate_line("PASS at no change", guard.passed, error=False)
    if not (guard.missed.kept and guard.blocked.kept):
        yield "    ! a measured rate is above the stated one: please report this"


def _rate_line(what: str, rate: Rate, *, error: bool = True) -> str:
    interval = f"{rate.low:.2%} to {rate.high:.2%}"
    stated = f"<= {100 * rate.stated:.3g}%" if error else ""
    return f"    {what:<26}{rate.value:>18.2%}{interval:>19}{stated:>9}".rstrip()


def _twice_lines(twice: SameTwice) -> Iterator[str]:
    older, newer = (visible(run[:6]) for run in twice.runs)
    yield f"  the same candidate twice (A/A): {_name(twice.candidate)}, runs {older} and {newer}"
    for one in twice.flips:
        yield from _flip_lines(one)
    said = f"verdict of the gate: {twice.outcome.upper()} ({visible(twice.reason, limit=200)})"
    yield from textwrap.wrap(said, _WIDTH, initial_indent="    ", subsequent_indent="      ")


def _flip_lines(one: Flips) -> Iterator[str]:
    seen = one.measured
    yield (
        f"    {_name(one.scorer)}: {seen.law.discordance:.1%} of {seen.units} flipped "
        f"({seen.worse} down, {seen.better} up), sd {seen.law.sd * one.span:.3g}"
    )
    yield f"      noise floor: a mean difference of up to {amount(one.floor, one.unit)} is chance (95 %)"


def _name(text: str) -> str:
    return visible(text, limit=_NAME)


def selfcheck_json(checks: Sequence[SelfCheck]) -> dict[str, Any]:
    """The object that ``plan --selfcheck --json`` prints."""
    return {"schema": "evalh.selfcheck/1", "seed": SEED, "gates": [_json(check) for check in checks]}


def _json(check: SelfCheck) -> dict[str, Any]:
    return {
        "gate": check.gate,
        "pairs": None if check.pairs is None else {"baseline": check.pairs[0], "run": check.pairs[1]},
        "guards": [
            {
                "scorer": guard.scorer,
                "method": guard.method,
                "planned": guard.planned,
                "margin": guard.margin,
                "pairs": guard.measured.units,
                "worse": guard.measured.worse,
                "better": guard.measured.better,
                "pass_at_margin": _rate_json(guard.missed),
                "fail_at_no_change": _rate_json(guard.blocked),
                "pass_at_no_change": _rate_json(guard.passed),
            }
            for guard in check.guards
        ],
        "unchecked": list(check.without),
        "same_twice": None if check.twice is None else _twice_json(check.twice),
    }


def _rate_json(rate: Rate) -> dict[str, Any]:
    return {**asdict(rate), "rate": rate.value}


def _twice_json(twice: SameTwice) -> dict[str, Any]:
    return {
        "candidate": twice.candidate,
        "runs": list(twice.runs),
        "outcome": twice.outcome,
        "scorers": [
            {
                "scorer": one.scorer,
                "pairs": one.measured.units,
                "flipped": one.measured.law.discordance,
                "sd": one.measured.law.sd * one.span,
                "noise_floor": one.floor,
            }
            for one in twice.flips
        ],
    }
