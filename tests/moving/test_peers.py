"""DeepEval, Ragas, OpenAI's files, Inspect, lm-eval: cases, recorded answers, and totals counted twice."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.errors import EvalSetError, UsageError
from evalharness.evalset.answers import load_answers
from evalharness.moving.moved import Moved
from evalharness.moving.printed_lists import printed_list
from evalharness.moving.registry import KINDS, read_log, read_set, split_source
from tests.moving.test_archive import ZSTD, packed, raw_zip

FILES = Path(__file__).parent / "files"


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def answers_of(moved: Moved, tmp_path: Path) -> dict[str, dict[Any, Any]]:
    """Each system's answers, through the strict reader of answers files."""
    return {
        system: dict(load_answers(lines(tmp_path / f"answers-{n}.jsonl", [dict(line) for line in rows])))
        for n, (system, rows) in enumerate(moved.answers.items())
    }


def what(moved: Moved, state: str) -> set[str]:
    return {entry.what for entry in moved.entries if entry.state == state}


# --- DeepEval ---------------------------------------------------------------------------------------------------------


def test_goldens(tmp_path: Path) -> None:
    moved = read_set("deepeval", FILES / "goldens.json")
    assert (len(moved.cases), moved.rows, moved.counted, moved.counted_by) == (4, 4, 4, "brackets")
    by_input = {str(case.input): case for case in moved.cases}
    returns = by_input["What is the return window?"]
    assert returns.target == "30 days from delivery."
    assert returns.context == ("Returns are accepted within 30 days of delivery.",)
    assert returns.metadata["additional_metadata"] == {"region": "eu"}
    assert by_input["Cancel order 7"].target == {"tools": ({"name": "cancel", "args": {"id": 7}},)}
    assert by_input["My lamp is broken"].target == "The refund is offered"
    assert by_input["My lamp is broken"].metadata["scenario"] == "A customer wants a refund"
    answers = answers_of(moved, tmp_path)["deepeval"]
    assert [document.id for document in answers[returns.id, 0, 0].documents] == ["passage-1", "passage-2"]
    assert answers[by_input["My lamp is broken"].id, 0, 0].text == "I am sorry. Refund or exchange?"
    called = answers[by_input["Cancel order 7"].id, 0, 0].messages[0]["tool_calls"][0]["function"]
    assert called == {"name": "cancel", "arguments": '{"id": 7}'}
    assert "column name" in what(moved, "changed")
    assert {"column input", "column expected_output", "column retrieval_context"} <= what(moved, "kept")


def test_an_expected_text_beside_expected_calls_is_not_lost(tmp_path: Path) -> None:
    calls = [{"name": "price", "inputParameters": {"kg": 1}}]
    both = {"input": "q", "expected_output": "7 euros", "expected_tools": calls}
    moved = read_set("deepeval", lines(tmp_path / "g.jsonl", [both, {"input": "r", "expected_tools": calls}]))
    text, tools = sorted(moved.cases, key=lambda case: str(case.input))
    assert text.target == "7 euros"
    assert text.metadata["expected_tools"] == ({"name": "price", "args": {"kg": 1}},)
    assert tools.target == {"tools": ({"name": "price", "args": {"kg": 1}},)}
    assert "column expected_tools" in what(moved, "changed")


def test_goldens_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text(
        'input,actual_output,expected_output,retrieval_context\nq,a,e,"[""x"", ""y""]"\n,,e,\n', encoding="utf-8"
    )
    moved = read_set("deepeval", path)
    assert (len(moved.cases), moved.rows, moved.counted) == (1, 2, 2)
    assert "row" in what(moved, "dropped")
    (line,) = moved.answers["deepeval"]
    assert [document["text"] for document in line["documents"]] == ["x", "y"]


def test_passages_in_one_cell_are_put_apart_as_deepeval_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text("input,actual_output,retrieval_context,context\nq,a,r1|r2,c\n", encoding="utf-8")
    moved = read_set("deepeval", path)
    assert [document["text"] for document in moved.answers["deepeval"][0]["documents"]] == ["r1", "r2"]
    assert moved.cases[0].context == ("c",)
    assert "column retrieval_context" in what(moved, "changed")


# --- Ragas ------------------------------------------------------------------------------------------------------------


