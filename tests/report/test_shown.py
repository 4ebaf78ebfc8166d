"""What show, run and promote print, and how values are formatted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalharness.core.results import CallCounts, CaseResult, Failure, Output, Score, Trial, Unscored
from evalharness.core.verdicts import GateVerdict, HardVerdict, PairCounts
from evalharness.project.explaining import Explained
from evalharness.project.history import GateRun, History
from evalharness.project.promoting import Promoted
from evalharness.report.html.history import history_page
from evalharness.report.runs import promoted_text, runs_json, runs_text
from evalharness.report.shown import case_text, explain_text, history_text, run_text, runs_table
from evalharness.report.terminal import Screen
from evalharness.report.view import _facts, _hard, answer_text, points
from evalharness.store.past import RunSummary as StoredRun
from tests.report.comparisons import compared
from tests.report.hostile import Tree, live_html
from tests.report.test_write import shown, summary

HOSTILE = "first\x1b[31m\n::error::x\u202e"


def stored(**fields: object) -> StoredRun:
    values = {
        "run_id": "abc123def", "purpose": "gate", "gate": "support", "evalset": "s", "candidate": "bot",
        "created": "2026-11-12T10:00:00Z", "finished": True, "complete": True, "stopped": "", "calls": 3,
        "cost_usd": 0.5, "cases": 200, "outcome": "regression", "same_as": "",
    }  # fmt: skip
    return StoredRun(**{**values, **fields})  # type: ignore[arg-type]


def test_the_list_of_runs() -> None:
    assert "no runs recorded yet" in runs_table([])
    rows = [stored(), stored(outcome="", complete=False, stopped="budget"), stored(outcome="", candidate="x\x1b" * 9)]
    lines = runs_table(rows).split("\n")
    assert "REGRESSION" in lines[1]
    assert "stopped: budget" in lines[2]
    assert lines[3].endswith("whole")
    assert "\x1b" not in lines[3]
    assert all(len(line) <= 80 for line in lines)
    assert "2025-11-12" in runs_table([stored(), stored(created="2025-11-12T10:00:00Z")])


def test_a_run_says_where_it_came_from_and_how_it_scored() -> None:
    text = run_text(shown(verdict=True), Screen())
    assert "run 77  gate" in text
    assert "REGRESSION  exact fell" in text
    assert "    exact                        66.7%      60" in text
    assert "... 52 more with --format csv" in text
    assert text.endswith("Look    evalh show 77 CASE")
    assert "  refund-000  exact 1 \u2192 0" in text
    assert "  refund-000  exact 1 -> 0" in run_text(shown(verdict=True), Screen(unicode=False))
    assert "evalharness 1" not in text
    assert "66.7%      60  x" in run_text(shown(verdict=True), Screen(verbose=True))


def gate_run(at: str, outcome: str, mean: float, *, scorer: str = "exact", gate: str = "support") -> GateRun:
    whole = compared(n=60, lost=20).gate
    first = replace(whole.scorers[0], scorer=scorer, candidate_mean=mean)
    verdict = replace(whole, outcome=outcome, scorers=(first, *whole.scorers[1:]))  # type: ignore[arg-type]
    return GateRun(
        run=stored(created=at, run_id=at.replace("-", "") + "00", outcome=outcome, gate=gate), verdict=verdict
    )


def history(*runs: GateRun) -> History:
    return History(runs=[one.run for one in reversed(runs)], gates={"support": runs})


def test_the_list_ends_with_how_each_gate_went() -> None:
    days = [gate_run(f"2026-11-{day:02d}", "pass", 0.5 + day / 100) for day in range(1, 9)]
    days.append(gate_run("2026-11-09", "regression", 0.4))
    text = history_text(history(*days), Screen())
    assert text.endswith("54.0% ✓  55.0% ✓  56.0% ✓  57.0% ✓  58.0% ✓  40.0% ✗")
    assert text.split("\n")[-1].startswith("  support       exact ")
    assert history_text(history(*days), Screen(unicode=False)).endswith("58.0% +  40.0% x")
    assert history_text(History(runs=[stored()], gates={}), Screen()) == runs_table([stored()])
    bare = replace(days[0], verdict=replace(days[0].verdict, scorers=(), outcome="refused"))
    assert history_text(history(bare), Screen()).endswith("!")


def test_the_history_page_draws_a_trend_and_lets_nothing_act() -> None:
    runs = [
        gate_run("2026-11-01", "pass", 0.9),
        gate_run("2026-11-02", "regression", 0.4),
        gate_run("2026-11-03", "store", 0.9),
    ]
    hostile = replace(runs[2], run=replace(runs[2].run, candidate="<script>alert(1)</script>\u202e"))
    text = history_page(history(*runs[:2], hostile))
    tree = Tree(text)
    assert live_html(text) == []
    (trend, _) = [a["aria-label"] for tag, a in tree.tags if tag == "svg"]
    assert trend.startswith("exact: 2026-11-01 PASS 90.0%; 2026-11-02 REGRESSION 40.0%; 2026-11-03 STORE ERROR 90.0%")
    dots = [(a["class"], float(a["cy"])) for tag, a in tree.tags if tag == "circle"][:3]
    assert [tone for tone, _ in dots] == ["pass", "bad", "bad"]
    assert dots[0][1] == dots[2][1] < dots[1][1]
    policy = next(a["content"] for tag, a in tree.tags if tag == "meta" and "http-equiv" in a)
    assert "script-src 'none';" in policy
    assert text.index("2026-11-03") < text.index("<table")
    assert "No runs recorded yet" in history_page(History(runs=[], gates={}))
    assert "<svg" not in history_page(history(gate_run("2026-11-01", "pass", 0.9)))


def test_a_run_without_a_verdict_says_how_it_ended() -> None:
    page = history_page(
        History(
            runs=[stored(outcome="", gate="", purpose="run", stopped="budget"), stored(outcome="", complete=True)],
            gates={},
        )
    )
    assert "stopped: budget" in page
    assert "whole" in page


def test_a_case_in_full_shows_both_answers_and_nothing_that_acts() -> None:
    whole = shown(verdict=True)
    text = case_text(whole, "refund-000", Screen())
    assert "  input\n" in text
    assert "  baseline\n    You have 30 days from delivery." in text
    assert "  answer\n    You can return it any time." in text
    assert (
        "  changed  [-removed-] {+added+}\n    You [-have 30 days from delivery.-]{+can return it any time.+}" in text
    )
    assert "  exact: 0 fail, was 1  expected 30 days" in text
    assert "500 ms  $0.001000" in text
    old = whole.run.results["refund-000"]
    failure = Failure(stage="candidate", kind="timeout", message=HOSTILE)
    broken = Failure(stage="scorer", kind="raised", message=HOSTILE)
    scores = {
        "a": Unscored(reason=HOSTILE),
        "b": broken,
        "c": Score(value=1.0, reason=HOSTILE, evidence={"q": HOSTILE}),
    }
    trials = (
        replace(old.trials[0], output=Output(text=HOSTILE, model=HOSTILE), scores=scores, replayed=True, key="f" * 64),
        Trial(case_id="refund-000", attempt=1, output=failure),
    )
    results = {**whole.run.results, "refund-000": replace(old, trials=trials)}
    hostile = replace(whole, run=replace(whole.run, results=results))
    text = case_text(hostile, "refund-000", Screen())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not [line for line in text.split("\n") if line.startswith("::")]
    assert "answer, epoch 0, attempt 1" in text
    assert "a: not scored: first" in text
    assert "b: failed: first" in text
    assert "replayed  key ffffffffffffffff" in text
    assert case_text(hostile, "refund-000", Screen(unicode=False)).isascii()


def test_explain_names_the_keys() -> None:
    facts = {"url": "https://h/v1", "version": "v2", "prompt": HOSTILE}
    recorded = Explained(epoch=0, attempt=0, key="", why_not="its answers are recorded ones", facts=facts)
    text = explain_text(shown(), "c0", [recorded])
    assert "epoch 0 attempt 0" in text
    assert "key       (a recording: no key)" in text
    assert "not rendered again: its answers are recorded ones" in text
    assert "d" * 64 in text
    assert "\x1b" not in text
    body = {"model": "m", "messages": [{"role": "user", "content": HOSTILE}]}
    asked = replace(recorded, key="f" * 64, endpoint="https://h/v1", version="v2", body=body)
    for binding, said in (("content", "the same)"), ("run", "no other run)"), ("", "another one")):
        text = explain_text(shown(), "c0", [replace(asked, binding=binding)])
        assert f"key       {'f' * 64}  (" in text
        assert said in text
        assert "endpoint  https://h/v1" in text
        assert '"model": "m"' in text
        assert not {"\x1b", "\u202e"} & set(text)


def test_runs_as_text_and_object() -> None:
    text = runs_text([summary(broken=True)], Screen())
    assert "s  bot  run abc123" in text
    assert "3 of 4 cases answered, 4 calls, 0 replayed" in text
    assert "c2: no answer in 60 s" in text
    assert "(1 failed)" in text
    few = replace(summary(), selected=2, not_applicable=("ndcg",), run=replace(summary().run, stopped="budget"))
    text = runs_text([few], Screen())
    assert "2 of 4 cases selected: scores, but no verdict" in text
    assert "not applicable: ndcg" in text
    assert "stopped: budget" in text
    data = runs_json([few], "incomplete")
    assert (data["exit_code"], data["runs"][0]["selected"]) == (4, 2)


def test_many_failures_are_counted() -> None:
    one = summary()
    lost = Failure(stage="candidate", kind="timeout", message="no answer")
    results = {
        f"c{i}": CaseResult(case_id=f"c{i}", case_digest="", trials=(Trial(case_id=f"c{i}", output=lost),))
        for i in range(9)
    }
    assert "and 4 more without an answer" in runs_text([replace(one, run=replace(one.run, results=results))], Screen())


def test_promoted() -> None:
    one = Promoted(
        gate="g", path="reports/baselines/g.jsonl", n=200, means=(("correct", 0.919, 0.853, "points"), ("latency", None, 0.5, "s")),
        run="7f3a" * 3, replayed=3, cost_usd=0.4,
    )  # fmt: skip
    text = promoted_text([one])
    assert text.startswith("reports/baselines/g.jsonl: 200 cases, correct 0.919 -> 0.853, latency 500 ms (run 7f3a7f")
    assert ", 3 answers replayed, $0.40); commit this file" in text


@pytest.mark.parametrize(
    ("value", "unit", "sign", "shown_as"),
    [
        (None, "points", False, "-"), (0.919, "points", False, "91.9%"), (-0.066, "points", True, "-6.6"),
        (-0.00001, "points", True, "+0.0"), (1.2, "s", False, "1.2 s"), (-0.25, "s", True, "-250 ms"), (0.0224, "s", False, "22 ms"),
        (1234.5, "s", True, "+1234 s"), (0.00012, "USD", False, "0.00012 USD"), (-0.0, "", False, "0"),
    ],
)  # fmt: skip
def test_values(value: float | None, unit: str, sign: bool, shown_as: str) -> None:
    assert points(value, unit, sign=sign) == shown_as


def test_facts_count_what_did_not_pair() -> None:
    gate = GateVerdict(
        gate="g", outcome="pass", reason="", seconds=1.0,
        pairs=PairCounts(planned=10, used=9, unscored=1, failed=2, edited=3, added=4, removed=5),
        calls=CallCounts(planned=10, replayed=10, saved_by_early_stop=1),
    )  # fmt: skip
    assert _facts(gate) == (
        "7 of 10 cases paired (1 unscored, 2 failed, 3 edited, 4 added, 5 removed)",
        "no call made",
        "1 saved by stopping early",
        "1.0 s",
    )


def test_hard_checks_that_could_not_be_judged_are_said() -> None:
    check = HardVerdict(scorer="no_pii", unknown=("a", "b"), baseline_failed=("c",))
    lines = _hard(GateVerdict(gate="g", outcome="incomplete", reason="", hard=(check,)))
    assert lines == [
        ("incomplete", "no_pii could be judged on no case"),
        ("incomplete", "no_pii: no result on 2 cases"),
        ("", "no_pii: the baseline failed already, not judged: c"),
    ]


def test_answers_of_retrievers_and_of_nobody() -> None:
    documents = Output(documents=("a", "b"))  # type: ignore[arg-type]
    result = CaseResult(case_id="c", case_digest="", trials=(Trial(case_id="c", output=documents),))
    assert answer_text(result) == "a, b"
    assert answer_text(None) is None
    empty = replace(result, trials=(Trial(case_id="c", output=Output()),))
    assert answer_text(empty) is None
    assert compared().gate.outcome == "regression"
