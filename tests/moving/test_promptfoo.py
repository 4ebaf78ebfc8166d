"""promptfoo: configs, tables and results become cases, checks, candidates and answers; every item is accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalharness.core.errors import EvalSetError
from evalharness.moving.moved import Moved
from evalharness.moving.promptfoo import read_promptfoo
from evalharness.moving.promptfoo_asserts import Untranslatable, fill, translate
from evalharness.moving.promptfoo_csv import assertion_of_cell
from evalharness.moving.promptfoo_csv import test_of_row as of_row
from evalharness.moving.promptfoo_results import read_promptfoo_results
from evalharness.scorers.registry import score

FILES = Path(__file__).parent / "files"


def config(tmp_path: Path, text: str, name: str = "promptfooconfig.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def account(moved: Moved) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for entry in moved.entries:
        found.setdefault(entry.state, set()).add(entry.what)
    return found


# --- a whole config ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moved() -> Moved:
    return read_promptfoo(FILES / "promptfooconfig.yaml")


def test_the_config_has_at_least_fifteen_types_and_all_are_in_the_account(moved: Moved) -> None:
    import yaml

    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("type"), str) and value["type"] != "object":
                found.add(value["type"])
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(yaml.safe_load((FILES / "promptfooconfig.yaml").read_text(encoding="utf-8")))
    told = {
        what.removeprefix("assert ") for words in account(moved).values() for what in words if what.startswith("assert")
    }
    assert len(found) >= 20
    assert found - {"assert-set"} <= told
    assert "assert-set" in account(moved)["changed"]
    assert {"assert-set threshold", "assert starts-with", "assert levenshtein"} <= account(moved)["dropped"]


def test_lists_are_expanded_and_templates_filled(moved: Moved) -> None:
    returns = [case for case in moved.cases if case.metadata.get("description") == "returns in several countries"]
    assert sorted(case.input["question"] for case in returns) == sorted(
        f"Can I return a {thing} from {place}?" for thing in ("lamp", "chair") for place in ("Spain", "Norway", "Japan")
    )
    assert {check["value"] for case in returns for check in case.checks if check["use"] == "icontains"} == {
        *("Spain", "Norway", "Japan")
    }


def test_defaults_are_merged_into_each_case(moved: Moved) -> None:
    assert all(case.input["day"] == "Monday" for case in moved.cases)
    assert all(case.metadata["team"] == "support" for case in moved.cases)
    assert all(case.checks[0] == {"use": "contains", "value": "as an AI", "not": True} for case in moved.cases)


def test_the_two_counts_agree_and_a_difference_is_refused(moved: Moved) -> None:
    from dataclasses import replace

    moved.check_count("x")
    assert (moved.rows, moved.counted) == (6, 6)
    with pytest.raises(EvalSetError, match="6 records were read, but the tree of the file gives 7"):
        replace(moved, counted=7).check_count("x")


def test_answers_candidates_and_prompts(moved: Moved) -> None:
    answers = moved.answers["provider-output"]
    assert len(answers) == len(moved.cases) == 11
    assert {"order": 7} in [line["output"] for line in answers]
    setup = moved.setup
    assert setup["candidates"]["small-2"]["system"] == "prompts/promptfoo-2-system.jinja"
    assert setup["candidates"]["small-1"]["api_key_env"] == "SHOP_API_KEY"
    assert setup["files"]["prompts/promptfoo-1.jinja"].startswith("{%- set day = input.day -%}\n")
    assert setup["wishes"] == {
        "latency": {"threshold": 4.0},
        "cost": {"threshold": 0.01},
        "similar": {"threshold": 0.7},
        "judge": {"kind": "llm-rubric"},
    }


def test_every_line_of_the_config_is_under_an_entry(moved: Moved) -> None:
    """Each line that says something is named itself, or belongs to the value of a named one."""
    import yaml

    named = {
        int(place.split()[1].partition(".")[0]) for e in moved.entries for place in e.places if place.startswith("line")
    }
    text = (FILES / "promptfooconfig.yaml").read_text(encoding="utf-8")
    spans: list[tuple[int, int]] = []

    def walk(node: yaml.Node) -> None:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        for key, value in pairs:
            if key.start_mark.line + 1 in named:
                spans.append((key.start_mark.line + 1, value.end_mark.line + 1))
            walk(value)
        for item in node.value if isinstance(node, yaml.SequenceNode) else []:
            if item.start_mark.line + 1 in named:
                spans.append((item.start_mark.line + 1, item.end_mark.line + 1))
            walk(item)

    walk(yaml.compose(text, Loader=yaml.SafeLoader))
    containers = {"prompts:", "providers:", "defaultTest:", "tests:"}
    silent = [
        line
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#") and line.strip() not in containers
        if not any(first <= number <= last for first, last in spans)
    ]
    assert silent == []


def test_targets_come_from_similar_and_rubrics(moved: Moved) -> None:
    targets = {case.input["question"]: case.target for case in moved.cases if case.target is not None}
    assert targets == {
        "Say hello.": "Hello there!",
        "How is the weather at the shop?": "It says that it cannot know the weather.",
    }


def test_dropped_with_reasons(moved: Moved) -> None:
    why = {entry.what: entry.why for entry in moved.entries if entry.state == "dropped"}
    assert "it is code" in why["assert javascript"]
    assert "no such scorer word" in why["assert perplexity"]
    assert "about running" in why["evaluateOptions"]
    assert "OpenAI-compatible" in why["provider anthropic:messages:claude-opus"]
    assert "outside the case" in why["options.transform"]
    places = {entry.what: entry.places for entry in moved.entries}
    line = int(places["assert javascript"][0].split()[1])
    text = (FILES / "promptfooconfig.yaml").read_text(encoding="utf-8").splitlines()
    assert "javascript" in text[line - 1]


def test_lines_for_a_person(moved: Moved) -> None:
    lines = moved.lines("promptfoo:x")
    assert lines[0] == "promptfoo:x: 6 records (6 by the tree of the file), 11 cases, 11 recorded answers"
    assert any("(6 times, line " in line for line in lines)
    states = [line.split()[0] for line in lines[1:]]
    assert states == sorted(states, key=["dropped", "changed", "kept"].index)


# --- forms of configs -------------------------------------------------------------------------------------------------


def test_tests_in_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("q,__expected\n1,x\n2,contains: y\n", encoding="utf-8")
    (tmp_path / "b.yaml").write_text("- vars: {q: '3'}\n- vars: {q: '4'}\n", encoding="utf-8")
    (tmp_path / "c.jsonl").write_text('{"vars": {"q": "5"}}\n', encoding="utf-8")
    (tmp_path / "d.json").write_text('[{"vars": {"q": "6"}}]', encoding="utf-8")
    (tmp_path / "default.yaml").write_text("threshold: 1\n", encoding="utf-8")
    text = (
        "prompts: ['{{q}}']\nproviders: openai:gpt-5\ndefaultTest: file://default.yaml\ntests:\n"
        "  - file://a.csv\n  - b.yaml\n  - file://c.jsonl\n  - d.json\n  - file://make.py:tests\n  - vars: {q: '7'}\n"
    )
    moved = read_promptfoo(config(tmp_path, text))
    assert sorted(case.input["q"] for case in moved.cases) == list("1234567")
    assert (moved.rows, moved.counted) == (7, 7)
    assert "tests file://make.py:tests" in account(moved)["dropped"]
    assert moved.setup["candidates"] == {"gpt-5": {"model": "gpt-5", "prompt": "prompts/promptfoo.jinja"}}


def test_a_json_config_and_a_single_file_of_tests(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("q\n1\n", encoding="utf-8")
    path = config(
        tmp_path,
        json.dumps({"targets": [{"openai:gpt-5": {"config": {"temperature": 1}}}], "tests": "a.csv"}),
        "p.json",
    )
    moved = read_promptfoo(path)
    assert (moved.rows, moved.counted) == (1, 1)
    assert moved.setup["candidates"] == {}, "without prompts there is nothing that a model could be asked"


def test_variables_in_files_and_in_each_other(tmp_path: Path) -> None:
    (tmp_path / "doc.txt").write_text("the text", encoding="utf-8")
    text = (
        "tests:\n  - vars: {doc: 'file://doc.txt', code: 'file://x.js', a: 'see {{b}}', b: 'B', c: '{{ b | upper }}'}\n"
        "    provider: openai:x\n"
    )
    moved = read_promptfoo(config(tmp_path, text))
    (case,) = moved.cases
    assert case.input == {"doc": "the text", "code": "file://x.js", "a": "see B", "b": "B", "c": "{{ b | upper }}"}
    dropped = account(moved)["dropped"]
    assert {"vars code = file://x.js", "template in the variable c", "test provider"} <= dropped


def test_expansion_can_be_switched_off(tmp_path: Path) -> None:
    text = "tests:\n  - vars: {q: [1, 2]}\n    options: {disableVarExpansion: true, disableDefaultAsserts: true}\n"
    moved = read_promptfoo(
        config(tmp_path, text + "defaultTest: {assert: [{type: contains, value: x}], provider: p}\n")
    )
    assert [(dict(case.input), case.checks) for case in moved.cases] == [({"q": (1, 2)}, ())]
    assert "defaultTest.provider" in account(moved)["dropped"]


def test_cases_that_come_twice_are_one(tmp_path: Path) -> None:
    moved = read_promptfoo(config(tmp_path, "tests:\n  - vars: {q: a}\n  - vars: {q: a}\n"))
    assert (len(moved.cases), moved.rows) == (1, 2)
    assert "case" in account(moved)["dropped"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1", "expected a config with tests"),
        ("tests: []", "seen no tests"),
        ("tests: [1]", "expected a test"),
        ("tests: [{vars: [1]}]", "seen vars that is no table"),
        ("tests: [{assert: x}]", "seen assert that is no list"),
        ("tests: [{assert: [x]}]", "an assertion that is no object"),
        ("defaultTest: 3\ntests: [{}]", "expected a table"),
        ("tests: ['../../x.csv']", "expected a file inside"),
        ("tests: [{vars: {a: [" + ",".join(["1"] * 400) + "], b: [" + ",".join(["1"] * 400) + "]}}]", "160,000 cases"),
        ("tests: ['x.yaml']", "No such file"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(EvalSetError) as caught:
        read_promptfoo(config(tmp_path, text))
    assert said in str(caught.value)


@pytest.mark.parametrize(("name", "text"), [("x.yaml", "a: 1"), ("x.yaml", "[1]"), ("x.jsonl", "1\n")])
def test_files_of_tests_that_are_none(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(EvalSetError, match="expected a"):
        read_promptfoo(config(tmp_path, f"tests: [{name}]"))


def test_prompts_that_cannot_be_read_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "chat.json").write_text(
        '[{"role": "user", "content": "{{q}}"}, {"role": "assistant", "content": "A"}, {"role": "user", "content": "B"}]',
        encoding="utf-8",
    )
    text = "prompts: [file://x.py, {id: chat.json}, 3, '[1]', '[broken']\nproviders: [openai:gpt-5, 7]\ntests: [{vars: {q: a}}]\n"
    moved = read_promptfoo(config(tmp_path, text))
    assert {"prompt file://x.py", "prompt", "provider 7"} <= account(moved)["dropped"]
    first = moved.setup["candidates"]["gpt-5-1"]
    assert [message["role"] for message in first["messages"]] == ["user", "assistant"]
    assert moved.setup["files"]["prompts/promptfoo-2.jinja"].endswith("[1]")


# --- one assertion ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assertion", "output", "passed"),
    [
        ({"type": "contains-any", "value": 'a, "b, c"'}, "x b, c", True),
        ({"type": "contains-all", "value": ["a", "b"]}, "a", False),
        ({"type": "not-icontains", "value": "AI"}, "an ai", False),
        ({"type": "regex", "value": r"(?<year>\d{4})"}, "in 2026", True),
        ({"type": "word-count", "value": 2}, "two words", True),
        ({"type": "levenshtein", "value": "test", "threshold": 1}, "tess", True),
        ({"type": "equals", "value": {"a": 1}}, '{"a": 1}', True),
        ({"type": "is-json", "value": {"type": "array"}}, "{}", False),
        ({"type": "is-refusal"}, "I cannot help with that.", True),
        ({"type": "ends-with", "value": "{{q}}"}, "says Q", True),
        ({"type": "bleu", "value": "the cat sat on the mat", "threshold": 0.9}, "the cat sat on the mat", True),
    ],
)
def test_checks_judge_as_promptfoo_does(assertion: dict[str, Any], output: str, passed: bool) -> None:
    result = translate(assertion, {"q": "Q"})
    assert result.check is not None
    found = score(result.check, output=output, case={})
    assert found.passed is passed  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("assertion", "why"),
    [
        ({}, "no type"),
        ({"type": "webhook", "value": "http://x"}, "code"),
        ({"type": "contains"}, "no value"),
        ({"type": "contains", "value": "{{x.y}}"}, "'x.y'"),
        ({"type": "contains", "value": "{% if x %}"}, "more than name a variable"),
        ({"type": "contains", "value": "file://x.txt"}, "file://x.txt"),
        ({"type": "contains-any", "value": "a,,b"}, "empty one"),
        ({"type": "regex", "value": "["}, "Python's syntax"),
        ({"type": "is-json", "value": "x"}, "no object"),
        ({"type": "latency"}, "no threshold"),
        ({"type": "not-llm-rubric", "value": "x"}, "negation"),
        ({"type": "similar:dot", "value": "x"}, "cosine only"),
        ({"type": "similar", "value": "x", "threshold": "much"}, "a number belongs"),
        ({"type": "contains", "value": "x", "weight": 0}, "weight 0"),
        ({"type": "trajectory:tool-used", "value": {"pattern": "x"}}, "no counterpart"),
        ({"type": "trajectory:tool-sequence", "value": "x"}, "no list"),
        ({"type": "invented"}, "no such scorer word"),
        ({"type": "select-best", "value": "x"}, "compare"),
    ],
)
def test_what_has_no_counterpart_is_dropped_with_the_reason(assertion: dict[str, Any], why: str) -> None:
    result = translate(assertion, {"x": {"z": 1}})
    assert why in result.dropped
    assert result.check is None


def test_tool_assertions() -> None:
    used = translate({"type": "trajectory:tool-used", "value": "search"}, {}).check
    order = translate({"type": "trajectory:tool-sequence", "value": {"mode": "exact", "steps": ["a", "b"]}}, {}).check
    f1 = translate({"type": "tool-call-f1", "value": "a, b", "metric": "tools", "weight": 2}, {}).check
    assert used == {"use": "tool_calls", "value": [{"name": "search"}], "extra": "allow"}
    assert order == {"use": "tool_sequence", "value": [{"name": "a"}, {"name": "b"}], "order": "strict"}
    assert f1 is not None
    assert (f1["metric"], f1["weight"], f1["threshold"]) == ("tools", 2, 1.0)


def test_filling_reaches_into_lists_and_objects() -> None:
    assert fill([{"a": "{{x}} {{y.z}}"}, 3], {"x": 1, "y": {"z": [2]}}) == [{"a": "1 [2]"}, 3]
    with pytest.raises(Untranslatable):
        fill("{{nothing}}", {})
    assert fill("{{x}}", {"x": "{{ y }}"}) == "{{ y }}", "what a variable holds is text, not a template"


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("Paris", {"type": "equals", "value": "Paris"}),
        ("contains: Paris", {"type": "contains", "value": "Paris"}),
        ("not-contains:Paris", {"type": "not-contains", "value": "Paris"}),
        ("similar: a city", {"type": "similar", "value": "a city", "threshold": 0.8}),
        ("similar(0.5): a city", {"type": "similar", "value": "a city", "threshold": 0.5}),
        ("levenshtein(2): x", {"type": "levenshtein", "value": "x", "threshold": 2.0}),
        ("is-json", {"type": "is-json"}),
        ('is-json: {"type": "object"}', {"type": "is-json", "value": {"type": "object"}}),
        ("is-json: broken", {"type": "is-json", "value": "broken"}),
        ("grade: is kind", {"type": "llm-rubric", "value": "is kind"}),
        ("fn: output.length", {"type": "javascript", "value": "output.length"}),
        ("latency: 500", {"type": "latency", "threshold": 500.0}),
        ("Note: this is a text", {"type": "equals", "value": "Note: this is a text"}),
        ("contains", {"type": "equals", "value": "contains"}),
        ("12:30", {"type": "equals", "value": "12:30"}),
    ],
)
def test_cells(cell: str, assertion: dict[str, Any]) -> None:
    assert assertion_of_cell(cell) == assertion


def test_special_columns(tmp_path: Path) -> None:
    header = "q,__expected1,__expected2,__metric,__threshold,__description,__providerOutput,__metadata:topic,"
    header += "__metadata:tags[],__config:__expected1:threshold,__prefix,__unknown"
    row = 'hi,levenshtein: hello,contains: h,tone,0.5,first,hello,greeting,"a, b",7,Well ,z'
    path = config(tmp_path, f"{header}\n{row}\n,,,,,,,,,,,\n", "tests.csv")
    moved = read_promptfoo(path)
    case = next(case for case in moved.cases if case.input["q"] == "hi")
    assert case.checks == (
        {"use": "max_edits", "value": "hello", "max": 7, "metric": "tone"},
        {"use": "contains", "value": "h", "metric": "tone"},
    )
    assert case.metadata == {
        "topic": "greeting",
        "tags": ("a", "b"),
        "description": "first",
        "promptfoo_threshold": 0.5,
    }
    assert moved.answers["provider-output"] == ({"id": case.id, "output": "hello"},)
    assert {"options.prefix", "test __unknown"} <= account(moved)["dropped"]
    assert (moved.rows, moved.counted, moved.counted_by) == (2, 2, "quotation marks")


def test_settings_for_all_expectations() -> None:
    test = of_row({"q": "1", "__expected": "similar: x", "__config:__expected:threshold": "0.3"})
    assert test["assert"] == [{"type": "similar", "value": "x", "threshold": 0.8}]
    assert of_row({"__threshold": "half"})["threshold"] == "half"


# --- results ----------------------------------------------------------------------------------------------------------


def results(**stats: int) -> dict[str, Any]:
    def row(test: int, prompt: int, **more: Any) -> dict[str, Any]:
        case = {"vars": {"q": f"q{test}"}, "assert": [{"type": "contains", "value": "x"}], "providerOutput": "no"}
        base = {"testIdx": test, "promptIdx": prompt, "testCase": case, "vars": {"q": f"q{test}"}}
        return {**base, "provider": {"id": "openai:gpt-5", "label": "big"}, "latencyMs": 1500, **more}

    good = {"output": "x", "tokenUsage": {"prompt": 3, "completion": 4}, "cost": 0.1, "finishReason": "stop"}
    rows = [
        row(0, 0, response=good),
        row(0, 1, response={"output": {"a": 1}, "cached": True}),
        row(1, 0, response={"output": 7}),
        row(1, 1, response={"error": "boom"}),
        row(1, 1, error="lost"),
    ]
    return {"evalId": "e", "results": {"version": 3, "results": rows, "stats": stats}}


def test_results(tmp_path: Path) -> None:
    path = config(tmp_path, json.dumps(results(successes=2, failures=2, errors=1)), "out.json")
    moved = read_promptfoo_results(path)
    assert (len(moved.cases), moved.rows, moved.counted) == (2, 5, 5)
    first = moved.answers["big prompt 0"][0]
    assert {k: first[k] for k in ("output", "latency_s", "cost_usd", "finish_reason")} == {
        "output": "x",
        "latency_s": 1.5,
        "cost_usd": 0.1,
        "finish_reason": "stop",
    }
    assert first["usage"] == {"prompt_tokens": 3, "completion_tokens": 4}
    second = moved.answers["big prompt 1"]
    assert [line.get("error") for line in second] == [None, "boom", "lost"]
    assert second[2]["epoch"] == 1
    assert "latency_s" not in second[0]
    assert moved.answers["big prompt 0"][1]["output"] == "7"


def test_results_whose_totals_differ_are_refused(tmp_path: Path) -> None:
    path = config(tmp_path, json.dumps(results(successes=2, failures=9, errors=1)), "out.json")
    with pytest.raises(EvalSetError, match="5 records were read, but promptfoo's own totals gives 12"):
        read_promptfoo_results(path).check_count("x")


def test_no_results(tmp_path: Path) -> None:
    with pytest.raises(EvalSetError, match="expected a promptfoo results file"):
        read_promptfoo_results(config(tmp_path, "{}", "out.json"))
