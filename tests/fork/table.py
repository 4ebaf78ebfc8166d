"""Writes docs/forks.md: every attack of a fork's pull request with what came of it, and what the same checkout does as our own work.

python -m tests.fork.table
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.fork.attacks import ATTACKS
from tests.fork.place import Came, Listener, fork_env, make_main, plain
from tests.fork.reasons import REASONS
from tests.fork.test_forks import PAGE, tried

HEAD = """# What a fork's pull request gets: nothing

Each row is a change of the checkout, tried through the real command line (`tests/fork/`) on the event of a fork's pull
request, with the keys in the environment (a careless `pull_request_target` workflow) and a server of the attacker's listening on
this machine. The candidate of the fork loses every fourth case, so an honest verdict is `regression`. A try succeeds when the key
reaches the server or stands in anything that was printed or written, when a file appears that only the fork's code makes, when
the server is called at all, or when the exit code is 0.

The last column is the control: what the same checkout gets as our own work, outside of CI, with the same keys. There the fixtures
show what they can do; "-" means that another defence, not the untrusted mode, holds it: the list below the table says which.

| # | the pull request contains | aims at | exit | outcome | as our own work |
| --- | --- | --- | --- | --- | --- |
"""


def main() -> None:
    """Run all of them twice and write the page."""
    lines = []
    wins = controls = 0
    with Listener() as listener, tempfile.TemporaryDirectory() as place:
        trusted = Path(place) / "trusted/repo"
        make_main(trusted)
        for number, one in enumerate(ATTACKS, 1):
            came, ours = (
                _try(one, trusted, listener, Path(place) / f"{number}-{who}", fork=who == "fork")
                for who in ("fork", "own")
            )
            wins += bool(came.won)
            controls += bool(ours.won)
            got = ", ".join(ours.won) or "-"
            lines.append(f"| {number} | {one.name} | {one.aim} | {came.code} | {came.outcome} | {got} |\n")
            print(number, one.name, came, ours.won)
    tail = f"\n{len(ATTACKS)} tries, {wins} successes; as our own work {controls} of them succeed.\n"
    PAGE.write_text(HEAD + "".join(lines) + tail + reasons(lines), encoding="utf-8")


def reasons(lines: list[str]) -> str:
    """What holds the attacks that get nothing as our own work either, one a line."""
    held = [one.name for one, line in zip(ATTACKS, lines, strict=True) if line.endswith("| - |\n")]
    said = "".join(f"- {name}: {REASONS[name]}\n" for name in held)
    return f"\n## Held without the untrusted mode\n\n{said}"


def _try(one, trusted: Path, listener: Listener, folder: Path, *, fork: bool) -> Came:  # type: ignore[no-untyped-def]
    folder.mkdir()
    given = fork_env(folder)
    env = given if fork else plain() | {name: value for name, value in given.items() if "_API_KEY" in name}
    return tried(one, trusted, listener, folder, env)


if __name__ == "__main__":
    main()
