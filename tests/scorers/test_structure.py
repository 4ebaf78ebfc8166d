from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.scorers import schemas
from evalharness.scorers.registry import build_scorer, spec_of
from evalharness.scorers.schemas import Schema
from evalharness.scorers.structure import json_parts, json_similarity
from tests.scorers.scoring import passes, refusal_of, result_of, scorer_of, value_of

PERSON = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ('{"a": 1}', True),
        (" [1]\n", True),
        ("1", True),
        ('"x"', True),
        ("null", True),
        ("", False),
        ("{a: 1}", False),
        ("NaN", False),
        ("[Infinity]", False),
        ('{"a": 1, "a": 2}', False),
        ("[" * 70 + "]" * 70, False),
        ("```json\n{}\n```", False),
        ("{} {}", False),
        ("\ufeff{}", False),
    ],
)
def test_is_json_is_strict(output: str, expected: bool) -> None:
    assert passes("is_json", output) is expected


@pytest.mark.parametrize(
    ("output", "expected"), [('{"age": 3}', True), ('{"age": -3}', False), ("{}", False), ("no", False)]
)
def test_schemas(output: str, expected: bool) -> None:
    for use in ("is_json", "json_schema", "contains_json"):
        assert passes(use, output, schema=PERSON) is expected


def test_the_reason_says_where() -> None:
    result = result_of("json_schema", '{"age": "old"}', schema=PERSON)
    assert isinstance(result, Score)
    assert result.reason == "at age: 'old' is not of type 'integer'"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ('so {"a": 1} it is', True),
        ("```json\n{}\n```", True),
        ('{broken {"a": 1}', True),
        ("see [1]", False),
        ("{not json}", False),
        ('{"a": NaN}', False),
        ("", False),
    ],
)
def test_contains_json(output: str, expected: bool) -> None:
    assert passes("contains_json", output) is expected


def test_contains_json_tries_every_part_under_a_schema() -> None:
    assert passes("contains_json", '{"age": "x"} or {"age": 4}', schema=PERSON) is True
    assert passes("contains_json", "ages: [1, 2]", schema={"type": "array"}) is True
    assert passes("contains_json", '[{"age": 4}]', schema=PERSON) is True
    assert passes("contains_json", '{"x": {"age": 4}}', schema=PERSON) is False


@given(st.text(alphabet='[]{}",:a1 ', max_size=30))
def test_every_part_found_is_json_in_the_text(text: str) -> None:
    for part in json_parts(text):
        assert part in text
        json.loads(part)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 100_000, "{" * 300_000, '["x' * 100_000])
def test_brackets_alone_do_not_hang(text: str) -> None:
    assert list(json_parts(text)) == []


# --- schemas: trust and limits --------------------------------------------------------------------------------------


def test_a_schema_file_is_read_and_its_content_signed(tmp_path: Path) -> None:
    (tmp_path / "person.json").write_text(json.dumps(PERSON))
    scorer = scorer_of("json_schema", root=tmp_path, schema="person.json")
    assert scorer.signature == scorer_of("json_schema", schema=PERSON).signature
    result = scorer.score(Output(text='{"age": 1}'), Case(id="a", input=""))
    assert isinstance(result, Score)
    assert result.passed is True


def test_bad_schemas_are_refused_when_built(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "latin.json").write_bytes(b'{"title": "\xe9"}')
    assert "inside the project" in refusal_of("json_schema", root=tmp_path, schema="../x.json").message
    assert "a readable JSON file" in refusal_of("json_schema", root=tmp_path, schema="none.json").message
    assert "not JSON" in refusal_of("json_schema", root=tmp_path, schema="broken.json").tip
    assert "a JSON file" in refusal_of("json_schema", root=tmp_path, schema="latin.json").message
    assert "needs 'schema'" in refusal_of("json_schema").message
    assert "a table or a file" in refusal_of("json_schema", schema=5).message
    assert "objectt" in refusal_of("json_schema", schema={"type": "objectt"}).tip
    assert "its dialect" in refusal_of("json_schema", schema={"$schema": "https://x.example/mine"}).tip


