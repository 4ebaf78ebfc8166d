import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.results import Failure, Output, Score
from evalharness.core.rows import score_from_row, score_to_row
from evalharness.store import rows
from tests.store import store_samples as samples


@given(samples.outputs)
def test_output_round_trip(output):
    body = rows.pack(rows.to_bytes(output.to_json()))
    assert Output.from_json(json.loads(rows.unpack(body))) == output


@given(samples.scores, st.sampled_from(["", "equals|1", "other"]))
def test_score_round_trip_keeps_every_signature(result, inherited):
    data = json.loads(rows.to_bytes(score_to_row(result, inherited)))
    assert score_from_row(data, inherited) == result


def test_score_signature_is_written_only_where_it_differs():
    part = Score(value=0.5, signature="a|1")
    score = Score(value=1.0, parts={"same": part, "other": Score(value=0.1, signature="b|1")}, signature="a|1")
    data = score_to_row(score, "a|1")
    assert "signature" not in data
    assert "signature" not in data["parts"]["same"]
    assert data["parts"]["other"]["signature"] == "b|1"


@given(st.binary(max_size=2000))
def test_pack_round_trip(data):
    assert rows.unpack(rows.pack(data)) == data


def test_only_long_bodies_are_compressed():
    assert rows.pack(b"a" * 512) == b"\0" + b"a" * 512
    assert len(rows.pack(b"a" * 513)) < 40


@pytest.mark.parametrize("body", [b"", b"\2abc", b"\1not zlib", rows.pack(b"a" * 600)[:-3]])
def test_broken_bodies_are_damage(body):
    with pytest.raises(rows.DamagedRow):
        rows.unpack(body)


@pytest.mark.parametrize("key", ["", "ab", "g" * 64, "a" * 66, " " * 64])
def test_keys_are_sha256(key):
    with pytest.raises(ValueError):
        rows.key_bytes(key)


def test_key_bytes():
    assert rows.key_bytes("ab" * 32) == b"\xab" * 32


def test_lone_surrogate_in_a_body_survives():
    assert json.loads(rows.to_bytes({"text": "a\ud800b"})) == {"text": "a\ud800b"}


def test_nan_is_refused():
    with pytest.raises(ValueError):
        rows.to_bytes({"value": math.nan})
    with pytest.raises(ValueError):
        rows.to_bytes({"value": math.inf, "text": "\ud800"})


@given(st.lists(st.one_of(st.none(), st.integers(), samples.numbers, samples.texts, st.binary()), min_size=1))
def test_checksum_sees_every_change_of_one_byte(columns):
    changed = [*columns[:-1], b"\xff" + repr(columns[-1]).encode()]
    assert rows.checksum(columns) == rows.checksum(list(columns))
    assert rows.checksum(columns) != rows.checksum(changed)


def test_plain_text():
    assert rows.plain_text("é🎈") == "é🎈"
    assert rows.plain_text("a\udcffb") == "a\\udcffb"


def test_failures_stand_inline_and_answers_by_key():
    failed = samples.case(1, answer=Failure(stage="candidate", kind="timeout", message="late"))
    assert b'"failure"' in rows.trials_to_bytes(failed, {})
    stored = rows.trials_to_bytes(samples.case(1), {})
    assert b"answer 1" not in stored
    assert samples.key(1).encode() in stored


def test_identity_ignores_what_does_not_decide_answers():
    same = samples.header("other", commit="abc", created="now", versions={"evalh": "9"})
    assert rows.identity_of(same) == rows.identity_of(samples.header())


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "promote"},
        {"gate": "x"},
        {"evalset": {"digest": "f" * 64}},
        {"candidate": {"digest": "f" * 64}},
        {"scorers": {}},
        {"epochs": 2},
        {"seed": 1},
        {"order_seed": "aa"},
        {"case_digests": {}},
    ],
)
def test_identity_changes_with_what_decides_answers(change):
    assert rows.identity_of(samples.header(**change)) != rows.identity_of(samples.header())
