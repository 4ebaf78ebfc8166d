import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.cases import Case, id_look
from evalharness.core.errors import EvalSetError
from evalharness.core.specs import thaw
from evalharness.evalset import jsonl, lines
from evalharness.evalset.jsonl import case_line, load_evalset, read_cases, scan_cases, write_cases
from evalharness.evalset.seen_ids import SeenIds

texts = st.text(st.characters(codec="utf-8"), max_size=20)
words = texts.filter(lambda text: bool(text.strip()))
numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, json_values, max_size=3)
messages = st.lists(st.fixed_dictionaries({"role": st.sampled_from(["system", "user"]), "content": texts}), min_size=1)
cases = st.fixed_dictionaries(
    {"id": ids, "input": texts | objects | messages},
    optional={
        "target": texts | numbers | objects | st.lists(texts | numbers | objects, min_size=1, max_size=3),
        "relevant": st.dictionaries(texts, st.integers(0, 4) | st.floats(0, 4), max_size=3),
        "context": st.lists(texts | st.fixed_dictionaries({"id": texts, "text": texts}), max_size=3),
        "metadata": objects,
        "tags": st.lists(texts, max_size=3),
        "cluster": words,
        "weight": st.floats(1e-6, 1e6),
        "group": words,
        "checks": st.lists(st.fixed_dictionaries({"use": words, "value": json_values}), max_size=2),
        "deprecated": words,
    },
)


def written(tmp_path, *rows):
    path = tmp_path / "set.jsonl"
    data = b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)
    path.write_bytes(data)
    return path


