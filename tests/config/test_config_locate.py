"""The second scan finds the line of every key that tomllib reads, however it is written."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.config.locate import KeyPath, key_lines, line_of

TEXT = '''# a comment with [brackets] and "quotes"
plain = 1
a.b.c = 2
"quoted key" = 3
"esc\\u0061ped" = 4
'literal.key' = 5
[table]
x = { inline = 1, deep.er = { still = "}" } } # {
list = [
  1, # ]
  { in_list = 2 },
  [3, 4],
]
multi = """
not.a.key = 1
[not.a.table]
"quotes" inside\\\\""""
literal = \'\'\'
x = 1\'\'\'\'
after = 1979-05-27 07:32:00
[ spaced . "head er" ]
y = "a\\"b]"
[[array]]
z = 1
[array.child]
w = 1
[[array]]
z = 2
[[array.nested]]
v = 1
[[array.nested]]
v = 2
'''

EXPECTED: dict[KeyPath, int] = {
    ("plain",): 2,
    ("a",): 3,
    ("a", "b", "c"): 3,
    ("quoted key",): 4,
    ("escaped",): 5,
    ("literal.key",): 6,
    ("table",): 7,
    ("table", "x"): 8,
    ("table", "x", "inline"): 8,
    ("table", "x", "deep", "er", "still"): 8,
    ("table", "list"): 9,
    ("table", "list", 0): 10,
    ("table", "list", 1, "in_list"): 11,
    ("table", "list", 2, 1): 12,
    ("table", "multi"): 14,
    ("table", "literal"): 18,
    ("table", "after"): 20,
    ("spaced", "head er"): 21,
    ("spaced", "head er", "y"): 22,
    ("array",): 23,
    ("array", 0): 23,
    ("array", 0, "z"): 24,
    ("array", 0, "child", "w"): 26,
    ("array", 1, "z"): 28,
    ("array", 1, "nested", 0, "v"): 30,
    ("array", 1, "nested", 1, "v"): 32,
}


@pytest.mark.parametrize("path", EXPECTED)
def test_a_key_is_found_on_its_line(path: KeyPath) -> None:
    assert key_lines(TEXT)[path] == EXPECTED[path]


def test_nothing_is_found_inside_strings_and_comments() -> None:
    tops = {path[0] for path in key_lines(TEXT)}
    assert tops == set(tomllib.loads(TEXT))


def test_windows_line_ends() -> None:
    assert key_lines(TEXT.replace("\n", "\r\n"))["array", 1, "z"] == 28


def test_an_unknown_key_gets_the_line_of_its_nearest_ancestor() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("table", "x", "missing", "deeper")) == 8
    assert line_of(lines, ("nowhere",)) == 1


def paths(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Every key path of a parsed document."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    found = {(*path, key) for key, _ in items}
    return found.union(*(paths(item, (*path, key)) for key, item in items)) if items else found


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=4) | st.sampled_from(
    ["a", "b-1", "_", "1"]
)
SCALARS = st.integers(-99, 99) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | KEYS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def toml(value: Any, newline: str) -> str:
    """A value as TOML; arrays get ``newline`` and a comment between their items."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {toml(v, newline)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + "".join(f"{newline}{toml(v, newline)}," for v in value) + newline + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.booleans())
def test_every_key_of_any_document_is_found(data: dict[str, Any], multi_line: bool) -> None:
    newline = " # ]}\"'\n" if multi_line else ""
    lines, text = {}, ""
    for key, value in data.items():
        lines[key] = text.count("\n") + 1
        text += f"{json.dumps(key, ensure_ascii=False)} = {toml(value, newline)}\n"
    assert tomllib.loads(text) == data
    found = key_lines(text)
    assert set(found) == paths(data)
    assert {key: found[key,] for key in data} == lines


@given(st.dictionaries(KEYS, st.lists(st.dictionaries(KEYS, SCALARS, max_size=2), min_size=1, max_size=3), max_size=3))
def test_arrays_of_tables_are_found(data: dict[str, list[dict[str, Any]]]) -> None:
    text, lines = "", {}
    for name, tables in data.items():
        for index, table in enumerate(tables):
            lines[name, index] = text.count("\n") + 1
            text += f"[[ {json.dumps(name, ensure_ascii=False)} ]]\n"
            for key, value in table.items():
                lines[name, index, key] = text.count("\n") + 1
                text += f"{json.dumps(key, ensure_ascii=False)} = {toml(value, '')}\n"
    found = key_lines(text)
    assert {path: found[path] for path in lines} == lines
    assert set(found) == paths(tomllib.loads(text))
