"""Values of verdicts, votes, and the rubric's aggregate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from evalharness.judging.assessment import assess, average_precision, value_of, vote
from evalharness.judging.reply import Opinion
from evalharness.judging.rubric import Criterion, Option, Rubric
from tests.judging.rubrics import COMPLETE, CONTRADICTION, MAIN, REPEATS, SUPPORT, read


def said(verdict: Any, **more: Any) -> Opinion:
    return Opinion(verdict=tuple(verdict) if isinstance(verdict, list) else verdict, **more)


@pytest.fixture
def rubric(tmp_path: Path) -> Rubric:
    return read(tmp_path, MAIN, CONTRADICTION, COMPLETE, REPEATS, SUPPORT)


@pytest.fixture
def strict(tmp_path: Path) -> Rubric:
    return read(tmp_path, MAIN, COMPLETE, SUPPORT, top='cannot_tell = { action = "fail" }\n')


VALUES: tuple[tuple[str, Any, float | None], ...] = (
    ("main-fact", "met", 1.0),
    ("main-fact", "not_met", 0.0),
    ("main-fact", "cannot_tell", None),
    ("contradiction", "met", 0.0),
    ("contradiction", "not_met", 1.0),
    ("complete", "most", 0.5),
    ("repeats", 0, 1.0),
    ("repeats", 2.5, 0.75),
    ("repeats", 10, 0.0),
    ("support", ["supported", "not_found"], 0.5),
    ("support", ["supported", "no_claim"], 1.0),
    ("support", ["no_claim"], None),
    ("support", ["supported", "contradicted", "supported"], 0.0),
    ("support", ["supported", "cannot_tell"], None),
    ("support", ["supported"] * 4 + ["cannot_tell"], 1.0),
    ("support", [], None),
)


@pytest.mark.parametrize(("name", "verdict", "value"), VALUES)
def test_the_value_of_a_verdict(name: str, verdict: Any, value: float | None, rubric: Rubric) -> None:
    assert value_of(rubric.criterion(name), said(verdict), rubric) == value


def test_what_cannot_be_told_may_count_as_failed(strict: Rubric) -> None:
    assert value_of(strict.criterion("main-fact"), said("cannot_tell"), strict) == 0.0
    assert value_of(strict.criterion("support"), said(["supported", "cannot_tell"]), strict) == 0.5


def test_higher_numbers_may_be_better(tmp_path: Path) -> None:
    rubric = read(tmp_path, REPEATS.replace('"lower"', '"higher"'))
    assert value_of(rubric.criteria[0], said(2), rubric) == 0.2


def test_a_distribution_counts_by_its_mean(rubric: Rubric) -> None:
    opinion = said("most", distribution={"all": 0.25, "most": 0.5, "little": 0.0, "cannot_tell": 0.25})
    assert value_of(rubric.criterion("complete"), opinion, rubric) == pytest.approx((0.25 + 0.25) / 0.75)


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_average_precision_is_that_of_scikit_learn(relevant: list[bool]) -> None:
    ours = average_precision([float(one) for one in relevant])
    if not any(relevant):
        assert ours == 0.0
    else:
        ranks = [-place for place in range(len(relevant))]
        assert ours == pytest.approx(average_precision_score(relevant, ranks), abs=1e-12)


def test_context_precision_ranks_the_chunks(tmp_path: Path) -> None:
    rubric = read(
        tmp_path,
        SUPPORT.replace("output.sentences", "context.chunks") + 'combine = "average_precision"\n',
        uses=("output", "context"),
    )
    assert value_of(rubric.criteria[0], said(["supported", "not_found", "supported"]), rubric) == pytest.approx(5 / 6)


# --- votes --------------------------------------------------------------------------------------------------------------

BOOLEAN = Criterion(id="b", type="boolean", ask="?")
NUMBER = Criterion(id="n", type="numeric", ask="?", range=(0, 10))
LEVELS = tuple(Option(id=word, value=value) for word, value in (("all", 1.0), ("most", 0.5), ("little", 0.0)))
ORDINAL = Criterion(id="o", type="ordinal", ask="?", options=LEVELS)
ITEMS = Criterion(id="i", type="itemised", ask="?", options=LEVELS, items="output.sentences")

VOTES: tuple[tuple[Criterion, list[Any], Any], ...] = (
    (BOOLEAN, ["met"], "met"),
    (BOOLEAN, ["cannot_tell"], "cannot_tell"),
    (BOOLEAN, ["met", "met", "not_met"], "met"),
    (BOOLEAN, ["met", "not_met", None], "cannot_tell"),
    (BOOLEAN, ["met", None, None], "cannot_tell"),
    (BOOLEAN, ["met", "met", None], "met"),
    (BOOLEAN, [None], "cannot_tell"),
    (BOOLEAN, ["cannot_tell", "cannot_tell", "met"], "cannot_tell"),
    (ORDINAL, ["all", "most", "little"], "most"),
    (ORDINAL, ["all", "most", "cannot_tell"], "all"),
    (ORDINAL, ["all", "cannot_tell", None], "cannot_tell"),
    (NUMBER, [1, 9, 2], 2),
    (NUMBER, [3, 3, 9], 3),
    (NUMBER, [3, None, None], "cannot_tell"),
    (ITEMS, [["all", "most"], ["all", "little"], ["most", "little"]], ("all", "little")),
    (ITEMS, [["all"], ["most"], ["little"]], ("cannot_tell",)),
    (ITEMS, [None, None], ()),
)


@pytest.mark.parametrize(("criterion", "verdicts", "winner"), VOTES)
def test_votes(criterion: Criterion, verdicts: list[Any], winner: Any) -> None:
    opinions = [None if verdict is None else said(verdict) for verdict in verdicts]
    assert vote(criterion, opinions).verdict == winner


def test_the_winner_keeps_its_reason() -> None:
    opinions = [said("not_met", reason="no"), said("met", reason="first"), said("met", reason="second")]
    assert vote(BOOLEAN, opinions).reason == "first"


# --- the aggregate ------------------------------------------------------------------------------------------------------


def aggregate(rubric: Rubric, **verdicts: Any) -> Any:
    opinions = {name.replace("_", "-"): said(verdict) for name, verdict in verdicts.items()}
    return assess(rubric, opinions, rubric.criteria)


def test_the_weighted_mean(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, CONTRADICTION, COMPLETE)
    found = aggregate(rubric, main_fact="met", contradiction="not_met", complete="most")
    assert (found.value, found.passed) == (pytest.approx(5.5 / 6), True)
    assert found.reason == "complete: most"


def test_a_failed_must_fails_whatever_the_score(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN.replace("weight = 3", "weight = 0.1"), CONTRADICTION, COMPLETE)
    found = aggregate(rubric, main_fact="not_met", contradiction="not_met", complete="all")
    assert found.value > 0.9
    assert found.passed is False
    assert found.reason == "main-fact: not_met"
    assert found.parts["main-fact"].passed is False
    assert found.parts["complete"].passed is None


def test_a_score_below_the_bar_fails(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, CONTRADICTION, COMPLETE)
    assert aggregate(rubric, main_fact="met", contradiction="met", complete="all").passed is False


def test_too_little_assessed_is_no_verdict(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, CONTRADICTION, COMPLETE)
    open_must = aggregate(rubric, main_fact="cannot_tell", contradiction="not_met", complete="all")
    assert (open_must.value, open_must.passed, open_must.unassessed) == (None, None, ("main-fact",))
    light = aggregate(rubric, main_fact="met", contradiction="cannot_tell", complete="all")
    assert light.value is None  # 4 of 6 points of weight, 80 % are asked for
    small = aggregate(rubric, main_fact="met", contradiction="not_met", complete="cannot_tell")
    assert (small.value, small.passed) == (1.0, True)
    assert small.unassessed == ("complete",)


def test_at_least_sets_the_bar_of_a_must(tmp_path: Path) -> None:
    rubric = read(tmp_path, COMPLETE + "must_pass = true\nat_least = 0.8\n")
    assert rubric.criteria[0].holds(1.0)
    assert not rubric.criteria[0].holds(0.5)
    assert read(tmp_path, COMPLETE + "must_pass = true\n").criteria[0].holds(0.5)
