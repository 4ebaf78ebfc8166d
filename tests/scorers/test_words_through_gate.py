"""Every scorer word of the contract as a guard of a real gate over recorded answers: equal answers pass, worse ones fail."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from evalharness.cli.main import main
from evalharness.scorers.registry import WORDS
from tests.scorers.test_similarity import WordModel, folder, model

__all__ = ["folder", "model"]  # fixtures

N = 80
ELSEWHERE = frozenset(
    [
        "judge",
        "table",
        "invariance",
        "direction",
        "injection",
        "leak",
        "language",
        "length",
        "grounding",
        "ifeval",
        "turns",
        "similar",
        "bertscore",
    ]
)
"""Judges, behaviour groups, conversations and IFEval have rooms of their own; the two that need a model are at the end."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A word as a guard: its table, its case, an answer that is right and one that is wrong."""

    good: Any
    bad: Any
    case: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    limit: Mapping[str, Any] = field(default_factory=lambda: {"margin": 0.2})
    gate: str = ""
    odd: Row | None = None
    """Every second case, where a constant target would say nothing."""


def text(good: Any, bad: Any, target: Any = None, **params: Any) -> Row:
    case = {} if target is None else {"target": target}
    return Row(good={"output": good}, bad={"output": bad}, case=case, params=params)


def calls(*names: str) -> dict[str, Any]:
    made = [{"function": {"name": name, "arguments": '{"id": 7}'}} for name in names]
    return {"output": "done", "messages": [{"role": "assistant", "content": "done", "tool_calls": made}]}


def ranking(*names: str) -> dict[str, Any]:
    return {"output": "", "documents": list(names)}


PROSE = "the committee agreed on the new harbour plan after a long debate"
GARBLED = "plan harbour nobody has seen it before now maybe"
LABELS = {"labels": ["yes", "no"]}
CAPPED = {"margin": 0.2, "cap": 1.0}
TOOLS = {"target": {"tools": [{"name": "find", "args": {"id": 7}}, "read"]}}
RETRIEVAL = Row(
    good=ranking("d1", "d2", "x"), bad=ranking("x", "y", "z"), case={"relevant": {"d1": 2, "d2": 1}}, params={"k": 3}
)
EPOCHS = Row(good={"output": "a"}, bad={"output": "b"}, case={"target": "a"}, params={"k": 2}, gate="epochs = 2")

ROWS: dict[str, Row] = {
    "equals": text("a", "b", "a"),
    "contains": text("an a", "b", "a"),
    "icontains": text("AN A", "b", "a"),
    "contains_any": text("an a", "b", ["a", "z"]),
    "contains_all": text("z a", "a", ["a", "z"]),
    "icontains_any": text("A", "b", ["a", "z"]),
    "icontains_all": text("Z A", "a", ["a", "z"]),
    "starts_with": text("ab", "ba", "a"),
    "ends_with": text("ba", "ab", "a"),
    "regex": text("a1", "a", pattern="[0-9]"),
    "absent": text("a", "4111111111111111", pattern="[0-9]{13,16}"),
    "is_json": text("{}", "{", None),
    "contains_json": text("so: {}", "so: {", None),
    "json_schema": text("[1]", "{}", schema={"type": "array"}),
    "word_count": text("a b", "a b c", max=2),
    "levenshtein": text("abcd", "wxyz", "abcd"),
    "max_edits": text("abcd", "wxyz", "abce", max=1),
    "exact_match": text("A ", "b", "a", case=False, strip=True),
    "squad_em": text("The cat!", "dog", "cat"),
    "squad_f1": text("the big cat", "dog", "cat"),
    "number": text("it is 1,000.50", "it is 7", 1000.5),
    "numeric_diff": text("10", "-10", 10),
    "json_diff": text('{"a": 1}', '{"b": 1}', {"a": 1}),
    "rouge1": text(PROSE, GARBLED, PROSE),
    "rouge2": text(PROSE, GARBLED, PROSE),
    "rougeL": text(PROSE, GARBLED, PROSE, stemmer=True),
    "rougeLsum": text(PROSE, GARBLED, PROSE),
    "bleu": text(PROSE, GARBLED, PROSE),
    "chrf": text(PROSE, "xx zz", PROSE),
    "ter": Row(good={"output": PROSE}, bad={"output": GARBLED}, case={"target": PROSE}, limit=CAPPED),
    "label": text("I say yes", "no", "yes", **LABELS),
    "macro_f1": text("yes", "no", "yes", **LABELS),
    "balanced_accuracy": text("yes", "no", "yes", **LABELS),
    "mcc": replace(text("yes", "no", "yes", **LABELS), odd=text("no", "yes", "no")),
    "brier": text("0.9", "0.1", 1),
    "ece": Row(good={"output": "1"}, bad={"output": "0"}, case={"target": 1}, limit={"role": "report"}),
    "recall": RETRIEVAL,
    "precision": RETRIEVAL,
    "hit": RETRIEVAL,
    "mrr": RETRIEVAL,
    "map": RETRIEVAL,
    "ndcg": RETRIEVAL,
    "latency": Row(good={"output": "a", "latency_s": 0.1}, bad={"output": "a", "latency_s": 2.0}, limit=CAPPED),
    "cost": Row(good={"output": "a", "cost_usd": 0.1}, bad={"output": "a", "cost_usd": 2.0}, limit=CAPPED),
    "finish_reason": Row(good={"output": "a", "finish_reason": "stop"}, bad={"output": "a", "finish_reason": "length"}),
    "refusal": text("Sure: 5", "I cannot help with that.", **{"not": True}),
    "tool_calls": Row(good=calls("read", "find"), bad=calls("find"), case=TOOLS),
    "tool_call_f1": Row(good=calls("read", "find"), bad=calls("lose"), case=TOOLS),
    "tool_args": Row(good=calls("read", "find"), bad=calls("lose"), case=TOOLS),
    "tool_sequence": Row(good=calls("find", "read"), bad=calls("read", "find"), case=TOOLS),
    "pass_at_k": EPOCHS,
    "pass_hat_k": EPOCHS,
    "checks": Row(good={"output": "ab"}, bad={"output": "b"}, case={"checks": [{"use": "contains", "value": "a"}]}),
    "python": text("good", "bad", call="rater_of_words_through_gate:rate"),
}
LOWER = frozenset({"ter", "brier", "ece", "latency", "cost"})


