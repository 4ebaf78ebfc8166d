"""Kills ``evalh gate`` with SIGKILL at chosen moments, lets it go on, and counts what was lost, what was asked twice, what it says.

python -m tests.faults.crashes [TRIALS]      prints the table of docs/faults.md; .ci/nightly runs it
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e import mock_server
from tests.e2e.house import COMMAND, ask_server, clean_env, comparable, server_answers
from tests.faults.conftest import Site

CASES, JOBS = 150, 8
GROUP = 100
"""Records of one commit at most (``store.writer.GROUP_RECORDS``), and so answers."""
WORDS = ("gate", "--json", "--jobs", str(JOBS))
SERVER = ("--latency-ms", "1", "--jitter-ms", "3")


@dataclass(slots=True)
class Tally:
    """What came of trials of one kind."""

    kind: str
    trials: int = 0
    killed: int = 0
    """Trials in which the process was still at work at its moment."""
    acknowledged: int = 0
    """Answers that were in the store when the process died, over all trials."""
    lost: int = 0
    """Of these: not there at the end, or asked for once more."""
    repeated: list[int] = field(default_factory=list)
    """Calls that the server got twice, a number a trial."""
    unequal: int = 0
    """Trials whose verdict in the end is not that of an uninterrupted run."""

    def row(self) -> str:
        """A row of the table."""
        most, mean = max(self.repeated, default=0), sum(self.repeated) / max(1, len(self.repeated))
        return (
            f"| {self.kind} | {self.trials} | {self.killed} | {self.acknowledged} | {self.lost} | "
            f"{mean:.1f}, {most} at most | {self.trials - self.unequal} of {self.trials} |"
        )


HEAD = (
    f"| {CASES} cases, {JOBS} jobs, killed | trials | killed | acknowledged answers | lost | "
    f"calls repeated a trial (allowed {JOBS + GROUP}) | verdict as uninterrupted |\n|---|---|---|---|---|---|---|"
)


def keys(site: Site) -> dict[bytes, bytes]:
    """Key -> body of the answers in the store; nothing where there is none yet."""
    if not site.db.exists():
        return {}
    return {bytes(key): bytes(body) for key, body in site.rows("SELECT key, body FROM answers")}  # type: ignore[arg-type]


def one(site: Site, tally: Tally, expected: dict[str, Any], *, call: int = 0, fault: str = "") -> None:
    """One trial: start, be killed when ``call`` arrives or where ``fault`` says, go on, compare."""
    site.prepared(CASES)
    site.forget_calls()
    site.hold_calls(after=0)
    process = subprocess.Popen(
        [*COMMAND, *WORDS],
        cwd=site.root, env=clean_env(**({"EVALH_FAULT": fault} if fault else {})),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if call:
        ask_server(site.url, "POST", f"/kill/{process.pid}/{call}")
    site.release_calls()
    process.communicate(timeout=120)
    ask_server(site.url, "POST", "/kill/0/0")
    tally.trials += 1
    tally.killed += process.returncode == -signal.SIGKILL
    there = keys(site)
    done = site.evalh(*WORDS, EVALH_WAIT="0")  # the dead process holds no lock
    end = keys(site)
    paid = dict(site.rows("SELECT key, count(*) FROM attempts WHERE kind='ok' GROUP BY key"))
    tally.acknowledged += len(there)
    tally.lost += lost(there, end, paid)
    tally.repeated.append(site.calls() - CASES)
    # Where the process died only after its run was written, or not at all, the second one replays it and pays nothing.
    verdict, calls = comparable(done.json), done.gate["calls"]
    verdict["gates"][0]["calls"]["replayed"] = expected["gates"][0]["calls"]["replayed"]
    is_paid = calls["replayed"] == CASES if calls["made"] == 0 else CASES <= calls["made"] <= site.calls()
    tally.unequal += (done.code, verdict) != (0, expected) or not is_paid


def lost(there: dict[bytes, bytes], end: dict[bytes, bytes], paid: dict[Any, Any]) -> int:
    """Answers that were there when the process died and are not the same in the end, or were paid for once more."""
    return sum(end.get(key) != body or paid.get(key) != 1 for key, body in there.items())


def uninterrupted(site: Site) -> dict[str, Any]:
    """The verdict of a run that nobody disturbs."""
    done = site.prepared(CASES).evalh(*WORDS)
    assert done.code == 0, done
    return comparable(done.json)


def sites(folder: Path, url: str) -> Iterator[Site]:
    """Fresh projects, one after the other."""
    number = 0
    while True:
        yield Site(root=folder / str(number), url=url)
        number += 1


def at_calls(fresh: Iterator[Site], expected: dict[str, Any], moments: Iterable[int]) -> Tally:
    """Killed when a call arrives: any moment of the process, as the call meets it."""
    tally = Tally("when a random call arrives")
    for call in moments:
        one(next(fresh), tally, expected, call=call)
    return tally


def at_commits(fresh: Iterator[Site], expected: dict[str, Any], moments: Iterable[int], *, word: str) -> Tally:
    """Killed just before (``commit``) or after (``ack``) a commit, until the process ends before its moment comes."""
    tally = Tally(f"just {'before' if word == 'commit' else 'after'} the Nth commit")
    for moment in moments:
        before = tally.killed
        one(next(fresh), tally, expected, fault=f"kill@{word}:{moment}")
        if tally.killed == before:
            break
    return tally


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    choose = random.Random()
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "answers.json"
        table.write_text(json.dumps(server_answers(CASES)))
        with mock_server.running("--answers", str(table), *SERVER) as url:
            fresh = sites(Path(name), url)
            expected = uninterrupted(next(fresh))
            print(HEAD)
            found = [at_calls(fresh, expected, (choose.randint(1, CASES) for _ in range(trials)))]
            print(found[-1].row(), flush=True)
            for word in ("commit", "ack"):
                found.append(at_commits(fresh, expected, range(1, trials + 1), word=word))
                print(found[-1].row(), flush=True)
    bad = sum(tally.lost + tally.unequal + sum(more > JOBS + GROUP for more in tally.repeated) for tally in found)
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
