"""Words of a gate that change its rule, from the config to the verdict."""

from __future__ import annotations

import json

import pytest

from evalharness.core.errors import BaselineError, ConfigError
from evalharness.core.options import RunOptions
from evalharness.project.gating import gate_all
from evalharness.project.promoting import promote
from evalharness.project.running import run_candidates
from tests.attacks.shop import Shop

CORPUS = """
version = 1
[evalsets]
s = { path = "s.jsonl", slices = ["half"] }
[candidates]
bot = { recorded = "new.jsonl" }
[scorers]
b = { use = "bleu", level = "corpus" }
f1 = { use = "macro_f1", labels = ["yes", "no"] }
e = { use = "ece" }
[gates.g]
candidate = "bot"
evalset = "s"
baseline = "old.jsonl"
limits = { %s }
"""


@pytest.fixture
def shop(tmp_path) -> Shop:
    found = Shop(tmp_path)
    found.cases(120)
    found.answers("old.jsonl", [True] * 120)
    found.answers("new.jsonl", [True] * 120)
    return found


def pinned(shop: Shop) -> None:
    """Keep what the candidate is now as the pinned baseline, then make another one the last baseline."""
    shop.config(baseline="")
    with shop.open() as workspace:
        promote(workspace, "g", why="release")
    (shop.root / "reports" / "release.jsonl").write_bytes((shop.root / "reports/baselines/g.jsonl").read_bytes())
    shop.answers("new.jsonl", [i % 5 != 0 for i in range(120)])
    with shop.open() as workspace:
        promote(workspace, "g", why="merged by hand")
    shop.answers("new.jsonl", [i % 5 != 0 or i == 0 for i in range(120)])


def test_a_pinned_baseline_is_read_from_its_file(shop: Shop) -> None:
    pinned(shop)
    assert shop.gate().outcome == "pass"
    shop.config(baseline="", gate='pinned = "reports/release.jsonl"')
    verdict = shop.gate()
    assert verdict.outcome == "regression"
    main, other = verdict.scorers
    assert main.outcome != "regression"
    assert (other.scorer, other.outcome) == ("exact (pinned)", "regression")
    assert json.loads(json.dumps(verdict.to_json()))["scorers"][1]["details"]["against"] == "pinned"


def test_a_pinned_baseline_of_another_set_is_refused(shop: Shop) -> None:
    pinned(shop)
    path = shop.root / "reports" / "release.jsonl"
    lines = path.read_text().split("\n", 1)
    path.write_text(lines[0].replace('"name":"s"', '"name":"other"') + "\n" + lines[1])
    shop.config(baseline="", gate='pinned = "reports/release.jsonl"')
    verdict = shop.gate()
    assert verdict.outcome == "refused"
    assert "other" in verdict.reason


def test_a_pinned_baseline_of_other_cases_is_refused(shop: Shop) -> None:
    pinned(shop)
    shop.cases(120, start=500)
    shop.answers("new.jsonl", [True] * 120, start=500)
    shop.config(baseline="")
    with shop.open() as workspace:
        promote(workspace, "g", why="new cases")
    shop.answers("new.jsonl", [True] * 119 + [False], start=500)
    shop.config(baseline="", gate='pinned = "reports/release.jsonl"')
    assert shop.gate().outcome == "refused"


def test_margin_0_goes_with_a_gate_that_only_blocks(shop: Shop) -> None:
    shop.answers("new.jsonl", [i != 3 for i in range(120)])
    shop.config(limits="exact = 0.0", gate='mode = "block_only"')
    verdict = shop.gate()
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 3)
    assert "no drop proven; drops beyond" in verdict.reason
    shop.config(limits="exact = 0.0", gate='mode = "block_only"\ninconclusive = "pass"')
    verdict = shop.gate()
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 0)
    with shop.open() as workspace:
        assert gate_all(workspace, ["g"])[0].exit_code == 0
    shop.answers("new.jsonl", [i % 3 != 0 for i in range(120)])
    assert shop.gate().exit_code == 1