def test_ragas_old_and_new_columns(tmp_path: Path) -> None:
    new = {
        "user_input": "q",
        "response": "a",
        "retrieved_contexts": ["c"],
        "reference": "r",
        "reference_contexts": ["d"],
    }
    old = {"question": "q2", "answer": "a2", "contexts": ["c2"], "ground_truths": ["r2", "r3"]}
    turns = {"user_input": [{"type": "human", "content": "hi"}, {"type": "ai", "content": "hello"}], "reference": "r"}
    tools = {"user_input": "go", "reference_tool_calls": [{"name": "f", "args": {"x": 1}}, "broken"]}
    moved = read_set("ragas", lines(tmp_path / "r.jsonl", [new, old, turns, tools]))
    cases = {str(case.input): case for case in moved.cases}
    assert (cases["q"].target, cases["q"].context, cases["q2"].target) == ("r", ("d",), ("r2", "r3"))
    assert cases["hi"].target == "r"
    assert cases["go"].target == {"tools": ({"name": "f", "args": {"x": 1}},)}
    assert {key[0]: output.text for key, output in answers_of(moved, tmp_path)["ragas"].items()} == {
        cases["q"].id: "a",
        cases["q2"].id: "a2",
        cases["hi"].id: "hello",
    }


@pytest.mark.parametrize(
    "texts",
    [
        ["c1", "c2"],
        ["it's", 'say "so"'],
        ["both ' and \" here"],
        ["a\nb\tc\\d", "\x00\u2028\U0001f600ü"],
        [""],
        ["[x]", "', '"],
    ],
)
def test_lists_as_ragas_prints_them_into_csv(tmp_path: Path, texts: list[str]) -> None:
    path = tmp_path / "r.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["user_input", "retrieved_contexts", "response"], ["q", repr(texts), "a"]])
    moved = read_set("ragas", path)
    assert [document["text"] for document in moved.answers["ragas"][0]["documents"]] == texts


@pytest.mark.parametrize("cell", ["[]", "['a' + 'b']", "['a', 1]", "['a", "[__import__('os')]", "['a']]", "[['a']]"])
def test_what_is_no_printed_list_stays_a_text(cell: str) -> None:
    assert printed_list(cell) is None


def test_printed_messages_are_dropped_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("user_input,reference\n\"[{'content': 'hi', 'type': 'human'}]\",r\nq,r\n", encoding="utf-8")
    moved = read_set("ragas", path)
    assert [case.input for case in moved.cases] == ["q"]
    assert "row" in what(moved, "dropped")


def test_no_rows_of_the_kind(tmp_path: Path) -> None:
    with pytest.raises(EvalSetError, match="expected ragas rows"):
        read_set("ragas", lines(tmp_path / "r.jsonl", [{"x": 1}]))


# --- OpenAI -----------------------------------------------------------------------------------------------------------


def test_openai_evals_rows(tmp_path: Path) -> None:
    chat = {
        "input": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
        "ideal": ["a", "b"],
        "tag": 1,
    }
    plain = {"item": {"question": "q2", "ground_truth": "c"}, "sample": {"output_text": "d", "model": "m"}}
    moved = read_set("openai-evals", lines(tmp_path / "e.jsonl", [chat, plain, {"ideal": "x"}, {"input": []}]))
    assert [(case.input, case.target) for case in moved.cases] == [("q", ("a", "b")), ("q2", "c")]
    assert (moved.rows, moved.counted) == (4, 4)
    assert "input" in what(moved, "changed")
    assert "row" in what(moved, "dropped")
    ((key, output),) = answers_of(moved, tmp_path)["sample"].items()
    assert (key[0], output.text, output.model) == (moved.cases[1].id, "d", "m")
    with pytest.raises(EvalSetError, match="expected OpenAI Evals rows"):
        read_set("openai-evals", lines(tmp_path / "n.jsonl", [{"x": 1}]))


def test_output_items_of_openais_eval_runs(tmp_path: Path) -> None:
    item = {"question": "q", "ground_truth": "c"}
    answered = {"output": [{"role": "assistant", "content": "d"}], "model": "m", "finish_reason": "stop"}
    failed = {"output": [], "error": {"code": "x", "message": "no quota"}}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    rows = [
        {"object": "eval.run.output_item", "datasource_item": item, "sample": {**answered, "usage": usage}},
        {"object": "eval.run.output_item", "datasource_item": {**item, "question": "q2"}, "sample": failed},
    ]
    moved = read_set("openai-evals", lines(tmp_path / "o.jsonl", rows))
    assert [(case.input, case.target) for case in moved.cases] == [("q", "c"), ("q2", "c")]
    found = answers_of(moved, tmp_path)["sample"]
    first = found[moved.cases[0].id, 0, 0]
    assert (first.text, first.model, first.finish_reason) == ("d", "m", "stop")
    assert dict(first.usage) == {"prompt_tokens": 3, "completion_tokens": 4}
    assert found[moved.cases[1].id, 0, 0].message == "no quota"


