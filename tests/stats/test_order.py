from hashlib import sha256

import pytest

from evalharness.stats.order import order_seed, permutation


def test_ids_are_sorted_by_the_hash_of_seed_and_id():
    ids = [f"case-{i}" for i in range(50)]
    expected = sorted(ids, key=lambda i: sha256(b"s\x1f" + i.encode()).hexdigest())
    assert permutation(ids, "s") == expected
    assert permutation(reversed(ids), "s") == expected
    assert permutation(ids, "t") != expected


def test_an_integer_seed_is_its_decimal_digits():
    assert permutation(["a", "b", "c"], 7) == permutation(["a", "b", "c"], "7")


def test_the_default_seed_is_the_hash_of_its_named_parts():
    assert order_seed("d", "b") == sha256(b"evalh-order-v1\x1fd\x1fb\x1f").hexdigest()
    assert order_seed("d", "b", "12") == sha256(b"evalh-order-v1\x1fd\x1fb\x1f12").hexdigest()


def test_clusters_stay_together_in_the_order_of_their_own_hashes():
    ids = [f"{c}{i}" for i in range(4) for c in "pqr"] + ["lone"]
    clusters = {i: i[0] for i in ids if i != "lone"}
    order = permutation(ids, "s", clusters=clusters)
    blocks = list(dict.fromkeys(clusters.get(i, i) for i in order))
    assert blocks == permutation(["p", "q", "r", "lone"], "s")
    assert [clusters.get(i, i) for i in order] == [b for b in blocks for i in ids if clusters.get(i, i) == b]
    # Within a cluster the cases have the order of their own hashes, of this seed.
    for block in blocks:
        own = [i for i in order if clusters.get(i, i) == block]
        assert own == permutation(own, "s")


def test_a_repeated_id_is_refused():
    with pytest.raises(ValueError, match="twice"):
        permutation(["a", "a"], "s")
