"""The page as a file: what is in it, what is cut, and that its policy names exactly its own style and script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest

from evalharness.core.results import Score
from evalharness.core.verdicts import ChancePoint, Comparison, EvidencePoint, Verdict, Warned, no_chances
from evalharness.report.html import embedded, page
from evalharness.report.html.curves import chance_curves, path_curves
from evalharness.report.html.plot import plot_of
from tests.report.comparisons import compared, failed, refused, told
from tests.report.hostile import CORPUS, Tree, live_html


def built(*comparisons: Comparison) -> tuple[str, Tree]:
    text = page.of_verdict(*told(*comparisons))
    return text, Tree(text)


def blocks(tree: Tree) -> list[dict[str, object]]:
    return [json.loads(text) for attributes, text in tree.raw if attributes.get("type") == "application/json"]


def test_the_policy_allows_this_style_and_this_script_and_nothing_else() -> None:
    _, tree = built(compared())
    policy = next(a["content"] for tag, a in tree.tags if tag == "meta" and "http-equiv" in a)
    style = next(text for attributes, text in tree.raw if text.startswith(":root"))
    script = next(text for attributes, text in tree.raw if text.startswith('"use strict"'))
    for text, name in ((style, "style-src"), (script, "script-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_the_verdict_stands_before_everything_else() -> None:
    text, _ = built(compared())
    order = [
        "REGRESSION",
        "exact fell 20.0 points",
        '<h2 id="gate-1-scorers"',
        "<svg",
        "gate-1-where",
        "gate-1-cases",
        "gate-1-facts",
    ]
    places = [text.index(mark) for mark in order]
    assert places == sorted(places)


def test_cases_carry_both_answers_scores_and_facts() -> None:
    _, tree = built(compared(n=60, lost=20))
    (data,) = blocks(tree)
    assert data["judged"] == ["exact"]
    assert data["scorers"] == ["exact", "rouge"]
    assert data["fields"] == ["region"]
    case = next(c for c in data["cases"] if c["id"] == "refund-000")  # type: ignore[attr-defined]
    assert (case["o"], case["n"], case["t"]) == (
        "You have 30 days from delivery.",
        "You can return it any time.",
        "30 days",
    )
    assert case["s"]["exact"] == [1.0, 0.0, -1.0, "worse", "expected 30 days", ""]
    assert case["f"] == ["0.50 s", "$0.0010", "12 prompt tokens"]
    assert case["m"] == {"region": "eu"}


def test_evidence_and_lost_answers_are_shown() -> None:
    comparison = failed(compared(n=20, lost=2), "refund-003")
    result = comparison.candidate["refund-000"]
    score = Score(
        value=0.0, reason="off topic", evidence={"quote": "any time", "stats": [1]}, parts={"tone": Score(value=0.5)}
    )
    trial = replace(result.trials[0], scores={"exact": score})
    comparison = replace(comparison, candidate={**comparison.candidate, "refund-000": replace(result, trials=(trial,))})
    (data,) = blocks(built(comparison)[1])
    cases = {c["id"]: c for c in data["cases"]}  # type: ignore[attr-defined]
    assert cases["refund-000"]["s"]["exact"][4:] == ["off topic", 'tone 0.5; {"quote":"any time"}']
    assert cases["refund-003"]["n"] == "(no answer: no answer in 60 s)"
    assert cases["refund-003"]["s"]["exact"][3] == "failed"


def test_slices_are_tinted_by_the_margin() -> None:
    tree = built(compared())[1]
    tints = [a["class"] for tag, a in tree.tags if tag == "td" and "tint" in (a.get("class") or "")]
    assert "n tint-2" in tints
    assert {"n tint-1", "n tint0"} & set(tints)


def test_several_gates_have_an_index_and_anchors() -> None:
    text, tree = built(compared(), compared(lost=0), refused())
    anchors = [a["id"] for tag, a in tree.tags if tag == "article"]
    links = [a["href"] for tag, a in tree.tags if tag == "a"]
    assert links == [f"#{anchor}" for anchor in anchors]
    assert len(set(anchors)) == 3
    assert "at <code>reports/baselines/support.jsonl</code>" in text
    assert "No case was compared." in text


def test_a_command_without_a_gate_and_its_warnings() -> None:
    verdict = Verdict(
        outcome="refused", exit_code=2, error={"message": "no <config>"}, warnings=(Warned(code="w", message="mind"),)
    )
    text = page.of_verdict(verdict, [])
    assert "no &lt;config&gt;" in text
    assert "Warning: mind" in text


def test_a_large_comparison_keeps_what_changed_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MOST_CASES", 30)
    text, tree = built(compared(n=60, lost=20))
    (data,) = blocks(tree)
    assert [c["id"] for c in data["cases"]][:1] == ["refund-000"] or len(data["cases"]) == 20  # type: ignore[arg-type]
    assert len(data["cases"]) == 20  # type: ignore[arg-type]
    assert "60 cases are too many for a page: the 20 of 20 that changed most are here." in text
    monkeypatch.setattr(embedded, "MOST_CASES", 5)
    assert len(blocks(built(compared(n=60, lost=20))[1])[0]["cases"]) == 5  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CORPUS)
def test_the_block_can_neither_end_early_nor_change_what_it_says(kind: str) -> None:
    _, tree = built(compared(n=20, lost=2, after=CORPUS[kind]))
    (data,) = blocks(tree)
    assert len(data["cases"]) == 20  # type: ignore[arg-type]
    assert live_html(page.of_verdict(*told(compared(n=20, lost=2, after=CORPUS[kind])))) == []


def test_the_axis_holds_margin_zero_and_every_interval() -> None:
    plot = plot_of([(-2.5, -1.5, -0.5), (-0.1, 0.2, 0.6)])
    assert plot is not None
    assert 0 < plot.margin < plot.zero < 340
    first = plot.bar((-2.5, -1.5, -0.5))
    assert first.low < first.point < plot.margin < first.high < plot.zero
    assert not first.cut_low
    far = plot.bar((-50.0, -40.0, 30.0))
    assert (far.cut_low, far.cut_high) == (True, True)
    assert 0 < far.low <= far.point < far.high < 340
    assert plot_of([]) is None


def test_evidence_and_power_are_drawn_and_said() -> None:
    _, tree = built(compared())
    labels = [a["aria-label"] for tag, a in tree.tags if tag == "svg" and "curve" in a.get("class", "")]
    assert len(labels) == 2
    path, chances = labels
    assert re.search(r"exact, evidence: after \d+ of 200 the evidence for PASS stood at -?\d+ % of proof", path)
    assert "true change -10 points: PASS 0 %" in chances
    lines = [a["points"].split() for tag, a in tree.tags if tag == "polyline"]
    assert [len(line) for line in lines[2:]] == [8, 8]
    inside = [tuple(map(float, place.split(","))) for line in lines for place in line]
    assert all(44 <= x <= 448 and 14 <= y <= 156 for x, y in inside)


def test_no_curve_without_data() -> None:
    bare = replace(compared(n=60, lost=20), paths={}, chances=no_chances)
    text, _ = built(bare)
    assert "<polyline" not in text
    assert path_curves([EvidencePoint(1, 0.0, 0.0)], 5) is None
    assert chance_curves([ChancePoint(0.0, 1.0, 0.0)], "points") is None


def test_another_unit_keeps_its_scale() -> None:
    curves = chance_curves([ChancePoint(-2.0, 0.0, 1.0), ChancePoint(0.0, 1.0, 0.0)], "s")
    assert curves is not None
    assert [tick.text for tick in curves.across] == ["-2", "-1", "0"]
    assert curves.says == "true change -2 s: PASS 0 %, FAIL 100 %; true change 0 s: PASS 100 %, FAIL 0 %"
