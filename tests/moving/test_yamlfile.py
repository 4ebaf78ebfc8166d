"""YAML of other tools: 1.2's scalars, and files that attack the reader."""

from __future__ import annotations

import sys

import pytest
import yaml

from evalharness.core.errors import EvalSetError, ExtraMissing
from evalharness.moving.yamlfile import MAX_DEPTH, load_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


def test_plain_scalars_are_those_of_yaml_1_2() -> None:
    text = "a: no\nb: 1e-3\nc: 3.10\nd: 12:30\ne: 2024-01-01\nf: true\ng: ~\nh: 0o17\ni: 012\nj: 0x1F\nk: -7\nl: ''\nm: on\nn: .5"
    value = load_yaml(text, "x").value
    expected = ["no", 0.001, 3.1, "12:30", "2024-01-01", True, None, 15, 12, 31, -7, "", "on", 0.5]
    assert list(value.values()) == expected
    assert yaml.safe_load(text)["a"] is False, "control: PyYAML alone reads 1.1"


def test_lines_of_paths() -> None:
    read = load_yaml("a:\n  - x: 1\n  - y: 2\n\nb: 3\n", "x")
    assert (read.place("a", 1, "y"), read.place("b"), read.place("a", 1, "z"), read.place()) == (
        *("line 3", "line 5", "line 3"),
        "line 1",
    )


def test_anchors_and_merge_keys_work() -> None:
    assert load_yaml("base: &b {x: 1}\nuse: {<<: *b, y: 2}", "x").value["use"] == {"x": 1, "y": 2}


def test_keys_are_texts_as_they_are_written() -> None:
    assert load_yaml("1: a\n~: b\ntrue: c\n0x1: d\n'': e", "x").value == {"1": "a", "~": "b", "true": "c", "0x1": "d", "": "e"}  # fmt: skip


def test_an_empty_file() -> None:
    assert load_yaml("# nothing\n", "x").value is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "nodes once aliases are followed"),
        ("a: &a [*a]", "an alias inside what it names"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "nesting deeper than"),
        ("a: 1\na: 2", "x:2: seen the key 'a' twice"),
        ("!!python/object/apply:os.system ['true']", "broken or unsafe YAML"),
        ("a: [1", "broken or unsafe YAML"),
        ("a: 1\n---\nb: 2", "broken or unsafe YAML"),
        ("\x00", "broken or unsafe YAML"),
        ("x" * 8_000_001, "8,000,001 characters"),
        ("a: " + "1" * 5000, "expected YAML"),
        ("a: !!bool x", "a tag that its value does not fit"),
        ("a: !!timestamp x", "broken or unsafe YAML"),
        ("a: !!binary x", "broken or unsafe YAML"),
        ("a: !!float .nan", "not finite"),
        ("a: 1e999", "not finite"),
        ("? [a]\n: b", "broken or unsafe YAML"),
    ],
    ids=[
        *("aliases", "ring", "deep", "twice", "tag", "broken", "two documents", "control", "large", "endless number"),
        *("unfit tag", "date", "bytes", "NaN", "infinite", "key of several"),
    ],
)
def test_hostile_files_are_refused_with_one_line(text: str, said: str) -> None:
    with pytest.raises(EvalSetError) as caught:
        load_yaml(text, "x")
    assert said in str(caught.value).replace("\n", " ")
    assert "\n" not in caught.value.message


def test_the_bomb_is_one() -> None:
    value = yaml.safe_load(BOMB)
    size, level = 1, value["a8"]
    while isinstance(level, list):
        size, level = size * len(level), level[0]
    assert size == 10**9, "control: the safe loader alone takes it"


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ExtraMissing, match=r"reading YAML needs: pip install 'evalharness\[import\]'"):
        load_yaml("a: 1", "x")
