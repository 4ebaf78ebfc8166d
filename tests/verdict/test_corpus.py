"""Corpus metrics as guards and reports, with the real scorers of the package where their statistics matter."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import pytest

from evalharness.core.cases import Case, EvalSet
from evalharness.core.errors import BaselineError, ConfigError
from evalharness.core.results import CaseResult, Failure, Output, Score, Trial, Unscored
from evalharness.scorers.registry import build_scorer, spec_of
from evalharness.verdict.conclusion import Ending, conclude, missing_cases
from evalharness.verdict.corpus import corpus_value, is_corpus, numbers_of, stats_of
from evalharness.verdict.judge import GateJudge
from tests.verdict.arms import CRASH, LOST, Facts, baseline, cases, feed, gate, judge, limit

WORDS = [
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "while",
    "two",
    "dogs",
    "ran",
    "over",
    "the",
    "hill",
    "to",
    "see",
    "who",
    "won",
    "the",
    "old",
    "race",
    "again",
]


def scorer(use: str, **options: object):
    return build_scorer(spec_of({"use": use, **options}, name=use, where="test"), root=None)  # type: ignore[arg-type]


def targets(n: int, seed: int = 1) -> tuple[Case, ...]:
    rng = random.Random(seed)
    return tuple(
        Case(id=f"c{i:03d}", input="q", target=" ".join(rng.choices(WORDS, k=12)), metadata={"half": str(i % 2)})
        for i in range(n)
    )


def answered(built, case: Case, *answers: object) -> CaseResult:
    """A text is scored; a Failure is what it is."""
    trials = []
    for epoch, answer in enumerate(answers):
        if isinstance(answer, Failure):
            score = {} if answer.blame == "infrastructure" else {built.name: Score(value=0.0, passed=False)}
            trials.append(Trial(case_id=case.id, epoch=epoch, output=answer, scores=score))
            continue
        output = Output(text=str(answer))
        trials.append(
            Trial(case_id=case.id, epoch=epoch, output=output, scores={built.name: built.score(output, case)})
        )
    return CaseResult(case_id=case.id, case_digest=case.digest, trials=tuple(trials))


def arm(built, some, answers) -> dict[str, CaseResult]:
    return {
        case.id: answered(built, case, *(answer if isinstance(answer, tuple) else (answer,)))
        for case, answer in zip(some, answers, strict=True)
    }


def garbled(text: str, every: int) -> str:
    return " ".join("noise" if i % every == 0 else word for i, word in enumerate(text.split()))


def judged(built, some, before, after, rule=None, **fields) -> GateJudge:
    rule = rule or gate(limit(built.name, margin=0.05))
    found = judge(some, arm(built, some, before), rule, scorers=(built,), **fields)
    feed(found, arm(built, some, after))
    return found


@pytest.mark.parametrize(
    ("use", "options"), [("bleu", {"level": "corpus"}), ("chrf", {"level": "corpus"}), ("ter", {"level": "corpus"})]
)
def test_a_corpus_guard_fails_what_is_worse_and_passes_what_is_not(use: str, options: dict[str, object]) -> None:
    built, some = scorer(use, **options), targets(90)
    own = {"cap": 1.0} if use == "ter" else {}
    rule = gate(limit(use, margin=0.05, **own))
    good = [garbled(str(case.target), 6) for case in some]
    worse = judged(built, some, good, [garbled(str(case.target), 3) for case in some], rule)
    verdict = conclude(worse, Ending())
    assert verdict.outcome == "regression"
    assert worse.used == 90  # a corpus metric never stops a run early
    found = verdict.scorers[0]
    assert found.difference is not None
    assert found.difference < 0
    assert "paired randomisation" in found.reason
    assert found.p_drop is not None
    assert found.p_drop < 0.001
    assert found.details["changed"] == 90
    same = conclude(judged(built, some, good, good, rule), Ending())
    assert same.outcome == "pass"
    assert same.scorers[0].difference == 0
    assert "asymptotic, outside the stated rates" in same.reason
    assert not same.notes


def test_the_values_are_those_of_the_corpus_not_the_means_of_cases() -> None:
    built, some = scorer("bleu", level="corpus"), targets(40)
    after = [garbled(str(case.target), 3 + i % 5) for i, case in enumerate(some)]
    rule = gate(limit("exact", margin=0.5), limit("bleu", role="report", margin=None))
    exact = scorer("equals")
    exact.name = "exact"
    stored = {case.id: answered_by(case, str(case.target), (built, exact)) for case in some}
    found = judge(some, stored, replace(rule, stop="never"), scorers=(exact, built), slice_fields=("half",))
    feed(found, {case.id: answered_by(case, text, (built, exact)) for case, text in zip(some, after, strict=True)})
    verdict = conclude(found, Ending())
    report = verdict.scorers[1]
    from sacrebleu.metrics.bleu import BLEU

    expected = BLEU(effective_order=True).corpus_score(after, [[str(case.target) for case in some]]).score / 100
    assert report.candidate_mean == pytest.approx(expected, abs=1e-12)
    assert (report.outcome, report.reason, report.baseline_mean) == ("pass", "reported, not judged", 1.0)
    half = next(part for part in verdict.slices if part.value == "1")
    odd = [i for i, case in enumerate(some) if case.metadata["half"] == "1"]
    expected = (
        BLEU(effective_order=True).corpus_score([after[i] for i in odd], [[str(some[i].target) for i in odd]]).score
        / 100
    )
    assert half.scorers[1].candidate_mean == pytest.approx(expected, abs=1e-12)
    assert "flag" not in half.scorers[1].details


def answered_by(case: Case, text: str, built: tuple) -> CaseResult:
    output = Output(text=text)
    scores = {one.name: one.score(output, case) for one in built}
    return CaseResult(
        case_id=case.id, case_digest=case.digest, trials=(Trial(case_id=case.id, output=output, scores=scores),)
    )


def test_few_changed_cases_cannot_block_and_it_is_said() -> None:
    built, some = scorer("bleu", level="corpus"), targets(20)
    good = [str(case.target) for case in some]
    for changed, said in ((4, "only 4 changed"), (5, "cannot be told")):
        after = ["noise"] * changed + good[changed:]
        found = conclude(judged(built, some, good, after, gate(limit("bleu", margin=0.01))), Ending()).scorers[0]
        # Five losses have p = 1/32, above a block alpha of 0.025; at 0.05 they block.
        assert found.outcome == "inconclusive"
        assert said in found.reason
    rule = gate(limit("bleu", margin=0.01), alpha_block=0.05)
    assert conclude(judged(built, some, good, after, rule), Ending()).outcome == "regression"


def test_a_drop_that_is_not_wanted_as_fail_is_inconclusive_inside_the_margin() -> None:
    built, some = scorer("bleu", level="corpus"), targets(60)
    good = [garbled(str(case.target), 6) for case in some]
    after = [garbled(str(case.target), 3 + i % 4) for i, case in enumerate(some)]
    wide = gate(limit("bleu", margin=0.5), proven_drop="inconclusive")
    passed = conclude(judged(built, some, good, after, wide), Ending())
    assert passed.outcome == "pass"
    dropped = -float(passed.scorers[0].difference or 0.0)
    narrow = gate(limit("bleu", margin=dropped), proven_drop="inconclusive")
    verdict = conclude(judged(built, some, good, after, narrow), Ending())
    assert verdict.outcome == "inconclusive"
    assert "that it is worse than the margin is not" in verdict.scorers[0].reason
    assert (
        conclude(judged(built, some, good, after, gate(limit("bleu", margin=dropped))), Ending()).outcome
        == "regression"
    )


def test_improve_needs_the_whole_interval_above_the_margin() -> None:
    built, some = scorer("chrf", level="corpus"), targets(60)
    poor = [garbled(str(case.target), 3) for case in some]
    good = [str(case.target) for case in some]
    rule = gate(limit("chrf", role="improve", margin=0.02))
    better = judged(built, some, poor, good, rule)
    assert conclude(better, Ending()).outcome == "pass"
    (track,) = better.tracks
    numbers = numbers_of(track.corpus, rule, 1)  # type: ignore[arg-type]
    assert conclude(better, Ending()).scorers[0].interval == numbers.interval  # type: ignore[union-attr]
    assert numbers.interval[0] > 0.02  # type: ignore[union-attr,index]
    assert conclude(judged(built, some, good, good, rule), Ending()).outcome == "inconclusive"
    nothing = gate(limit("chrf", margin=0.0), mode="block_only")
    same = conclude(judged(built, some, good, good, nothing), Ending())
    assert (same.outcome, same.exit_code) == ("inconclusive", 3)


def test_lost_answers_leave_a_corpus_guard_undecided() -> None:
    built, some = scorer("bleu", level="corpus"), targets(60)
    good = [str(case.target) for case in some]
    found = judged(built, some, good, [LOST, *good[1:]], gate(limit("bleu"), max_missing=1.0))
    verdict = conclude(found, Ending())
    assert verdict.outcome == "inconclusive"
    assert missing_cases(found) == 1
    assert verdict.scorers[0].interval is None
    assert "no bounds" in verdict.scorers[0].reason
    # Negative control: a loss that is dropped would let the same data pass.
    kept = conclude(judged(built, some[1:], good[1:], good[1:]), Ending())
    assert kept.outcome == "pass"


def test_what_the_candidate_broke_itself_counts_as_an_empty_answer() -> None:
    built, some = scorer("bleu", level="corpus"), targets(60)
    good = [str(case.target) for case in some]
    crashed = conclude(judged(built, some, good, [CRASH] * 20 + good[20:]), Ending()).scorers[0]
    empty = conclude(judged(built, some, good, [""] * 20 + good[20:]), Ending()).scorers[0]
    assert crashed.candidate_mean == empty.candidate_mean
    assert crashed.outcome == empty.outcome == "regression"
    long = Failure(stage="scorer", kind="too_long", message="too long", blame="candidate")
    ter = scorer("ter", level="corpus")
    trial = Trial(case_id=some[0].id, output=Output(text="w " * 2000), scores={"ter": long})
    assert stats_of(ter, trial, some[0]) == (12.0, 12.0)
    assert (
        stats_of(ter, Trial(case_id="x", output=Output(text="a"), scores={"ter": Unscored(reason="no")}), some[0])
        is None
    )


def test_before_all_cases_are_in_nothing_is_tested() -> None:
    built, some = scorer("bleu", level="corpus"), targets(60)
    good = [str(case.target) for case in some]
    found = judge(some, arm(built, some, good), gate(limit("bleu")), scorers=(built,))
    empty = conclude(found, Ending(stopped="budget"))
    assert empty.outcome == "incomplete"
    assert empty.scorers[0].difference is None
    now = arm(built, some, good)
    for case in found.order()[:30]:
        found.observe(now[case.id])
    verdict = conclude(found, Ending(stopped="budget"))
    assert verdict.outcome == "incomplete"
    assert "when all 60 are in (30 are)" in verdict.scorers[0].reason


def test_influence_names_the_answers_that_moved_the_score() -> None:
    built, some = scorer("chrf", level="corpus"), targets(60)
    good = [str(case.target) for case in some]
    after = [*good[:7], "noise " * 40, *good[8:]]
    found = conclude(judged(built, some, good, after), Ending()).scorers[0]
    influence = found.details["influence"]
    assert influence[0]["id"] == "c007"
    assert influence[0]["influence"] < 0
    assert len(influence) <= 10


def test_clusters_are_swapped_as_a_whole_and_weights_count() -> None:
    built = scorer("macro_f1", labels=["yes", "no"])
    some = tuple(
        Case(id=f"c{i}", input="q", target="yes" if i % 2 else "no", cluster=f"k{i // 6}", weight=2.0)
        for i in range(60)
    )
    right = [str(case.target) for case in some]
    found = judged(built, some, right, ["no"] * 60, gate(limit("macro_f1")))
    verdict = conclude(found, Ending())
    assert verdict.scorers[0].n == 10
    assert verdict.scorers[0].details["changed"] == 10
    assert verdict.outcome == "regression"
    # A cluster with one lost case is left out as a whole.
    part = judged(built, some, right, [LOST, *right[1:]], gate(limit("macro_f1"), max_missing=1.0))
    assert len(part.main.tracks[0].corpus.names) == 9  # type: ignore[union-attr]
    assert conclude(part, Ending()).outcome == "inconclusive"


def test_unlike_epochs_are_read_to_the_same_number() -> None:
    built = scorer("mcc", labels=["a", "b"])
    some = tuple(Case(id=f"c{i}", input="q", target="ab"[i % 2]) for i in range(40))
    right = [str(case.target) for case in some]
    stored = arm(built, some, [(text, text, "a") for text in right])
    found = judge(some, stored, gate(limit("mcc", margin=0.1), epochs=2), scorers=(built,), epochs=3)
    feed(found, arm(built, some, [(text, text) for text in right]))
    scorer_ = conclude(found, Ending()).scorers[0]
    assert (scorer_.baseline_mean, scorer_.candidate_mean, scorer_.outcome) == (1.0, 1.0, "pass")


def test_both_arms_answered_in_one_run() -> None:
    built, some = scorer("bleu", level="corpus"), targets(30)
    good = [str(case.target) for case in some]
    before = arm(built, some, [LOST, *good[1:]])
    live = {"bleu": frozenset(case.id for case in some[:-1])}
    found = judge(some, before, gate(limit("bleu"), max_missing=1.0), scorers=(built,), live=live)
    feed(found, arm(built, some, good))
    scorer_ = conclude(found, Ending()).scorers[0]
    assert scorer_.details["planned"] == 29
    assert scorer_.details["missing"] == 1
    assert scorer_.outcome == "inconclusive"


def test_a_corpus_guard_slice_can_veto() -> None:
    built, some = scorer("bleu", level="corpus"), targets(80)
    good = [str(case.target) for case in some]
    after = [garbled(text, 3) if some[i].metadata["half"] == "1" else text for i, text in enumerate(good)]
    rule = gate(limit("bleu", margin=0.9), slices={"half": (limit("bleu", margin=0.05),)})
    verdict = conclude(judged(built, some, good, after, rule), Ending())
    assert verdict.outcome == "regression"
    assert [part.scorers[0].outcome for part in verdict.slices] == ["pass", "regression"]


def test_small_sets_are_told_that_a_bootstrap_is_no_evidence() -> None:
    from evalharness.verdict.preflight import preflight

    built, some = scorer("bleu", level="corpus"), targets(10)
    good = [str(case.target) for case in some]
    assert "a bootstrap of 10 cases" in preflight(judged(built, some, good, good))[0]
    nothing = gate(limit("bleu", margin=0.0), mode="block_only", inconclusive="pass")
    assert preflight(judged(built, some, good, good, nothing)) == ()


def test_what_is_a_corpus_metric() -> None:
    ece = scorer("ece")
    with pytest.raises(ConfigError, match="may be shown but not judged"):
        is_corpus(ece, limit("ece"))
    assert is_corpus(ece, limit("ece", role="report", margin=None))
    assert not is_corpus(ece, limit("ece", on="passed"))
    assert not is_corpus(scorer("bleu"), limit("bleu"))
    assert not is_corpus(Facts(), limit())  # type: ignore[arg-type]


def test_a_corpus_guard_without_a_single_statistic_is_refused() -> None:
    built, some = scorer("bleu", level="corpus"), cases(10)
    empty = {case.id: answered(built, case, "x") for case in some}  # no target: nothing to score
    with pytest.raises(BaselineError, match="no score on any paired case"):
        judge(some, empty, gate(limit("bleu")), scorers=(built,))


def test_the_corpus_value_of_a_run() -> None:
    built, some = scorer("bleu", level="corpus"), targets(10)
    run = arm(built, some, [str(case.target) for case in some])
    by_id = EvalSet(name="s", cases=some).by_id
    assert corpus_value(built, run, by_id) == 1.0
    assert corpus_value(built, {}, by_id) is None
    assert math.isclose(corpus_value(built, arm(built, some, [CRASH] * 10), by_id) or 0.0, 0.0)


@dataclass
class Halves:
    """Two numbers per case; the value is their ratio. One case alone has no leave-one-out."""

    name: str = "ratio"
    use: str = "ratio"
    signature: str = "ratio"
    low: float = 0.0
    high: float = 1.0
    direction: str = "higher"
    binary: bool = False
    needs: frozenset[str] = frozenset()
    costly: bool = False

    def score(self, output: Output, case: Case) -> Score:
        return Score(value=0.5, evidence={"stats": [float(output.text or 0), 2.0]})

    def aggregate(self, totals) -> float:
        return totals[0] / totals[1]


def test_a_single_unit_has_no_influence() -> None:
    built, some = Halves(), cases(1)
    verdict = conclude(judged(built, some, ["1"], ["1"]), Ending())
    assert verdict.scorers[0].details["influence"] == []
    assert verdict.scorers[0].baseline_mean == 0.5


def test_pinned_corpus_guards_are_held_against_both() -> None:
    built, some = scorer("bleu", level="corpus"), targets(60)
    good = [str(case.target) for case in some]
    poor = [garbled(text, 3) for text in good]
    found = judged(built, some, poor, poor, pinned=baseline(arm(built, some, good)))
    verdict = conclude(found, Ending())
    assert [(s.scorer, s.outcome) for s in verdict.scorers] == [("bleu", "pass"), ("bleu (pinned)", "regression")]
