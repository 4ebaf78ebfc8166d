import csv
import datetime as dt
import decimal
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.core.errors import EvalSetError, ExtraMissing, UsageError
from evalharness.evalset import importers
from evalharness.evalset.importers import import_cases, write_import
from evalharness.evalset.jsonl import load_evalset, read_cases
from evalharness.evalset.lock import read_lock
from evalharness.evalset.mapping import parse_map

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name, text):
    with open(name, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return name


def shown(imported):
    return [case.to_json() for case in imported.cases]


# --- CSV and TSV: a cell is the text in the file ------------------------------------------------------------------------


def test_csv_cells_stay_text():
    rows = [
        ("001", "NA", "null"),
        ("002", "1.0", "True"),
        ("003", "nan", "2024-01-01"),
        ("004", "12345678901234567890123", "007"),
    ]
    put("a.csv", "id,question,answer\n" + "".join(",".join(row) + "\n" for row in rows))
    imported = import_cases("a.csv")
    assert [(c.id, c.input, c.target) for c in imported.cases] == rows
    assert (imported.rows, imported.counted, imported.changed, imported.dropped) == (4, 4, (), ())
    assert imported.columns == {"id": "id", "input": "question", "target": "answer"}


def test_the_library_alone_would_have_changed_them(monkeypatch):
    """Why CSV is not read through datasets: the negative control of the test above."""
    datasets = pytest.importorskip("datasets", reason="the extra 'data' is not installed")
    monkeypatch.setattr(
        datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", False
    )  # it tells a server of each file that is read
    put("a.csv", "id,question,answer\n001,a,NA\n002,b,x\n")
    rows = list(datasets.load_dataset("csv", data_files="a.csv", split="train", streaming=True))
    assert rows[0] == {"id": 1, "question": "a", "answer": None}
    put("r.csv", "id,question\n1,2,3\n4,5,6\n")
    rows = list(datasets.load_dataset("csv", data_files="r.csv", split="train", streaming=True))
    assert rows[0] == {"id": 2, "question": 3}


@given(
    rows=st.lists(st.tuples(cells.filter(bool), cells.filter(bool)), min_size=1, max_size=8, unique=True),
    tab=st.booleans(),
)
def test_any_cell_survives(rows, tab, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / ("a.tsv" if tab else "a.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t" if tab else ",").writerows([("input", "target"), *rows])
    imported = import_cases(str(path))
    assert sorted((case.input, case.target) for case in imported.cases) == sorted(rows)
    assert imported.counted == len(rows)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("q,a\n1,2,3\n", "a.csv:2: seen 3 cells, expected 2 as in the header"),
        ('q,a\n"x\ny",z\n1\n', "a.csv:4: seen 1 cells, expected 2 as in the header"),
        ('q,a\n"x"y,z\n', "a.csv:2: seen broken CSV: ',' expected after '\"'"),
        ('q,a\n"x,z\n', "a.csv:2: seen broken CSV: unexpected end of data"),
        ("", "a.csv: the file is empty, expected a header row"),
        ("q;a\n1;2\n", "a.csv:1: seen cells separated by ';', expected ','"),
        ("q,q\n1,2\n", 'a.csv:1: seen the column name "q", expected names that are unique and not blank'),
        ("q,\n1,2\n", 'a.csv:1: seen the column name "", expected names that are unique and not blank'),
        ('input,a\n5" disk,2\n', "a.csv: 1 rows were read, but a second count gives 0: nothing was imported"),
        ("q,a\n1,2\n", "no column can be the input among q, a"),
        ("question,prompt\n1,2\n", "columns question and prompt could all be input"),
        ("input,a\n,2\n", "a.csv: none of 1 rows made a case: no input: 1 row (1)"),
        (
            "input,weight\nx,heavy\n",
            'a.csv: row 1: weight: seen "heavy" (not JSON: Expecting value), expected JSON in the cell',
        ),
        ("input,weight\nx,-1\n", "a.csv: row 1: weight: seen -1, expected a number > 0"),
        ("input,relevant\nx,[]\n", "a.csv: row 1: relevant: seen an empty list, expected an object"),
        ('input,metadata,region\nx,"[1]",eu\n', "a.csv: row 1: metadata: seen a list of 1, expected an object"),
    ],
)
def test_faulty_csv_is_refused(text, error):
    put("a.csv", text)
    with pytest.raises((EvalSetError, UsageError)) as caught:
        import_cases("a.csv")
    assert str(caught.value).split("\n")[0] == error


