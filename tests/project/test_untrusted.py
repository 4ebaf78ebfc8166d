"""A run that trusts data only: whose rules hold, what is said of the pull request, and where its answers are kept."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest

from evalharness.core.errors import BaselineError, ConfigError
from evalharness.core.options import RunOptions
from evalharness.core.verdicts import Comparison, Verdict
from evalharness.project.gating import gate_all
from evalharness.project.untrusted import distrust, open_project
from evalharness.report import csvout, jsonlines, jsonout, junit, markdown
from evalharness.report.html import page
from evalharness.report.pull_request import TITLE, proposed
from evalharness.report.terminal import Screen, verdict_text
from tests.attacks.shop import Shop

UNTRUSTED = RunOptions(untrusted=True)


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """At main the candidate is right everywhere; the working tree loses every fifth case."""
    found = Shop(tmp_path)
    found.cases(60)
    found.answers("old.jsonl", [True] * 60)
    found.answers("new.jsonl", [True] * 60)
    found.config()
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "main")
    found.answers("new.jsonl", [i % 5 != 0 for i in range(60)])
    return found


def judged(shop: Shop, options: RunOptions = UNTRUSTED, **env: str) -> tuple[Verdict, list[Comparison]]:
    with shop.open(options, GITHUB_BASE_REF="main", **env) as workspace:
        if options.untrusted:
            distrust(workspace)
        return gate_all(workspace, [])


def codes(verdict: Verdict) -> set[str]:
    return {warned.code for warned in verdict.warnings}


def test_config_limits_and_baseline_are_the_base_refs(shop: Shop) -> None:
    shop.config(bot='recorded = "old.jsonl"', limits="exact = 0.9")
    shop.answers("old.jsonl", [False] * 60)
    shop.cases(62)
    verdict, _ = judged(shop)
    assert verdict.outcome == "regression"
    assert verdict.gates[0].scorers[0].margin == 0.05
    assert verdict.gates[0].scorers[0].baseline_mean == 1.0
    assert codes(verdict) >= {
        "untrusted",
        "gate_changed",
        "baseline_moved",
        "evalset_changed",
        "answers_changed",
        "ignored",
    }
    said = " ".join(proposed(verdict))
    assert "margin of exact 0.05 -> 0.9" in said
    assert "0 edited, 2 added, 0 removed" in said
    assert "candidate 'bot': not looked at" in said


def test_trusted_pull_requests_bring_their_candidates_but_not_their_baseline(shop: Shop) -> None:
    shop.answers("old.jsonl", [i % 5 != 0 for i in range(60)])
    verdict, _ = judged(shop, RunOptions())
    assert verdict.outcome == "regression"
    assert codes(verdict) == {"baseline_moved", "answers_changed"}
    shop.config(
        bot='recorded = "old.jsonl"'
    )  # their own candidate, even where it is a copy: people merge this, not strangers
    assert judged(shop, RunOptions())[0].outcome == "regression"


def test_prices_and_the_cap_are_the_base_refs_in_every_pull_request(shop: Shop) -> None:
    text = (shop.root / "evalh.toml").read_text()
    money = "version = 1\ndefaults = { max_cost = 1.0 }\n[prices]\nm = { input = 1.0, output = 1.0 }\n"
    (shop.root / "evalh.toml").write_text(text.replace("version = 1\n", money))
    git(shop.root, "commit", "-q", "-a", "-m", "prices")
    dear = (
        (shop.root / "evalh.toml")
        .read_text()
        .replace("max_cost = 1.0", "max_cost = 99.0")
        .replace("input = 1.0", "input = 0.0")
    )
    (shop.root / "evalh.toml").write_text(dear)
    with shop.open(RunOptions(), GITHUB_BASE_REF="main") as workspace:
        verdict, _ = gate_all(workspace, [])
        assert workspace.config.defaults.max_cost == 1.0
        assert workspace.config.prices["m"] == (1.0, 1.0)
    assert {"max_cost 1.0 -> 99.0", "the price of 'm'"} <= {
        said.split("changes ")[1].split(":")[0] for said in proposed(verdict) if "changes" in said
    }


@pytest.mark.parametrize("options", [UNTRUSTED, RunOptions()], ids=["fork", "own branch"])
def test_weights_clusters_and_slices_are_the_base_refs_in_every_pull_request(shop: Shop, options: RunOptions) -> None:
    shop.config(gate='slices = { lang = { exact = { margin = 0.5, role = "report" } } }')
    described = [{"weight": 2.0, "cluster": f"k{i // 2}", "metadata": {"lang": "de", "note": "a"}} for i in range(60)]
    shop.jsonl("s.jsonl", [case | more for case, more in zip(_plain_cases(), described, strict=True)])
    git(shop.root, "commit", "-q", "-a", "-m", "described")
    other = [
        {"weight": 1e-6 if i % 5 == 0 else 1e6, "cluster": "one", "metadata": {"lang": "fr", "note": "b"}}
        for i in range(60)
    ]
    shop.jsonl("s.jsonl", [case | more for case, more in zip(_plain_cases(62), (*other, {}, {}), strict=True)])
    with shop.open(options, GITHUB_BASE_REF="main") as workspace:
        verdict, _ = gate_all(workspace, [])
        held = workspace.evalset("s").by_id
    assert (held["c0000"].weight, held["c0003"].cluster) == (2.0, "k1")
    assert held["c0000"].metadata == {"lang": "de", "note": "b"}
    assert "c0061" in held
    assert verdict.gates[0].scorers[0].candidate_mean == pytest.approx(0.8)
    assert any("weight, cluster or slice of 60 (those of the base ref count)" in said for said in proposed(verdict))


def test_negative_control_outside_of_ci_they_are_the_folders_own(shop: Shop) -> None:
    shop.jsonl("s.jsonl", [case | {"weight": 1e-6 if i % 5 == 0 else 1.0} for i, case in enumerate(_plain_cases())])
    assert shop.gate().scorers[0].candidate_mean == pytest.approx(1.0, abs=1e-3)


def _plain_cases(n: int = 60) -> list[dict[str, object]]:
    return [{"id": f"c{i:04d}", "input": f"question {i} {i * i}", "target": "yes"} for i in range(n)]


def test_a_config_that_moves_is_refused(shop: Shop) -> None:
    (shop.root / "sub").mkdir()
    for name in ("s.jsonl", "new.jsonl", "old.jsonl", "evalh.toml"):
        (shop.root / "sub" / name).write_bytes((shop.root / name).read_bytes())
    with (
        Shop(shop.root / "sub").open(UNTRUSTED, GITHUB_BASE_REF="main") as workspace,
        pytest.raises(ConfigError) as caught,
    ):
        distrust(workspace)
    assert caught.value.code == "config_moved"
    text = (shop.root / "evalh.toml").read_text()
    (shop.root / "evalh.toml").unlink()
    tables = "\n".join(f"[tool.evalh.{line[1:]}" if line.startswith("[") else line for line in text.splitlines())
    (shop.root / "pyproject.toml").write_text(tables.replace("version = 1", "[tool.evalh]\nversion = 1", 1))
    verdict, _ = judged(shop)
    assert verdict.outcome == "regression"


def test_the_store_is_its_own_and_gone_afterwards(shop: Shop) -> None:
    (shop.root / ".evalh").mkdir()
    (shop.root / ".evalh/store.db").write_bytes(b"of a stranger: opening it would be an error")
    with shop.open(UNTRUSTED, GITHUB_BASE_REF="main") as workspace:
        distrust(workspace)
        gate_all(workspace, [])
        apart = workspace.state
        assert (apart / "store.db").is_file()
        assert shop.root not in apart.parents
    assert not apart.exists()
    assert (shop.root / ".evalh/store.db").read_bytes().startswith(b"of a stranger")


def test_without_a_base_ref_nothing_is_called_and_that_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop.open(UNTRUSTED) as workspace:
        distrust(workspace)
        assert workspace.options.offline
        verdict, _ = gate_all(workspace, [])
    assert "no base ref is known" in proposed(verdict)[0]
    monkeypatch.setenv("EVALH_BASE_REF", "main")
    with open_project(shop.root, options=UNTRUSTED) as workspace:
        assert workspace.base_ref == "main"
        assert not workspace.options.offline


def test_a_base_ref_that_cannot_be_read_ends_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_BASE_REF", "nowhere")
    with pytest.raises(BaselineError, match="git knows no ref 'nowhere'"):
        open_project(shop.root, options=UNTRUSTED)


def test_a_base_ref_without_a_config_judges_nothing(shop: Shop) -> None:
    git(shop.root, "rm", "-q", "--cached", "evalh.toml")
    git(shop.root, "commit", "-q", "-m", "none")
    verdict, _ = judged(shop)
    assert (verdict.outcome, verdict.gates[0].reason) == ("pass", "new gate, nothing to compare")
    assert "main has no config to judge by" in proposed(verdict)[0]


def test_what_changes_comes_first_in_every_report(shop: Shop) -> None:
    shop.config(limits="exact = 0.9")
    verdict, comparisons = judged(shop)
    first = proposed(verdict)
    assert len(first) >= 3
    screen = verdict_text(verdict, comparisons, Screen())
    assert screen.startswith(TITLE)
    assert screen.index("only data is trusted") < screen.index("REGRESSION")
    comment = markdown.of_verdict(verdict, comparisons)
    assert comment.index(TITLE) < comment.index("[!CAUTION]")
    assert comment.count("only data is trusted") == 1
    html = page.of_verdict(verdict, comparisons)
    assert html.index("only data is trusted") < html.index("<article")
    assert [warned["message"] for warned in json.loads(jsonout.of_verdict(verdict, comparisons))["warnings"]][
        : len(first)
    ] == list(first)
    assert json.loads(jsonlines.of_verdict(verdict, comparisons).split("\n")[0]) == {"pull_request": list(first)}
    rows = list(csv.reader(io.StringIO(csvout.of_verdict(verdict, comparisons), newline="")))
    assert [row[-1] for row in rows[1 : 1 + len(first)]] == list(first)
    tests = junit.of_verdict(verdict, comparisons)
    assert tests.index(TITLE) < tests.index("evalh gates")
    assert "only data is trusted" not in verdict_text(verdict, comparisons, Screen(quiet=True))


def test_rubrics_and_schemas_are_compared_and_read_at_the_base_ref(shop: Shop) -> None:
    schema = shop.root / "schema.json"
    schema.write_text('{"const": "yes"}')
    text = (
        (shop.root / "evalh.toml")
        .read_text()
        .replace('exact = { use = "equals" }', 'exact = { use = "json_schema", schema = "schema.json" }')
    )
    (shop.root / "evalh.toml").write_text(text)
    for name in ("old.jsonl", "new.jsonl"):
        shop.answers(name, [True] * 60, wrong='"no"')
        (shop.root / name).write_text(
            (shop.root / name).read_text().replace('"output": "yes"', '"output": "\\"yes\\""')
        )
    git(shop.root, "add", "-A")
    git(shop.root, "commit", "-q", "-m", "schema")
    shop.answers("new.jsonl", [False] * 60, wrong='"no"')
    schema.write_text("true")
    verdict, _ = judged(shop)
    assert verdict.outcome == "regression"
    assert any("changes schema.json: that of main judges" in said for said in proposed(verdict))


def test_a_pattern_is_no_file_name(shop: Shop) -> None:
    text = (shop.root / "evalh.toml").read_text()
    pattern = "x" * 400 + "/\\\\u0000"
    added = f'exact = {{ use = "equals" }}\nlong = {{ use = "absent", pattern = "{pattern}" }}'
    (shop.root / "evalh.toml").write_text(text.replace('exact = { use = "equals" }', added))
    git(shop.root, "commit", "-q", "-a", "-m", "pattern")
    assert judged(shop)[0].outcome == "regression"