def test_openai_batches(tmp_path: Path) -> None:
    body = {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]}
    asked = [{"custom_id": f"r-{n}", "method": "POST", "url": "/v1/x", "body": {**body, "n": n}} for n in range(2)]
    moved = read_set("openai-batch", lines(tmp_path / "in.jsonl", [*asked, {"custom_id": "r-9", "body": {}}]))
    assert [(case.id, case.input) for case in moved.cases] == [("r-0", "q"), ("r-1", "q")]
    assert {"body.model", "system message"} <= what(moved, "changed")
    message = {"role": "assistant", "content": "a"}
    calls = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    reply = {"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
    rows = [
        {"custom_id": "r-0", "response": {"status_code": 200, "body": reply}, "error": None},
        {"custom_id": "r-1", "response": {"status_code": 429, "body": {}}, "error": None},
        {"custom_id": "r-2", "response": None, "error": {"code": "x", "message": "gone"}},
        {"custom_id": "r-3", "response": {"status_code": 200, "body": {"choices": [{"message": calls}]}}},
        {
            "custom_id": "r-4",
            "response": {"status_code": 200, "body": {"output": [{"content": [{"type": "output_text", "text": "z"}]}]}},
        },
        {"custom_id": "r-5", "response": {"status_code": 200, "body": {"choices": [{"text": "t"}]}}},
    ]
    done = read_set("openai-batch", lines(tmp_path / "out.jsonl", rows))
    answers = answers_of(done, tmp_path)["batch"]
    assert (done.cases, done.rows, done.counted) == ((), 6, 6)
    first = answers["r-0", 0, 0]
    assert (first.text, first.finish_reason, dict(first.usage), first.model) == ("a", "stop", {"prompt_tokens": 1}, "m")
    assert [answers[f"r-{n}", 0, 0].message for n in (1, 2)] == ["status 429", "gone"]
    assert answers["r-3", 0, 0].messages[0]["tool_calls"][0]["function"]["name"] == "f"
    assert (answers["r-4", 0, 0].text, answers["r-5", 0, 0].text) == ("z", "t")
    with pytest.raises(EvalSetError, match="no custom_id"):
        read_set("openai-batch", lines(tmp_path / "n.jsonl", [{"x": 1}]))
    with pytest.raises(EvalSetError, match="no case can have as its id"):
        read_set("openai-batch", lines(tmp_path / "n.jsonl", [{"custom_id": "a b", "response": None}]))


# --- Inspect ----------------------------------------------------------------------------------------------------------


def sample(number: int, epoch: int = 1, **more: Any) -> dict[str, Any]:
    choice = {
        "message": {"role": "assistant", "content": [{"type": "text", "text": f"a{number}"}]},
        "stop_reason": "max_tokens",
    }
    output = {
        "model": "openai/gpt-5",
        "choices": [choice],
        "usage": {"input_tokens": 5, "output_tokens": 6},
        "time": 0.5,
    }
    return {
        "id": number,
        "epoch": epoch,
        "input": f"q{number}",
        "target": ["t"],
        "output": output,
        "scores": {"match": {"value": "C"}},
        "metadata": {"m": number},
        **more,
    }


HEADER = {"version": 2, "status": "success", "eval": {"model": "openai/gpt-5", "task": "x"}}


def log_json(tmp_path: Path, samples: list[Any], total: int) -> Path:
    path = tmp_path / "log.json"
    path.write_text(json.dumps({**HEADER, "results": {"total_samples": total}, "samples": samples}), encoding="utf-8")
    return path


def test_inspect_json(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "attachment://0123456789abcdef"}]
    samples = [
        sample(1),
        sample(1, epoch=2),
        sample(2, input=chat, attachments={"0123456789abcdef": "a long question"}, choices=["A", "B"], target=""),
        sample(3, output={"error": "it broke", "choices": []}),
        sample(4, input=[]),
    ]
    moved = read_set("inspect", log_json(tmp_path, samples, 5))
    moved.check_count("x")
    assert [(case.id, case.input, case.target) for case in moved.cases] == [
        ("1", "q1", ("t",)),
        ("2", "a long question", None),
        ("3", "q3", ("t",)),
    ]
    assert moved.cases[1].metadata["choices"] == ("A", "B")
    answers = answers_of(moved, tmp_path)["openai/gpt-5"]
    assert answers["1", 0, 0].text == answers["1", 1, 0].text == "a1"
    assert (answers["1", 0, 0].finish_reason, answers["1", 0, 0].latency_s) == ("length", 0.5)
    assert answers["3", 0, 0].message == "it broke"
    assert {"score match", "sample"} <= what(moved, "dropped")
    with pytest.raises(EvalSetError, match="Inspect's own total gives 9"):
        read_set("inspect", log_json(tmp_path, samples, 9)).check_count("x")


