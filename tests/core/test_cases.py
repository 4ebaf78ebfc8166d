"""What a case remembers of itself."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import MEANING, Case, EvalSet
from evalharness.core.specs import canonical_json, digest

PLAIN: dict[str, Any] = {"id": "a", "input": "what?", "target": ["x", "é"], "context": ({"id": "d", "text": "t"},)}
DESCRIBED: dict[str, Any] = PLAIN | {"tags": ["t"], "metadata": {"k": [1, {"z": None}]}, "weight": 2.0, "cluster": "c"}


def by_the_book(case: Case) -> str:
    """The digest as it is defined: over the fields that decide what is asked, without those that hold their default."""
    whole = case.to_json()
    return digest({name: whole[name] for name in MEANING if name in whole})


@pytest.mark.parametrize("data", [PLAIN, DESCRIBED])
def test_a_digest_is_the_same_whether_the_set_or_the_case_is_asked_first(data: dict[str, Any]) -> None:
    alone, in_set = Case.from_json(data), Case.from_json(data)
    evalset = EvalSet(name="s", cases=(in_set,))
    assert evalset.digest
    assert in_set.digest == alone.digest == alone.digest == by_the_book(alone)
    assert evalset.digests == {"a": alone.digest}
    assert in_set.canonical() == canonical_json(alone.to_json())


def test_a_changed_copy_does_not_keep_the_digest() -> None:
    case = Case.from_json(PLAIN)
    before = case.digest
    assert replace(case, input="which?").digest != before
    assert replace(case, tags=("t",)).digest == before


def test_what_is_remembered_is_no_field() -> None:
    asked, fresh = Case.from_json(PLAIN), Case.from_json(PLAIN)
    assert asked.digest
    assert asked == fresh
    assert "_digest" not in {field.name for field in fields(Case)}
    assert "digest" not in repr(asked)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    )
)
def test_nothing_in_a_case_can_be_changed_through_what_it_was_made_of(value: object) -> None:
    case = Case(id="a", input="x", metadata={"k": value}, tags=["t"])  # type: ignore[arg-type]
    assert case.to_json() == {"id": "a", "input": "x", "metadata": {"k": value}, "tags": ["t"]}
    assert case.tags == ("t",)
    with pytest.raises(TypeError):
        case.metadata["k"] = 1  # type: ignore[index]
