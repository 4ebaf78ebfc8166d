"""A real model through the gate: a real change of its prompt, and one prompt twice at temperature 0."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from house import Done, evalh, jsonl

ROOT = Path(__file__).resolve().parents[2]
SHOTS = (
    ("Review: The garden tour was lovely and well organised.\nSentiment (positive or negative):", "positive"),
    ("Review: The bread was stale and the cheese was dry.\nSentiment (positive or negative):", "negative"),
    ("Text: Nadia Stone uses nadia.stone@example.org for work.\nExtract the email:", "nadia.stone@example.org"),
    ("Question: What do we call a baby sheep?\nAnswer:", "lamb"),
)
LONG = 600.0
"""Seconds that a command may take on a machine that does other things as well."""


def config(root: Path, url: str, *, few_shot: bool) -> None:
    """The gate of a bot that answers in a word: exact match under SQuAD's rules, 10 points of margin."""
    shots = [
        {"role": role, "content": text}
        for shot in SHOTS
        for role, text in zip(("user", "assistant"), shot, strict=True)
    ]
    inline = ", ".join(f"{{ role = {json.dumps(m['role'])}, content = {json.dumps(m['content'])} }}" for m in shots)
    messages = f", messages = [{inline}]" if few_shot else ""
    (root / "evalh.toml").write_text(
        f"""version = 1
[evalsets]
qa = {{ path = "qa.jsonl" }}
[candidates]
bot = {{ model = "smollm2-135m-instruct", base_url = "{url}", temperature = 0, max_tokens = 8{messages} }}
[scorers]
found = {{ use = "squad_em" }}
[gates.qa]
candidate = "bot"
evalset = "qa"
limits = {{ found = {{ margin = 0.1 }} }}
"""
    )


def run(root: Path, *words: str) -> Done:
    done = evalh(*words, cwd=root, timeout=LONG)
    print("$ evalh", *words, "->", done.code)
    return done


def told(done: Done) -> str:
    (scorer,) = done.gate["scorers"]
    numbers = [scorer[name] for name in ("n", "worse", "better", "same")]
    return f"{done.gate['reason']} (n, worse, better, same: {numbers}, calls {done.gate['calls']})"


def test_two_prompts_and_one_prompt_twice(smollm: str, tmp_path: Path) -> None:
    lines = (ROOT / "evalsets/demo-qa.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines][::3][:60]
    (tmp_path / "qa.jsonl").write_text(jsonl(cases), encoding="utf-8")

    config(tmp_path, smollm, few_shot=True)
    assert run(tmp_path, "promote", "--why", "four examples", "--jobs", "4").code == 0
    assert run(tmp_path, "gate", "--json").gate["reason"] == "unchanged"

    # The same prompt again, at another concurrency: T = 0 is not the same text for every case, so no claim that it passes.
    assert run(tmp_path, "run", "bot", "--fresh", "--jobs", "1").code == 0
    second, first = (row["run_id"] for row in run(tmp_path, "show", "--list", "--json").json["runs"])
    for old, new in ((first, second), (second, first)):
        again = run(tmp_path, "gate", "--baseline", old, "--answers", new, "--json")
        print(told(again))
        assert again.code in (0, 3)
        assert abs(again.gate["scorers"][0]["difference"]) < 0.1

    config(tmp_path, smollm, few_shot=False)
    jobs = 4
    worse = run(tmp_path, "gate", "--json", "--jobs", str(jobs))
    print(told(worse))
    assert (worse.code, worse.json["outcome"]) == (1, "regression")
    # Where it stops depends on the order, which each baseline draws anew: what was in flight is all that was paid beyond.
    calls, used = worse.gate["calls"], worse.gate["scorers"][0]["n"]
    assert calls["made"] + calls["saved_by_early_stop"] == calls["planned"] == 60
    assert used <= calls["made"] <= used + jobs
    assert pytest.approx(0.0, abs=0.2) == worse.gate["scorers"][0]["candidate_mean"]