@pytest.mark.parametrize("zstd", [False, True])
def test_inspect_archives(tmp_path: Path, zstd: bool) -> None:
    members = {"header.json": HEADER, "summaries.json": [{"id": n} for n in range(3)], "_journal/summaries/1.json": []}
    members |= {f"samples/{n}_epoch_1.json": sample(n) for n in range(3)}
    path = tmp_path / "log.eval"
    if zstd:
        data = {name: json.dumps(value).encode() for name, value in members.items()}
        raw_zip(path, {name: (ZSTD, packed(plain), plain) for name, plain in data.items()})
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, value in members.items():
                archive.writestr(name, json.dumps(value))
    moved = read_set("inspect", path)
    moved.check_count("x")
    assert [case.id for case in moved.cases] == ["0", "1", "2"]
    assert (moved.counted, moved.counted_by) == (3, "the log's summaries")
    assert len(answers_of(moved, tmp_path)["openai/gpt-5"]) == 3


def test_epochs_of_an_archive_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        for epoch in (1, 2, 10):
            output = {"choices": [], "completion": f"epoch {epoch}"}
            archive.writestr(f"samples/1_epoch_{epoch}.json", json.dumps(sample(1, epoch, output=output)))
    moved = read_set("inspect", path)
    assert [line["output"] for line in moved.answers["openai/gpt-5"]] == ["epoch 1", "epoch 2", "epoch 10"]


def test_an_archive_that_lost_a_sample_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", json.dumps(HEADER))
        archive.writestr("summaries.json", json.dumps([{"id": 1}, {"id": 2}]))
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample(1)))
    with pytest.raises(EvalSetError, match="1 records were read, but the log's summaries gives 2"):
        read_set("inspect", path).check_count("x")


def test_no_inspect_log(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.eval", "w") as archive:
        archive.writestr("x.json", "{}")
    with pytest.raises(EvalSetError, match="expected an Inspect log"):
        read_set("inspect", tmp_path / "a.eval")
    with pytest.raises(EvalSetError, match="seen no samples"):
        read_set("inspect", log_json(tmp_path, [], 0))


# --- lm-eval ----------------------------------------------------------------------------------------------------------


def test_lm_eval_free_answers_with_two_filters(tmp_path: Path) -> None:
    def row(number: int, name: str, reply: str) -> dict[str, Any]:
        base = {
            "doc_id": number,
            "doc": {"question": f"q{number}"},
            "target": "7",
            "exact_match": 1.0,
            "metrics": ["exact_match"],
        }
        asked = {"gen_args_0": {"arg_0": f"Q: q{number}", "arg_1": {"until": ["\n"]}}}
        return {
            **base,
            "arguments": asked,
            "resps": [["raw 7"]],
            "filtered_resps": [reply],
            "filter": name,
            "doc_hash": "h",
        }

    rows = [row(n, name, f"{name} 7") for n in range(2) for name in ("strict", "flexible")]
    moved = read_set("lm-eval", lines(tmp_path / "samples.jsonl", [*rows, {**row(9, "strict", ""), "arguments": []}]))
    assert [(case.id, case.input, case.target) for case in moved.cases] == [
        ("doc-0", "Q: q0", "7"),
        ("doc-1", "Q: q1", "7"),
    ]
    assert (moved.rows, moved.counted) == (5, 5)
    answers = answers_of(moved, tmp_path)
    assert {name: found["doc-0", 0, 0].text for name, found in answers.items()} == {
        "strict": "strict 7",
        "flexible": "flexible 7",
    }
    assert "metric exact_match" in what(moved, "dropped")


def test_lm_eval_multiple_choice(tmp_path: Path) -> None:
    row = {
        "doc_id": 0,
        "doc": {},
        "target": 1,
        "filter": "none",
        "arguments": [["Q", " yes"], ["Q", " no"]],
        "resps": [[["-3.5", "False"]], [["-1.2", "True"]]],
        "filtered_resps": [["-3.5", "False"], ["-1.2", "True"]],
    }
    moved = read_set("lm-eval", lines(tmp_path / "samples.jsonl", [row]))
    assert (moved.cases[0].target, moved.cases[0].metadata["choices"]) == ("no", (" yes", " no"))
    assert moved.answers["none"][0]["output"] == "no"
    broken = {**row, "resps": [[["x", "y"]], 3], "filtered_resps": []}
    assert read_set("lm-eval", lines(tmp_path / "b.jsonl", [broken])).answers["none"][0]["output"] == "x"
    with pytest.raises(EvalSetError, match="expected lm-eval samples"):
        read_set("lm-eval", lines(tmp_path / "n.jsonl", [{"doc_id": 1}]))


# --- the registry -----------------------------------------------------------------------------------------------------


def test_words() -> None:
    assert split_source("deepeval:a:b.json") == ("deepeval", "a:b.json")
    assert split_source("a.csv") is split_source("hf:org/x@1:train") is None
    assert "langfuse" in KINDS
    with pytest.raises(UsageError, match="unknown kind 'deepevil'\n  tip: did you mean 'deepeval'"):
        read_set("deepevil", Path("x"))
    with pytest.raises(UsageError, match="unknown kind 'otle'"):
        read_log("otle", Path("x"))
