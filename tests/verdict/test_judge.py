from __future__ import annotations

import random

import pytest

from evalharness.core.errors import BaselineError
from evalharness.stats import decide, permutation
from evalharness.verdict.conclusion import Ending, conclude, missing_cases
from tests.verdict.arms import CRASH, LOST, Facts, cases, feed, gate, judge, limit, merged, result, results

GRADED = Facts(name="rouge", use="rougeL", signature="rougeL|evalharness 1", binary=False)


def draws(n: int, p: float, seed: int) -> list[bool]:
    rng = random.Random(seed)
    return [rng.random() < p for _ in range(n)]


@pytest.mark.parametrize(
    ("n", "loss", "outcome"), [(200, 0.0, "pass"), (200, 0.3, "regression"), (40, 0.0, "inconclusive")]
)
def test_the_verdict_is_that_of_decide_on_the_seeded_order(n: int, loss: float, outcome: str) -> None:
    some = cases(n)
    before = [True] * n
    after = [not flip for flip in draws(n, loss, 1)]
    judged = judge(some, results(some, before))
    feed(judged, results(some, after))
    verdict = conclude(judged, Ending())
    assert verdict.outcome == outcome
    order = permutation([case.id for case in some], judged.setup.order_seed)
    index = {case.id: i for i, case in enumerate(some)}
    differences = [float(after[index[i]]) - float(before[index[i]]) for i in order]
    expected = decide(differences, 0.05, n)
    scorer = verdict.scorers[0]
    assert scorer.log_e_pass == pytest.approx(expected.log_e_pass, abs=1e-12)
    assert scorer.log_e_fail == pytest.approx(expected.log_e_fail, abs=1e-12)
    assert {"pass": "pass", "fail": "regression"}.get(expected.verdict, "inconclusive") == scorer.outcome


def test_an_early_verdict_asks_for_no_more() -> None:
    some = cases(400)
    judged = judge(some, results(some, [True] * 400))
    used = feed(judged, results(some, [False] * 400))
    assert used < 40
    assert judged.failed
    assert conclude(judged, Ending()).pairs.used == used


def test_stop_never_reads_everything_and_keeps_the_first_verdict() -> None:
    some = cases(400)
    judged = judge(some, results(some, [True] * 400), gate(stop="never"))
    assert feed(judged, results(some, [False] * 400)) == 400
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "regression"
    assert verdict.scorers[0].n == 400


def test_a_case_behind_a_gap_does_not_count() -> None:
    some = cases(100, cluster=None)
    judged = judge(some, results(some, [True] * 100))
    order = judged.order()
    arm = results(some, [False] * 100)
    for case in order[1:]:
        judged.observe(arm[case.id])
    assert judged.used == 0
    judged.observe(arm[order[0].id])
    assert judged.used == 100


def test_clusters_are_the_unit() -> None:
    from evalharness.core.cases import Case

    some = tuple(Case(id=f"c{i}", input="q", cluster=f"k{i // 5}") for i in range(100))
    judged = judge(some, results(some, [1.0] * 100), scorers=(Facts(binary=True),))
    feed(judged, results(some, [1.0] * 100))
    assert next(unit.name for unit in judged.units).startswith("cluster:")
    scorer = conclude(judged, Ending()).scorers[0]
    assert scorer.n == 20
    assert scorer.method == "general"
    assert scorer.outcome == "inconclusive"  # 20 units, not 100 cases: too few for 5 points


def test_a_lost_answer_helps_no_pass_and_causes_no_fail() -> None:
    some = cases(200)
    whole = judge(some, results(some, [True] * 200))
    feed(whole, results(some, [True] * 200))
    assert conclude(whole, Ending()).outcome == "pass"
    values: list[object] = [True] * 200
    for i in range(0, 200, 10):
        values[i] = LOST
    judged = judge(some, results(some, [True] * 200), gate(max_missing=1.0))
    feed(judged, results(some, values))
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "inconclusive"
    assert verdict.pairs.failed == judged.lost_cases > 0
    # Negative control: were the lost ones dropped, the same data would pass.
    kept = [case for case, value in zip(some, values, strict=True) if value is True]
    dropped = judge(kept, results(kept, [True] * len(kept)))
    feed(dropped, results(kept, [True] * len(kept)))
    assert conclude(dropped, Ending()).outcome == "pass"


def test_what_the_candidate_did_itself_is_data() -> None:
    some = cases(200)
    judged = judge(some, results(some, [True] * 200))
    feed(judged, results(some, [CRASH] * 200))
    assert conclude(judged, Ending()).outcome == "regression"


def test_more_missing_than_allowed_is_incomplete() -> None:
    some = cases(200)
    judged = judge(some, results(some, [True] * 200))
    feed(judged, results(some, [LOST] * 200))
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "incomplete"
    assert "200 of 200" in verdict.reason
    assert missing_cases(judged) == 200


def test_a_broken_scorer_is_missing_too() -> None:
    some = cases(100)
    judged = judge(some, results(some, [True] * 100))
    feed(judged, results(some, ["broken"] + [True] * 99))
    assert conclude(judged, Ending()).outcome == "incomplete"


