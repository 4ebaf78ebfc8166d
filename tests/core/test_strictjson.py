import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.strictjson import MAX_DEPTH, StrictJSONError, loads

texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values, st.booleans())
def test_whatever_json_writes_is_read_back(value, ascii_only):
    assert loads(json.dumps(value, ensure_ascii=ascii_only)) == value


@given(st.text(max_size=40))
def test_any_text_is_read_as_the_standard_reader_does_or_refused(text):
    try:
        value = loads(text)
    except StrictJSONError:
        return
    assert value == json.loads(text)


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ('{"a": 1,}', "not JSON", 9),
        ('{"a" 1}', "not JSON: Expecting ':' delimiter", 6),
        ("", "not JSON: Expecting value", 1),
        ("1 2", "not JSON: Extra data", 3),
        ("'a'", "not JSON: Expecting value", 1),
        ('"a\nb"', "not JSON: Invalid control character at", 3),
        ('{"a": 1, "a": 1}', 'duplicate key "a"', 0),
        ('[{"b": {"a": 1, "c": 2, "a": 3}}]', 'duplicate key "a"', 0),
        (r'{"a": 1, "\u0061": 2}', 'duplicate key "a"', 0),
        ("NaN", "NaN is not a JSON number", 0),
        ("[Infinity]", "Infinity is not a JSON number", 0),
        ("-Infinity", "-Infinity is not a JSON number", 0),
        ("1e400", "the number 1e400 is out of range", 0),
        ("-1e400", "the number -1e400 is out of range", 0),
        ("9" * 309, "is out of range", 0),
        ("9" * 5000, "is out of range", 0),
        (r'"\ud800"', "a lone surrogate is not Unicode text", 0),
        (r'{"\udc00": 1}', "a lone surrogate is not Unicode text", 0),
        (r'["x", {"a": "\uDFFF"}]', "a lone surrogate is not Unicode text", 0),
        ('"\ud800"', "a lone surrogate is not Unicode text", 2),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH}", MAX_DEPTH + 1),
        ('{"a":' * 100_000, f"nested deeper than {MAX_DEPTH}", 5 * MAX_DEPTH + 1),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_column(text, message, column):
    with pytest.raises(StrictJSONError) as caught:
        loads(text)
    assert message in str(caught.value)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d\ude00"', "😀"),
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, None),
        ('"' + "[" * 1000 + '"', "[" * 1000),
        ('["' + '\\"[' * 100 + '", []]', ['"[' * 100, []]),
        (str(2**1000), 2**1000),
        ("1e308", 1e308),
        ("1e-400", 0.0),
        (" \t\r\n1 ", 1),
        ('"\u2028\x7f"', "\u2028\x7f"),
    ],
)
def test_what_only_looks_wrong_is_read(text, value):
    read = loads(text)
    assert value is None or read == value


def test_numbers_keep_their_kind():
    assert [type(item) for item in loads("[1, 1.0, true]")] == [int, float, bool]
    assert math.copysign(1, loads("-0.0")) == -1
