"""Scorers that take long run on all cores, and nothing else changes: the same scores, to the byte, as in one process."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.protocols import ScorerSpec
from evalharness.core.results import Failure, Output, RunHeader, Score
from evalharness.core.specs import ComponentSpec, freeze
from evalharness.project.scoring_pool import CHUNK, ScoringPool, cores, executor_of
from evalharness.project.scoring_worker import spec_from_json, spec_to_json
from evalharness.runner import batches
from evalharness.runner.job import Job
from evalharness.runner.run import run_cases
from evalharness.scorers.registry import build_scorer
from evalharness.store.rows import trials_to_bytes
from evalharness.store.store import open_store
from tests.runner.runner_doubles import Fake

CODE = """
import math, os, time
def slow(output, case):
    started = time.process_time()
    while time.process_time() - started < 0.003:
        pass
    return len(output.text) / 100
def where(output, case):
    return {"value": 1.0, "evidence": {"pid": os.getpid()}}
def fails(output, case):
    raise ZeroDivisionError(output.text)
def dies(output, case):
    if output.text == "die":
        os._exit(3)
    return 1.0
"""
CASES = [Case(id=f"c{n:03d}", input=f"question {n}", target="an answer of some words") for n in range(60)]
ANSWERS = {
    case.id: Output(text="an answer of " + "many words " * (n % 7), latency_s=0.1) for n, case in enumerate(CASES)
}


def spec(name: str, use: str = "python", **params: object) -> ScorerSpec:
    return ScorerSpec(component=ComponentSpec(name=name, use=use, params=freeze(params)))


SPECS = {
    "slow": spec("slow", call="mod:slow"),
    "where": spec("where", call="mod:where"),
    "fails": spec("fails", call="mod:fails"),
    "dies": spec("dies", call="mod:dies"),
    "rouge": spec("rouge", "rougeL"),
    "bleu": spec("bleu", "bleu"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mod.py").write_text(CODE)
    return tmp_path


@pytest.fixture
def pool(root: Path):
    made = ScoringPool(SPECS, root=root, processes=2)
    yield made
    made.close()


def built(root: Path, *names: str):
    return [build_scorer(SPECS[name], root=root) for name in names]


def job(scorers, executor, store=None, **more) -> Job:
    digests = {case.id: case.digest for case in CASES}
    signatures = {scorer.name: scorer.signature for scorer in scorers}
    header = RunHeader(run_id=more.pop("run_id", "r1"), purpose="run", case_digests=digests, scorers=signatures)
    candidate = more.pop("candidate", None) or Fake(ANSWERS)
    return Job(header=header, cases=CASES, candidate=candidate, scorers=scorers, executor=executor, store=store, **more)


def written(run) -> list[bytes]:
    return [trials_to_bytes(run.results[case.id], run.header.scorers) for case in CASES]


def test_a_live_run_scores_the_same_on_two_cores_as_in_one_process(root: Path, pool: ScoringPool) -> None:
    scorers = built(root, "rouge", "slow", "fails")
    alone = run_cases(job(scorers, None, jobs=8))
    assert pool._started == 0
    shared = run_cases(job(scorers, pool, jobs=64))
    assert pool._started == 2, "the slow scorer was handed over"
    assert written(shared) == written(alone)
    assert [list(r.trials[0].scores) for r in shared.results.values()] == [["rouge", "slow", "fails"]] * len(CASES)
    assert isinstance(shared.results["c000"].trials[0].scores["fails"], Failure)


def test_a_replay_scores_the_same_on_two_cores(root: Path, pool: ScoringPool) -> None:
    scorers = built(root, "slow", "bleu")
    with open_store(root / "store") as store:
        live = run_cases(job(scorers, None, store=store))
        again = run_cases(job(scorers, pool, store=store, run_id="r2", candidate=Fake({})))
        assert pool._started == 2
        assert again.calls.made == 0
        assert written(again) == written(live)
        assert store.runs()[0].same_as == "r1", "equal to the byte, so it needs no rows of its own"


def test_under_a_stop_rule_a_replay_does_not_look_beyond_the_end(root: Path, pool: ScoringPool) -> None:
    class AfterTwenty:
        seen = 0

        def wants_attempt(self, result):
            return False

        def observe(self, result):
            self.seen += 1
            return self.seen >= 20

    scorers = built(root, "slow")
    with open_store(root / "store") as store:
        run_cases(job(scorers, None, store=store, stop=AfterTwenty(), jobs=1))
    with open_store(root / "store") as store:
        looked = []
        find = store.find_answer
        store.find_answer = lambda key: looked.append(key) or find(key)
        again = run_cases(job(scorers, pool, store=store, run_id="r2", candidate=Fake({}), stop=AfterTwenty()))
        assert (len(again.results), len(looked)) == (20, 20)
        assert pool._started == 0


def test_quick_scorers_stay_here(root: Path, pool: ScoringPool) -> None:
    run = run_cases(job(built(root, "where"), pool))
    assert {r.trials[0].scores["where"].evidence["pid"] for r in run.results.values()} == {os.getpid()}
    assert pool._started == 0


def test_many_answers_use_both_processes_and_keep_their_order(root: Path, pool: ScoringPool) -> None:
    (scorer,) = built(root, "where")
    pairs = [(ANSWERS[case.id], case) for case in CASES] * 4
    pids = [score.evidence["pid"] for score in pool.map_scores(scorer, pairs)]
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    (slow,) = built(root, "slow")
    assert list(pool.map_scores(slow, pairs)) == [slow.score(*pair) for pair in pairs]


def test_a_process_that_ends_costs_its_answers_and_the_next_ones_are_scored(root: Path, pool: ScoringPool) -> None:
    (scorer,) = built(root, "dies")
    good, bad = (Output(text="x"), CASES[0]), (Output(text="die"), CASES[1])
    results = pool.map_scores(scorer, [good] * CHUNK + [bad] + [good] * (CHUNK - 1) + [good])
    assert [isinstance(result, Score) for result in results] == [True] * CHUNK + [False] * CHUNK + [True]
    assert results[CHUNK].kind == "crashed"
    assert results[CHUNK].blame == "infrastructure"
    assert isinstance(pool.map_scores(scorer, [good])[0], Score)


def test_what_can_be_raised_is_raised_here(root: Path, pool: ScoringPool) -> None:
    (scorer,) = built(root, "slow")
    (root / "mod.py").write_text(
        CODE.replace("return len(output.text) / 100", 'return {"value": 1.0, "evidence": {"x": math.nan}}')
    )
    results = pool.map_scores(scorer, [(Output(text="x"), CASES[0])])
    assert results[0] == scorer.score(Output(text="x"), CASES[0]), "no JSON: scored again in this process"
    assert ScoringPool({}, root=root, processes=2).takes(scorer) is False
    assert ScoringPool(SPECS, root=root, processes=1).takes(scorer) is False
    assert pool.takes(scorer)


def test_an_error_of_the_pool_ends_the_run_and_not_in_silence(root: Path) -> None:
    class Broken:
        def takes(self, scorer):
            return True

        def map_scores(self, scorer, pairs):
            raise ConfigError("the pool is broken")

    with pytest.raises(ConfigError, match="broken"):
        run_cases(job(built(root, "slow"), Broken(), jobs=4))


def test_a_spec_survives_the_way_to_a_process() -> None:
    full = ScorerSpec(
        component=ComponentSpec(name="n", use="contains", params=freeze({"value": ["a", "b"]}), where="evalh.toml:3"),
        threshold=0.5, weight=2.0, negate=True, metric="m", extra=freeze({"x": {"y": [1]}}),
    )  # fmt: skip
    assert spec_from_json(spec_to_json(full)) == full
    assert (
        build_scorer(spec_from_json(spec_to_json(full)), root=Path()).signature
        == build_scorer(full, root=Path()).signature
    )


def test_a_workspace_has_one_pool_and_ends_it(root: Path) -> None:
    from contextlib import ExitStack

    with ExitStack() as closing:
        workspace = SimpleNamespace(
            executor=None, closing=closing, config=SimpleNamespace(scorers=SPECS), rules_root=root
        )
        pool = executor_of(workspace)
        assert executor_of(workspace) is pool
        pool.processes = 1
        pool.map_scores(built(root, "where")[0], [(Output(text="x"), CASES[0])])
        process = pool._all[0]._process
    assert process.poll() is not None
    assert cores() >= 1


def test_the_median_decides_not_a_first_score_that_loads_a_library(pool: ScoringPool, root: Path) -> None:
    (scorer,) = built(root, "slow")
    timing = batches.Batches(pool, [scorer])
    now = batches.time.perf_counter()
    timing.took(scorer, now - 5.0)
    for _ in range(batches.FIRST - 1):
        timing.took(scorer, batches.time.perf_counter())
    assert timing.slow == []
    timing.took(scorer, now - 5.0)
    assert timing.slow == [], "decided"
