"""A fork's pull request gets nothing: each attack runs through the real command line, with the key in the environment.

docs/forks.md lists them with what came of each; ``python -m tests.fork.table`` writes it. The controls run some of the same
checkouts as if they were ours: there the attack works, so the fixtures can show one that does.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fork.attacks import ATTACKS, BOT, Attack, edit, evil
from tests.fork.place import KEY, MARK, Came, Listener, attack, evalh, fork_env, forms, make_main, plain

PAGE = Path(__file__).parent.parent.parent / "docs/forks.md"


@pytest.fixture(scope="session")
def main_branch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trusted") / "repo"
    make_main(root)
    return root


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    with Listener() as found:
        yield found


def tried(one: Attack, main_branch: Path, listener: Listener, folder: Path, env: dict[str, str]) -> Came:
    root = folder / "repo"
    shutil.copytree(main_branch, root, symlinks=True)
    one.do(root, listener.url)
    out = folder / "out"
    out.mkdir()
    return attack(out, root / one.directory, listener, one.words, env)


@pytest.mark.parametrize("one", ATTACKS, ids=lambda one: one.name)
def test_a_fork_gets_nothing(one: Attack, main_branch: Path, listener: Listener, tmp_path: Path) -> None:
    came = tried(one, main_branch, listener, tmp_path, fork_env(tmp_path))
    assert came.won == []
    assert came.code in (1, 2, 4), came
    if came.outcome == "regression":  # it was judged, so what it tried is said
        assert "untrusted" in came.said


def test_there_are_enough_and_the_page_lists_them() -> None:
    assert len(ATTACKS) >= 30
    assert {one.aim for one in ATTACKS} == {"key", "run", "spend", "pass"}
    text = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| \d+ \| (.+?) \|", text, re.MULTILINE)
    assert listed == [one.name for one in ATTACKS]
    held = re.findall(r"^\| \d+ \| (.+?) \|.*\| - \|$", text, re.MULTILINE)
    assert re.findall(r"^- (.+?): ", text, re.MULTILINE) == held, "each has a control or a reason"


CONTROLS = {
    "the candidate that is judged becomes a model at the attacker's": "key",
    "the candidate becomes a Python function": "run",
    "the candidate becomes a program": "run",
    "no cap, no price, more epochs": "spend",
    "a wider margin": "pass",
    "a lower stored baseline": "pass",
}


@pytest.mark.parametrize("name", CONTROLS)
def test_negative_control_as_our_own_work_it_succeeds(
    name: str, main_branch: Path, listener: Listener, tmp_path: Path
) -> None:
    one = next(one for one in ATTACKS if one.name == name)
    keys = {name: value for name, value in fork_env(tmp_path).items() if "_API_KEY" in name}
    came = tried(one, main_branch, listener, tmp_path, plain() | keys)
    assert CONTROLS[name] in came.won, came


LOOKS = (
    ("plan",), ("plan", "g", "--json"), ("gate", "g", "--dry-run"), ("lint", "--fix"), ("doctor", "--json"), ("evalset", "grow"),
    ("show", "--list"), ("run", "bot"), ("compare", "bot", "old"), ("promote", "--gate", "g", "--why", "x"),
)  # fmt: skip
"""Commands that a workflow runs beside the gate."""


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_no_command_runs_or_asks_what_a_fork_names(
    words: tuple[str, ...], main_branch: Path, listener: Listener, tmp_path: Path
) -> None:
    code = _every_way_to_run_code(main_branch, listener, tmp_path, words, fork_env(tmp_path))
    assert code in (0, 1, 2, 4)
    assert not any(tmp_path.rglob(MARK))


def test_negative_control_a_plan_of_our_own_looks_at_our_own_code(
    main_branch: Path, listener: Listener, tmp_path: Path
) -> None:
    assert _every_way_to_run_code(main_branch, listener, tmp_path, ("plan",), plain()) == 0
    assert any(tmp_path.rglob(MARK))


def _every_way_to_run_code(
    main_branch: Path, listener: Listener, folder: Path, words: tuple[str, ...], env: dict[str, str]
) -> int:
    root = folder / "repo"
    shutil.copytree(main_branch, root, symlinks=True)
    evil(root)
    model = f'mod = {{ model = "x", base_url = "{listener.url}/v1", api_key_env = "OPENAI_API_KEY" }}'
    edit(
        root,
        (BOT, f'bot = {{ python = "evil:run" }}\n{model}'),
        ('exact = { use = "equals" }', 'exact = { use = "python", call = "evil:run" }'),
    )
    before = len(listener.seen)
    done = evalh(root, *words, env=env)
    assert len(listener.seen) == before
    assert not any(form in done.stdout + done.stderr for form in forms(KEY))
    return done.returncode


def test_the_checkout_without_any_trick_is_a_regression(main_branch: Path, listener: Listener, tmp_path: Path) -> None:
    honest = Attack("none", "pass", lambda _root, _url: None)
    came = tried(honest, main_branch, listener, tmp_path, fork_env(tmp_path))
    assert (came.code, came.outcome) == (1, "regression")
    assert {"untrusted", "answers_changed"} <= came.said
