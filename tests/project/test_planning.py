"""``plan``: what it finds out without calling or writing anything, and that its screen fits 80 columns."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace

import pytest

from evalharness.core.errors import UsageError
from evalharness.core.results import CaseResult, Output, Trial
from evalharness.project.estimating import estimate, usage_of
from evalharness.project.execution import Task, check_money, price_notes
from evalharness.project.pilot import earlier_pair, newest_run
from evalharness.project.planning import _usage, plan_gates, prepare, run_estimates
from evalharness.project.plans import KeptPlans
from evalharness.project.promoting import promote
from evalharness.report.plans import estimate_lines, plans_json, plans_text
from evalharness.stats import exact_plan
from evalharness.stats.rule import Rule

from .projects import USAGE, Project, jsonl


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def the_plan(project, **options):
    with project.open() as workspace:
        (found,) = plan_gates(workspace, ["g"], **options)
    return found


def shown(plan):
    text = plans_text([plan])
    assert max(map(len, text.splitlines())) <= 80, text
    assert text.isascii()
    json.dumps(plans_json([plan]), allow_nan=False)
    return text


def test_before_any_run_the_plan_assumes_shares_of_changed_cases(project):
    plan = the_plan(project.make(100))
    (guard,) = plan.guards
    assert (plan.n, plan.baseline, plan.earlier, guard.measured) == (100, "old", None, None)
    assert (guard.method, guard.least, guard.planned) == ("exact", 59, 100)
    unchanged = exact_plan(100, 0.05).outcome(0.1)
    assert plan.green.low == pytest.approx(unchanged.p_pass)
    assert plan.green.blocked == pytest.approx(unchanged.p_fail)
    text = shown(plan)
    assert "exit 0   44% of unchanged candidates if 10% of cases change;" in text
    assert re.search(r"10% +44% +45% +95", text)
    assert "80% PASS if unchanged takes about 300 cases (10.0% changed)" in text
    assert "calls    none: all 100 answers are recorded" in text


def test_the_differences_of_an_earlier_gate_run_come_first(project):
    project.make(100, wrong=[*range(9, 100, 10), 3, 5]).gate()
    plan = the_plan(project)
    (guard,) = plan.guards
    assert (guard.measured.units, guard.measured.worse, guard.measured.better) == (100, 2, 0)
    assert guard.chart.rows[0].measured
    assert guard.chart.rows[0].spread == pytest.approx(0.02)
    assert plan.green.low == pytest.approx(exact_plan(100, 0.05).outcome(0.02).p_pass)
    text = shown(plan)
    assert f"earlier: run {plan.earlier.after.run[:6]} against old, 100 cases:" in text
    assert "2.0% changed (2 worse, 0 better)" in text
    assert "if as much changes as earlier" in text


def test_an_earlier_difference_on_the_margin_is_said_to_be_there(project):
    project.make(100, wrong=[*range(9, 100, 10), 3, 5, 15, 25, 35]).gate()
    plan = the_plan(project)
    assert plan.guards[0].needed_as_seen is None
    assert "sits on the margin" in shown(plan)


def test_runs_of_the_candidate_serve_where_the_gate_never_ran(project):
    project.make(40, wrong=[1]).run("old", "new")
    plan = the_plan(project)
    assert (plan.guards[0].measured.worse, plan.guards[0].measured.better) == (1, 4)
    assert "with fewer, no unchanged candidate can pass" in shown(plan)
    assert "too few: 40 can show a margin of 7.2 points at best" in shown(plan)


def test_a_run_of_the_baseline_itself_is_no_pilot(project):
    project.make(40).run("old")
    project.edit('recorded = "new.jsonl"', 'recorded = "old.jsonl"')
    project.run("new")
    assert the_plan(project).earlier is None


def test_scores_made_otherwise_are_made_anew(project):
    project.make(40, wrong=[9, 19, 29, 39, 0]).run("old", "new")
    project.edit('exact = { use = "equals" }', 'exact = { use = "contains" }')
    assert the_plan(project).guards[0].measured.worse == 1


def test_a_margin_and_a_power_from_the_command_line_replace_the_configs(project):
    project.make(100)
    plan = the_plan(project, margin=0.1, power=0.9)
    assert (plan.guards[0].margin, plan.guards[0].power, plan.guards[0].least) == (0.1, 0.9, 29)
    assert "90% PASS" in shown(plan)


def test_a_stored_baseline_fixes_the_pairs(project):
    project.make(60, gate="")
    project.edit('baseline = "old"\n', "")
    with project.open() as workspace:
        promote(workspace, None, why="start")
    plan = the_plan(project)
    assert plan.n == 60
    assert plan.baseline.startswith("new of 20")
    rows = (project.root / "qa.jsonl").read_text(encoding="utf-8").splitlines()
    rows[0] = rows[0].replace("question 0", "question zero")
    (project.root / "qa.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert the_plan(project).n == 59


def test_no_baseline_yet_is_said_with_the_line_that_makes_one(project):
    project.make(20)
    project.edit('baseline = "old"\n', "")
    assert "compares new with nothing yet: evalh promote --why TEXT" in shown(the_plan(project))


def test_several_guards_hard_checks_slices_looks_and_reports(project):
    project.make(80, metadata={"kind": "a"}, gate="extendable = [40]\nslices = { kind = { exact = { margin = 0.2 } } }")
    project.edit(
        "limits = { exact = { margin = 0.05 } }",
        'limits = { exact = { margin = 0.05 }, close = { margin = 0.05 }, none = { every = true }, ever = { every = "absolute" }, other = { role = "report" } }',
    )
    project.edit(
        "[scorers]",
        '[scorers]\nnone = { use = "absent", pattern = "x" }\never = { use = "absent", pattern = "y" }\nother = { use = "contains" }',
    )
    plan = the_plan(project)
    assert [guard.scorer for guard in plan.guards] == ["exact", "close"]
    assert [guard.method for guard in plan.guards] == ["exact", "general"]
    assert plan.guards[0].alpha_block == pytest.approx(0.025 / 3)
    assert [hard.scorer for hard in plan.hard] == ["none", "ever"]
    assert plan.green.low < plan.green.high
    text = shown(plan)
    assert "hard checks apart" in text
    assert "each value of kind can veto" in text
    assert "looks    40: they share alpha" in text
    assert "how often chance alone blocks is not bounded" in text
    assert "simulated, 40 runs a number (seed 7)" in text


def test_hard_checks_alone_have_no_statistical_chance(project):
    project.make(20)
    project.edit("limits = { exact = { margin = 0.05 } }", "limits = { exact = { every = true } }")
    plan = the_plan(project)
    assert (plan.green, plan.guards) == (None, ())
    assert "exit 0" not in shown(plan)


def test_a_guard_about_one_eval_set_is_planned_as_if_about_cases_like_these(project):
    project.make(80)
    project.edit("limits = { exact", 'estimand = "eval_set"\nlimits = { exact')
    assert the_plan(project).guards[0].method == "general"


def test_a_guard_that_must_improve(project):
    project.make(80)
    project.edit("{ exact = { margin = 0.05 } }", '{ close = 0.1, exact = { margin = 0.0, role = "improve" } }')
    text = shown(the_plan(project))
    assert "must gain more than 0.0 points" in text
    assert "PASS at a true gain of" in text


def test_clusters_are_the_units(project):
    project.make(60)
    rows = [json.loads(line) for line in (project.root / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        row["cluster"] = f"doc{number // 4 if number < 40 else number}"
    (project.root / "qa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    plan = the_plan(project)
    assert (plan.n, plan.guards[0].planned, plan.guards[0].method, plan.guards[0].clusters) == (60, 30, "general", True)
    assert "general path, 30 clusters" in shown(plan)


def test_no_gate_is_an_error_with_the_way_on(project):
    project.make(5)
    path = project.root / "evalh.toml"
    path.write_text(path.read_text(encoding="utf-8").split("[gates.g]")[0], encoding="utf-8")
    with project.open() as workspace, pytest.raises(UsageError, match="no gate"):
        plan_gates(workspace, [])


# --- calls, tokens, money ---------------------------------------------------------------------------------------------


def answered(n, **output):
    return [
        CaseResult(case_id=f"c{i}", case_digest="", trials=(Trial(case_id=f"c{i}", output=Output(text="x", **output)),))
        for i in range(n)
    ]


def bot_estimate(project, usage=None, price="", **more):
    project.make(50, more=price)
    with project.open(jobs=10) as workspace:
        candidate = workspace.candidate("bot", "qa")
        return estimate(workspace, candidate, workspace.evalset("qa").living, usage=usage, **more)


PRICE = "[prices]\nm = { input = 1.0, output = 10.0 }"


def test_recorded_usage_tells_tokens_money_and_time(project):
    usage = usage_of(answered(8, usage=USAGE, latency_s=2.0))
    found = bot_estimate(project, usage, PRICE)
    assert (found.planned, found.missing) == (50, 50)
    assert found.tokens == (5000, 1000)
    assert found.cost_usd[0] == pytest.approx(0.005 + 0.01)
    assert found.cost_usd[1] >= found.cost_usd[0]
    assert found.seconds == pytest.approx(10.0)
    text = "\n".join(estimate_lines(found))
    assert "calls    50 answers to ask for, 0 recorded, about 10 s" in text
    assert "~5,000 in, ~1,000 out" in text
    assert "as 8 recorded answers took" in text
    assert "cost     ~$0.0150, at most $0.02" in text


def test_without_usage_the_size_of_the_prompts_does(project):
    found = bot_estimate(project, None, PRICE)
    assert "characters / 4" in found.how
    assert found.tokens[1] == 50 * 40 * 0.25
    assert found.seconds is None


def test_a_free_endpoint_costs_nothing_and_epochs_multiply(project):
    found = bot_estimate(project, epochs=3)
    assert (found.planned, found.cost_usd) == (150, (0.0, 0.0))


def test_an_unknown_price_is_said(project):
    project.make(5)
    project.edit("http://127.0.0.1:9/v1", "https://api.openai.com/v1")
    with project.open(offline=True) as workspace:
        candidate = workspace.candidate("bot", "qa")
        found = estimate(workspace, candidate, workspace.evalset("qa").living)
    assert found.cost_usd is None
    assert "add it under [prices]" in "\n".join(estimate_lines(found))


def test_a_price_that_the_package_knows_is_used_and_said(project):
    project.make(5)
    project.edit("http://127.0.0.1:9/v1", "https://api.openai.com/v1")
    project.edit('model = "m"', 'model = "gpt-4o-mini"')
    with project.open(offline=True) as workspace:
        candidate = workspace.candidate("bot", "qa")
        found = estimate(workspace, candidate, workspace.evalset("qa").living)
        task = Task(purpose="run", candidate=candidate, evalset=workspace.evalset("qa"), cases=(), scorers=())
        with pytest.raises(UsageError, match="0 calls to 'gpt-4o-mini' and no max_cost"):  # the price is known
            check_money(workspace, task)
        assert price_notes(workspace, task) == (found.price_from,)
    assert found.cost_usd is not None
    assert found.cost_usd[1] > 0
    lines = list(estimate_lines(found))
    assert "from genai-prices" in "\n".join(lines)
    assert max(map(len, lines)) <= 80


def test_judges_are_counted_for_what_is_missing(project):
    class Judge:
        costly = True

    found = bot_estimate(project, scorers=(Judge(), Judge()))
    assert found.judgements == 100
    assert "up to 100 calls" in "\n".join(estimate_lines(found))


def test_what_is_recorded_is_not_asked_for(project):
    project.make(10)
    with project.open() as workspace:
        candidate = workspace.candidate("bot", "qa")
        cases = workspace.evalset("qa").living
        keys = [candidate.request(case, epoch=0, attempt=0, run_seed=7).key for case in cases[:4]]
        found = estimate(workspace, candidate, cases, known=dict.fromkeys(keys, Output(text="x")))
    assert (found.recorded, found.missing) == (4, 6)


def test_usage_needs_numbers_and_latency_is_optional():
    assert usage_of(answered(3)) is None
    assert usage_of(answered(3, usage={"prompt_tokens": "many"})) is None
    assert usage_of(answered(3, usage=USAGE)).latency_s is None


def test_where_nothing_tells_tokens_they_are_unknown(project):
    project.make(5)
    project.edit("bot = {", 'api = { http = { url = "http://127.0.0.1:9/a" } }\nbot = {')
    with project.open() as workspace:
        found = estimate(workspace, workspace.candidate("api", "qa"), workspace.evalset("qa").living)
    assert (found.tokens, found.cost_usd) == (None, (0.0, 0.0))
    assert "tokens   unknown" in "\n".join(estimate_lines(found))


def test_what_run_would_ask_for(project):
    project.make(10)
    with project.open() as workspace:
        ((name, found),) = run_estimates(workspace, ["bot"], "qa")
    assert (name, found.missing) == ("bot", 10)
    project.run("new")
    with project.open() as workspace:
        ((_, found),) = run_estimates(workspace, ["new"], "qa")
    assert found.missing == 0


def test_long_runs_are_told_in_minutes_and_hours(project):
    found = bot_estimate(project)
    for seconds, said in ((600.0, "about 10 min"), (36_000.0, "about 10.0 h")):
        assert said in "\n".join(
            estimate_lines(type(found)(**{f: getattr(found, f) for f in found.__slots__} | {"seconds": seconds}))
        )


# --- what is kept -----------------------------------------------------------------------------------------------------

ODD = Rule(margin=0.07, planned=23)


def test_computed_plans_are_kept_in_the_store_and_found_again(project, monkeypatch):
    project.make(23, wrong=[9, 19]).gate()
    with project.open() as workspace:
        kept = KeptPlans(workspace)
        first = kept.plan(ODD)
        assert kept.plan(ODD) is first
        kept.keep()
        kept.keep()

    def never(rule):
        raise AssertionError("computed again")

    monkeypatch.setattr("evalharness.project.plans.computed", never)
    with project.open() as workspace:
        assert KeptPlans(workspace).plan(ODD) == first


def test_a_gate_uses_what_is_kept_and_keeps_what_it_computes(project, monkeypatch):
    project.make(23, wrong=[9, 19])
    project.edit("margin = 0.05", "margin = 0.07")
    project.gate()

    def never(rule):
        raise AssertionError("computed again")

    monkeypatch.setattr("evalharness.project.plans.computed", never)
    project.gate()


@pytest.mark.parametrize(
    "content", [b"[]", b"{}", b"not JSON", b'{"schema": "evalh.exact_plan/1", "planned": 23}', None]
)
def test_what_cannot_be_read_is_computed_again(project, content):
    project.make(23, wrong=[9, 19]).gate()
    with project.open() as workspace:
        kept = KeptPlans(workspace)
        right = kept.plan(ODD)
        (name,) = kept._new
        other = KeptPlans(workspace).plan(replace(ODD, planned=24)).to_json()
        store = workspace.store()
        store.cache_put(name, json.dumps(other).encode() if content is None else content)
    with project.open() as workspace:
        assert KeptPlans(workspace).plan(ODD) == right


def test_shipped_plans_are_not_kept_twice(project):
    project.make(5)
    with project.open() as workspace:
        kept = KeptPlans(workspace)
        assert kept.plan(Rule(margin=0.05, planned=100)) == exact_plan(100, 0.05)
        assert kept._new == {}


def test_a_plan_makes_no_store(project):
    project.make(40)
    the_plan(project)
    assert not (project.root / ".evalh").exists()


@pytest.mark.skipif(os.geteuid() == 0 and not os.environ.get("EVALH_TEST_READONLY"), reason="root may write anywhere")
def test_a_plan_works_on_a_folder_that_cannot_be_written(project):
    project.make(40, wrong=[1]).gate()
    for path in (project.root / ".evalh").iterdir():
        path.chmod(0o400)
    (project.root / ".evalh").chmod(0o500)
    try:
        assert the_plan(project).earlier is not None
    finally:
        (project.root / ".evalh").chmod(0o700)


def test_a_plan_waits_for_nobody(project):
    project.make(30, wrong=[1]).gate()
    with project.open() as holder:
        store = holder.store()
        store.claim()
        assert the_plan(project).earlier is not None  # another "process" holds the lock all the while


def test_the_newest_run_of_a_candidate(project):
    project.make(10)
    with project.open() as workspace:
        assert newest_run(workspace, "old", workspace.evalset("qa")) is None
    project.run("old")
    with project.open() as workspace:
        assert newest_run(workspace, "old", workspace.evalset("qa")).header.candidate["name"] == "old"


def test_a_damaged_or_held_cache_costs_time_and_nothing_else(project, monkeypatch):
    from evalharness.core.errors import StoreError

    project.make(23, wrong=[9, 19]).gate()

    def refuse(*given, **more):
        raise StoreError("held")

    with project.open() as workspace:
        kept = KeptPlans(workspace)
        kept.plan(ODD)
        monkeypatch.setattr("evalharness.store.store.open_store", refuse)
        kept.keep()
        assert len(kept._new) == 1


def test_corpus_metrics_and_a_pinned_arm_are_named(project):
    project.make(40)
    project.edit("[scorers]", '[scorers]\nwords = { use = "chrf", level = "corpus" }')
    project.edit("{ exact = {", "{ words = 0.1, exact = {")
    with project.open() as workspace:
        promote(workspace, "g", why="pin")
    project.edit("limits =", 'pinned = "reports/baselines/g.jsonl"\nlimits =')
    plan = the_plan(project)
    assert (plan.corpus, plan.pinned) == (("words",), "reports/baselines/g.jsonl")
    assert plan.guards[0].alpha_block == pytest.approx(0.025 / 4)
    text = shown(plan)
    assert "words is tested once, at the end" in text
    assert "reports/baselines/g.jsonl must hold too" in text


def test_a_baseline_that_cannot_be_scored_anew_is_no_pilot(project):
    project.make(40).run("old", "new")
    with project.open() as workspace:
        found = prepare(workspace, workspace.gate("g"))
        no_answers = replace(found.earlier.before, answers=False, signatures={})
        assert earlier_pair(workspace, workspace.gate("g"), found.evalset, found.scorers, no_answers) is None


def test_usage_of_the_stored_baseline_serves_a_store_that_was_lost(project):
    project.make(10)
    for name in ("old", "new"):
        path = project.root / f"{name}.jsonl"
        rows = [json.loads(line) | {"usage": USAGE} for line in path.read_text(encoding="utf-8").splitlines()]
        path.write_text(jsonl(rows), encoding="utf-8")
    project.edit('baseline = "old"\n', "")
    with project.open() as workspace:
        promote(workspace, "g", why="start")
    shutil.rmtree(project.root / ".evalh")
    assert the_plan(project).estimate.missing == 0
    with project.open() as workspace:
        assert _usage(workspace, prepare(workspace, workspace.gate("g"))).answers == 10


def test_an_answers_file_as_baseline_is_found_by_its_name(project):
    project.make(20, wrong=[0])
    project.edit('baseline = "old"', 'baseline = "old.jsonl"')
    project.gate()
    with project.open() as workspace:
        gate = workspace.gate("g")
        found = prepare(workspace, gate)
        again = earlier_pair(workspace, gate, found.evalset, found.scorers, None)
    assert again.before.name == "old"
    assert found.guards[0].measured.worse == 1
