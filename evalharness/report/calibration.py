"""What ``calibrate`` prints: a table with a plot of intervals, at most 80 columns of plain text, or one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evalharness.core.text import visible
from evalharness.judging.agreement import Agreement
from evalharness.judging.calibration import LEAST_J, Calibration
from evalharness.judging.rates import Rate
from evalharness.project.calibrating import Calibrated
from evalharness.report.bars import ASCII, UNICODE, Glyphs

SCHEMA: Final = "evalh.calibration/1"
_WIDTH: Final = 26
"""Characters of the axis from 0 to 1."""
_NAME: Final = 24


def calibration_json(found: Calibrated) -> dict[str, Any]:
    """The whole measurement as one JSON object."""
    return {
        "schema": SCHEMA,
        "exit_code": 0 if found.may_block else 3,
        "rubric": {"id": found.rubric.id, "version": found.rubric.version, "digest": found.rubric.digest},
        "judge": {"digest": found.judge, "model": found.rubric.judge.model, "reported": list(found.reported)},
        **found.calibration.to_json(),
        "attack": None if found.attack is None else found.attack.to_json(),
        "may_block": found.may_block,
        "why_not": list(found.why_not),
        "path": found.path,
        "calls": {"made": found.calls, "cost_usd": found.cost_usd},
        "notes": list(found.notes),
    }


def calibration_text(found: Calibrated, *, unicode: bool = True) -> str:
    """The table, the plot and the right to block."""
    return "\n".join(_lines(found, UNICODE if unicode else ASCII))


def _lines(found: Calibrated, glyphs: Glyphs) -> Iterator[str]:
    measured = found.calibration
    labels = measured.labels
    yield f"{visible(found.rubric.id)} v{found.rubric.version}  judge {visible(found.rubric.judge.model, limit=40)}  {found.judge[:12]}"
    pairwise = found.rubric.pairwise
    good, bad = ("prefer B", "prefer A") if pairwise else ("pass", "fail")
    made = f", {labels['generated']} generated" if labels["generated"] else ""
    bare = f", {labels['unlabelled']} without a label" if labels["unlabelled"] else ""
    yield f"{labels['n']} labels: people say {good} {labels['human_good']}, {bad} {labels['human_bad']}{made}{bare}"
    yield ""
    yield f"{'':{_NAME}}  {'share':>6}  {'95 % interval':>13}  0{'':{_WIDTH - 2}}1"
    for agreement in (measured.overall, *measured.criteria):
        yield from _agreement_lines(agreement, glyphs)
    yield ""
    yield from _plain_lines(measured)
    yield from _order_lines(measured, glyphs)
    if found.attack is not None:
        yield ""
        yield _rate_line("attacks that passed", found.attack.all, glyphs)
        ways = [f"{way} {rate.hits}/{rate.n}" for way, rate in found.attack.by_way.items() if rate.hits]
        if ways:
            yield f"  {', '.join(ways)}"
    yield ""
    yield from _right_lines(found)


def _agreement_lines(one: Agreement, glyphs: Glyphs) -> Iterator[str]:
    yield visible(one.name, limit=_NAME)
    yield _rate_line("  sensitivity", one.sensitivity, glyphs)
    yield _rate_line("  specificity", one.specificity, glyphs)
    if one.youden is None:
        yield "  J              no value: all labels are of one class"
    else:
        youden = one.youden
        low, high = max(0.0, youden.low), min(1.0, youden.high)
        drawn = _axis(low, max(0.0, youden.value), high, glyphs, mark=LEAST_J)
        yield f"{'  J':{_NAME}}  {youden.value:6.2f}  {youden.low:5.2f} .. {youden.high:4.2f}  {drawn}".rstrip()
        if youden.stretch is not None:
            yield f"  a gate needs {youden.stretch:.1f} x the cases that a perfect judge would"
    kappa = "no value" if one.kappa is None else f"{one.kappa:.2f}"
    alpha = "no value" if one.alpha is None else f"{one.alpha:.2f}"
    silent = f", {one.silent} without a verdict" if one.silent else ""
    yield f"  accuracy {_percent(one.accuracy)}, kappa {kappa}, alpha {alpha}{silent}"


def _rate_line(name: str, rate: Rate, glyphs: Glyphs) -> str:
    if rate.value is None:
        return f"{name:{_NAME}}  no label"
    low, high = rate.interval
    drawn = _axis(low, rate.value, high, glyphs)
    return f"{name:{_NAME}}  {rate.value:6.1%}  {low:5.0%} .. {high:4.0%}  {drawn}".rstrip()


def _axis(low: float, value: float, high: float, glyphs: Glyphs, *, mark: float | None = None) -> str:
    cells = [" "] * _WIDTH

    def place(share: float) -> int:
        return min(_WIDTH - 1, max(0, round(share * (_WIDTH - 1))))

    if mark is not None:
        cells[place(mark)] = glyphs.margin
    for index in range(place(low), place(high) + 1):
        cells[index] = glyphs.crossed if mark is not None and index == place(mark) else glyphs.line
    cells[place(low)], cells[place(high)] = glyphs.left, glyphs.right
    cells[place(value)] = glyphs.point
    return "".join(cells)


def _plain_lines(measured: Calibration) -> Iterator[str]:
    said = [f"{name.replace('_', ' ')} {_percent(rate)}" for name, rate in measured.baselines.items()]
    yield f"accuracy without a model: {', '.join(said)}"
    if measured.retest is not None:
        yield f"verdicts that a second judgement turns: {_percent(measured.retest)} of {measured.retest.n}"
    if measured.people is not None:
        yield f"agreement of the raters: alpha {measured.people:.2f}"
    for name, estimate in measured.true_rates.items():
        what = {"judged": "the judge passes", "rogan_gladen": "corrected (Rogan-Gladen)", "ppi": "corrected (PPI)"}[
            name
        ]
        yield f"unlabelled answers, {what}: {estimate.value:.1%} ({estimate.low:.1%} .. {estimate.high:.1%})"


def _order_lines(measured: Calibration, glyphs: Glyphs) -> Iterator[str]:
    names = {
        "correct_ab": "right in order AB",
        "correct_ba": "right in order BA",
        "correct_both": "right in both orders",
        "same": "same in both orders",
        "first_shown": "prefers the first shown",
    }
    for key, name in names.items():
        if key in measured.orders:
            yield _rate_line(name, measured.orders[key], glyphs)


def _right_lines(found: Calibrated) -> Iterator[str]:
    if found.may_block:
        yield "may block: a gate may fail on this judge's word"
    else:
        yield "advisory: a gate only reports this judge"
        yield from (f"  {visible(reason)}" for reason in found.why_not)
    yield from (f"  note: {visible(note)}" for note in found.notes)
    if found.path:
        yield f"{visible(found.path)}: written; commit this file   ({found.calls} calls, ${found.cost_usd:.2f})"


def _percent(rate: Rate) -> str:
    return "no value" if rate.value is None else f"{rate.value:.1%}"
