"""Flags win over variables; what cannot be read is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.cli.options import from_fork, in_ci, key_hosts, options_from
from evalharness.cli.parser import parse
from evalharness.cli.tree import find_verb
from evalharness.core.errors import UsageError
from evalharness.core.options import RunOptions


def options(line: str, **env: str) -> RunOptions:
    name, *words = line.split()
    verb = find_verb(name)
    assert verb is not None
    return options_from(parse(verb, [*words, "-q"]), env)


def test_nothing_given_is_all_defaults() -> None:
    assert options("gate") == RunOptions()


def test_every_flag_arrives() -> None:
    line = (
        "run -k a --tag t --limit 3 -n --max-cost 1.5 -j 4 --fresh --answers latest --epochs 2 -y --judges --offline "
        "--untrusted --key-host A_API_KEY=H.example"
    )
    assert options(line) == RunOptions(
        case="a",
        tag="t",
        limit=3,
        dry_run=True,
        max_cost=1.5,
        jobs=4,
        fresh=True,
        answers="latest",
        epochs=2,
        yes=True,
        judges=True,
        offline=True,
        untrusted=True,
        key_hosts={"A_API_KEY": ("h.example",)},
    )


def test_variables_count_where_no_flag_is_given() -> None:
    env = {"EVALH_MAX_COST": "2", "EVALH_JOBS": "3", "EVALH_OFFLINE": "1"}
    read = options("gate", **env)
    assert (read.max_cost, read.jobs, read.offline) == (2.0, 3, True)
    read = options("gate --max-cost 0 -j 1", **env)
    assert (read.max_cost, read.jobs) == (0.0, 1)
    assert options("gate", EVALH_OFFLINE="false", EVALH_JOBS="").offline is False


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"EVALH_JOBS": "many"}, "EVALH_JOBS: expected a whole number of at least 1, got 'many'"),
        ({"EVALH_MAX_COST": "-1"}, "EVALH_MAX_COST: expected a number of at least 0, got '-1'"),
        ({"EVALH_OFFLINE": "maybe"}, "EVALH_OFFLINE: expected 1 or 0, got 'maybe'"),
        (
            {"EVALH_KEY_HOSTS": "KEY=host"},
            (
                "EVALH_KEY_HOSTS: expected NAME=HOST[,HOST], got 'KEY=host'\n"
                "  tip: NAME is an environment variable that ends in _API_KEY"
            ),
        ),
    ],
)
def test_a_variable_that_cannot_be_read_is_refused(env: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        options("gate", **env)
    assert str(caught.value) == said


def test_key_hosts_add_up() -> None:
    hosts = key_hosts(["A_API_KEY=one,two", "A_API_KEY=ONE"], {"EVALH_KEY_HOSTS": "A_API_KEY=three; B_API_KEY=four"})
    assert hosts == {"A_API_KEY": ("one", "two", "three"), "B_API_KEY": ("four",)}


@pytest.mark.parametrize("word", ["", "A_API_KEY", "A_API_KEY=", "a_api_key=h", "A_API_KEY=h,", "SECRET=h", "X=h"])
def test_a_key_host_of_another_form_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match=r"^--key-host: expected NAME=HOST"):
        key_hosts([word], {})


@pytest.mark.parametrize(
    ("env", "expected"),
    [({}, False), ({"CI": "true"}, True), ({"CI": "0"}, False), ({"CI": ""}, False), ({"GITLAB_CI": "true"}, True)],
)
def test_ci(env: dict[str, str], *, expected: bool) -> None:
    assert in_ci(env) is expected


def event(tmp_path: Path, head: object) -> dict[str, str]:
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"pull_request": {"head": head}}), encoding="utf-8")
    return {
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_REPOSITORY": "team/bot",
    }


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("pull_request_review", {"pull_request": {"head": {"repo": {"full_name": "other/bot"}}}}, True),
        ("pull_request_review_comment", {"pull_request": {"head": {"repo": {"full_name": "team/bot"}}}}, False),
        ("workflow_run", {"workflow_run": {"head_repository": {"full_name": "other/bot"}}}, True),
        ("workflow_run", {"workflow_run": {"head_repository": {"full_name": "team/bot"}}}, False),
        ("workflow_run", {}, True),
        ("issue_comment", {"issue": {"pull_request": {"url": "x"}}}, True),
        ("issue_comment", {"issue": {"number": 7}}, False),
        ("issue_comment", [], True),
        ("push", {"pull_request": {"head": {"repo": {"full_name": "other/bot"}}}}, False),
    ],
)
def test_events_with_a_forks_code(tmp_path: Path, name: str, payload: object, *, expected: bool) -> None:
    env = {**event(tmp_path, {}), "GITHUB_EVENT_NAME": name}
    (tmp_path / "event.json").write_text(json.dumps(payload), encoding="utf-8")
    assert from_fork(env) is expected


def test_a_fork_is_not_trusted(tmp_path: Path) -> None:
    own = event(tmp_path, {"repo": {"full_name": "team/bot"}})
    assert from_fork(own) is False
    fork = event(tmp_path, {"repo": {"full_name": "other/bot"}})
    assert from_fork(fork) is True
    assert options("gate", **fork).untrusted is True
    assert from_fork(event(tmp_path, {"repo": None})) is True
    assert from_fork({**fork, "GITHUB_EVENT_PATH": str(tmp_path / "none")}) is True
    assert from_fork({**fork, "GITHUB_EVENT_NAME": "push"}) is False
    gitlab = {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "a/b", "CI_MERGE_REQUEST_PROJECT_PATH": "a/b"}
    assert from_fork(gitlab) is False
    assert from_fork({**gitlab, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "c/b"}) is True
