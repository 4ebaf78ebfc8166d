"""``run``, ``promote`` and ``gate`` as a team uses them: a model behind an endpoint, from first run to every exit code."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from house import House, ask_server

import evalharness

SCHEMA = json.loads((Path(evalharness.__file__).parent / "schemas/verdict.json").read_text(encoding="utf-8"))


def check_schema(value: object) -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(value)


def test_a_run_answers_every_case_once_and_running_again_replays(house: House) -> None:
    house.cases(200)
    house.config()
    first = house.evalh("run", "bot")
    assert first.code == 0, first
    assert "200 of 200 cases answered, 200 calls, 0 replayed" in first.text
    assert "exact 90.0% 200" in first.text
    assert house.calls() == 200
    again = house.evalh("run", "bot", "--json")
    assert again.code == 0
    assert again.json["runs"][0]["calls"]["made"] == 0
    assert house.calls() == 200


def test_an_unchanged_candidate_passes_without_a_call(house: House) -> None:
    house.promoted(20)  # far below the least number of cases that statistics need
    done = house.evalh("gate", "--json")
    assert done.code == 0
    assert done.err == ""
    check_schema(done.json)
    assert (done.gate["outcome"], done.gate["reason"], done.gate["scorers"]) == ("pass", "unchanged", [])
    assert done.gate["calls"]["made"] == house.calls() == 0
    assert "PASS unchanged" in house.evalh("gate").text


def test_a_regression_is_found_early_and_the_rest_is_not_paid_for(house: House) -> None:
    house.promoted(200)
    house.config("DROP")
    done = house.evalh("gate", "--json")
    gate = done.gate
    assert (done.code, done.json["outcome"], gate["outcome"]) == (1, "regression", "regression")
    check_schema(done.json)
    (exact,) = gate["scorers"]
    assert (exact["outcome"], exact["margin"], exact["interval_level"]) == ("regression", 0.1, 0.925)
    assert exact["difference"] < -0.1
    assert exact["interval"][1] < -0.1
    assert gate["pairs"]["used"] == exact["n"] == exact["worse"] + exact["better"] + exact["same"] < 150
    calls = gate["calls"]
    assert calls["made"] == house.calls() < 150 + 4 * 8
    assert calls["planned"] == 200 == calls["made"] + calls["saved_by_early_stop"]
    # Some of the calls that were in flight when the verdict fell were cut off: they are paid, and not judged.
    assert 0 <= calls["made"] - gate["pairs"]["used"] <= 4 * 8
    assert {row["id"] for row in gate["worst_cases"]} <= {f"c{i:04d}" for i in range(200) if i % 10 in (6, 7, 8)}
    screen = house.evalh("gate")
    assert "REGRESSION exact fell" in screen.text
    assert screen.code == 1


def test_calls_in_flight_are_cancelled_when_the_verdict_falls(
    answer_table: Path, tmp_path: Path, start_mock: Callable[..., str]
) -> None:
    slow = start_mock("--answers", str(answer_table), "--jitter-ms", "300", "--latency-ms", "50")
    house = House(root=tmp_path, url=slow)
    house.cases(200)
    rows = [{"id": f"c{i:04d}", "output": f"yes-{i:04d}"} for i in range(200)]
    house.write("old.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    house.config("BAD", gate='baseline = "old.jsonl"')
    done = house.evalh("gate", "--json", "--jobs", "16")
    assert done.code == 1
    calls = done.gate["calls"]
    assert calls["made"] == house.calls()
    assert calls["saved_by_early_stop"] > 130
    with sqlite3.connect(f"file:{house.root}/.evalh/store.db?mode=ro", uri=True) as store:
        kinds = dict(store.execute("SELECT kind, count(*) FROM attempts GROUP BY kind"))
    assert kinds.get("cancelled", 0) >= 1
    assert sum(kinds.values()) == calls["made"]


def test_an_improvement_passes(house: House) -> None:
    house.promoted(200, "DROP")
    house.config("SURE")
    done = house.evalh("gate", "--json")
    assert (done.code, done.gate["outcome"]) == (0, "pass")
    check_schema(done.json)
    assert done.gate["scorers"][0]["difference"] > 0
    assert done.gate["calls"]["saved_by_early_stop"] > 0
    limits = 'exact = { role = "improve" }, also = { margin = 0.1 }'
    house.config("SURE", limits=limits, scorers='also = { use = "icontains" }')
    proven = house.evalh("gate", "--json")
    assert (proven.code, proven.gate["scorers"][0]["role"]) == (0, "improve")
    assert "shown to be better" in proven.gate["scorers"][0]["reason"]
    house.config("DROP", limits=limits, scorers='also = { use = "icontains" }', bot=", top_p = 1")
    same = house.evalh("gate", "--json")  # every answer is the same: no drop, and no improvement either
    assert (same.code, same.gate["scorers"][0]["outcome"]) == (3, "inconclusive")


def test_too_few_cases_are_inconclusive_and_the_need_is_said(house: House) -> None:
    house.promoted(40)
    house.config("SHAKY")
    done = house.evalh("gate", "--json")
    assert (done.code, done.gate["outcome"]) == (3, "inconclusive")
    check_schema(done.json)
    need = done.gate["scorers"][0]["needed_cases"]
    assert need["if_as_seen"] > need["if_unchanged"] > 0
    screen = house.evalh("gate")
    assert screen.code == 3
    assert str(need["if_unchanged"]) in screen.text
    assert "if every inconclusive result were merged" in screen.text


def test_inconclusive_pass_changes_the_exit_code_and_not_the_outcome(house: House) -> None:
    house.promoted(40)
    house.config("SHAKY", gate='inconclusive = "pass"')
    done = house.evalh("gate", "--json")
    assert (done.code, done.json["exit_code"], done.json["outcome"]) == (0, 0, "inconclusive")
    flag = house.evalh("gate", "--json", "--inconclusive", "block")
    assert (flag.code, flag.json["exit_code"], flag.json["outcome"]) == (3, 3, "inconclusive")


def test_a_provider_that_is_down_ends_the_run_before_it_costs_much(
    tmp_path: Path, house: House, start_mock: Callable[..., str]
) -> None:
    house.promoted(200)
    dead = House(root=house.root, url=start_mock("--fail", "500:1"))
    dead.config("GOOD")
    done = dead.evalh("gate", "--json")
    assert (done.code, done.gate["outcome"]) == (4, "incomplete")
    check_schema(done.json)
    assert dead.calls() <= 1.2 * 200
    assert "500" in done.gate["reason"], done.gate["reason"]
    soft = dead.evalh("gate", "--json", "--incomplete", "pass")
    assert (soft.code, soft.json["outcome"]) == (0, "incomplete")
    # Once it works again, the same line goes on.
    healthy = House(root=house.root, url=house.url)
    healthy.config("EVEN")
    assert healthy.evalh("gate").code in (0, 3)


def test_a_port_nobody_listens_on_is_incomplete_and_quick(house: House) -> None:
    house.promoted(60)
    gone = House(root=house.root, url="http://127.0.0.1:9/v1")
    gone.config()
    done = gone.evalh("gate", "--json")
    assert (done.code, done.gate["outcome"]) == (4, "incomplete")
    assert "127.0.0.1:9" in done.gate["reason"] or "connect" in done.gate["reason"].lower(), done.gate["reason"]


def test_a_budget_that_is_reached_is_incomplete_and_never_overshot(house: House) -> None:
    prices = '[prices]\n"m-1" = { input = 100.0, output = 100.0 }'
    house.promoted(200, bot=", max_tokens = 4", more=prices, gate="max_cost = 1000.0")  # a call is reserved at $0.02
    house.config("EVEN", bot=", max_tokens = 4", more=prices, gate="max_cost = 0.1")
    done = house.evalh("gate", "--json")
    assert (done.code, done.gate["outcome"]) == (4, "incomplete")
    check_schema(done.json)
    assert 0 < done.gate["calls"]["cost_usd"] <= 0.1
    assert 0 < house.calls() == done.gate["calls"]["made"] < 200
    assert "budget" in done.gate["reason"] or "money" in done.gate["reason"] or "max_cost" in done.gate["reason"]


def test_a_price_nobody_stated_is_refused_before_a_call(house: House) -> None:
    house.cases(5)
    away = House(root=house.root, url="https://llm.example.com/v1")
    away.config(bot=', api_key_env = "MY_API_KEY"')
    done = away.evalh("run", "bot", "--key-host", "MY_API_KEY=llm.example.com", MY_API_KEY="k")
    assert done.code == 2
    assert "[prices]" in done.err
    assert "m-1" in done.err


def test_a_key_is_not_sent_to_a_foreign_host_and_the_line_to_type_is_printed(house: House) -> None:
    house.promoted(5)
    away = House(root=house.root, url="https://llm.example.com/v1")
    away.config(bot=', api_key_env = "MY_API_KEY"', more='[prices]\n"m-1" = { input = 0, output = 0 }')
    done = away.evalh("gate", "--json", MY_API_KEY="sekrit-value")
    assert done.code == 2
    check_schema(done.json)
    assert "type: export EVALH_KEY_HOSTS=MY_API_KEY=llm.example.com" in done.out
    assert "sekrit-value" not in done.out + done.err
    screen = away.evalh("gate", MY_API_KEY="sekrit-value")
    assert "export EVALH_KEY_HOSTS=MY_API_KEY=llm.example.com" in screen.text
    # The negative control: with that line typed, the key is looked for, and only the endpoint is missing.
    away.config(bot=', api_key_env = "MY_API_KEY"', more='[prices]\n"m-1" = { input = 0, output = 0 }')
    allowed = away.evalh("gate", "--offline", MY_API_KEY="k", EVALH_KEY_HOSTS="MY_API_KEY=llm.example.com")
    assert allowed.code == 4
    assert "recorded" in allowed.text


@pytest.mark.parametrize("given", [{}, {"MY_API_KEY": ""}])
def test_a_missing_or_empty_key_is_incomplete(house: House, given: dict[str, str]) -> None:
    house.promoted(5)
    house.config("EVEN", bot=', api_key_env = "MY_API_KEY"')
    done = house.evalh("gate", "--json", **given)
    assert done.code == 4
    check_schema(done.json)
    assert "MY_API_KEY" in done.gate["reason"]
    assert house.calls() == 0


def test_the_key_reaches_the_server_and_nothing_that_is_kept(house: House, start_mock: Callable[..., str]) -> None:
    own = House(root=house.root, url=start_mock())
    own.cases(3)
    own.config(bot=', api_key_env = "MY_API_KEY"')
    assert own.evalh("run", "-o", "run.jsonl", "--set", "s", MY_API_KEY="sekrit-value").code == 0
    assert ask_server(own.url, "GET", "/stats")["headers"]["authorization"] == ["Bearer sekrit-value"]
    for path in house.root.rglob("*"):
        assert not path.is_file() or b"sekrit-value" not in path.read_bytes(), path


def test_offline_with_answers_that_were_never_recorded_is_incomplete(house: House) -> None:
    house.promoted(60)
    house.config("EVEN")
    for words in (("gate", "--offline", "--json"), ("--offline", "gate", "--json")):
        done = house.evalh(*words)
        assert (done.code, done.gate["outcome"]) == (4, "incomplete")
        assert "recorded" in done.gate["reason"]
    assert house.calls() == 0
    assert house.evalh("gate", EVALH_OFFLINE="1").code == 4
    assert house.evalh("gate").code != 4
    assert house.evalh("gate", "--offline").code != 4  # now they are recorded


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--tag", "low"), "not judged: 12 of 200 selected"),
        (("--limit", "12"), "not judged: 12 of 200 selected"),
        (("-k", "c000 or c0010 or c0011"), "not judged: 12 of 200 selected"),
        (("-k", "c000 and not c0005", "--tag", "low", "--limit", "3"), "not judged: 3 of 200 selected"),
    ],
)
def test_a_selection_gives_scores_and_no_verdict(house: House, flags: tuple[str, ...], said: str) -> None:
    house.promoted(200)
    house.config("DROP")
    done = house.evalh("gate", *flags, "--json")
    assert (done.code, done.gate["outcome"], done.gate["reason"]) == (4, "incomplete", said)
    check_schema(done.json)
    assert done.gate["scorers"][0]["n"] == int(said.split()[2]) == house.calls()
    assert said in house.evalh("gate", *flags).text


def test_a_selection_of_nothing_or_in_bad_words_is_refused(house: House) -> None:
    house.promoted(5)
    house.config("DROP")
    assert house.evalh("gate", "--tag", "none").code == 2
    assert house.evalh("gate", "-k", "a and").code == 2
    assert house.evalh("gate", "--limit", "0").code == 2


def test_answers_made_elsewhere_are_judged_without_a_call(house: House) -> None:
    house.promoted(200)
    lines = [json.dumps({"id": f"c{i:04d}", "output": "no"}) for i in range(200)]
    house.write("theirs.jsonl", "\n".join(lines) + "\n")
    done = house.evalh("gate", "--answers", "theirs.jsonl", "--json")
    assert (done.code, house.calls()) == (1, 0)
    check_schema(done.json)
    ran = house.evalh("run", "bot", "--answers", "theirs.jsonl", "--json")
    assert ran.code == 0
    assert ran.json["runs"][0]["scorers"][0]["mean"] == 0
    same = house.evalh("gate", "--answers", "latest", "--json")
    assert same.code == 1
    house.write("part.jsonl", "\n".join(lines[:150]) + "\n")
    part = house.evalh("gate", "--answers", "part.jsonl", "--json", "--incomplete", "block")
    assert part.code in (1, 4)  # all are wrong: enough is seen before the lack is, or the lack comes first
    assert house.calls() == 0


def test_fresh_asks_again(house: House) -> None:
    everything = 'stop = "never"'
    house.promoted(60)
    house.config("EVEN", gate=everything)
    house.evalh("gate")
    before = house.calls()
    assert house.evalh("gate", "--json").gate["calls"]["made"] == 0
    assert house.calls() == before
    fresh = house.evalh("gate", "--fresh", "--json").gate
    assert fresh["calls"]["made"] == house.calls() - before == 60
    house.config("GOOD", gate=everything)  # also the unchanged candidate is asked, when a person says so
    house.forget_calls()
    assert house.evalh("gate", "--fresh", "--json").gate["calls"]["made"] == house.calls() > 0


def test_three_epochs_are_three_answers_to_each_case(house: House) -> None:
    house.promoted(40, gate="epochs = 3")
    header, *lines = house.baseline_lines()
    assert header["epochs"] == 3
    assert {len(line["epochs"]) for line in lines} == {3}
    house.config("EVEN", gate="epochs = 3")
    done = house.evalh("gate", "--json")
    check_schema(done.json)
    assert done.gate["epochs"] == 3
    assert done.gate["calls"]["planned"] == 120
    assert done.gate["calls"]["made"] == house.calls() > 40
    flag = house.evalh("gate", "--json", "--epochs", "3")
    assert flag.gate["epochs"] == 3
    run = house.evalh("run", "bot", "--epochs", "3", "--json")
    assert run.json["runs"][0]["calls"]["planned"] == 120


def test_a_hard_check_asks_twice_before_it_fails(house: House) -> None:
    limits = "exact = { every = true }"
    house.promoted(60, limits=limits)
    house.config("SHAKY", limits=limits)
    done = house.evalh("gate", "--json")
    gate = done.gate
    assert (done.code, gate["outcome"]) == (1, "regression")
    check_schema(done.json)
    assert gate["hard"] == [gate["hard"][0]]
    assert (gate["hard"][0]["scorer"], gate["hard"][0]["attempts"]) == ("exact", 2)
    (flip,) = gate["hard"][0]["flips"]
    assert flip == "c0007" or flip["id"] == "c0007"
    store = _attempts(house)
    assert store["c0007"] == 2
    assert house.calls() == gate["calls"]["made"]
    assert "c0007" in house.evalh("gate").text


def _attempts(house: House) -> dict[str, int]:
    shown = house.evalh("show", "latest", "--json").json
    found: dict[str, int] = {}
    for case in shown["cases"]:
        found[case["id"]] = len(case["trials"])
    return found


def test_a_flip_that_does_not_come_again_holds(tmp_path: Path, start_mock: Callable[..., str]) -> None:
    house = House(root=tmp_path, url=start_mock())
    house.cases(60)
    rows = [{"id": f"c{i:04d}", "output": f"yes-{i:04d}"} for i in range(60)]
    house.write("old.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    house.write(
        "app.py",
        "tries = {}\n"
        "def answer(case):\n"
        "    tries[case.id] = tries.get(case.id, 0) + 1\n"
        "    return case.target if case.id != 'c0007' or tries[case.id] > 1 else 'sorry'\n",
    )
    house.write(
        "evalh.toml",
        'version = 1\n[evalsets]\ns = { path = "evalsets/s.jsonl" }\n[candidates]\nbot = { python = "app:answer" }\n'
        '[scorers]\nexact = { use = "equals" }\n[gates.g]\ncandidate = "bot"\nevalset = "s"\nbaseline = "old.jsonl"\n'
        "limits = { exact = { every = true } }\n",
    )
    done = house.evalh("gate", "--json")
    assert (done.code, done.gate["outcome"]) == (0, "pass"), done
    assert done.gate["hard"][0]["flips"] == []
    assert done.gate["calls"]["made"] == 61


@pytest.mark.parametrize("output", ["r.html", "r.json", "r.jsonl", "r.md", "r.xml", "r.csv"])
def test_every_report_form_is_written(house: House, output: str) -> None:
    house.promoted(20)
    house.config("DROP")
    done = house.evalh("gate", "-o", f"reports/out/{output}")
    assert done.code in (1, 3)
    assert os.path.getsize(house.root / "reports/out" / output) > 100


def test_a_dry_run_calls_nothing(house: House) -> None:
    house.promoted(60)
    house.config("EVEN")
    done = house.evalh("gate", "--dry-run")
    assert (done.code, house.calls()) == (0, 0)
    assert "60" in done.text
    assert house.evalh("run", "bot", "--dry-run").code == 0
    assert house.calls() == 0


def test_absolute_checks_need_no_baseline_and_warn_of_none(house: House) -> None:
    house.cases(20)
    house.config("SURE", limits='exact = { every = "absolute" }')
    done = house.evalh("gate", "--json")
    assert (done.code, done.json["warnings"]) == (0, [])
    assert house.calls() == 20
    house.config("SHAKY", limits='exact = { every = "absolute" }')
    failed = house.evalh("gate", "--json")
    assert failed.code == 1
    assert set(failed.gate["hard"][0]["flips"]) <= {"c0007", "c0009", "c0019"}
    assert "fails on" in failed.gate["reason"]
