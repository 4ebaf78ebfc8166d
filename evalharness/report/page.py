"""The verdict as one self-contained HTML page: no script, no network, nothing but text and one style sheet."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from evalharness.core.verdicts import Comparison, Verdict
from evalharness.report.sinks import html_text
from evalharness.report.view import GateView, ScorerRow, answer_text, gate_view, score_reason
from evalharness.report.worddiff import Piece, word_diff

MOST_CASES: Final = 2000
"""Cases that a page shows, changed ones first; the cut is said."""
_CUT: Final = 4000
_WIDTH, _HEIGHT = 320, 24
_LEFT, _RIGHT = -3.5, 2.0

STYLE: Final = """
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--dim:#5b6570;--line:#d5dae0;--bad:#b3261e;--good:#1a7f37;--warn:#8a5a00}
@media(prefers-color-scheme:dark){:root{--fg:#e6e9ec;--bg:#14171a;--dim:#9aa4ae;--line:#343b42;--bad:#ff8a80;--good:#7ee29a;--warn:#f2c14e}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem;margin:.2rem 0}h2{font-size:1.05rem;margin-top:2rem}.dim{color:var(--dim)}
.verdict{border-left:.4rem solid var(--warn);padding:.3rem 1rem;font-size:1.1rem}.pass{border-color:var(--good)}.regression,.refused{border-color:var(--bad)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.scroll{overflow-x:auto}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.2rem 0;font:13px/1.45 ui-monospace,monospace}
details{border-bottom:1px solid var(--line);padding:.3rem 0}summary{cursor:pointer}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1rem}@media(max-width:40rem){.pair{grid-template-columns:1fr}}
del{color:var(--bad);text-decoration:line-through}ins{color:var(--good);text-decoration:underline}
svg text{fill:var(--dim);font-size:11px}.axis{stroke:var(--line)}.bar{stroke:var(--fg);stroke-width:2}.dot{fill:var(--fg)}
"""


def verdict_page(verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
    """The page of a command with all its gates."""
    title = f"evalh: {verdict.outcome}"
    warnings = "".join(f"<p class=dim>warning: {html_text(w.message)}</p>" for w in verdict.warnings)
    return _page(title, warnings + "".join(_gate(comparison) for comparison in comparisons))


def comparison_page(comparison: Comparison) -> str:
    """The page of one recorded gate run."""
    return _page(f"evalh: {comparison.gate.outcome}", _gate(comparison))


def text_page(title: str, text: str) -> str:
    """A page around plain text."""
    return _page(title, f"<h1>{html_text(title)}</h1><pre>{html_text(text)}</pre>")


def _page(title: str, body: str) -> str:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        f'content="{html_text(policy)}"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html_text(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _gate(comparison: Comparison) -> str:
    view = gate_view(comparison)
    tip = f"<p>tip: {html_text(view.tip)}</p>" if view.tip else ""
    notes = "".join(f"<p class=dim>{html_text(note)}</p>" for note in (*view.hard, *view.notes))
    return (
        f"<section><h1>{html_text(view.title)}</h1><p class=dim>{html_text('   '.join(view.facts))}</p>"
        f'<p class="verdict {html_text(view.outcome)}"><strong>{html_text(view.word)}</strong> '
        f"{html_text(view.reason)}</p>{tip}{_scorers(view)}{notes}{_slices(view)}{_cases(comparison, view)}"
        f"{_facts(comparison)}</section>"
    )


def _scorers(view: GateView) -> str:
    if not view.scorers:
        return ""
    rows = "".join(_scorer(row) for row in view.scorers)
    names = ("scorer", "base", "new", "change", "interval", "margin", "margin and zero", "says")
    head = "".join(f"<th scope=col>{name}</th>" for name in names)
    return f"<div class=scroll tabindex=0><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def _scorer(row: ScorerRow) -> str:
    numbers = "".join(
        f"<td class=n>{html_text(text)}</td>" for text in (row.base, row.new, row.change, row.interval, row.margin)
    )
    says = f"{row.outcome}: {row.reason}" if row.judged else "reported"
    return (
        f"<tr><th scope=row>{html_text(row.name)}</th>{numbers}<td>{_forest(row)}</td><td>{html_text(says)}</td></tr>"
    )


def _forest(row: ScorerRow) -> str:
    if row.bar is None:
        return ""

    def x(value: float) -> float:
        return round((min(max(value, _LEFT), _RIGHT) - _LEFT) / (_RIGHT - _LEFT) * (_WIDTH - 8) + 4, 1)

    low, point, high = (x(value) for value in row.bar)
    lines = "".join(
        f'<line class=axis x1="{x(value)}" x2="{x(value)}" y1="0" y2="{_HEIGHT}"{dash}/>'
        for value, dash in ((-1.0, ' stroke-dasharray="3 3"'), (0.0, ""))
    )
    label = html_text(f"change {row.change}, interval {row.interval}, margin {row.margin}")
    return (
        f'<svg role="img" aria-label="{label}" width="{_WIDTH}" height="{_HEIGHT}">{lines}'
        f'<line class=bar x1="{low}" x2="{high}" y1="12" y2="12"/><circle class=dot cx="{point}" cy="12" r="4"/></svg>'
    )


def _slices(view: GateView) -> str:
    if not view.slices:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{html_text(field)}</th><td>{html_text('   '.join(phrases))}</td></tr>"
        for field, phrases in view.slices
    )
    return f"<h2>Where</h2><table><tbody>{rows}</tbody></table>"


def _cases(comparison: Comparison, view: GateView) -> str:
    worst = {case.id: case for case in comparison.gate.worst_cases}
    order = [*worst, *(case_id for case_id in comparison.candidate if case_id not in worst)]
    shown = order[:MOST_CASES]
    cut = f"<p class=dim>{len(order) - len(shown)} more cases are not shown.</p>" if len(order) > len(shown) else ""
    body = "".join(_case(comparison, view, case_id, open_=case_id in worst) for case_id in shown)
    counts = f"<p class=dim>{html_text(view.counts)}</p>" if view.counts else ""
    return f"<h2>Cases</h2>{counts}{body}{cut}" if shown else ""


def _case(comparison: Comparison, view: GateView, case_id: str, *, open_: bool) -> str:
    before = answer_text(comparison.baseline.get(case_id))
    after = answer_text(comparison.candidate.get(case_id))
    case = comparison.cases.get(case_id)
    question = f"<p class=dim>{html_text(case.prompt_text, 600)}</p>" if case is not None else ""
    left, right = word_diff((before or "")[:_CUT], (after or "")[:_CUT])
    reasons = "".join(
        f"<p class=dim>{html_text(row.name)}: {html_text(text, 400)}</p>"
        for row in view.scorers
        if (text := score_reason(comparison.candidate.get(case_id), row.name))
    )
    mark = " worse" if open_ else ""
    return (
        f'<details id="case-{html_text(case_id)}"><summary>{html_text(case_id)}<span class=dim>{mark}</span></summary>{question}'
        f"<div class=pair><div><strong>old</strong><pre>{_pieces(left, 'del')}</pre></div>"
        f"<div><strong>new</strong><pre>{_pieces(right, 'ins')}</pre></div></div>{reasons}</details>"
    )


def _pieces(pieces: Sequence[Piece], tag: str) -> str:
    return "".join(f"<{tag}>{html_text(p.text)}</{tag}>" if p.changed else html_text(p.text) for p in pieces)


def _facts(comparison: Comparison) -> str:
    gate = comparison.gate
    rows = [
        ("run", gate.run),
        (
            "eval set",
            f"{gate.evalset.get('name', '')} {gate.evalset.get('version', '')} {gate.evalset.get('digest', '')}",
        ),
        ("candidate", f"{gate.candidate.get('name', '')} {gate.candidate.get('digest', '')}"),
        ("baseline", f"{gate.baseline.get('name', '')} {gate.baseline.get('digest', '')}"),
        ("order seed", gate.order_seed),
        *((f"signature {s.scorer}", s.signature) for s in gate.scorers),
    ]
    body = "".join(f"<tr><th scope=row>{html_text(k)}</th><td>{html_text(v)}</td></tr>" for k, v in rows if v.strip())
    return f"<h2>Run facts</h2><div class=scroll tabindex=0><table><tbody>{body}</tbody></table></div>"
