"""B16: margin, alpha, metrics or the baseline file edited in the pull request that they judge.

Defence: in CI gates, scorers and baselines are the base ref's; what the pull request changes is said, and counts after
merging. A gate that it removes is refused.
"""

from __future__ import annotations

import subprocess

import pytest

from evalharness.project.gating import gate_all
from evalharness.project.promoting import promote
from tests.attacks.shop import Shop


@pytest.fixture
def shop(tmp_path) -> Shop:
    found = Shop(tmp_path)
    found.cases(120)
    found.answers("new.jsonl", [True] * 120)
    found.config(baseline="", limits="exact = 0.05")
    with found.open() as workspace:
        promote(workspace, "g", why="the code that is trusted")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "main")
    git(tmp_path, "checkout", "-q", "-b", "work")
    found.answers("new.jsonl", [i % 5 != 0 for i in range(120)])  # 20 points lost
    return found


def git(root, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def in_ci(shop: Shop):
    with shop.open(GITHUB_BASE_REF="main") as workspace:
        return gate_all(workspace, [])[0]


def test_a_wider_margin_does_not_judge_its_own_pull_request(shop: Shop) -> None:
    shop.config(baseline="", limits="exact = 0.5")
    verdict = in_ci(shop)
    assert verdict.outcome == "regression"
    assert verdict.gates[0].scorers[0].margin == 0.05
    assert "gate_changed" in {warned.code for warned in verdict.warnings}
    # Without the base ref the same edit would have passed: that is the attack.
    assert shop.gate().outcome == "pass"


def test_an_edited_pinned_or_stored_baseline_is_not_looked_at(shop: Shop) -> None:
    with shop.open() as workspace:
        promote(workspace, "g", why="what I happen to have")
    verdict = in_ci(shop)
    assert verdict.outcome == "regression"
    assert "baseline_moved" in {warned.code for warned in verdict.warnings}


def test_a_gate_that_is_taken_away_is_refused(shop: Shop) -> None:
    text = (shop.root / "evalh.toml").read_text().replace("[gates.g]", "[gates.other]")
    (shop.root / "evalh.toml").write_text(text)
    verdict = in_ci(shop)
    assert verdict.exit_code == 2
    assert any(gate.gate == "g" and gate.outcome == "refused" for gate in verdict.gates)


def test_a_pinned_file_that_moves_is_said_and_not_looked_at(shop: Shop) -> None:
    """Re-pinning to what the pull request happens to have would let it lose the margin once more."""
    folder = shop.root / "reports"
    git(shop.root, "checkout", "-q", "main", "--", "new.jsonl")
    (folder / "release.jsonl").write_bytes((folder / "baselines" / "g.jsonl").read_bytes())
    shop.config(baseline="", gate='pinned = "reports/release.jsonl"')
    git(shop.root, "add", "-A")
    git(shop.root, "commit", "-q", "-m", "pinned")
    git(shop.root, "branch", "-f", "main")
    quiet = in_ci(shop)
    assert quiet.outcome == "pass"
    assert "baseline_moved" not in {warned.code for warned in quiet.warnings}
    shop.answers("new.jsonl", [i % 5 != 0 for i in range(120)])
    with shop.open() as workspace:
        promote(workspace, "g", why="what I happen to have")
    (folder / "release.jsonl").write_bytes((folder / "baselines" / "g.jsonl").read_bytes())
    git(shop.root, "checkout", "-q", "main", "--", "reports/baselines/g.jsonl")
    verdict = in_ci(shop)
    assert [warned.message for warned in verdict.warnings if warned.code == "baseline_moved"] == [
        "this pull request moves the baseline of g (reports/release.jsonl): compared with the one of main"
    ]
    assert {scorer.outcome for scorer in verdict.gates[0].scorers} == {"regression"}
