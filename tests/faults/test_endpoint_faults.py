"""An endpoint that misbehaves in every way we know, and ``evalh`` as a process: what is kept, what is asked again, what it says."""

from __future__ import annotations

import email.utils
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.house import COMMAND, Done, clean_env
from tests.faults.conftest import Site

Sites = Callable[..., Site]
ONCE = {
    "error200": "bad_reply",
    "html": "bad_reply",
    "nochoices": "bad_reply",
    "nomessage": "bad_reply",
    "null": "bad_reply",
    "malformed": "bad_reply",
    "cutjson": "bad_reply",
    "badutf8": "bad_reply",
    "utf16": "bad_reply",
    "surrogate": "bad_reply",
    "nan": "bad_reply",
    "duplicate": "bad_reply",
    "deep": "bad_reply",
    "list": "bad_reply",
    "blank": "bad_reply",
    "twice": "bad_reply",
    "stream": "bad_reply",
    "nofinish": "bad_reply",
    "numbers": "bad_reply",
    "badtools": "bad_reply",
    "gzip": "bad_reply",
    "hugelength": "bad_reply",
    "huge": "bad_reply",
    "500": "server_error",
    "503": "server_error",
    "408": "server_error",
    "stray": "server_error",
    "429": "rate_limited",
    "429=Retry-After-Ms:40": "rate_limited",
    "429=Retry-After:-5": "rate_limited",
    "429=Retry-After:NaN": "rate_limited",
    "429=Retry-After:soon": "rate_limited",
    "429=Retry-After:0.04": "rate_limited",
    "reset": "connection",
    "close": "connection",
    "cut": "connection",
    "cutbody": "connection",
    "cutchunks": "connection",
    "badchunk": "connection",
    "neglength": "connection",
    "twolengths": "connection",
    "garbage": "connection",
    "bighead": "connection",
    "manyheads": "connection",
    "never": "timeout",
    "hang": "timeout",
    "slow_body": "timeout",
    "slow_head": "timeout",
    "slow_spaces": "timeout",
}
"""Mode -> how a call that meets it is booked. All of these may work later, so the call is made again."""
FINAL = {
    "400": ("bad_request", "candidate"),
    "azurefilter": ("filtered", "candidate"),
    "filtered": ("filtered", "candidate"),
    "lengthempty": ("empty", "candidate"),
    "401": ("unauthorized", "endpoint"),
    "404": ("not_found", "endpoint"),
    "quota": ("quota", "endpoint"),
    "418": ("http_error", "endpoint"),
    "redirect": ("redirected", "endpoint"),
    "empty": ("ok", "answer"),
    "refusal": ("ok", "answer"),
    "length": ("ok", "answer"),
    "tools": ("ok", "answer"),
    "usagelies": ("ok", "answer"),
}
"""Mode -> (how the call is booked, what the case gets). None of these is asked again."""
MEGABYTE = 1 << 20
WEIGHED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def weighed(command: tuple[str, ...], cwd: Path) -> tuple[Done, int]:
    """Run a command: (what it left, the most memory it had in bytes)."""
    done = subprocess.run(
        [sys.executable, "-c", WEIGHED, *command],
        cwd=cwd, env=clean_env(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    said, _, last = done.stderr.rstrip("\n").rpartition("\n")
    return Done(code=done.returncode, out=done.stdout, err=said), int(last) * 1024


def faults(modes: list[str], when: str) -> list[str]:
    """Arguments that let each mode strike a case of its own."""
    return [word for i, mode in enumerate(modes) for word in ("--fail", f"{mode}:{when}case {i:04d}")]


def booked(site: Site) -> dict[str, list[str]]:
    """Case -> how its calls ended, in order; calls for a case without an answer stand under an empty name."""
    found: dict[str, list[str]] = {}
    for case, kind in site.rows(
        "SELECT coalesce(case_id, ''), kind FROM attempts LEFT JOIN answers USING (key) ORDER BY attempts.id"
    ):
        found.setdefault(str(case), []).append(str(kind))
    return found


def test_every_mode_once_among_good_answers(site: Sites) -> None:
    """Each of 49 modes strikes one case of 150; all are answered, rightly, none is stored twice, little memory is used."""
    modes = list(ONCE)
    here = site(*faults(modes, "~"), "--slow-s", "30").prepared(150, bot=", timeout = 10")
    done, most = weighed((*COMMAND, "gate", "--json"), here.root)
    assert (done.code, done.gate["pairs"]["used"]) == (0, 150), done
    assert done.gate["scorers"][0]["candidate_mean"] == 1.0
    assert here.answers() == 150
    attempts = here.attempts()
    assert attempts["ok"] == 150
    assert here.calls() == 150 + here.repeated()
    # On a busy machine a call's time can be over before the call is out: booked, though it never came to the server.
    assert 0 <= sum(attempts.values()) - here.calls() <= attempts["timeout"]
    calls = booked(here)
    wrong = {mode: kinds for i, mode in enumerate(modes) if ONCE[mode] not in (kinds := calls[f"c{i:04d}"])[:-1]}
    assert wrong == {}
    assert all(kinds.count("ok") == 1 and kinds[-1] == "ok" for kinds in calls.values())
    print(f"{len(modes)} modes, {here.calls()} calls for 150 cases, {most / MEGABYTE:.0f} MB at most")
    assert most < 300 * MEGABYTE


def test_negative_control_a_plain_client_swells_on_the_compressed_reply(site: Sites) -> None:
    url = site("--fail", "gzip:1").url
    script = (
        "import openai\n"
        f"client = openai.OpenAI(base_url={url!r}, api_key='k', max_retries=0)\n"
        "try:\n client.chat.completions.create(model='m', messages=[{'role': 'user', 'content': 'x'}])\n"
        "except ValueError:\n pass\n"
    )
    _, most = weighed((sys.executable, "-c", script), Path.cwd())
    print(f"plain client: {most / MEGABYTE:.0f} MB")
    assert most > 200 * MEGABYTE


def test_every_mode_that_is_final(site: Sites) -> None:
    """One call after the other, the first three good, so that the endpoint is known to work; nothing is asked again."""
    words = [word for number, mode in enumerate(FINAL, 4) for word in ("--fail", f"{mode}:@{number}")]
    n = len(FINAL) + 6
    here = site(*words).prepared(n)
    done = here.evalh("gate", "--json", "--jobs", "1")
    assert here.calls() == n
    assert [kind for (kind,) in here.rows("SELECT kind FROM attempts ORDER BY id")] == [
        *["ok"] * 3, *(kind for kind, _ in FINAL.values()), *["ok"] * 3,
    ]  # fmt: skip
    whats = [what for _, what in FINAL.values()]
    assert here.answers() == n - whats.count("candidate") - whats.count("endpoint")
    assert done.gate["pairs"]["unscored"] == whats.count("endpoint")  # absent, not wrong
    assert done.gate["scorers"][0]["details"]["missing"] == whats.count("endpoint")
    assert done.gate["scorers"][0]["worse"] == n - whats.count("endpoint") - 7  # (what "length" cut was right)


@pytest.mark.parametrize(
    "mode", ["500", "429", "never", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("reset", "nan", "503"))]
)
def test_an_outage_is_no_storm(site: Sites, mode: str) -> None:
    """Every call fails: at most 1.2 calls a case, exit 4, and an end long before every case has waited."""
    here = site("--fail", f"{mode}:1").prepared(100, bot=", timeout = 0.5")
    started = time.monotonic()
    done = here.evalh("gate", "--json", timeout=300)
    seconds = time.monotonic() - started
    print(f"{mode}: {here.calls()} calls for 100 cases, exit {done.code}, {seconds:.1f} s")
    assert (done.code, done.gate["outcome"]) == (4, "incomplete")
    assert here.calls() <= 1.2 * 100
    assert here.answers() == 0


def test_an_outage_that_begins_in_the_middle_costs_no_more(site: Sites) -> None:
    here = site("--fail", "500:@101-100000").prepared(200)
    done = here.evalh("gate", "--json", "--jobs", "32")
    print(f"100 of 200 cases answered, then an outage: {here.calls()} calls")
    assert done.code == 4
    assert here.calls() <= 1.2 * 200
    assert here.answers() == 100


def test_negative_control_without_the_shared_bucket_an_outage_is_a_storm(site: Sites) -> None:
    """The same process with a bucket that never empties makes eight calls a case."""
    here = site("--fail", "429:1").prepared(30)
    script = (
        "from evalharness.clients import limits\n"
        "limits.RetryBucket = lambda: type('Full', (), dict(begin=lambda s: None, end=lambda s: None, succeeded=lambda s: None, take=take))()\n"
        "limits.LONGEST_WAIT_S = 1e9\n"
        "from evalharness.cli.main import main\n"
        "raise SystemExit(main(['gate', '--json']))\n"
    )
    script = "async def take(_):\n    return True\n" + script
    subprocess.run(
        [sys.executable, "-c", script], cwd=here.root, env=clean_env(), capture_output=True, check=False, timeout=120
    )
    assert here.calls() > 1.2 * 30


MIX = ("--fail", "429:0.05", "--fail", "500:0.05", "--fail", "reset:0.04", "--fail", "malformed:0.05")


def bad_day(here: Site, n: int) -> None:
    """5 % 429, 5 % 500, 4 % resets, 5 % broken JSON: everything is answered and nothing is stored twice."""
    done = here.evalh("gate", "--json", timeout=600)
    attempts = here.attempts()
    print(f"{n} cases: {here.calls()} calls, {here.calls() / n - 1:.1%} over the cases; {dict(attempts)}")
    assert (done.code, done.gate["pairs"]["used"]) == (0, n), done
    assert here.answers() == attempts["ok"] == n
    assert here.calls() == sum(attempts.values()) == n + here.repeated()
    assert here.calls() <= 1.3 * n
    assert min(attempts[kind] for kind in ("rate_limited", "server_error", "connection", "bad_reply")) > 0


def test_a_bad_day_is_survived(site: Sites) -> None:
    bad_day(site(*MIX).prepared(300), 300)


@pytest.mark.slow
def test_a_long_bad_day_is_survived(site: Sites) -> None:
    bad_day(site(*MIX).prepared(2000), 2000)


def test_negative_control_what_never_works_is_missing(site: Sites) -> None:
    """The check above can fail: a case whose calls all fail has no answer, and the gate cannot pass."""
    here = site("--fail", "418:=case 0007").prepared(40)
    done = here.evalh("gate", "--json", "--jobs", "1")
    assert (done.code, here.answers()) == (4, 39)


def test_a_server_that_asks_for_a_century_ends_the_run(site: Sites) -> None:
    date = email.utils.formatdate(time.time() + 3e9, usegmt=True)
    for value in ("3155760000", date):
        here = site("--fail", f"429=Retry-After:{value}:1", name=value[:3].strip(",")).prepared(40)
        done = here.evalh("gate", "--json")
        assert done.code == 4
        assert "asks to wait 3," in done.gate["reason"] or "asks to wait 2," in done.gate["reason"]
        assert here.calls() <= 8


def test_a_slow_call_keeps_its_place_no_longer_than_its_deadline(site: Sites) -> None:
    """Drips and silence: one job, so a call that kept its place would hold up all the others."""
    modes = ["slow_body", "slow_head", "never"]
    here = site(*faults(modes, "~")).prepared(12, bot=", timeout = 0.5")
    done = here.evalh("gate", "--json", "--jobs", "1")
    assert done.code in (0, 3)
    assert here.answers() == 12
    assert here.attempts()["timeout"] >= len(modes)