def test_encodings():
    put("a.csv", "\ufeffinput\nü\n")
    assert import_cases("a.csv").changed == ("byte-order mark removed",)
    with open("b.csv", "wb") as file:
        file.write(b"input\nx\n\xfc\n")
    with pytest.raises(EvalSetError, match=r"b\.csv:3: seen byte 0xfc, expected UTF-8"):
        import_cases("b.csv")


def test_every_field_can_come_from_cells():
    put(
        "a.csv",
        "ref;area;tags;weight;relevant;contexts;q\n".replace(";", ",")
        + '"x",eu,"a, b",2,"{""d1"": 1}",one page,ask\n'
        + '"x",us,"[""c""]",1.5,"{}","[""p"", {""id"": ""i"", ""text"": ""t""}]",other\n',
    )
    imported = import_cases("a.csv", mapping=parse_map(["input=q", "target=ref", "metadata.region=area"]))
    first, second = sorted(shown(imported), key=lambda case: case["input"])
    assert first.pop("id").startswith("h-")
    assert first == {
        "input": "ask",
        "target": "x",
        "relevant": {"d1": 1},
        "context": ["one page"],
        "metadata": {"region": "eu"},
        "tags": ["a", "b"],
        "weight": 2,
    }
    assert second["context"] == ["p", {"id": "i", "text": "t"}]
    assert second["tags"] == ["c"]


def test_ids_are_made_kept_or_replaced_and_said():
    put(
        "a.csv",
        "id,input,lang\nok,one,de\n,two,de\nHumanEval/0,three,de\nOK,four,de\nok,one,en\n,two,en\nHumanEval/0,three,en\n",
    )
    imported = import_cases("a.csv")
    ids = {case.input: case.id for case in imported.cases}
    assert ids["one"] == "ok"
    assert len(ids["two"]) == len("h-") + 12
    assert len({*ids.values()}) == 4
    assert [case.metadata.get("source_id") for case in imported.cases if case.input in {"three", "four"}].count(
        "OK"
    ) == 1
    assert imported.changed == (
        "id: empty cells left out: 2 rows (2, 6)",
        "ids with characters that an id cannot have replaced by a content hash, kept as metadata.source_id: 2 rows (3, 7)",
        "ids in use already replaced by a content hash, kept as metadata.source_id: 1 row (4)",
    )
    assert imported.dropped == ("the same as an earlier row: 3 rows (5, 6, 7)",)
    assert imported.counted == imported.rows == 7
    assert [case.id for case in import_cases("a.csv").cases] == [case.id for case in imported.cases]


# --- JSON lines ---------------------------------------------------------------------------------------------------------


