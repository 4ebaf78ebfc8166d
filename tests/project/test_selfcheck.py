"""``plan --selfcheck``: measured error rates on the user's own pairs, and the same candidate twice."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from evalharness.project.selfchecking import SEED, Rate, selfcheck
from evalharness.report.selfcheck import selfcheck_json, selfcheck_text
from evalharness.stats import exact_plan
from evalharness.stats.laws import centred
from evalharness.stats.replicate import replicate
from evalharness.stats.rule import Rule

from .projects import Project

NOISY = """
import pathlib

def answer(case):
    number = int(case.id[1:])
    round = int((pathlib.Path(__file__).parent / "round.txt").read_text())
    return "no" if number % 10 == round else case.target
"""


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def noisy(project, monkeypatch):
    """A project whose candidate is wrong on other cases each time it is asked."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    project.make(60)
    (project.root / "noisy_app.py").write_text(NOISY, encoding="utf-8")
    project.edit("old = {", 'noisy = { python = "noisy_app:answer" }\nold = {')
    project.edit('candidate = "new"', 'candidate = "noisy"')
    yield project
    sys.modules.pop("noisy_app", None)


def checked(project, **options):
    with project.open() as workspace:
        (found,) = selfcheck(workspace, ["g"], **options)
    text = selfcheck_text([found])
    assert max(map(len, text.splitlines())) <= 80, text
    json.dumps(selfcheck_json([found]), allow_nan=False)
    return found, text


def test_without_pairs_it_says_how_to_get_some(project):
    found, text = checked(project.make(60))
    assert (found.pairs, found.guards) == (None, ())
    assert "no pairs yet" in text
    assert "evalh gate g" in text


def test_the_exact_path_keeps_its_rates_on_the_users_own_pairs(project):
    project.make(100, wrong=[*range(0, 100, 12), 9, 19]).gate()
    found, text = checked(project)
    (guard,) = found.guards
    discordance = guard.measured.law.discordance
    plan = exact_plan(100, 0.05)
    assert (guard.method, guard.missed.runs) == ("exact", 20_000)
    for rate, exact in (
        (guard.missed, plan.outcome(discordance, -0.05).p_pass),
        (guard.blocked, plan.outcome(discordance, 0.0).p_fail),
        (guard.passed, plan.outcome(discordance, 0.0).p_pass),
    ):
        assert rate.value == pytest.approx(exact, abs=5 * (exact * (1 - exact) / 20_000) ** 0.5)
        assert rate.low <= rate.value <= rate.high
    assert guard.missed.kept
    assert guard.blocked.kept
    assert "20,000 runs each (seed 7)" in text
    assert "<= 5%" in text
    assert "<= 2.5%" in text
    assert "please report" not in text


def test_graded_scores_go_the_general_path(project):
    project.make(80, wrong=[1, 2, 3])
    project.edit("exact = { margin = 0.05 }", "close = { margin = 0.1 }")
    project.gate()
    found, _ = checked(project)
    (guard,) = found.guards
    assert (guard.method, guard.missed.runs) == ("general", 2_000)
    assert guard.missed.value <= 0.05
    assert guard.blocked.value <= 0.025


def test_the_same_seed_measures_the_same(project):
    project.make(60, wrong=[1, 2, 3]).gate()
    assert checked(project)[0] == checked(project)[0]


def test_a_margin_from_the_command_line(project):
    project.make(60, wrong=[1, 2, 3]).gate()
    assert checked(project, margin=0.1)[0].guards[0].margin == 0.1


def test_a_rate_above_the_stated_one_is_shouted(project):
    assert not Rate(hits=900, runs=10_000, low=0.085, high=0.096, stated=0.05).kept
    project.make(60, wrong=[1, 2, 3]).gate()
    found, _ = checked(project)
    guard = found.guards[0]
    bad = type(found)(
        gate="g", pairs=found.pairs, without=(), twice=None,
        guards=(type(guard)(**{f: getattr(guard, f) for f in guard.__slots__} | {"missed": Rate(hits=900, runs=10_000, low=0.085, high=0.096, stated=0.05)}),),
    )  # fmt: skip
    assert "! a measured rate is above the stated one" in selfcheck_text([bad])