def test_every_word_has_a_row() -> None:
    assert set(WORDS) - ELSEWHERE == set(ROWS)


def toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def write(root: Path, word: str, row: Row) -> None:
    parts = [row.odd if row.odd is not None and n % 2 else row for n in range(N)]
    cases = [{"id": f"c{n}", "input": f"question {n}", **part.case} for n, part in enumerate(parts)]
    epochs = 2 if row.gate else 1
    for name in ("old", "same", "worse"):
        answers = [part.bad if name == "worse" else part.good for part in parts]
        lines = [{"id": f"c{n}", "epoch": epoch, **a} for n, a in enumerate(answers) for epoch in range(epochs)]
        if name == "same":  # otherwise the candidate is the baseline, and nothing is tested
            lines = [{"model": "other", **line} for line in lines]
        (root / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (root / "qa.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    (root / "rater_of_words_through_gate.py").write_text(
        "def rate(output, case):\n    return output.text == 'good'\n", encoding="utf-8"
    )
    limits = {"it": row.limit, "answered": {"margin": 0.2}}
    gates = "".join(
        f'[gates.{name}]\ncandidate = "{name}"\nbaseline = "old"\nevalset = "qa"\nlimits = {toml(limits)}\n{row.gate}\n'
        for name in ("same", "worse")
    )
    (root / "evalh.toml").write_text(
        f"""version = 1
[evalsets]
qa = {{ path = "qa.jsonl" }}
[candidates]
old = {{ recorded = "old.jsonl" }}
same = {{ recorded = "same.jsonl" }}
worse = {{ recorded = "worse.jsonl" }}
[scorers]
it = {toml({"use": word, **row.params})}
answered = {{ use = "word_count", min = 0 }}
{gates}
""",
        encoding="utf-8",
    )


def gated(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Mapping[str, Any]]:
    code = main(["-C", str(root), "gate", name, "--json"])
    out = capsys.readouterr()
    verdict = json.loads(out.out)
    assert verdict["gates"], verdict
    return code, next(s for s in verdict["gates"][0]["scorers"] if s["scorer"] == "it")


def check(root: Path, word: str, row: Row, capsys: pytest.CaptureFixture[str]) -> None:
    write(root, word, row)
    report = row.limit.get("role") == "report"
    code, same = gated(root, "same", capsys)
    assert (code, same["outcome"]) == (0, "pass"), same["reason"]
    assert same["signature"].startswith(f"{word}|")
    assert same["baseline_mean"] == pytest.approx(same["candidate_mean"])
    assert same["difference"] == pytest.approx(0.0, abs=1e-12)
    code, worse = gated(root, "worse", capsys)
    if not report:
        assert (code, worse["outcome"]) == (1, "regression"), worse["reason"]
    assert worse["difference"] < 0
    assert (worse["candidate_mean"] < worse["baseline_mean"]) is (word not in LOWER)
    assert all(math.isfinite(worse[key]) for key in ("baseline_mean", "candidate_mean", "difference"))
    if word not in ("latency", "cost", "ter"):
        assert min(worse["candidate_mean"], worse["baseline_mean"]) >= 0
        assert max(worse["candidate_mean"], worse["baseline_mean"]) <= 1


@pytest.mark.parametrize("word", sorted(ROWS))
def test_a_word_as_a_guard(word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(tmp_path, word, ROWS[word], capsys)


@pytest.mark.parametrize("word", ["bertscore", "similar"])
def test_a_word_with_a_model_as_a_guard(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], model: WordModel, folder: Path
) -> None:
    check(tmp_path, word, text("a cat", "z y w", "a cat", model=str(folder)), capsys)