@pytest.mark.parametrize("address", ["file:///etc/hostname", "http://127.0.0.1:9/x.json", "other.json"])
def test_nothing_is_fetched(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(*args: Any, **kwargs: Any) -> None:
        raise AssertionError(args)

    monkeypatch.setattr("socket.socket.connect", reached)
    monkeypatch.setattr("urllib.request.urlopen", reached)
    assert "nothing is fetched" in refusal_of("json_schema", schema={"$ref": address}).tip


def test_references_inside_work() -> None:
    tree = {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    }
    assert passes("json_schema", '{"next": {"next": {}}}', schema=tree) is True
    assert passes("json_schema", '{"next": {"next": 5}}', schema=tree) is False


def test_older_drafts_are_honoured() -> None:
    draft4 = {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 5, "exclusiveMaximum": True}
    assert passes("json_schema", "5", schema=draft4) is False
    assert passes("json_schema", "4", schema=draft4) is True


def test_a_schema_bomb_is_the_candidates_failure() -> None:
    output = json.dumps([{"a": n} for n in range(2_500)])
    for use in ("json_schema", "contains_json"):
        result = result_of(use, output, schema={"uniqueItems": True})
        assert isinstance(result, Failure)
        assert (result.kind, result.blame) == ("timeout", "candidate")


DEFINED = {
    "$defs": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/a"}},
    "anyOf": [{"$ref": "#/$defs/b"}, {"type": "object"}],
}
PLAIN = [PERSON, True, {}, {"items": {"type": "string"}}, {"prefixItems": [True]}, {"format": "date"}, DEFINED]
OTHER = [
    {"pattern": "a"},
    {"uniqueItems": True},
    {"properties": {"a": {"$ref": "#"}}},
    {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
    {"$ref": "#/$defs/none"},
    {"$ref": "#/$defs/a/b", "$defs": {"a": {"b": True}}},
    {"$ref": 5},
    {"$ref": []},
    {"items": {"anyOf": [{"contains": True}]}},
    {"prefixItems": [{"not": {"minContains": 1}}]},
    {"format": "regex"},
    {"$schema": "http://json-schema.org/draft-04/schema#"},
    {"properties": 5},
    {"enum": 5},
    {"anyOf": 5},
    {
        "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(17)} | {"d17": True},
        "$ref": "#/$defs/d0",
    },
]


@pytest.mark.parametrize("schema", PLAIN)
def test_plain_schemas_stay_in_this_process(schema: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*args: Any) -> None:
        raise AssertionError(args)

    monkeypatch.setattr(schemas.sandbox, "call", asked)
    built = Schema(schema, formats=True, trusted=False)
    assert built.problem({"age": 1}, '{"age": 1}') is None
    with pytest.raises(AssertionError):
        built.problem("x" * schemas.BUDGET, json.dumps("x" * schemas.BUDGET))


@pytest.mark.parametrize("schema", OTHER)
def test_other_schemas_do_not(schema: Any) -> None:
    assert schemas.schema_effort(schema) > 100_000


def test_a_case_names_no_file_and_its_schema_is_checked_in_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(schema: Any) -> None:
        build_scorer(spec_of({"use": "json_schema", "schema": schema}), root=Path(), from_data=True)

    with pytest.raises(ConfigError, match="a case names no files"):
        build("person.json")
    asked = []
    monkeypatch.setattr(schemas.sandbox, "call", lambda *args: asked.append(args[0]))
    build({"pattern": "a"})
    assert asked == ["check_schema"]
    failed = Failure(stage="scorer", kind="timeout", message="stopped after 1 s")
    monkeypatch.setattr(schemas.sandbox, "call", lambda *args: failed)
    with pytest.raises(ConfigError) as caught:
        build({"pattern": "a"})
    assert "stopped after 1 s" in caught.value.tip


# --- json_diff ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {}, 1.0),
        ([], [], 1.0),
        ([], {}, 0.0),
        ({"a": 1}, {"a": 1}, 1.0),
        ({"a": 1}, {"a": 2}, 2 / 3),
        ({"a": 1, "b": 2}, {"a": 1}, 0.5),
        ([1, 2, 3], [1, 2], 2 / 3),
        ("abc", "abd", 2 / 3),
        (True, 1, 0.0),
        (True, True, 1.0),
        (None, None, 1.0),
        (None, "", 0.0),
        (None, False, 0.0),
        ("1", 1, 0.0),
        ({"a": {"b": "foo"}}, {"a": {"b": "Foo"}}, 2 / 3),
    ],
)
def test_json_similarity(one: Any, other: Any, expected: float) -> None:
    assert json_similarity(one, other) == pytest.approx(expected)
    assert json_similarity(other, one) == pytest.approx(expected)
    assert value_of("json_diff", json.dumps(one), value=other) == pytest.approx(expected)


def test_json_diff_passes_from_min_on_and_numbers_within_tol() -> None:
    assert passes("json_diff", '{"a": 1}', value={"a": 1}) is True
    assert passes("json_diff", '{"a": 1}', value='{"a": 2}') is False
    assert passes("json_diff", '{"a": 1}', value={"a": 2}, min=0.6) is True
    assert passes("json_diff", '{"a": 1.05}', value={"a": 1}, tol=0.1) is True
    assert passes("json_diff", "plain text", values=["other", "plain text"]) is True
    assert passes("json_diff", '{"a": 1}', target={"a": 1}) is True
    assert isinstance(result_of("json_diff", "{}"), Unscored)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_json_similarity_is_symmetric_and_in_range(one: Any, other: Any) -> None:
    value = json_similarity(one, other)
    assert 0.0 <= value <= 1.0
    assert value == pytest.approx(json_similarity(other, one))
    assert json_similarity(one, one) == pytest.approx(1.0)
