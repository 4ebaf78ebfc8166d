"""Drift between two periods, as a table for people."""

from __future__ import annotations

from textwrap import wrap

from evalharness.project.drifting import ALPHA, Drift, FieldDrift
from evalharness.report.sinks import ascii_only, visible
from evalharness.stats.drift import FEWEST, TooFew

_WIDTH = 15


def drift_text(drift: Drift, *, unicode: bool = True) -> str:
    """A line a field: both periods, the three distances, the p-value, Holm's over all fields; what moved comes first.

    Args:
        drift: What was found.
        unicode: False for a terminal that knows ASCII only.
    """
    head = f"Drift  {drift.n_old} and {drift.n_new} answers; a field is named when Holm's p is at most {ALPHA:g}"
    readable = [field for field in drift.fields if not isinstance(field.shift, TooFew)]
    few = [field for field in drift.fields if isinstance(field.shift, TooFew)]
    lines = [head]
    if readable:
        lines.append(f"    {'field':<{_WIDTH}}{'old':>14}{'new':>14}{'PSI':>7}{'JS':>7}{'KS':>6}{'p':>7}{'Holm':>6}")
    lines += [_line(field) for field in sorted(readable, key=lambda field: field.adjusted or 0.0)]
    if few:
        names = ", ".join(f"{visible(f.field, limit=30)} ({f.shift.n_old} and {f.shift.n_new})" for f in few)
        lines += wrap(f"    too few to read (under {FEWEST}): {names}", 80, subsequent_indent=" " * 8)
    text = "\n".join(lines)
    return text if unicode else ascii_only(text)


def _line(field: FieldDrift) -> str:
    shift = field.shift
    assert not isinstance(shift, TooFew)
    ks = "-" if shift.ks is None else f"{shift.ks:.2f}"
    return (
        f"  {'!' if field.moved else ' '} {visible(field.field, limit=_WIDTH - 1):<{_WIDTH}}"
        f"{visible(field.old, limit=13):>14}{visible(field.new, limit=13):>14}"
        f"{shift.psi:>7.3f}{shift.js:>7.3f}{ks:>6}{_p(shift.p_value):>7}{_p(field.adjusted or 0.0):>6}"
    )


def _p(value: float) -> str:
    return f"{value:.3f}"[:5] if value >= 0.001 else "<.001"