def test_a_stop_for_money_is_incomplete_unless_decided() -> None:
    some = cases(200)
    judged = judge(some, results(some, [True] * 200))
    for case in judged.order()[:10]:
        judged.observe(result(case, True))
    verdict = conclude(judged, Ending(stopped="budget"))
    assert verdict.outcome == "incomplete"
    assert "money limit" in verdict.reason
    decided = judge(some, results(some, [True] * 200))
    for case in decided.order()[:199]:
        decided.observe(result(case, True))
    assert decided.all_passed
    assert conclude(decided, Ending(stopped="budget")).outcome == "pass"


def test_softened_outcomes_change_the_exit_code_only() -> None:
    some = cases(40)
    judged = judge(some, results(some, [True] * 40), gate(inconclusive="pass"))
    feed(judged, results(some, [True] * 40))
    verdict = conclude(judged, Ending())
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 0)


def test_a_selection_gives_no_verdict() -> None:
    some = cases(200)
    judged = judge(some, results(some, [True] * 200))
    feed(judged, results(some, [False] * 200))
    verdict = conclude(judged, Ending(selection="12 of 200 selected"))
    assert (verdict.outcome, verdict.reason) == ("incomplete", "not judged: 12 of 200 selected")


def test_all_guards_must_pass_and_one_can_fail() -> None:
    n = 300
    some = cases(n)
    rule = gate(limit(), limit("rouge", margin=0.1), limit("extra", role="report", margin=None))
    extra = Facts(name="extra", use="latency", signature="latency", high=float("inf"), direction="lower", binary=False)
    before = merged(results(some, [True] * n), results(some, [0.8] * n, "rouge"), results(some, [2.0] * n, "extra"))
    after = merged(results(some, [True] * n), results(some, [0.5] * n, "rouge"), results(some, [1.0] * n, "extra"))
    judged = judge(some, before, rule, scorers=(Facts(), GRADED, extra))
    feed(judged, after)
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "regression"
    assert verdict.reason.startswith("rouge fell 30.0 points")
    by_name = {scorer.scorer: scorer for scorer in verdict.scorers}
    assert by_name["extra"].difference == pytest.approx(1.0)  # faster is better: + 1 s
    assert by_name["extra"].interval is None
    assert by_name["rouge"].alpha_block == pytest.approx(0.0125)  # two guards share the block alpha
    same = judge(some, before, rule, scorers=(Facts(), GRADED, extra))
    feed(same, before)
    passed = conclude(same, Ending())
    assert (passed.outcome, passed.reason) == ("pass", "none of 2 metrics is worse by its margin")


def test_merged_evidence_fails_before_any_single_metric_does() -> None:
    n = 400
    some = cases(n)
    facts = [Facts(name=f"m{i}", signature=f"m{i}", binary=False) for i in range(4)]
    rule = gate(*(limit(f"m{i}") for i in range(4)))
    rng = random.Random(3)
    before = merged(*(results(some, [0.8] * n, f"m{i}") for i in range(4)))
    after = merged(*(results(some, [0.8 - rng.choice((0.0, 0.35)) for _ in range(n)], f"m{i}") for i in range(4)))
    judged = judge(some, before, rule, scorers=facts)
    feed(judged, after)
    assert judged.failed
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "regression"
    if judged.family_failed:
        assert set(judged.family_failed) <= {"m0", "m1", "m2", "m3"} | {"one of several"}


def test_guard_slices_can_veto() -> None:
    from evalharness.core.cases import Case

    n = 600
    some = tuple(Case(id=f"c{i:04d}", input="q", metadata={"region": "eu" if i % 6 == 0 else "us"}) for i in range(n))
    values = [not (i % 6 == 0 and i % 12 == 0) for i in range(n)]
    rule = gate(limit(margin=0.2), slices={"region": (limit(margin=0.1),)}, stop="never")
    judged = judge(some, results(some, [True] * n), rule, slice_fields=("region",))
    feed(judged, results(some, values))
    verdict = conclude(judged, Ending())
    assert verdict.outcome == "regression"
    eu = next(part for part in verdict.slices if part.value == "eu")
    assert eu.guard
    assert eu.scorers[0].outcome == "regression"
    assert verdict.scorers[0].outcome == "pass"


def test_slices_are_listed_with_numbers_and_no_verdict() -> None:
    from evalharness.core.cases import Case

    some = tuple(Case(id=f"c{i:04d}", input="q", metadata={"region": "eu" if i % 2 else "us"}) for i in range(100))
    judged = judge(some, results(some, [True] * 100), slice_fields=("region", "absent"))
    feed(judged, results(some, [bool(i % 2) for i in range(100)]))
    parts = conclude(judged, Ending()).slices
    assert {(part.field, part.value) for part in parts} == {("region", "eu"), ("region", "us")}
    assert all(not part.guard and part.scorers[0].role == "report" for part in parts)


def test_worst_cases_are_listed_largest_drop_first() -> None:
    some = cases(60)
    judged = judge(some, results(some, [0.9] * 60, "rouge"), gate(limit("rouge")), scorers=(GRADED,))
    values = [0.9] * 60
    values[5], values[7] = 0.1, 0.4
    feed(judged, results(some, values, "rouge"))
    worst = conclude(judged, Ending()).worst_cases
    assert [case.id for case in worst] == ["c0005", "c0007"]
    assert worst[0].baseline == pytest.approx(0.9)