def test_jsonl_keeps_every_kind():
    rows = [
        {"id": 1, "question": "a", "ideal": ["x", "y"], "n": 12345678901234567890123, "day": "2024-01-01", "e": {}},
        {"id": "2", "question": "b", "ideal": 3, "n": None, "ok": True},
        {"id": "3", "question": True},
        {"id": "4", "question": 5},
    ]
    put("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    imported = import_cases("a.jsonl")
    assert shown(imported)[:2] == [
        {
            "id": "1",
            "input": "a",
            "target": ["x", "y"],
            "metadata": {"n": 12345678901234567890123, "day": "2024-01-01", "e": {}},
        },
        {"id": "2", "input": "b", "target": 3, "metadata": {"ok": True}},
    ]
    assert [case.input for case in imported.cases[2:]] == ["true", "5"]
    assert imported.changed == (
        "id: numbers written as text: 1 row (1)",
        "input: true and false written as text: 1 row (3)",
        "input: numbers written as text: 1 row (4)",
    )
    assert imported.counted == 4


def test_promptfoo_rows():
    row = {
        "vars": {"q": "hi"},
        "assert": [{"type": "icontains", "value": "x"}, {"type": "not-regex", "value": "y+"}, {"use": "is_json"}],
    }
    put("a.jsonl", json.dumps(row))
    (case,) = shown(import_cases("a.jsonl"))
    assert case["input"] == {"q": "hi"}
    assert case["checks"] == [
        {"use": "icontains", "value": "x"},
        {"use": "regex", "pattern": "y+", "not": True},
        {"use": "is_json"},
    ]
    put("a.jsonl", json.dumps({"vars": {}, "assert": [{"type": "javascript", "value": "1"}]}))
    with pytest.raises(EvalSetError, match='seen the assertion "javascript", expected one of'):
        import_cases("a.jsonl")
    kept = import_cases("a.jsonl", mapping=parse_map(["metadata.assert=assert"]))
    assert "assert" in kept.cases[0].metadata


def test_dots_lead_into_objects():
    put(
        "a.jsonl",
        '{"q": {"text": "hi"}, "answers": {"text": ["a", "b"], "start": [1]}}\n{"q": {"text": "ho"}, "answers": 3}\n',
    )
    imported = import_cases("a.jsonl", mapping=parse_map(["input=q.text", "target=answers.text"]))
    assert sorted((case.input, case.target) for case in imported.cases if case.target) == [("hi", ("a", "b"))]
    assert len(imported.cases) == 2


def test_faulty_jsonl_names_its_line():
    put("a.jsonl", '{"input": "x"}\n{"input": NaN}\n')
    with pytest.raises(EvalSetError, match=r"a\.jsonl:2: seen NaN is not a JSON number"):
        import_cases("a.jsonl")


def test_a_json_array_is_read_but_has_no_second_count():
    put("a.json", '[{"input": "x"}, {"input": "y"}]')
    imported = import_cases("a.json")
    assert (len(imported.cases), imported.counted) == (2, None)
    assert imported.lines()[0] == "a.json: 2 rows (no second count), 2 cases"
    for text, message in (("[1]", "seen 1 as item 0, expected an object"), ("[", "expected strict JSON")):
        put("a.json", text)
        with pytest.raises(EvalSetError, match=message):
            import_cases("a.json")


# --- Parquet and Hugging Face, through the real library ---------------------------------------------------------------------


def parquet(path, columns):
    import pyarrow as pa
    from pyarrow import parquet as pq

    pq.write_table(pa.table(columns), path)


def test_parquet_through_the_library():
    parquet(
        "a.parquet",
        {
            "id": ["001", "002", None],
            "question": ["2024-01-01", "b", "c"],
            "answer": [dt.date(2024, 1, 1), None, None],
            "price": [decimal.Decimal("1.10"), None, None],
            "big": [2**60 + 1, 0, 0],
            "rate": [1.5, float("nan"), float("inf")],
            "raw": [b"x", None, None],
            "extra": [{"a": 1}, {"b": [1, 2]}, None],
        },
    )
    imported = import_cases("a.parquet")
    cases = {case["input"]: case for case in shown(imported)}
    assert cases["2024-01-01"] == {
        "id": "001",
        "input": "2024-01-01",
        "target": "2024-01-01",
        "metadata": {"price": "1.10", "big": 2**60 + 1, "rate": 1.5, "extra": {"a": 1, "b": None}},
    }
    assert cases["b"]["metadata"] == {"big": 0, "extra": {"a": None, "b": [1, 2]}}
    assert set(imported.changed) == {
        "extra: Parquet gives every object of a column the same keys, absent ones are null",
        "answer: date written as text: 1 row (1)",
        "price: Decimal written as text: 1 row (1)",
        "raw: bytes left out, JSON cannot hold it: 1 row (1)",
        "rate: nan left out, it is no JSON number: 1 row (2)",
        "rate: inf left out, it is no JSON number: 1 row (3)",
    }
    assert imported.counted == 3


def test_broken_parquet_is_refused():
    put("a.parquet", "no parquet")
    with pytest.raises(EvalSetError, match="seen broken Parquet"):
        import_cases("a.parquet")
    with pytest.raises(EvalSetError, match="no such file"):
        import_cases("b.parquet")


def test_a_hugging_face_folder_at_a_revision(folder):
    (folder / "data").mkdir()
    put("data/train.jsonl", '{"id": "001", "question": "2024-01-01"}\n{"id": "002", "question": "b"}\n')
    imported = import_cases("hf:./data@v1.0:train", offline=True)
    assert [(case.id, case.input) for case in imported.cases] == [("001", "2024-01-01"), ("002", "b")]
    assert (imported.source.origin, imported.source.revision, imported.counted) == ("hf:./data", "v1.0", 2)
    (folder / "csv").mkdir()
    put("csv/test.csv", "id,question\n001,NA\n")
    (case,) = import_cases("hf:./csv@v1:test").cases
    assert (case.id, case.input) == ("001", "NA")
    (folder / "pq").mkdir()
    for number in (0, 1):
        parquet(f"pq/validation-0000{number}-of-00002.parquet", {"prompt": [f"p{number}"]})
    imported = import_cases("hf:./pq@v1:validation")
    assert sorted(case.input for case in imported.cases) == ["p0", "p1"]
    assert imported.counted == 2
    assert len(imported.source.sha256) == 64


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("hf:org/name:train", "'hf:org/name:train' is not hf:NAME@REVISION:SPLIT"),
        ("hf:org/name@:train", "'hf:org/name@:train' is not hf:NAME@REVISION:SPLIT"),
        ("hf:org/name@abc:train", "'hf:org/name@abc:train' needs the network, and this command is offline"),
        ("hf:./data@v1:nope", "'hf:./data@v1:nope': there is no split 'nope'"),
        ("hf:./text@v1:train", "hf:./text@v1:train: seen data of the form "),
        ("hf:./none_inside@v1:train", "hf:./none_inside@v1:train: cannot be read: "),
        ("a.xlsx", "'a.xlsx': cannot tell its form"),
        ("none.csv", "none.csv: no such file"),
    ],
)
def test_sources_that_cannot_be_imported(folder, source, error):
    for name in ("data", "text", "none_inside"):
        (folder / name).mkdir()
    put("data/train.jsonl", '{"input": "x"}\n')
    put("text/train.txt", "x\n")
    with pytest.raises((EvalSetError, UsageError)) as caught:
        import_cases(source, offline=True)
    assert str(caught.value).startswith(error)


