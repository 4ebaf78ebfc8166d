"""Calibration: rates against hand counts and scikit-learn, flips, people, true rates, the right to block, the record."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import cohen_kappa_score, recall_score

from evalharness.core.errors import RubricError
from evalharness.core.specs import freeze
from evalharness.judging.agreement import agreement, holds, human_verdict
from evalharness.judging.attacks import CANARY_WAYS, WAYS, attacks, ideal_reply
from evalharness.judging.calibration import calibrate
from evalharness.judging.families import family_of, floats
from evalharness.judging.labels import Judged, Label
from evalharness.judging.observe import Observation, observations_in, recorded
from evalharness.judging.rates import Rate, Youden
from evalharness.judging.record import Entry, read_entries, record_path, write_entry
from evalharness.judging.rubric import Rubric
from evalharness.judging.standing import Standing, drift, least_moved
from tests.judging.rubrics import BETTER, COMPLETE, CONTRADICTION, MAIN, REPEATS, SUPPORT, read

PAIR = ("input", "output")


@pytest.fixture
def rubric(tmp_path: Path) -> Rubric:
    return read(tmp_path, MAIN)


def label(name: str, *, good: bool | None, output: str = "some answer", **more: Any) -> Label:
    return Label(id=name, fields=freeze({"output": output}), verdicts={}, source="people", passed=good, **more)


def seen(passed: bool | None, *, repeat: int = 0, **more: Any) -> Observation:
    value = None if passed is None else float(passed)
    return Observation(repeat=repeat, verdicts={} if passed is not None else None, passed=passed, value=value, **more)


def counts(
    true_pass: int, false_fail: int, true_fail: int, false_pass: int, **more: Any
) -> list[tuple[Label, list[Observation]]]:
    """Labels in the four cells."""
    cells = ((True, True, true_pass), (True, False, false_fail), (False, False, true_fail), (False, True, false_pass))
    return [
        (label(f"{human}-{said}-{i}", good=human, **more), [seen(said)])
        for human, said, count in cells
        for i in range(count)
    ]


def test_the_rates_are_the_counted_ones(rubric: Rubric) -> None:
    found = calibrate(rubric, counts(45, 5, 38, 12)).overall
    assert (found.sensitivity.value, found.specificity.value) == (0.9, 0.76)
    assert found.youden is not None
    assert found.youden.value == pytest.approx(0.66)
    assert found.youden.stretch == pytest.approx(1 / 0.66**2)
    assert found.accuracy.hits == 83
    assert found.silent == 0


def test_kappa_and_recalls_are_those_of_scikit_learn() -> None:
    rng = random.Random(3)
    for _ in range(20):
        pairs = [(rng.random() < 0.6, rng.random() < 0.5) for _ in range(60)]
        found = agreement("x", pairs)
        human, said = zip(*pairs, strict=True)
        assert found.kappa == pytest.approx(cohen_kappa_score(human, said), abs=1e-12)
        assert found.sensitivity.value == pytest.approx(recall_score(human, said), abs=1e-12)
        assert found.specificity.value == pytest.approx(recall_score(human, said, pos_label=False), abs=1e-12)


def test_silence_counts_against_both_rates(rubric: Rubric) -> None:
    rows: list[tuple[Label, list[Observation]]] = [
        *counts(8, 0, 8, 0),
        *((label(f"s-{i}", good=i == 0), [seen(None)]) for i in range(2)),
    ]
    found = calibrate(rubric, rows).overall
    assert (found.sensitivity.value, found.specificity.value, found.silent) == (8 / 9, 8 / 9, 2)


def test_intervals_are_exact() -> None:
    assert Rate(hits=0, n=0).interval == (0.0, 1.0)
    assert Rate(hits=0, n=24).interval == pytest.approx((0.0, 0.1425), abs=1e-4)
    assert Rate(hits=35, n=40).interval == pytest.approx((0.7320, 0.9581), abs=1e-4)
    assert Rate(hits=0, n=0).value is None
    one = Youden.of(Rate(hits=40, n=40), Rate(hits=40, n=40))
    assert one is not None
    assert (one.value, one.high) == (1.0, 1.0)
    assert one.low == pytest.approx(1 - 2**0.5 * 0.0881, abs=1e-3)
    assert Youden.of(Rate(hits=0, n=0), Rate(hits=1, n=1)) is None
    assert Youden(value=0.0, low=-1, high=1).stretch is None


# --- the right to block -------------------------------------------------------------------------------------------------


def test_forty_human_labels_of_each_class_are_needed(rubric: Rubric) -> None:
    assert calibrate(rubric, counts(40, 0, 40, 0)).may_block
    assert calibrate(rubric, counts(39, 0, 40, 0)).why_not == ("39 human labels say 'pass', 40 are needed",)
    assert calibrate(rubric, counts(40, 0, 39, 0)).why_not == ("39 human labels say 'fail', 40 are needed",)
    made = [*counts(39, 0, 40, 0), *((label(f"g-{i}", good=True, generated=True), [seen(True)]) for i in range(20))]
    found = calibrate(rubric, made)
    assert (found.may_block, found.labels["generated"], found.overall.sensitivity.n) == (False, 20, 59)


def test_the_bound_of_j_decides(rubric: Rubric) -> None:
    assert calibrate(rubric, counts(36, 4, 36, 4)).may_block
    found = calibrate(rubric, counts(30, 10, 28, 12))
    assert found.overall.youden is not None
    assert found.overall.youden.value == pytest.approx(0.45)
    assert found.why_not[0].startswith("overall: the lower bound of J is 0.")
    always = calibrate(rubric, counts(50, 0, 0, 50))
    assert always.baselines["always_pass"].value == 0.5
    assert not always.may_block
    one_class = calibrate(rubric, counts(80, 0, 0, 0))
    assert "overall: all human labels are of one class" in one_class.why_not
    assert one_class.overall.kappa is None


def test_generated_labels_cannot_lift_the_bound(rubric: Rubric) -> None:
    rows = counts(24, 16, 24, 16)
    rows += [(label(f"g-{i}", good=i % 2 == 0, generated=True), [seen(i % 2 == 0)]) for i in range(1000)]
    found = calibrate(rubric, rows)
    assert found.overall.youden is not None
    assert found.overall.youden.low > 0.8
    assert not found.may_block


def test_every_must_pass_criterion_is_held_to_it(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, CONTRADICTION + "must_pass = true\n", COMPLETE)
    rows = []
    for i in range(100):
        good = i % 2 == 0
        verdicts = {"main-fact": "met" if good else "not_met", "contradiction": "not_met", "complete": "all"}
        said = verdicts | {"contradiction": "met" if i % 4 == 1 else "not_met"}
        one = Label(id=f"l-{i}", fields=freeze({"output": "x y"}), verdicts=verdicts, source="p")
        passed = said["main-fact"] == "met" and said["contradiction"] == "not_met"
        rows.append((one, [Observation(verdicts=said, passed=passed, value=float(passed))]))
    found = calibrate(rubric, rows)
    assert [part.name for part in found.criteria] == ["main-fact", "contradiction", "complete"]
    assert found.overall.accuracy.value == 1.0
    assert found.why_not == ("contradiction: all human labels are of one class",)


def test_no_label_is_an_error(rubric: Rubric) -> None:
    with pytest.raises(ValueError, match="no answer has a label"):
        calibrate(rubric, [(label("a", good=None), [seen(True)])])


# --- what else ----------------------------------------------------------------------------------------------------------


def test_people_are_read_from_verdicts_where_they_say_no_more(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, CONTRADICTION)
    both = {"main-fact": "met", "contradiction": "met"}
    cases: list[tuple[dict[str, str], bool | None]] = [
        ({"main-fact": "met", "contradiction": "not_met"}, True),
        ({"main-fact": "not_met", "contradiction": "not_met"}, False),
        (both, False),  # 3 of 5 points are too few
        ({"main-fact": "met"}, True),
        ({"main-fact": "cannot_tell"}, None),
        ({}, None),
    ]
    for verdicts, expected in cases:
        assert human_verdict(rubric, Label(id="a", fields={}, verdicts=verdicts, source="p")) is expected
    assert human_verdict(rubric, Label(id="a", fields={}, verdicts=both, source="p", passed=True)) is True


def test_what_holds(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, COMPLETE, REPEATS, SUPPORT)
    main, complete, repeats, support = rubric.criteria
    table: list[tuple[Any, Any, bool | None]] = [
        (main, "met", True),
        (main, "cannot_tell", None),
        (main, None, None),
        (complete, "most", True),
        (complete, "little", False),
        (repeats, 1, True),
        (repeats, 9, False),
        (support, ("supported", "not_found"), True),
        (support, ("supported", "contradicted"), False),
        (support, ("no_claim",), None),
    ]
    for criterion, verdict, expected in table:
        assert holds(rubric, criterion, verdict) is expected


def test_the_longer_half_is_a_baseline(rubric: Rubric) -> None:
    rows = [(label(f"l-{i}", good=i >= 5, output="x" * i), [seen(True)]) for i in range(10)]
    assert calibrate(rubric, rows).baselines["longest"].value == 1.0


def test_flips_are_counted_over_two_judgements(rubric: Rubric) -> None:
    rows = [(label(f"l-{i}", good=True), [seen(i > 0), seen(True, repeat=1)]) for i in range(4)]
    found = calibrate(rubric, rows)
    assert found.retest == Rate(hits=1, n=4)
    assert calibrate(rubric, counts(2, 0, 2, 0)).retest is None


def test_raters_agree_or_not(rubric: Rubric) -> None:
    def rated(*verdicts: str) -> tuple[Any, ...]:
        return tuple({"main-fact": verdict} if verdict else {} for verdict in verdicts)

    same = [
        (
            label(f"l-{i}", good=True, ratings=rated(*(("met", "met") if i % 2 else ("not_met", "not_met")))),
            [seen(True)],
        )
        for i in range(6)
    ]
    assert calibrate(rubric, same).people == 1.0
    against = [(label(f"l-{i}", good=True, ratings=rated("met", "not_met", "")), [seen(True)]) for i in range(6)]
    people = calibrate(rubric, against).people
    assert people is not None
    assert people < 0
    assert calibrate(rubric, counts(2, 0, 2, 0)).people is None


def test_true_rates_of_unlabelled_answers(rubric: Rubric) -> None:
    rows = counts(45, 5, 40, 10)
    rows += [(label(f"u-{i}", good=None), [seen(i < 60)]) for i in range(100)]
    rates = calibrate(rubric, rows).true_rates
    assert rates["judged"].value == 0.6
    assert rates["rogan_gladen"].value == pytest.approx((0.6 + 0.8 - 1) / 0.7)
    assert rates["rogan_gladen"].low < rates["rogan_gladen"].value < rates["rogan_gladen"].high
    assert rates["ppi"].low < rates["ppi"].high
    weak = counts(5, 5, 5, 5) + [(label(f"u-{i}", good=None), [seen(i < 60)]) for i in range(100)]
    assert set(calibrate(rubric, weak).true_rates) == {"judged"}


def test_pairs_count_both_orders(tmp_path: Path) -> None:
    rubric = read(tmp_path, BETTER, uses=PAIR)

    def pair(name: str, gold: str, ab: str | None, ba: str | None) -> tuple[Label, Sequence[Observation]]:
        said = tuple(
            Judged(verdicts=None if word is None else {"better": word}, order=order)  # type: ignore[arg-type]
            for word, order in ((ab, "AB"), (ba, "BA"))
        )
        fields = freeze({"output_a": "short", "output_b": "longer one"})
        one = Label(id=name, fields=fields, verdicts={"better": gold}, source="p", judged=said)
        return one, recorded(rubric, one)

    rows = [
        pair("a", "A", "A", "A"),
        pair("b", "B", "B", "A"),
        pair("c", "B", "A", "A"),
        pair("d", "A", None, "A"),
        pair("e", "tie", "A", "A"),
    ]
    found = calibrate(rubric, rows)
    assert found.labels["n"] == 4
    assert {
        name: found.orders[name].hits for name in ("correct_ab", "correct_ba", "correct_both", "same", "first_shown")
    } == {
        "correct_ab": 2,
        "correct_ba": 2,
        "correct_both": 1,
        "same": 2,
        "first_shown": 2,
    }
    assert found.overall.accuracy.hits == 1
    assert found.overall.silent == 2
    assert found.baselines["longest"].hits == 2
    assert found.observations == {"n": 10, "invalid": 1}
    json.dumps(found.to_json(), allow_nan=False)


# --- attacks ------------------------------------------------------------------------------------------------------------


def test_there_are_twelve_ways_and_six_canaries(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, CONTRADICTION, COMPLETE, REPEATS, SUPPORT)
    assert len(WAYS) == 12
    assert len(CANARY_WAYS) == 6
    bad = [label("b-1", good=False, output="a wrong answer")]
    made = attacks(rubric, bad)
    assert set(made) == set(WAYS)
    texts = {way: str(labels[0].fields["output"]) for way, labels in made.items()}
    assert len(set(texts.values())) == 12
    assert all("a wrong answer" in text for way, text in texts.items() if way not in ("blank", "colon", "opener"))
    assert json.dumps(ideal_reply(rubric)["main-fact"])[1:-1] in texts["forged_verdict"].replace(":", ": ").replace(
        ",", ", "
    )
    best = {name: part.get("verdict") for name, part in ideal_reply(rubric).items()}
    assert best == {"main-fact": "met", "contradiction": "not_met", "complete": "all", "repeats": 0.0, "support": None}


def test_of_a_pair_the_worse_answer_asks_for_favours(tmp_path: Path) -> None:
    rubric = read(tmp_path, BETTER, uses=PAIR)
    one = Label(id="p", fields=freeze({"output_a": "x", "output_b": "y"}), verdicts={"better": "B"}, source="s")
    (made,) = attacks(rubric, [one], ["note"])["note"]
    assert "grader" in str(made.fields["output_a"])
    assert made.fields["output_b"] == "y"


# --- standing -----------------------------------------------------------------------------------------------------------


def test_the_alarm_is_rare_and_the_stated_one() -> None:
    assert [least_moved(n) for n in (20, 40, 60)] == [4, 5, 6]
    assert least_moved(40, 0.1) > 5
    assert least_moved(1, 0.5) == 2


def standing(moved: int = 0, **more: Any) -> Standing:
    return Standing(at="t", anchors={f"a{i}": "fail" if i < moved else "pass" for i in range(40)}, **more)


def test_drift() -> None:
    assert drift(standing(), standing(4)) == ""
    assert drift(standing(), standing(5)) == "5 of 40 anchors have another verdict"
    assert drift(standing(), standing(5), flip=0.1) == ""
    assert drift(standing(reported=("a",)), standing(reported=("a",))) == ""
    assert drift(standing(reported=("a",)), standing(reported=("b",))) == "the server reports b, and reported a"
    assert drift(standing(reported=("a",)), standing()) == ""
    assert drift(Standing(at="t"), standing(40)) == ""


def test_a_standing_is_written_and_read_whole() -> None:
    one = standing(3, canaries=Rate(hits=1, n=24), reported=("m",), era="e")
    assert Standing.from_json(json.loads(json.dumps(one.to_json()))) == one
    assert one.trusted
    assert not standing(canaries=Rate(hits=2, n=24)).trusted


# --- the record ---------------------------------------------------------------------------------------------------------


def entry(rubric: Rubric, digest: str = "d" * 64, **more: Any) -> Entry:
    measured = freeze(calibrate(rubric, counts(40, 0, 40, 0)).to_json())
    return Entry(judge=digest, rubric="r" * 64, model="m", reported=("m-1",), created="t", measured=measured, **more)


def test_measurements_of_several_judges_stand_side_by_side(rubric: Rubric, tmp_path: Path) -> None:
    path = record_path(tmp_path, "r")
    assert read_entries(path) == {}
    first, second = entry(rubric), entry(rubric, "e" * 64, attack=freeze({"passed": 13, "n": 240, "by_way": {}}))
    write_entry(path, "r", first)
    write_entry(path, "r", second)
    found = read_entries(path)
    assert found[first.judge].may_block
    assert found[second.judge].why_not == ("13 of 240 attacks passed, more than 5%",)
    assert (found[first.judge].youden, found[first.judge].retest) == (1.0, None)
    assert path == tmp_path / "calibration/r.json"


def test_a_damaged_record_is_refused(rubric: Rubric, tmp_path: Path) -> None:
    path = record_path(tmp_path, "r")
    write_entry(path, "r", entry(rubric))
    good = path.read_text(encoding="utf-8")
    for text in (
        "{",
        "[]",
        good.replace("calibration/1", "calibration/9"),
        good.replace('"youden"', '"jouden"'),
        good.replace('"model": "m"', '"model": ["m"]'),
        good.replace('"why_not": []', '"why_not": "none"'),
        good.replace('"attack": {}', '"attack": {"passed": "0", "n": 9}'),
        '{"evalh": "calibration/1"}',
    ):
        assert text != good
        path.write_text(text, encoding="utf-8")
        with pytest.raises(RubricError, match="not a calibration file"):
            read_entries(path)
    with pytest.raises(RubricError, match="cannot be read"):
        read_entries(tmp_path)


def test_what_a_score_does_not_carry_is_no_observation() -> None:
    assert observations_in(None) == ()


# --- families -----------------------------------------------------------------------------------------------------------

FAMILIES = {
    "gpt-5-mini": "openai",
    "o3-2025-04-16": "openai",
    "openai/gpt-4o": "openai",
    "claude-sonnet-4-5": "anthropic",
    "gemma-3-270m": "google",
    "meta-llama/Llama-3.1-8B-Instruct": "meta",
    "Qwen/Qwen3-8B": "qwen",
    "phi-4": "microsoft",
    "philosopher-1": "philosopher",
    "small-judge-2026-08-01": "small-judge",
    "olmo-2": "olmo",
    "123": "123",
}


@pytest.mark.parametrize(("model", "family"), FAMILIES.items())
def test_families(model: str, family: str) -> None:
    assert family_of(model) == family


FLOATING = {
    "gpt-5-mini": True,
    "gpt-4o-2024-08-06": False,
    "gpt-4-0613": False,
    "claude-sonnet-latest": True,
    "claude-3-5-sonnet-20241022": False,
    "small-judge-2026-08-01": False,
    "llama-3.1-8b": False,
    "smollm2-135m-q4": False,
    "model-2026-01-01-preview": False,
}


@pytest.mark.parametrize(("model", "moves"), FLOATING.items())
def test_floating_aliases(model: str, moves: bool) -> None:
    assert floats(model) is moves