def test_a_capped_latency_is_judged_in_seconds() -> None:
    n = 300
    some = cases(n)
    facts = Facts(
        name="latency", use="latency", signature="latency", high=float("inf"), direction="lower", binary=False
    )
    rule = gate(limit("latency", cap=10.0, margin=1.0))
    judged = judge(some, results(some, [1.0] * n, "latency"), rule, scorers=(facts,))
    feed(judged, results(some, [5.0] * n, "latency"))
    scorer = conclude(judged, Ending()).scorers[0]
    assert scorer.outcome == "regression"
    assert scorer.difference == pytest.approx(-4.0)
    assert scorer.interval is not None
    assert scorer.interval[1] < 0
    assert "got worse by 4 s" in scorer.reason


def test_the_interval_agrees_with_the_verdict() -> None:
    some = cases(200)
    for seed in range(12):
        judged = judge(some, results(some, draws(200, 0.8, seed)))
        feed(judged, results(some, draws(200, 0.8, 100 + seed)))
        scorer = conclude(judged, Ending()).scorers[0]
        assert scorer.interval is not None
        low, high = scorer.interval
        assert low <= high
        if scorer.outcome == "pass":
            assert low >= -0.05 - 1e-9
        elif scorer.outcome == "regression":
            assert high <= 1e-9
        assert scorer.interval_level == pytest.approx(0.925)


def test_inconclusive_says_how_many_cases() -> None:
    some = cases(100)
    before = draws(100, 0.8, 5)
    judged = judge(some, results(some, before))
    feed(judged, results(some, draws(100, 0.8, 6)))
    scorer = conclude(judged, Ending()).scorers[0]
    assert scorer.outcome == "inconclusive"
    assert scorer.needed_cases is not None
    assert scorer.needed_cases.if_unchanged is not None
    assert scorer.needed_cases.if_unchanged > 100
    assert "cannot be told yet" in scorer.reason


def test_improve_needs_proof_of_a_gain() -> None:
    n = 400
    some = cases(n)
    rule = gate(limit(role="improve", margin=None))
    better = judge(some, results(some, [i % 2 == 0 for i in range(n)]), rule)
    feed(better, results(some, [True] * n))
    assert conclude(better, Ending()).outcome == "pass"
    same = judge(some, results(some, [i % 2 == 0 for i in range(n)]), rule)
    feed(same, results(some, [i % 2 == 0 for i in range(n)]))
    assert conclude(same, Ending()).outcome == "inconclusive"
    worse = judge(some, results(some, [True] * n), rule)
    feed(worse, results(some, [i % 2 == 0 for i in range(n)]))
    assert conclude(worse, Ending()).outcome == "regression"


def test_epochs_are_means_and_a_missing_epoch_is_bounded() -> None:
    some = cases(120)
    stored = {case.id: result(case, epochs=(1.0, 1.0)) for case in some}
    rule = gate(epochs=2, max_missing=1.0)
    judged = judge(some, stored, rule, epochs=2)
    arm = {case.id: result(case, epochs=(1.0, 0.0 if i == 0 else 1.0)) for i, case in enumerate(some)}
    feed(judged, arm)
    scorer = conclude(judged, Ending()).scorers[0]
    assert scorer.method == "general"
    assert scorer.difference == pytest.approx(-0.5 / scorer.n if scorer.worse else 0.0)
    lost = judge(some, stored, rule, epochs=2)
    feed(lost, {case.id: result(case, epochs=(1.0, LOST)) for case in some})
    verdict = conclude(lost, Ending())
    assert verdict.outcome == "inconclusive"
    assert verdict.scorers[0].difference is None


def test_the_eval_set_estimand_is_certain_at_the_end() -> None:
    some = cases(60)
    judged = judge(some, results(some, [True] * 60), gate(estimand="eval_set"))
    feed(judged, results(some, [True] * 60))
    scorer = conclude(judged, Ending()).scorers[0]
    assert (scorer.outcome, scorer.method) == ("pass", "general")
    assert scorer.interval is not None


def test_strict_and_a_split_leave_the_exact_path() -> None:
    some = cases(120)
    for rule in (gate(strict=True), gate(split=0.5), gate(proven_drop="stop")):
        judged = judge(some, results(some, [True] * 120), rule)
        feed(judged, results(some, [True] * 120))
        assert conclude(judged, Ending()).scorers[0].method == "general"


def test_a_guard_that_nothing_informs_is_refused_not_passed() -> None:
    some = cases(20)
    with pytest.raises(BaselineError, match="no score on any paired case") as error:
        judge(some, results(some, [None] * 20))
    assert "evalh run shows what is unscored" in error.value.tip
    # As a report it is only empty.
    judged = judge(some, results(some, [None] * 20), gate(limit(role="report", margin=None)))
    feed(judged, results(some, [True] * 20))
    assert conclude(judged, Ending()).scorers[0].n == 0
