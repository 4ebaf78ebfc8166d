"""Drift of outputs and scores: which fields are looked at, and what ``show --drift`` says."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from evalharness.cli.main import main
from evalharness.core.results import Failure, Output, Score, Unscored
from evalharness.project.drifting import Drift, Seen, drift_between, seen_outputs
from evalharness.report.drift import drift_text
from evalharness.stats.drift import FEWEST

ANSWERS = ("We open at nine in the morning.", "It is on its way to you.", "You can return it within thirty days.")


def period(seed: int, n: int = 300, *, refuse: float = 0.02, german: float = 0.0, slow: float = 1.0) -> list[Seen]:
    stream = random.Random(seed)
    made = []
    for _ in range(n):
        text = stream.choice(ANSWERS)
        if stream.random() < german:
            text = "Wir öffnen um neun Uhr am Morgen und sind dann für Sie da."
        if stream.random() < refuse:
            text = "I cannot help with that."
        output = Output(text=text, latency_s=slow * (0.5 + stream.random()), cost_usd=0.001 * stream.randrange(1, 5))
        made.append(
            Seen(output=output, scores={"good": Score(value=float(stream.random() < 0.9)), "n": Unscored(reason="x")})
        )
    return made


def moved(drift: Drift) -> set[str]:
    return {field.field for field in drift.fields if field.moved}


def test_quiet_periods_are_quiet() -> None:
    named = [moved(drift_between(period(seed), period(seed + 100))) for seed in range(12)]
    assert sum(bool(names) for names in named) <= 3, "5 % is the rate; more than three of twelve has a chance of 0.2 %"


def test_each_field_is_named_when_it_moves() -> None:
    assert moved(drift_between(period(1), period(2, refuse=0.3))) >= {"refusal"}
    assert moved(drift_between(period(1), period(2, german=0.5))) >= {"language", "length"}
    assert moved(drift_between(period(1), period(2, slow=1.5))) == {"latency"}


def test_fields_and_what_is_left_out() -> None:
    labels = [Seen(output=Output(text=word), scores={}) for word in ("yes", "No ", "no") * 70]
    drift = drift_between(labels, labels)
    by_name = {field.field: field for field in drift.fields}
    assert by_name["label"].old in ("yes 33.3%", "no 66.7%")
    assert by_name["cost"].to_json()["status"] == "too few to read"
    assert by_name["length"].to_json()["status"] == "quiet"
    assert {field.field for field in drift_between(period(1), period(2)).fields} == {
        *("length", "refusal", "language", "label", "failed", "latency", "cost", "score good")
    }
    long = [Seen(output=Output(text="word " * 30), scores={})] * 200
    assert "label" not in {field.field for field in drift_between(long, long).fields}


def test_failures_and_answers_without_a_text() -> None:
    lost = Failure(stage="candidate", kind="x", message="gone")
    old = seen_outputs([Output(text="a")] * 250)
    new = seen_outputs([Output(text="a")] * 150 + [lost] * 100 + [Output(documents=("d",))])
    drift = drift_between(old, new)
    assert moved(drift) == {"failed"}
    text = drift_text(drift)
    assert text.splitlines()[2].startswith("  ! failed")
    assert f"too few to read (under {FEWEST}): length (250 and 150)" in text


def test_too_few_of_everything() -> None:
    drift = drift_between(period(1, 50), period(2, 50))
    assert moved(drift) == set()
    assert "PSI" not in drift_text(drift)
    assert all(field.adjusted is None for field in drift.fields)


def test_hostile_words_stay_words() -> None:
    evil = seen_outputs([Output(text="\x1b[31m\u202e<b>")] * 210)
    text = drift_text(drift_between(evil, seen_outputs([Output(text="ok")] * 210)), unicode=False)
    assert "\x1b" not in text
    assert text.isascii()


def test_show_drift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    cases = "".join(f'{{"id": "c{n}", "input": "q{n}", "target": "yes"}}\n' for n in range(210))
    (tmp_path / "c.jsonl").write_text(cases, encoding="utf-8")
    (tmp_path / "evalh.toml").write_text(
        'version = 1\n[evalsets]\nqa = { path = "c.jsonl" }\n[candidates]\nold = { recorded = "o.jsonl" }\n'
        'new = { recorded = "n.jsonl" }\n[scorers]\nexact = { use = "exact_match" }\n',
        encoding="utf-8",
    )
    for name, share in (("o", 3), ("n", 2)):
        lines = (f'{{"id": "c{n}", "output": "{"yes" if n % share else "no"}"}}\n' for n in range(210))
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    for candidate in ("old", "new"):
        assert main(["run", candidate, "--set", "qa", "-q"]) == 0
    capsys.readouterr()
    assert main(["show", "latest", "--drift", "latest~1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    by_name = {field["field"]: field for field in found["fields"]}
    assert by_name["score exact"]["status"] == "moved"
    assert (by_name["label"]["old"], by_name["label"]["new"]) in {("no 33.3%", "no 50.0%"), ("yes 66.7%", "yes 50.0%")}
    assert main(["show", "latest", "--drift", "latest~1"]) == 0
    assert "Drift  210 and 210 answers" in capsys.readouterr().out