def test_a_guard_about_one_eval_set_promises_no_rates(project):
    project.make(60, wrong=[1]).gate()
    project.edit("limits =", 'estimand = "eval_set"\nlimits =')
    found, text = checked(project)
    assert found.guards == ()
    assert "no rates" in " ".join(text.split())


def test_an_earlier_run_with_several_epochs_is_drawn_the_general_way(project):
    project.make(60)
    rows = [json.loads(line) for line in (project.root / "new.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row | {"epoch": epoch} for row in rows for epoch in (0, 1)]
    for row in rows[::7]:
        row["output"] = "no"
    (project.root / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    project.run("old")
    project.run("new", epochs=2)
    found, _ = checked(project)
    assert found.guards[0].method == "general"


def test_recorded_answers_cannot_differ_from_themselves(project):
    _, text = checked(project.make(20))
    assert "the same again would be the same answers" in " ".join(text.split())


def test_the_same_candidate_twice(noisy):
    (noisy.root / "round.txt").write_text("3", encoding="utf-8")
    noisy.run("noisy")
    _, text = checked(noisy)
    assert "evalh run noisy --set qa --fresh" in text
    (noisy.root / "round.txt").write_text("4", encoding="utf-8")
    noisy.run("noisy", fresh=True)
    found, text = checked(noisy)
    (flips,) = found.twice.flips
    assert (flips.measured.units, flips.measured.worse, flips.measured.better) == (60, 6, 6)
    assert flips.floor == pytest.approx(1.96 * 0.2**0.5 / 60**0.5)
    assert found.twice.outcome in ("pass", "inconclusive")
    assert "exact: 20.0% of 60 flipped (6 down, 6 up), sd 0.447" in text
    assert "noise floor: a mean difference of up to 11.3 points is chance (95 %)" in text
    assert "verdict of the gate: " in text


def test_a_run_that_only_replays_is_no_second_draw(project):
    project.make(20)
    project.edit('candidate = "new"', 'candidate = "search"')
    (project.root / "corpus.jsonl").write_text('{"_id": "d1", "text": "question"}\n', encoding="utf-8")
    project.edit('path = "qa.jsonl"', 'path = "qa.jsonl", corpus = "corpus.jsonl"')
    project.edit("old = {", 'search = { retriever = "bm25" }\nold = {')
    project.run("search")
    project.run("search")
    assert checked(project)[0].twice is None
    project.run("search", fresh=True)
    twice = checked(project)[0].twice
    assert twice.flips[0].measured.law.discordance == 0


@pytest.mark.parametrize("method", ["exact", "general"])
def test_declared_looks_are_checked_as_the_gate_will_look(project, method):
    """Another rule than the one that judges would say nothing about it: looks move the rates and the mean cost."""
    project.make(100, wrong=[*range(0, 100, 12), 9, 19]).gate()
    project.edit(
        'candidate = "new"', f'candidate = "new"\nextendable = [60]\n{"split = 0.25" if method == "general" else ""}'
    )
    found, _ = checked(project)
    (guard,) = found.guards
    assert guard.method == method
    law = guard.measured.law
    rule = Rule(margin=0.05, planned=100, split=None if method == "exact" else 0.25, looks=(60,))
    plans = [exact_plan(100, 0.05, looks=looks) if method == "exact" else None for looks in ((60,), ())]
    runs = guard.passed.runs
    with_looks, without = (
        replicate(replace(rule, looks=looks), centred(law, 0.0), runs=runs, seed=SEED, plan=plan)
        for looks, plan in zip(((60,), ()), plans, strict=True)
    )
    assert (guard.passed.hits, guard.blocked.hits) == (with_looks.passed, with_looks.failed)
    assert (with_looks.passed, with_looks.failed) != (without.passed, without.failed)
