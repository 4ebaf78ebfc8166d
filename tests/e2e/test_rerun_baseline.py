"""``gate --rerun-baseline``: the old candidate read from its commit, both arms answered afresh, side by side."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import mock_server
import pytest
from house import Done, House, server_answers


def git(root: Path, *words: str) -> str:
    me = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *me, *words], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(house: House, why: str) -> None:
    git(house.root, "add", "-A")
    git(house.root, "commit", "-q", "-m", why)


def in_git(house: House, n: int = 200, word: str = "GOOD", **config: str) -> House:
    """A committed project whose baseline names the clean commit it was made at."""
    house.write(".gitignore", ".evalh/\n")
    house.cases(n)
    house.config(word, **config)
    git(house.root, "init", "-q")
    commit(house, "start")
    assert house.evalh("promote", "--why", "the start").code == 0
    commit(house, "baseline")
    house.forget_calls()
    return house


def near(share: float, n: int) -> object:
    """A share over ``n`` cases in an order that each run draws anew: five standard errors, one run in two million misses."""
    return pytest.approx(share, abs=5 * (share * (1 - share) / n) ** 0.5)


def test_an_unchanged_candidate_is_answered_twice_and_stops_early(house: House) -> None:
    in_git(house)
    done = house.evalh("gate", "--rerun-baseline", "--json")
    gate = done.gate
    assert (done.code, gate["outcome"]) == (0, "pass")
    assert gate["calls"]["made"] == house.calls() > 2 * gate["scorers"][0]["n"] - 1
    assert gate["calls"]["replayed"] == 0
    assert gate["calls"]["planned"] == 400
    assert gate["scorers"][0]["n"] < 200
    assert all(one["code"] != "rerun_digest" for one in done.json["warnings"])


def test_the_old_prompt_comes_from_the_commit_not_from_the_tree(house: House) -> None:
    in_git(house)
    start = git(house.root, "rev-parse", "HEAD~1")
    house.config("DROP")
    commit(house, "a worse prompt")
    assert f"as it was at {start[:12]}" in house.evalh("gate", "--rerun-baseline").text
    gate = house.evalh("gate", "--rerun-baseline", "--json").gate
    (scorer,) = gate["scorers"]
    assert gate["outcome"] == "regression"
    assert scorer["baseline_mean"] == near(0.9, scorer["n"])
    assert scorer["candidate_mean"] == near(0.6, scorer["n"])
    assert scorer["worse"] > scorer["better"] == 0


def test_a_prompt_file_is_read_at_the_commit_too(house: House) -> None:
    house.write("prompts/p.md", "GOOD {{ input }}")
    house.cases(120)
    house.config()
    text = (house.root / "evalh.toml").read_text()
    house.write("evalh.toml", text.replace('prompt = "GOOD {{ input }}"', 'prompt = "prompts/p.md"'))
    house.write(".gitignore", ".evalh/\n")
    git(house.root, "init", "-q")
    commit(house, "start")
    assert house.evalh("promote", "--why", "start").code == 0
    house.write("prompts/p.md", "BAD {{ input }}")
    gate = house.evalh("gate", "--rerun-baseline", "--json").gate
    assert gate["outcome"] == "regression"
    assert gate["scorers"][0]["baseline_mean"] == near(0.9, gate["scorers"][0]["n"])
    assert gate["scorers"][0]["candidate_mean"] == 0.0


def test_drift_of_the_endpoint_hits_both_arms(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The endpoint gets worse after the baseline was stored: the stored one blames the candidate, the rerun does not."""
    answers = server_answers(200)
    worse = {key: f"no-{key[-4:]}" if int(key[-4:]) % 10 < 4 else said for key, said in answers.items()}
    folder = tmp_path_factory.mktemp("drift")
    for name, table in (("before", answers), ("after", worse)):
        (folder / name).write_text(json.dumps(table))
    with mock_server.running("--answers", str(folder / "before")) as url:
        drifting = in_git(House(root=house.root, url=url))
    port = url.rpartition(":")[2].removesuffix("/v1")
    with mock_server.running("--port", port, "--answers", str(folder / "after")) as again:
        assert again == url
        stored = drifting.evalh("gate", "--fresh", "--json").gate
        rerun = drifting.evalh("gate", "--rerun-baseline", "--json").gate
    assert stored["outcome"] == "regression"
    assert rerun["outcome"] == "pass"
    (scorer,) = rerun["scorers"]
    assert scorer["baseline_mean"] == scorer["candidate_mean"] == near(0.54, scorer["n"])