@given(data=cases)
def test_a_case_survives_writing_and_reading(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("set") / "set.jsonl"
    case = Case.from_json(data)
    assert write_cases(path, [case]) == 1
    (again,) = read_cases(path)
    assert again == case
    assert again.digest == case.digest
    assert case_line(again) == case_line(case)


@given(data=st.lists(cases, min_size=1, max_size=5, unique_by=lambda case: id_look(case["id"])), seed=st.randoms())
def test_the_digest_knows_neither_order_nor_spacing(data, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    write_cases(folder / "a.jsonl", map(Case.from_json, data))
    seed.shuffle(data)
    loose = "".join(
        json.dumps(dict(reversed(case.items())), indent=None, separators=(" , ", " : ")) + "\r\n" for case in data
    )
    (folder / "b.jsonl").write_text(loose, encoding="utf-8", newline="")
    first = [*read_cases(folder / "a.jsonl")]
    second = [*read_cases(folder / "b.jsonl")]
    assert sorted(map(case_line, first)) == sorted(map(case_line, second))


@given(st.binary(max_size=60))
def test_any_bytes_are_cases_or_an_evalset_error(data):
    for line, found in scan_cases("x.jsonl", content=data):
        assert isinstance(found, Case) or found.where.startswith(f"x.jsonl:{line}")


OK = {"id": "a", "input": "x"}

WRONG = [
    # the ten kinds of bad input, each with its one line
    (
        b'{"id": "b", "input": "x",}\n',
        "2: column 26: not JSON: Expecting property name enclosed in double quotes, expected one strict JSON object a line",
    ),
    (
        {"id": "A", "input": "y"},
        '2: id: seen "A", but line 1 has "a" (case does not count) already, expected unique ids',
    ),
    (OK, '2: id: seen "a", but line 1 has it already, expected unique ids'),
    (
        {"id": "b", "inptu": "x"},
        "2: inptu: seen an unknown field, expected one of id, input, target, relevant, context, metadata, tags, cluster, weight, group, variant, checks, deprecated",
    ),
    ({"id": "b", "input": 3}, "2: input: seen 3, expected text, a list of chat messages or an object"),
    (
        b'{"id": "b", "input": "x", "target": NaN}\n',
        "2: seen NaN is not a JSON number, expected one strict JSON object a line",
    ),
    (
        b'{"id": "b", "input": "x", "input": "y"}\n',
        '2: seen duplicate key "input", expected one strict JSON object a line',
    ),
    ({"id": "b"}, "2: input: seen no such field, expected every case to have id and input"),
    ({"input": "b"}, "2: id: seen no such field, expected every case to have id and input"),
    (b"\n", "2: seen an empty line, expected one JSON object a line"),
    (b'{"id": "b", "input": "\xff"}\n', "2: column 23: seen byte 0xff, expected UTF-8"),
    (b'{"id": "b", "input": "\xed\xa0\x80"}\n', "2: column 23: seen byte 0xed, expected UTF-8"),
    (b"[1]\n", "2: seen a list of 1, expected one JSON object a line"),
    (b'"x"\n', '2: seen "x", expected one JSON object a line'),
    (
        b'{"id": "b", "input": "' + b"x" * lines.MAX_LINE + b'"}\n',
        "2: seen a line of more than 4,000,000 bytes, expected at most that",
    ),
    # every field
    (
        {"id": "-b", "input": "x"},
        '2: id: seen "-b", expected 1 to 64 of the characters A-Z a-z 0-9 . _ - that start with a letter or digit',
    ),
    (
        {"id": "é", "input": "x"},
        '2: id: seen "é", expected 1 to 64 of the characters A-Z a-z 0-9 . _ - that start with a letter or digit',
    ),
    (
        {"id": "b\n", "input": "x"},
        '2: id: seen "b\\n", expected 1 to 64 of the characters A-Z a-z 0-9 . _ - that start with a letter or digit',
    ),
    (
        {"id": "b" * 65, "input": "x"},
        f'2: id: seen "{"b" * 37}...", expected 1 to 64 of the characters A-Z a-z 0-9 . _ - that start with a letter or digit',
    ),
    (
        {"id": 7, "input": "x"},
        "2: id: seen 7, expected 1 to 64 of the characters A-Z a-z 0-9 . _ - that start with a letter or digit",
    ),
    ({"id": "b", "input": None}, "2: input: seen null, expected text, a list of chat messages or an object"),
    ({"id": "b", "input": []}, "2: input: seen an empty list, expected a list of chat messages"),
    ({"id": "b", "input": ["hi"]}, '2: input[0]: seen "hi", expected a chat message {role, content}'),
    (
        {"id": "b", "input": [{"role": "boss", "content": "hi"}]},
        '2: input[0].role: seen "boss", expected one of assistant, developer, function, system, tool, user',
    ),
    (
        {"id": "b", "input": [{"role": ["user"], "content": "hi"}]},
        "2: input[0].role: seen a list of 1, expected one of assistant, developer, function, system, tool, user",
    ),
    (
        {"id": "b", "input": [{"role": "user"}]},
        "2: input[0].content: seen null, expected text or a list of content parts",
    ),
    ({"id": "b", "input": "x", "target": []}, "2: target: seen an empty list, expected at least one reference"),
    (
        {"id": "b", "input": "x", "target": None},
        "2: target: seen null, expected text, a number, an object or a list of references",
    ),
    (
        {"id": "b", "input": "x", "target": True},
        "2: target: seen true, expected text, a number, an object or a list of references",
    ),
    ({"id": "b", "input": "x", "target": ["x", None]}, "2: target[1]: seen null, expected a reference"),
    ({"id": "b", "input": "x", "relevant": ["d1"]}, "2: relevant: seen a list of 1, expected an object"),
    ({"id": "b", "input": "x", "relevant": {"d1": -1}}, "2: relevant.d1: seen -1, expected a grade from 0 to 1e+12"),
    (
        {"id": "b", "input": "x", "relevant": {"d1": 1e308}},
        "2: relevant.d1: seen 1e+308, expected a grade from 0 to 1e+12",
    ),
    (
        {"id": "b", "input": "x", "relevant": {"d1": True}},
        "2: relevant.d1: seen true, expected a grade from 0 to 1e+12",
    ),
    ({"id": "b", "input": "x", "context": "x"}, '2: context: seen "x", expected a list of texts or {id, text}'),
    (
        {"id": "b", "input": "x", "context": ["x", {"id": "y"}]},
        "2: context[1]: seen an object, expected text or {id, text}, both text",
    ),
    (
        {"id": "b", "input": "x", "context": [{"id": "y", "text": 1}]},
        "2: context[0]: seen an object, expected text or {id, text}, both text",
    ),
    ({"id": "b", "input": "x", "metadata": []}, "2: metadata: seen an empty list, expected an object"),
    ({"id": "b", "input": "x", "tags": "x"}, '2: tags: seen "x", expected a list of texts'),
    ({"id": "b", "input": "x", "tags": ["x", 1]}, "2: tags[1]: seen 1, expected text"),
    ({"id": "b", "input": "x", "cluster": " "}, '2: cluster: seen " ", expected text that is not blank'),
    ({"id": "b", "input": "x", "weight": 0}, "2: weight: seen 0, expected a number > 0"),
    ({"id": "b", "input": "x", "weight": True}, "2: weight: seen true, expected a number > 0"),
    ({"id": "b", "input": "x", "weight": "1"}, '2: weight: seen "1", expected a number > 0'),
    ({"id": "b", "input": "x", "variant": "v"}, "2: variant: seen a variant without a group, expected both"),
    (
        {"id": "b", "input": "x", "checks": {"use": "equals"}},
        "2: checks: seen an object, expected a list of scorer tables",
    ),
    (
        {"id": "b", "input": "x", "checks": ["equals"]},
        '2: checks[0]: seen "equals", expected a scorer table such as {use: contains}',
    ),
    (
        {"id": "b", "input": "x", "checks": [{"value": "x"}]},
        "2: checks[0].use: seen null, expected text that is not blank",
    ),
    ({"id": "b", "input": "x", "deprecated": False}, "2: deprecated: seen false, expected text that is not blank"),
    (
        {"id": "b", "input": "x", "\u202eevil\x1b[1m": 1},
        r"2: \u202eevil\u001b[1m: seen an unknown field, expected one of id, input, target, relevant, context, metadata, tags, cluster, weight, group, variant, checks, deprecated",
    ),
]


@pytest.mark.parametrize(("row", "expected"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_every_fault_is_one_line_with_its_place(row, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, OK, row, {"id": "z", "input": "later lines are read by lint"})
    with pytest.raises(EvalSetError) as caught:
        list(read_cases(path))
    assert str(caught.value).split("\n")[0] == f"set.jsonl:{expected}"
    assert caught.value.exit_code == 2
    found = dict(scan_cases(path))
    assert isinstance(found[1], Case)
    assert isinstance(found[2], EvalSetError)
    assert isinstance(found[3], Case)


def test_a_typo_is_answered_with_the_nearest_name(tmp_path):
    with pytest.raises(EvalSetError) as caught:
        list(read_cases(written(tmp_path, {"id": "b", "inptu": "x"})))
    assert caught.value.tip == "did you mean 'input'?"


def test_a_byte_order_mark_is_refused(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbf", OK)
    with pytest.raises(EvalSetError, match=r"set\.jsonl:1: seen a byte-order mark, expected plain UTF-8"):
        list(read_cases(path))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "the eval set is empty, expected at least one case"),
        ([{**OK, "deprecated": "old"}], "all 1 cases are deprecated, expected at least one living case"),
    ],
)
def test_an_empty_set_is_an_error(rows, message, tmp_path):
    with pytest.raises(EvalSetError, match=message):
        load_evalset(written(tmp_path, *rows))


def test_what_is_no_file_is_an_error(tmp_path):
    for path, message in ((tmp_path / "none.jsonl", "no such file"), (tmp_path, "not a regular file")):
        with pytest.raises(EvalSetError, match=message):
            load_evalset(path)
    with pytest.raises(EvalSetError, match="not a regular file"):
        load_evalset("/dev/zero")
    with pytest.raises(EvalSetError, match="cannot be opened"):
        load_evalset("a\0b")


def test_only_the_newline_ends_a_line(tmp_path):
    text = "a\u2028b\u2029c\x85d\x7f"
    path = written(
        tmp_path,
        json.dumps({"id": "a", "input": text}, ensure_ascii=False).encode() + b"\r\n",
        b'{"id":"b","input":""}',
    )
    assert [case.input for case in read_cases(path)] == [text, ""]


def test_a_line_of_the_greatest_length_is_read(tmp_path):
    head, tail = b'{"id":"a","input":"', b'"}'
    room = lines.MAX_LINE - len(head) - len(tail)
    for end in (b"\n", b""):
        path = written(tmp_path, head + b"x" * room + tail + end)
        assert len(load_evalset(path).cases[0].input) == room
    path = written(tmp_path, head + b"x" * (room + 1) + tail)
    with pytest.raises(EvalSetError, match="more than 4,000,000 bytes"):
        load_evalset(path)


def test_load_evalset_names_the_set_and_keeps_file_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, {"id": "b", "input": "x"}, {"id": "a", "input": "y", "deprecated": "old"})
    loaded = load_evalset(path)
    assert (loaded.name, loaded.path, loaded.version, len(loaded)) == ("set", "set.jsonl", "", 1)
    assert [case.id for case in loaded.cases] == ["b", "a"]
    named = load_evalset(path, name="other", version="1.2.3", slices=["region"])
    assert (named.name, named.version, named.slices) == ("other", "1.2.3", ("region",))
    assert named.digest == loaded.digest


def test_the_canonical_line_has_the_order_of_the_contract():
    case = Case(
        deprecated="d", checks=({"use": "equals"},), id="a", tags=("t",), input="ü", target=["x"], weight=2, cluster="c"
    )
    assert case_line(case) == (
        '{"id":"a","input":"ü","target":["x"],"tags":["t"],"cluster":"c","weight":2,"checks":[{"use":"equals"}],"deprecated":"d"}'
    )


def test_equal_hashes_are_not_mistaken_for_equal_ids(tmp_path, monkeypatch):
    """Every id shares one hash here; a set of hashes alone would call the second line a duplicate."""
    monkeypatch.setattr("evalharness.evalset.seen_ids.hash", lambda key: 5, raising=False)
    path = written(tmp_path, *({"id": f"c{i}", "input": "x"} for i in range(20)))
    assert len(list(read_cases(path))) == 20
    path = written(tmp_path, *({"id": f"c{i}", "input": "x"} for i in (1, 2, 3, 2)))
    with pytest.raises(EvalSetError, match=':4: id: seen "c2", but line 2 has it already'):
        list(read_cases(path))


@given(st.lists(st.text(max_size=3)))
def test_seen_ids_is_a_set(keys):
    seen, model = SeenIds(), set()
    for key in [*keys, *map(str, range(1500))]:
        assert seen.add(key) == (key in model)
        model.add(key)


def test_duplicates_are_found_after_wrong_lines_too(tmp_path):
    path = written(tmp_path, b"nonsense\n", {"id": 3}, OK, OK)
    found = dict(scan_cases(path))
    assert [type(found[line]) for line in (1, 2, 3, 4)] == [EvalSetError, EvalSetError, Case, EvalSetError]
    assert "line 3 has it already" in found[4].message


def test_values_inside_a_case_are_read_only(tmp_path):
    case = load_evalset(written(tmp_path, {**OK, "metadata": {"a": {"b": [1]}}})).cases[0]
    with pytest.raises(TypeError):
        case.metadata["a"]["b"] = 2
    assert thaw(case.metadata) == {"a": {"b": [1]}}


def test_one_import_gives_every_reader():
    assert all(hasattr(jsonl, name) for name in jsonl.__all__)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("case-10", "case-1O", True),
        ("case-10", "case-l0", True),
        ("part-I", "part-1", True),
        ("Ill", "lll", True),
        ("q-i", "q-l", False),
        ("q-10", "q-01", False),
        ("modem", "modern", False),
    ],
)
def test_ids_that_a_reader_cannot_tell_apart_are_refused(tmp_path, first, second, refused):
    path = tmp_path / "s.jsonl"
    path.write_text("".join(f'{{"id":"{name}","input":"x"}}\n' for name in (first, second)))
    if not refused:
        assert len(load_evalset(path).cases) == 2
        return
    with pytest.raises(EvalSetError, match=rf's.jsonl:2: id: seen "{second}", which looks like "{first}" of line 1'):
        load_evalset(path)


@pytest.mark.parametrize("weight", ["1e9", "1e-9", "1e308"])
def test_no_weight_outweighs_all_others(tmp_path, weight):
    path = tmp_path / "s.jsonl"
    path.write_text(f'{{"id":"a","input":"x","weight":{weight}}}\n')
    with pytest.raises(EvalSetError, match=r"weight: .*expected 1e-06 to 1e.06"):
        load_evalset(path)
