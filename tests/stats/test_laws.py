"""Laws drawn from a user's pairs, re-centred without inventing values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.laws import centred, law_of, of_discordance

GRADES = st.lists(st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=40)


def test_a_law_counts_equal_units_once():
    law = law_of([0.0, -1.0, 0.0, 1.0])
    assert dict(zip(law.differences, law.chances, strict=True)) == {0.0: 0.5, -1.0: 0.25, 1.0: 0.25}
    assert (law.mean, law.discordance, law.steps) == (0.0, 0.5, True)
    assert law.sd == pytest.approx(math.sqrt(0.5))


def test_units_count_by_their_size():
    law = law_of([-1.0, 1.0], [3.0, 1.0])
    assert law.mean == -0.5
    assert not law.steps


def test_no_differences_are_no_law():
    with pytest.raises(ValueError, match="at least one"):
        law_of([])


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=60), st.sampled_from([-0.1, -0.05, 0.0, 0.05]))
def test_binary_data_stay_binary_and_keep_how_much_changes(differences, mean):
    law = law_of(differences)
    there = centred(law, mean)
    assert there.steps
    assert there.mean == pytest.approx(mean, abs=1e-12)
    assert there.discordance == pytest.approx(max(law.discordance, abs(mean)))
    assert math.fsum(there.chances) == pytest.approx(1.0)
    assert min(there.chances) >= 0


@given(GRADES, st.sampled_from([-0.2, -0.05, 0.0, 0.1]))
def test_graded_data_keep_their_values(differences, mean):
    law = law_of(differences)
    there = centred(law, mean)
    allowed = {*differences, *(-d for d in differences), -1.0, 1.0, 0.0}
    assert set(there.differences) <= allowed
    assert there.mean == pytest.approx(mean, abs=1e-9)
    assert math.fsum(there.chances) == pytest.approx(1.0)


def test_what_lies_inside_of_what_was_seen_adds_no_value():
    law = law_of([-0.5, -0.25, 0.0, 0.25])
    assert set(centred(law, -0.1).differences) == set(law.differences)


def test_only_losses_are_mirrored_and_ties_get_a_total_loss():
    assert 0.25 in centred(law_of([-0.25, -0.5]), 0.0).differences
    rare = centred(law_of([0.0, 0.0]), -0.05)  # 0/1 so far: as 0/1 scores
    assert dict(zip(rare.differences, rare.chances, strict=True))[-1.0] == pytest.approx(0.05)
    tied = centred(law_of([0.01, -0.01]), -0.05)
    assert -1.0 in tied.differences
    won = centred(law_of([0.01, -0.01]), 0.05)
    assert 1.0 in won.differences


def test_a_law_that_is_there_already_stays():
    law = law_of([-0.25, -0.25])
    assert centred(law, -0.25) == law


def test_clusters_are_centred_per_case():
    law = law_of([-0.5, 0.25, 0.5], [4.0, 1.0, 2.0])
    there = centred(law, -0.05)
    assert there.mean == pytest.approx(-0.05, abs=1e-9)
    assert set(there.sizes) == {4.0, 1.0, 2.0}


def test_a_mean_that_no_value_reaches_is_refused():
    with pytest.raises(ValueError, match="no law"):
        centred(law_of([0.3]), -1.0)


def test_at_least_as_many_change_as_the_mean_needs():
    law = of_discordance(0.02, -0.1)
    assert law.chances == (0.1, 0.9, 0.0)