def test_a_gate_may_ask_for_an_improvement_alone(shop: Shop) -> None:
    shop.config(limits='exact = { role = "improve" }')
    shop.answers("old.jsonl", [i % 3 != 0 for i in range(120)])
    assert (shop.gate().outcome, "shown to be better" in shop.gate().reason) == ("pass", True)
    shop.answers("new.jsonl", [i % 3 != 1 for i in range(120)])
    assert shop.gate().exit_code == 3
    shop.answers("new.jsonl", [i % 3 == 1 for i in range(120)])
    assert shop.gate().exit_code == 1


def test_declared_looks_come_from_the_config(shop: Shop) -> None:
    shop.answers("old.jsonl", [i != 3 for i in range(120)])
    shop.config(gate="extendable = [80, 400]")
    verdict = shop.gate()
    assert verdict.scorers[0].details["looks"] == [80, 120]
    assert verdict.outcome == "pass"
    assert verdict.pairs.used <= 80


def corpus(shop: Shop, limits: str) -> Shop:
    (shop.root / "evalh.toml").write_text(CORPUS % limits)
    return shop


def test_corpus_guards_and_reports(shop: Shop) -> None:
    shop.answers("new.jsonl", [i % 4 != 0 for i in range(120)])
    verdict = corpus(shop, 'f1 = 0.05, b = { role = "report" }').gate()
    assert verdict.outcome == "regression"
    guard, report = verdict.scorers
    assert guard.baseline_mean == 0.5  # every target is yes: F1 of "no" is 0
    assert guard.details["p_worse"] < 0.001
    assert report.role == "report"
    assert report.candidate_mean is not None


def test_ece_is_a_report(shop: Shop) -> None:
    shop.answers("new.jsonl", [i != 3 for i in range(120)])
    with pytest.raises(ConfigError, match="may be shown but not judged"):
        corpus(shop, "e = 0.05").open()
    verdict = corpus(shop, 'f1 = 0.05, e = { role = "report" }').gate()
    assert [scorer.role for scorer in verdict.scorers if scorer.scorer == "e"] == ["report"]


def test_run_shows_the_corpus_value(shop: Shop) -> None:
    shop.answers("new.jsonl", [i % 4 != 0 for i in range(120)])
    with corpus(shop, "f1 = 0.05").open(RunOptions()) as workspace:
        (summary,) = run_candidates(workspace, ["bot"], "s")
    by_name = {one.scorer: one for one in summary.scorers}
    assert by_name["f1"].mean == pytest.approx(2 * 90 / (120 + 90) / 2)
    assert by_name["b"].mean is not None
    assert by_name["e"].mean is None  # no answer is a probability


def test_no_pinned_file_is_a_config_error(shop: Shop) -> None:
    shop.config(gate='pinned = "reports/none.jsonl"')
    with pytest.raises((ConfigError, BaselineError)):
        shop.gate()


def slow(shop: Shop, name: str, slow_cases: int) -> None:
    rows = ({"id": f"c{i:04d}", "output": "yes", "latency_s": 3.0 if i < slow_cases else 0.5} for i in range(120))
    shop.jsonl(name, rows)


def test_latency_is_gated_by_a_cap_or_as_the_share_within_the_budget(shop: Shop) -> None:
    """Never as an uncapped mean, for which no bound exists in finite samples."""
    slow(shop, "old.jsonl", 2)
    slow(shop, "new.jsonl", 40)
    shop.config(limits='fast = { on = "passed", margin = 0.05 }, latency = { cap = 5.0, margin = 0.5 }')
    text = (shop.root / "evalh.toml").read_text()
    text = text.replace("[scorers]", '[scorers]\nfast = { use = "latency", threshold = 2.0 }')
    (shop.root / "evalh.toml").write_text(text)
    verdict = shop.gate()
    fast, capped = verdict.scorers
    assert verdict.outcome == fast.outcome == "regression"
    assert (fast.method, fast.unit) == ("exact", "points")
    assert (capped.method, capped.unit, capped.margin) == ("general", "s", 0.5)
    slow(shop, "new.jsonl", 3)
    assert [scorer.outcome for scorer in shop.gate().scorers] == ["pass", "pass"]
    shop.config(limits="latency = 0.5")
    with pytest.raises(ConfigError, match="needs a cap"):
        shop.gate()
