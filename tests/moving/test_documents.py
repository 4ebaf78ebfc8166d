"""JSON of other tools: forms, counts without the parser, NaN, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.core.errors import EvalSetError
from evalharness.moving import documents
from evalharness.moving.documents import beside, count_items, parse, read_records

values = st.recursive(
    st.none() | st.integers() | st.text(alphabet='[]{}"\\,x\n', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def file(tmp_path: Path, text: str | bytes, name: str = "x.json") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@settings(max_examples=30)
@given(st.lists(st.dictionaries(st.text(max_size=6), values, max_size=3), max_size=6))
def test_objects_are_counted_without_the_parser(rows: list[dict[str, object]]) -> None:
    assert count_items(json.dumps(rows)) == count_items(json.dumps(rows, indent=2, ensure_ascii=False)) == len(rows)


def test_three_forms(tmp_path: Path) -> None:
    array = read_records(file(tmp_path, '[{"a": 1}, {"a": 2}]'))
    lines = read_records(file(tmp_path, '{"a": 1}\n\n  {"a": 2}', "x.jsonl"))
    single = read_records(file(tmp_path, '{\n "a": [1,\n 2]}\n'))
    as_json = read_records(file(tmp_path, '{"a": 1}\n{"a": 2}\n'))
    assert [row for _, row in array.rows] == [row for _, row in lines.rows] == [row for _, row in as_json.rows]
    assert [len(r.rows) == r.counted for r in (array, lines, single, as_json)] == [True] * 4
    assert [place for place, _ in lines.rows] == ["line 1", "line 3"]
    assert (array.counted_by, lines.counted_by) == ("brackets", "lines")


def test_nan_becomes_null_and_is_counted(tmp_path: Path) -> None:
    records = read_records(file(tmp_path, '{"a": NaN, "b": [Infinity, -Infinity], "c": 1}\n', "x.jsonl"))
    assert (records.rows[0][1], records.nulls) == ({"a": None, "b": [None, None], "c": 1}, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 200 + "]" * 200, "nested deeper than 64"),
        ('[{"a": 1, "a": 2}]', "duplicate key"),
        ('[{"a": NaN, "a": 2}]', "duplicate key"),
        ("[1]", "expected an object"),
        ('{"a": ', "expected JSON"),
        (b'{"a": "\xff"}', "0xff"),
        ('{"a": 1}\n[2]\n', "seen a list of 1, expected an object"),
        ('{"a": 1e999}', "expected JSON"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(EvalSetError) as caught:
        read_records(file(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in caught.value.message


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, '{"a": "xxxxxxxxxxxx"}\n', "x.jsonl")
    monkeypatch.setattr(documents, "MAX_RECORD", 10)
    with pytest.raises(EvalSetError, match="a line of 21 characters"):
        read_records(path)
    monkeypatch.setattr(documents, "MAX_FILE", 10)
    with pytest.raises(EvalSetError, match="expected at most 10"):
        read_records(path)
    with pytest.raises(EvalSetError, match="No such file"):
        read_records(tmp_path / "none")


def test_parse_says_where() -> None:
    with pytest.raises(EvalSetError, match=r"f:3: seen not JSON"):
        parse("{", "f:3")


@pytest.mark.parametrize("name", ["../x.txt", "file://../../etc/passwd", "/etc/passwd", "link/x"])
def test_files_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    os.symlink(tmp_path, folder / "link")
    with pytest.raises(EvalSetError, match="expected a file inside"):
        beside(folder, name)
    assert beside(folder, "file://a/b.txt") == folder / "a/b.txt"
    assert beside(folder, "https://x/y.csv") == Path("https://x/y.csv")