def test_a_missing_library_is_one_line(monkeypatch):
    parquet("a.parquet", {"input": ["x"]})
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ExtraMissing) as caught:
        import_cases("a.parquet")
    assert str(caught.value) == "importing Parquet and Hugging Face data needs: pip install 'evalharness[data]'"


# --- mapping and writing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["input"], "--map 'input': expected field=column, for example input=question"),
        (["=q"], "--map '=q': expected field=column, for example input=question"),
        (["inptu=q"], "--map 'inptu=q': 'inptu' is no field of a case"),
        (["metadata.=q"], "--map 'metadata.=q': 'metadata.' is no field of a case"),
        (["input=q", "input=p"], "--map: input is mapped twice, to 'q' and 'p'"),
        (["input=quesion"], "--map input=quesion: there is no column 'quesion'"),
    ],
)
def test_wrong_maps_are_refused(words, error):
    put("a.csv", "question\nx\n")
    with pytest.raises(UsageError) as caught:
        import_cases("a.csv", mapping=parse_map(words))
    assert str(caught.value).split("\n")[0] == error


def test_an_import_is_written_and_locked_with_its_source(folder):
    put("a.csv", "id,input\nb,y\na,x\n")
    imported = import_cases("a.csv")
    assert write_import(folder / "s.jsonl", imported, name="s", root=folder) == "1.0.0"
    assert [case.id for case in read_cases("s.jsonl")] == ["a", "b"]
    entry = read_lock("evalh.lock").evalsets["s"]
    assert (entry.source.origin, len(entry.source.sha256), entry.n) == ("a.csv", 64, 2)
    assert entry.source.importer.startswith("evalharness ")
    assert entry.digest == load_evalset("s.jsonl").digest
    with pytest.raises(EvalSetError, match="exists already"):
        write_import(folder / "s.jsonl", imported, name="s", root=folder)
    put("a.csv", "id,input\nb,y\na,x\nc,z\n")
    assert write_import(folder / "s2.jsonl", import_cases("a.csv"), name="s", root=folder) == "1.1.0"


def test_the_report_says_everything():
    put("a.csv", "question,area\nx,eu\n,us\n")
    assert import_cases("a.csv").lines() == [
        "a.csv: 2 rows (2 by a second count), 1 cases",
        "  input from column question",
        "  metadata.area from column area",
        "  changed: question: empty cells left out: 1 row (2)",
        "  dropped: no input: 1 row (2)",
    ]


def test_a_moving_revision_is_named_with_the_commit_it_stood_at():
    table = importers.Table(columns=("input",), rows=[], counted=0, sha256="")
    commit = "0123456789abcdef0123456789abcdef01234567"
    files = [f"hf://datasets/org/name@{commit}/train.jsonl"]
    (note,) = importers._pinned(table, files, "main", local=False).notes
    assert note == f"revision main can move; it was {commit}: import that commit to pin it"
    assert importers._pinned(table, files, commit, local=False).notes == ()
    assert importers._pinned(table, files, "main", local=True).notes == ()
    assert "not resolved" in importers._pinned(table, ["train.jsonl"], "main", local=False).notes[0]


@pytest.mark.parametrize("shown", ["a.csv", "data/a.csv"])
def test_the_lock_names_no_folder_of_one_machine(tmp_path, monkeypatch, shown):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for path in (tmp_path / "a.csv", tmp_path / "data" / "a.csv"):
        path.write_text("input\nx\n", encoding="utf-8")
    assert import_cases(shown).source.origin == shown
    assert import_cases(str(tmp_path / shown)).source.origin == "a.csv"
    assert import_cases(f"data/../{shown}").source.origin == "a.csv"
