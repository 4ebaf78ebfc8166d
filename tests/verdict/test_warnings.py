from __future__ import annotations

import random

import pytest

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.verdict.pairing import Unit
from evalharness.verdict.preflight import preflight
from evalharness.verdict.warnings import about_baseline, about_cases, about_looks, about_seeds, about_weights
from tests.verdict.arms import baseline, cases, gate, judge, limit, results


def codes(found) -> list[str]:
    return [warned.code for warned in found]


def with_ids(ids, **fields) -> tuple[Case, ...]:
    words = [f"w{i}" for i in range(400)]
    rng = random.Random(4)
    return tuple(Case(id=i, input=" ".join(rng.choices(words, k=30)), **fields) for i in ids)


@pytest.mark.parametrize(
    ("ids", "warned"),
    [
        ([f"doc{d}-{q}" for d in range(30) for q in range(5)], True),
        ([f"chat_{d:02d}.turn{q}" for d in range(10) for q in range(8)], True),
        (
            [f"doc{d}-{q}" for d in range(10) for q in range(3)] + [f"single{i}x" for i in range(70)],
            True,
        ),  # three tenths
        ([f"doc{d}-{q}" for d in range(10) for q in range(3)] + [f"single{i}x" for i in range(71)], False),  # less
        ([f"case-{i:04d}" for i in range(200)], False),  # one stem: a numbering
        ([f"{kind}-{i}" for kind in ("en", "de", "fr", "es") for i in range(50)], False),  # categories
        ([f"single{i}" for i in range(90)] + [f"d{d}-{q}" for d in range(3) for q in range(3)], False),  # too few
    ],
)
def test_ids_that_share_a_stem_look_like_clusters(ids, warned) -> None:
    assert ("clusters" in codes(about_cases(with_ids(ids)))) is warned


def test_declared_clusters_are_no_warning() -> None:
    some = tuple(
        Case(id=f"doc{d}-{q}", input=f"about {d} question {q} " * 6, cluster=f"doc{d}")
        for d in range(30)
        for q in range(5)
    )
    assert about_cases(some) == ()


def test_near_duplicates_are_found_whatever_the_numbers_in_them() -> None:
    rng = random.Random(1)
    words = [f"w{i}" for i in range(3000)]
    texts = [" ".join(rng.choices(words, k=30)) for _ in range(120)]
    copies = [f"{text} please and order {i}" for i, text in enumerate(texts[:10])]
    some = tuple(Case(id=f"x{i:03d}", input=text) for i, text in enumerate(texts + copies))
    (warned,) = about_cases(some)
    assert warned.code == "near_duplicates"
    assert "of 130 inputs" in warned.message
    assert about_cases(some[:120]) == ()
    # Two alike among many harm nobody, and neither does a set that is too large to look at.
    assert about_cases(some[:121]) == ()
    assert about_cases(some * 200) == ()
    assert about_cases(some[:1]) == ()


def test_a_shared_instruction_does_not_make_inputs_alike() -> None:
    rng = random.Random(2)
    words = [f"w{i}" for i in range(3000)]
    preamble = "answer the following question from the manual in one short sentence and nothing else please "
    some = tuple(Case(id=f"x{i:03d}", input=preamble + " ".join(rng.choices(words, k=12))) for i in range(150))
    assert about_cases(some) == ()
    # Nothing but boilerplate says nothing.
    assert about_cases(tuple(Case(id=f"x{i:03d}", input=preamble) for i in range(150))) == ()


def test_alike_inputs_in_one_cluster_are_as_they_should_be() -> None:
    some = tuple(
        Case(id=f"x{i:03d}", input=f"alpha beta gamma delta q{i // 4}", cluster=f"k{i // 4}") for i in range(40)
    )
    assert about_cases(some) == ()


def test_one_heavy_unit_is_named() -> None:
    units = [Unit(name=f"u{i}", cases=(), weight=1.0) for i in range(99)]
    assert about_weights(units) == ()
    (warned,) = about_weights([*units, Unit(name="cluster:big", cases=(), weight=60.0)])
    assert warned.code == "heavy_unit"
    assert warned.message.startswith("cluster:big weighs 37.7 times")
    assert about_weights(units[:1]) == ()


@pytest.mark.parametrize(
    ("facts", "warned"),
    [
        ({"seed": 7}, False),  # the package derives a seed per answer from it
        ({"extra": {"seed": 7}}, True),
        ({"options": {"seed": 7}}, True),
        ({"http": {"body": {"seed": 1}}}, True),
        ({"http": {"body": {"seed": True}}}, False),
        ({"extra": {"top_p": 1}}, False),
    ],
)
def test_one_seed_for_all_cases(facts, warned) -> None:
    found = about_seeds({"the candidate": facts, "the baseline": {}})
    assert codes(found) == (["one_seed"] if warned else [])


def test_a_picked_baseline_and_many_looks() -> None:
    assert about_baseline(baseline({})) == ()
    (warned,) = about_baseline(baseline({}, chosen_among=5))
    assert "picked among 5 stored runs" in warned.message
    assert about_looks(9) == ()
    assert codes(about_looks(10)) == ["many_looks"]


def test_hard_checks_say_what_they_add_to_the_block_rate() -> None:
    some = cases(100)
    rule = gate(limit(margin=None, every=True))
    (note,) = preflight(judge(some, results(some, [True] * 40 + [False] * 60), rule, epochs=5))
    # 40 guarded cases, 2 attempts, 5 stored answers: 40 (2/7)^2 (5/7)^5.
    assert f"at most {40 * (2 / 7) ** 2 * (5 / 7) ** 5:.2%} on top of 2.5%" in note
    assert preflight(judge(some, results(some, [True] * 100), rule, recorded=True)) == ()
    assert preflight(judge(some, results(some, [False] * 100), rule)) == ()
    assert preflight(judge(some, results(some, [True] * 100), gate(limit(margin=None, every="absolute")))) == ()


def test_a_single_attempt_at_answers_that_may_vary_is_refused() -> None:
    rule = gate(limit(margin=None, every=True, attempts=1))
    some = cases(40)
    with pytest.raises(ConfigError) as refused:
        judge(some, results(some, [True] * 40), rule)
    assert str(refused.value).endswith(
        "with attempts = 1 on 40 cases would block an unchanged candidate that fails now and then\n"
        "  tip: attempts = 2 (the default), or a baseline of several epochs"
    )
    for held in (
        judge(some, results(some, [True] * 40), rule, recorded=True),
        judge(some, results(some, [True] * 40), rule, epochs=3),
        judge(some[:20], results(some[:20], [True] * 20), rule),
        judge(some, results(some, [True] * 40), gate(limit(margin=None, every="absolute", attempts=1))),
    ):
        assert held.hard[0].limit.attempts == 1
