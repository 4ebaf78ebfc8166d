import json

import pytest

from evalharness.core.errors import EvalSetError
from evalharness.core.results import Document, Failure, Output
from evalharness.evalset.answers import load_answers, load_corpus, read_answers


def written(tmp_path, *rows):
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows))
    return path


def test_every_form_of_an_answer(tmp_path):
    full = {
        "id": "a",
        "output": "hi",
        "documents": ["d1", {"id": "d2", "text": "t", "score": 1}],
        "messages": [{"role": "assistant", "content": "hi"}],
        "usage": {"prompt_tokens": 3},
        "latency_s": 0.5,
        "cost_usd": 0,
        "finish_reason": "stop",
        "model": "m-1",
        "error": None,
    }
    path = written(
        tmp_path,
        full,
        {"id": "a", "output": "ho", "epoch": 1},
        {"id": "a", "output": "hu", "epoch": 1, "attempt": 1},
        {"id": "b", "output": {"z": "ü", "a": 1}},
        {"id": "c", "documents": []},
        {"id": "d", "error": "HTTP 500"},
        {"id": "e", "output": "", "latency_s": None},
    )
    answers = load_answers(path)
    first = answers["a", 0, 0]
    assert isinstance(first, Output)
    assert first.text == "hi"
    assert first.documents == (Document(id="d1"), Document(id="d2", text="t", score=1))
    assert (first.latency_s, first.cost_usd, first.finish_reason, first.model) == (0.5, 0, "stop", "m-1")
    assert answers["a", 1, 1].text == "hu"
    assert answers["b", 0, 0].text == '{"z": "ü", "a": 1}'
    assert answers["b", 0, 0].json() == {"z": "ü", "a": 1}
    assert answers["c", 0, 0] == Output()
    assert answers["d", 0, 0] == Failure(
        stage="candidate", kind="recorded_error", message="HTTP 500", blame="infrastructure"
    )
    assert answers["e", 0, 0].text == ""
    assert list(answers) == [key for key, _ in read_answers(path)]
    with pytest.raises(TypeError):
        answers["a", 0, 0] = None


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            b"{\n",
            ":2: column 2: not JSON: Expecting property name enclosed in double quotes, expected one strict JSON object a line",
        ),
        ({"output": "x"}, ":2: id: seen no such field, expected the id of the case"),
        (
            {"id": None, "output": "x"},
            ":2: id: seen null, expected 1 to 64 of the characters A-Z a-z 0-9 . _ - that start with a letter or digit",
        ),
        ({"id": "b"}, ":2: output: seen none, expected output, documents, messages or error"),
        ({"id": "b", "output": None}, ":2: output: seen none, expected output, documents, messages or error"),
        ({"id": "b", "output": 3}, ":2: output: seen 3, expected text or an object"),
        (
            {"id": "b", "text": "x"},
            ":2: text: seen an unknown field, expected one of id, output, documents, messages, usage, latency_s, cost_usd, finish_reason, model, error, epoch, attempt",
        ),
        ({"id": "a", "output": "x"}, ":2: id: seen 'a' epoch 0 attempt 0 again (line 1), expected each answer once"),
        ({"id": "b", "output": "x", "epoch": -1}, ":2: epoch: seen -1, expected a whole number >= 0"),
        ({"id": "b", "output": "x", "epoch": 1.5}, ":2: epoch: seen 1.5, expected a whole number >= 0"),
        ({"id": "b", "output": "x", "attempt": True}, ":2: attempt: seen true, expected a whole number >= 0"),
        ({"id": "b", "output": "x", "latency_s": -0.1}, ":2: latency_s: seen -0.1, expected a number from 0 to 1e+12"),
        ({"id": "b", "output": "x", "cost_usd": 1e308}, ":2: cost_usd: seen 1e+308, expected a number from 0 to 1e+12"),
        ({"id": "b", "output": "x", "cost_usd": "1"}, ':2: cost_usd: seen "1", expected a number from 0 to 1e+12'),
        ({"id": "b", "output": "x", "usage": 3}, ":2: usage: seen 3, expected an object"),
        ({"id": "b", "output": "x", "model": 3}, ":2: model: seen 3, expected text"),
        ({"id": "b", "error": ""}, ':2: error: seen "", expected text that is not blank'),
        ({"id": "b", "documents": "d"}, ':2: documents: seen "d", expected a list of ids or {id, text, score}'),
        (
            {"id": "b", "documents": [{"_id": "d"}]},
            ":2: documents[0]: seen an object, expected an id or {id, text, score}",
        ),
        ({"id": "b", "documents": [{"id": "d", "text": 1}]}, ":2: documents[0].text: seen 1, expected text"),
        ({"id": "b", "documents": [{"id": "d", "score": "1"}]}, ':2: documents[0].score: seen "1", expected a number'),
        (
            {"id": "b", "documents": ["d", {"id": "d"}]},
            ':2: documents[1]: seen "d" again, expected each document once in a ranking',
        ),
        ({"id": "b", "messages": ["x"]}, ":2: messages: seen a list of 1, expected a list of messages"),
    ],
)
def test_every_fault_of_an_answer_is_one_line(row, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EvalSetError) as caught:
        load_answers(written(tmp_path, {"id": "a", "output": "x"}, row))
    assert str(caught.value).split("\n")[0] == f"f.jsonl{expected}"


def test_a_corpus_is_read_in_beir_form(tmp_path):
    path = written(
        tmp_path,
        {"_id": "1", "title": "T", "text": "x", "metadata": {"any": 1}},
        {"_id": "2", "title": "", "text": "y"},
        {"_id": "3", "title": None, "text": ""},
    )
    assert [(doc.id, doc.text) for doc in load_corpus(path)] == [("1", "T\nx"), ("2", "y"), ("3", "")]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (b"[\n", ":2: column 2: not JSON: Expecting value, expected one strict JSON object a line"),
        ({"_id": "a", "text": "x"}, ':2: _id: seen "a" again (line 1), expected unique ids'),
        ({"_id": 3, "text": "x"}, ":2: _id: seen 3, expected text that is not blank"),
        ({"_id": "b"}, ":2: text: seen null, expected text"),
        ({"_id": "b", "text": "x", "title": 3}, ":2: title: seen 3, expected text"),
        ({"id": "b", "text": "x"}, ":2: id: seen an unknown field, expected one of _id, title, text, metadata"),
    ],
)
def test_every_fault_of_a_corpus_is_one_line(row, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EvalSetError) as caught:
        load_corpus(written(tmp_path, {"_id": "a", "text": "x"}, row))
    assert str(caught.value).split("\n")[0] == f"f.jsonl{expected}"


def test_empty_files_are_errors(tmp_path):
    for load, message in ((load_answers, "the answers file is empty"), (load_corpus, "the corpus is empty")):
        with pytest.raises(EvalSetError, match=message):
            load(written(tmp_path))


def test_document_ids_in_two_normal_forms_are_one(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"_id":"caf\u00e9","text":"a"}\n{"_id":"cafe\u0301","text":"b"}\n', encoding="utf-8")
    with pytest.raises(EvalSetError, match=r"corpus.jsonl:2: _id: "):
        load_corpus(path)