def test_a_second_candidate_is_answered_again_without_git(house: House) -> None:
    house.cases(150)
    house.config(
        "EVEN", gate='baseline = "old"\norder_seed = "pinned"'
    )  # any order may end before both kinds were seen
    text = (house.root / "evalh.toml").read_text(encoding="utf-8")
    bot = next(line for line in text.splitlines() if line.startswith("bot ="))
    house.write("evalh.toml", text.replace(bot, bot + "\n" + bot.replace("bot =", "old =").replace("EVEN", "GOOD")))
    gate = house.evalh("gate", "--rerun-baseline", "--json").gate
    (scorer,) = gate["scorers"]
    assert gate["baseline"]["name"] == "old"
    assert scorer["worse"] > 0
    assert scorer["better"] > 0
    assert gate["calls"]["made"] == house.calls()


def test_the_store_holds_both_runs_and_latest_is_the_gates(house: House) -> None:
    in_git(house, 60)
    verdict = house.evalh("gate", "--rerun-baseline", "--json").gate
    listed = house.evalh("show", "--list", "--json").json
    purposes = [run["purpose"] for run in listed["runs"]][:2]
    assert sorted(purposes) == ["gate", "rerun"]
    assert verdict["run"][:6] in house.evalh("show", "latest").out


def test_a_baseline_that_cannot_answer_makes_no_pass(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    table = tmp_path_factory.mktemp("gone") / "answers"
    table.write_text(json.dumps(server_answers(60)), encoding="utf-8")
    with mock_server.running("--answers", str(table)) as url:
        closed = in_git(House(root=house.root, url=url), 60)
    house.config("GOOD")  # the candidate asks a server that lets it in
    port = url.rpartition(":")[2].removesuffix("/v1")
    with mock_server.running("--port", port, "--fail", "401:1.0"):
        done = closed.evalh("gate", "--rerun-baseline", "--json")
    assert (done.code, done.gate["outcome"]) == (4, "incomplete")
    assert house.calls() > 0


def refusal(done: Done) -> str:
    """Reason and tip of a refused gate."""
    assert done.code == 2, done
    error = done.json["error"]
    return f"{error['message']} | {error['tip']}"


def test_what_cannot_be_answered_again_is_refused_with_the_way_out(house: House) -> None:
    house.cases(10)
    house.config()
    assert house.evalh("promote", "--why", "no git here").code == 0
    house.forget_calls()
    assert "names no commit" in refusal(house.evalh("gate", "--rerun-baseline", "--json"))
    git(house.root, "init", "-q")
    commit(house, "start")
    house.write("evalh.toml", (house.root / "evalh.toml").read_text(encoding="utf-8") + "# a change\n")
    assert house.evalh("promote", "--why", "dirty").code == 0
    house.forget_calls()
    assert "dirty" in refusal(house.evalh("gate", "--rerun-baseline", "--json"))
    assert "--offline" in refusal(house.evalh("gate", "--rerun-baseline", "--offline", "--json"))
    assert "names another" in house.evalh("gate", "--rerun-baseline", "--baseline", "latest").err
    assert house.calls() == 0


def test_code_of_an_old_commit_is_never_run(house: House) -> None:
    house.write("app.py", "def answer(case):\n    return case.target\n")
    house.cases(10)
    house.config()
    text = (house.root / "evalh.toml").read_text(encoding="utf-8")
    bot = next(line for line in text.splitlines() if line.startswith("bot ="))
    house.write("evalh.toml", text.replace(bot, 'bot = { python = "app:answer" }'))
    house.write(".gitignore", ".evalh/\n__pycache__/\n")
    git(house.root, "init", "-q")
    commit(house, "start")
    assert house.evalh("promote", "--why", "start").code == 0
    said = refusal(house.evalh("gate", "--rerun-baseline", "--json"))
    assert "is code (python)" in said
    assert "second candidate" in said
