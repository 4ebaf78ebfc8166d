"""Each wrong config is refused with one exact message: where, what was seen, what was expected, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.config.load import load_config
from evalharness.core.errors import ConfigError

GOOD = """\
version = 1
defaults = { seed = 7, max_cost = 2.0, jobs = 32 }
[evalsets]
support = { path = "cases.jsonl", slices = ["region"] }
[candidates]
bot = { model = "gpt-5-mini", system = "prompt.md", temperature = 0.2 }
old = { recorded = "old.jsonl" }
search = { retriever = { url = "http://127.0.0.1:1/s" }, k = 10 }
[scorers]
correct = { use = "equals" }
grounded = { use = "contains", value = "x" }
edits = { use = "ter" }
[gates.support]
candidate = "bot"
evalset = "support"
limits = { correct = { margin = 0.05 }, grounded = { every = true } }
[prices]
"gpt-5-mini" = { input = 0.25, output = 2.0 }
[rates."127.0.0.1:1"]
rpm = 500
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("cases.jsonl", "prompt.md", "old.jsonl"):
        (tmp_path / name).write_text("x\n", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    return tmp_path


def error_of(project: Path, text: str) -> str:
    (project / "evalh.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(project)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_config_that_the_errors_start_from_is_right(project: Path) -> None:
    (project / "evalh.toml").write_text(GOOD, encoding="utf-8")
    assert load_config(project).gates["support"].limits[0].margin == 0.05


LIMITS = "limits = { correct = { margin = 0.05 }, grounded = { every = true } }"
AT = "evalh.toml:16: gates.support.limits"

CASES = {
    "unknown key": (
        "seed = 7",
        "sed = 7",
        (
            "evalh.toml:2: defaults.sed: unknown key 'sed'\n"
            "  tip: did you mean 'seed'? known keys: seed, max_cost, jobs, timeout"
        ),
    ),
    "unknown section": (
        "[scorers]",
        "[scorer]",
        (
            "evalh.toml:9: scorer: unknown key 'scorer'\n  tip: did you mean 'scorers'? known keys: "
            "version, defaults, evalsets, candidates, scorers, gates, prices, rates"
        ),
    ),
    "unknown scorer in limits": (
        "correct = { margin",
        "corect = { margin",
        (
            f"{AT}.corect: no scorer named 'corect'\n"
            "  tip: did you mean 'correct'? defined scorers: correct, grounded, edits"
        ),
    ),
    "wrong type": (
        "seed = 7",
        'seed = "7"',
        'evalh.toml:2: defaults.seed: expected a whole number of at least 0, got the string "7"',
    ),
    "true is no number": (
        "seed = 7",
        "seed = true",
        "evalh.toml:2: defaults.seed: expected a whole number of at least 0, got true",
    ),
    "table expected": (
        'support = { path = "cases.jsonl", slices = ["region"] }',
        'support = "cases.jsonl"',
        (
            'evalh.toml:4: evalsets.support: expected a table, got the string "cases.jsonl"\n'
            '  tip: write for example { path = "evalsets/support.jsonl" }'
        ),
    ),
    "list item": (
        '["region"]',
        "[1]",
        "evalh.toml:4: evalsets.support.slices: expected a list, each item a string, got a list of 1",
    ),
    "nan": (
        "margin = 0.05",
        "margin = nan",
        f"{AT}.correct.margin: expected a finite number, got nan",
    ),
    "infinity in a table that is not ours": (
        'value = "x"',
        "value = [1, -inf]",
        "evalh.toml:11: scorers.grounded.value.1: expected a finite number, got -inf",
    ),
    "date": (
        'value = "x"',
        "value = 2026-01-01",
        (
            "evalh.toml:11: scorers.grounded.value: expected a string or a number, got a date or time\n"
            "  tip: put it in quotes"
        ),
    ),
    "missing eval set file": (
        "cases.jsonl",
        "none.jsonl",
        "evalh.toml:4: evalsets.support.path: no such file: none.jsonl\n  tip: paths start from ROOT",
    ),
    "missing prompt file": (
        "prompt.md",
        "prompts/none.md",
        "evalh.toml:6: candidates.bot.system: no such file: prompts/none.md\n  tip: paths start from ROOT",
    ),
    "missing recording": (
        "old.jsonl",
        "none.jsonl",
        "evalh.toml:7: candidates.old.recorded: no such file: none.jsonl\n  tip: paths start from ROOT",
    ),
    "file outside": (
        "prompt.md",
        "../prompt.md",
        (
            "evalh.toml:6: candidates.bot.system: '../prompt.md' lies outside the project\n"
            "  tip: move the file into the project"
        ),
    ),
    "two kinds": (
        'recorded = "old.jsonl"',
        'recorded = "old.jsonl", python = "a:b"',
        (
            "evalh.toml:7: candidates.old: expected exactly one kind key, got 'recorded' and 'python'\n"
            "  tip: kinds: model, python, http, command, retriever, recorded"
        ),
    ),
    "no kind": (
        'recorded = "old.jsonl"',
        "k = 1",
        (
            "evalh.toml:7: candidates.old: expected exactly one kind key, got none\n"
            "  tip: kinds: model, python, http, command, retriever, recorded"
        ),
    ),
    "candidate key of another kind": (
        "k = 10",
        "temperature = 1.0",
        (
            "evalh.toml:8: candidates.search.temperature: unknown key 'temperature'\n"
            "  tip: known keys: retriever, k, k1, b, fields, inputs, version, timeout"
        ),
    ),
    "address without url": (
        'url = "http://127.0.0.1:1/s"',
        'pick = "/x"',
        "evalh.toml:8: candidates.search.retriever: the key 'url' is missing",
    ),
    "reserved name": (
        "old = {",
        "latest = {",
        (
            "evalh.toml:7: candidates.latest: 'latest' is the name of a run, not of a candidate\n"
            "  tip: choose another name"
        ),
    ),
    "scorer without use": (
        'correct = { use = "equals" }',
        "correct = { threshold = 1.0 }",
        "evalh.toml:10: scorers.correct: the key 'use' is missing",
    ),
    "built-in scorer with another meaning": (
        'edits = { use = "ter" }',
        'latency = { use = "ter" }',
        (
            "evalh.toml:12: scorers.latency.use: 'latency' is built in and means use = 'latency'\n"
            "  tip: choose another name for this scorer"
        ),
    ),
    "unknown candidate": (
        'candidate = "bot"',
        'candidate = "bott"',
        (
            "evalh.toml:14: gates.support.candidate: no candidate named 'bott'\n"
            "  tip: did you mean 'bot'? candidates: bot, old, search"
        ),
    ),
    "unknown eval set": (
        'evalset = "support"',
        'evalset = "suport"',
        (
            "evalh.toml:15: gates.support.evalset: no eval set named 'suport'\n"
            "  tip: did you mean 'support'? eval sets: support"
        ),
    ),
    "unknown baseline": (
        'evalset = "support"',
        'evalset = "support"\nbaseline = "olds"',
        (
            "evalh.toml:16: gates.support.baseline: no candidate and no file named 'olds'\n"
            "  tip: did you mean 'old'? candidates: bot, old, search"
        ),
    ),
    "baseline is the candidate": (
        'evalset = "support"',
        'evalset = "support"\nbaseline = "bot"',
        (
            "evalh.toml:16: gates.support.baseline: 'bot' would be compared with itself\n"
            "  tip: leave it out to use the stored baseline"
        ),
    ),
    "gate without limits": (LIMITS, "", "evalh.toml:13: gates.support: the key 'limits' is missing"),
    "gate without guard": (
        LIMITS,
        'limits = { correct = { role = "report" }, grounded = { role = "report" } }',
        f"{AT}: a gate needs at least one guard or hard check\n  tip: exact = 0.05, or exact = {{ every = true }}",
    ),
    "guard without margin": (
        "correct = { margin = 0.05 }",
        "correct = {}",
        (
            f"{AT}.correct: a guard needs a margin\n"
            '  tip: margin = 0.05 lets it lose at most 5 points; role = "report" only shows it'
        ),
    ),
    "margin 0": (
        "margin = 0.05",
        "margin = 0",
        (
            f"{AT}.correct.margin: an unchanged candidate could never pass with margin 0\n"
            '  tip: margin = 0.05 lets it lose at most 5 points; mode = "block_only" in the gate only blocks proven drops'
        ),
    ),
    "margin in points": (
        "margin = 0.05",
        "margin = 5",
        f"{AT}.correct.margin: expected at most 1, got 5\n  tip: 1 point is 0.01",
    ),
    "negative margin": (
        "margin = 0.05",
        "margin = -0.05",
        f"{AT}.correct.margin: expected a number of at least 0, got the number -0.05",
    ),
    "unbounded guard without cap": (
        "correct = { margin = 0.05 }",
        "latency = { margin = 0.5 }",
        (
            f"{AT}.latency: its values have no upper end, so a limit needs a cap\n"
            "  tip: for example cap = 10.0, margin = 0.5"
        ),
    ),
    "unbounded by its word": (
        "correct = { margin = 0.05 }",
        "edits = 0.1",
        (
            f"{AT}.edits: its values have no upper end, so a limit needs a cap\n"
            "  tip: for example cap = 10.0, margin = 0.5"
        ),
    ),
    "guard on a score that is biased": (
        'edits = { use = "ter" }\n[gates.support]\ncandidate = "bot"\nevalset = "support"\nlimits = { correct',
        'edits = { use = "ece" }\n[gates.support]\ncandidate = "bot"\nevalset = "support"\nlimits = { edits = 0.02, correct',
        (
            f"{AT}.edits: ece is biased on small sets, so it may be shown but not judged\n"
            '  tip: write { role = "report" }, and guard on brier instead'
        ),
    ),
    "margin over cap": (
        "correct = { margin = 0.05 }",
        "latency = { margin = 3.0, cap = 2 }",
        f"{AT}.latency.margin: expected at most 2, got 3",
    ),
    "hard check with a margin": (
        "every = true",
        "every = true, margin = 0.1",
        f"{AT}.grounded.margin: a hard check (every) takes no margin\n  tip: leave out every or margin",
    ),
    "every = 1": (
        "every = true",
        "every = 1",
        f'{AT}.grounded.every: expected false, true or "absolute", got the number 1',
    ),
    "attempts of a guard": (
        "margin = 0.05",
        "margin = 0.05, attempts = 3",
        f"{AT}.correct.attempts: attempts belong to hard checks\n  tip: add every = true, or leave attempts out",
    ),
    "alpha": (
        'evalset = "support"',
        'evalset = "support"\nalpha_pass = 0.5',
        "evalh.toml:16: gates.support.alpha_pass: expected a number above 0 and below 0.5, got the number 0.5",
    ),
    "epochs": (
        'evalset = "support"',
        'evalset = "support"\nepochs = 0',
        "evalh.toml:16: gates.support.epochs: expected a whole number from 1 to 1000, got the number 0",
    ),
    "choice": (
        'evalset = "support"',
        'evalset = "support"\nstop = "late"',
        'evalh.toml:16: gates.support.stop: expected "early" or "never", got the string "late"',
    ),
    "strict with a split": (
        'evalset = "support"',
        'evalset = "support"\nstrict = true\nsplit = 0.5',
        (
            "evalh.toml:17: gates.support.split: strict = true bets with all of alpha, so split must be 1\n"
            "  tip: leave split out"
        ),
    ),
    "looks out of order": (
        'evalset = "support"',
        'evalset = "support"\nextendable = [400, 200]',
        "evalh.toml:16: gates.support.extendable: expected growing sizes, got [400, 200]",
    ),
    "slice limit": (
        'evalset = "support"',
        'evalset = "support"\nslices = { region = { groundd = 0.1 } }',
        (
            "evalh.toml:16: gates.support.slices.region.groundd: no scorer named 'groundd'\n"
            "  tip: did you mean 'grounded'? defined scorers: correct, grounded, edits"
        ),
    ),
    "gate name as a path": (
        "[gates.support]",
        '[gates."../support"]',
        (
            "evalh.toml:13: gates.../support: a name has letters, digits, . _ - and at most 64 characters\n"
            "  tip: choose another name"
        ),
    ),
    "names alike": (
        "old = {",
        "BOT = {",
        "evalh.toml:7: candidates.BOT: differs from 'bot' only in case, which some file systems do not tell apart",
    ),
    "newer format": (
        "version = 1",
        "version = 2",
        (
            "evalh.toml:1: version: expected version = 1, got the number 2\n"
            "  tip: a newer evalharness may have written it: upgrade"
        ),
    ),
    "price without output": (
        ", output = 2.0",
        "",
        "evalh.toml:18: prices.gpt-5-mini: the key 'output' is missing",
    ),
    "rate of 0": (
        "rpm = 500",
        "rpm = 0",
        "evalh.toml:20: rates.127.0.0.1:1.rpm: expected a number above 0, got the number 0",
    ),
    "not TOML": ("seed = 7", "seed = ", "evalh.toml:2: not TOML: invalid value"),
    "duplicate key": ("[rates.", "[scorers]\n[rates.", "evalh.toml:19: not TOML: cannot declare ('scorers',) twice"),
    "end of file": ("rpm = 500\n", "rpm = [", "evalh.toml:20: not TOML: invalid value"),
    "deep nesting": ("rpm = 500", "rpm = " + "[" * 5000 + "]" * 5000, "evalh.toml: nested too deeply"),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_wrong_config_is_refused_with_this_message(kind: str, project: Path) -> None:
    old, new, message = CASES[kind]
    assert GOOD.count(old) >= 1
    assert error_of(project, GOOD.replace(old, new, 1)) == message.replace("ROOT", str(project))


def test_an_unknown_scorer_without_any_defined_says_how_to_define_one(project: Path) -> None:
    head, _, rest = GOOD.partition("[scorers]")
    assert error_of(project, head + rest[rest.index("[gates") :]) == (
        "evalh.toml:12: gates.support.limits.correct: no scorer named 'correct'\n"
        '  tip: define it under [scorers]: correct = { use = "equals" }'
    )


def test_what_is_no_text_is_refused(project: Path) -> None:
    (project / "evalh.toml").write_bytes(b"version = 1\n# \xff")
    with pytest.raises(ConfigError, match=r"^evalh.toml: not UTF-8 at byte 14$"):
        load_config(project)


def test_a_huge_file_is_refused(project: Path) -> None:
    (project / "evalh.toml").write_bytes(b"#" * (8 * 2**20 + 1))
    with pytest.raises(ConfigError, match="larger than 8 MiB"):
        load_config(project)


def test_a_folder_is_no_file(project: Path) -> None:
    (project / "folder.md").mkdir()
    assert "candidates.bot.system: 'folder.md' is not a file" in error_of(
        project, GOOD.replace("prompt.md", "folder.md")
    )


def test_a_symbolic_link_is_refused(project: Path) -> None:
    (project / "link.md").symlink_to(project / "prompt.md")
    assert "'link.md' goes through a symbolic link" in error_of(project, GOOD.replace("prompt.md", "link.md"))


def test_control_characters_of_a_value_do_not_reach_the_message(project: Path) -> None:
    message = error_of(project, GOOD.replace("seed = 7", 'seed = "\\u001b[31m\\n"'))
    assert "\x1b" not in message
    assert "\n" not in message


def test_nesting_has_an_end(project: Path) -> None:
    deep = "[" * 70 + "]" * 70
    message = error_of(project, GOOD.replace('value = "x"', f"value = {deep}"))
    assert message == "evalh.toml:11: scorers.grounded.value: nested deeper than 64"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that exists and cannot be read")
def test_a_file_that_cannot_be_read_is_said(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"^/proc/self/mem: cannot be read: "):
        load_config(project, config="/proc/self/mem")


def test_a_baseline_file_must_be_a_file(project: Path) -> None:
    (project / "folder").mkdir()
    text = GOOD.replace('evalset = "support"', 'evalset = "support"\nbaseline = "folder"')
    assert error_of(project, text).startswith("evalh.toml:16: gates.support.baseline: 'folder' is not a file")


def test_a_pinned_baseline_must_be_there(project: Path) -> None:
    text = GOOD.replace('evalset = "support"', 'evalset = "support"\npinned = "none.jsonl"')
    assert error_of(project, text).startswith("evalh.toml:16: gates.support.pinned: no such file: none.jsonl")


@pytest.mark.parametrize("limit", ['{ role = "report" }', '{ on = "passed", margin = 0.05 }', "{ every = true }"])
def test_a_biased_score_may_be_shown_and_its_threshold_judged(project: Path, limit: str) -> None:
    text = GOOD.replace('"ter"', '"ece"').replace("limits = { ", f"limits = {{ edits = {limit}, ")
    (project / "evalh.toml").write_text(text, encoding="utf-8")
    assert load_config(project).gates["support"].limits[0].scorer == "edits"


def test_the_share_within_a_budget_needs_no_cap(project: Path) -> None:
    """``latency`` and ``cost`` by their threshold: each case is within the budget or not."""
    text = GOOD.replace('use = "ter"', 'use = "latency", threshold = 2.0').replace(
        "limits = { ", 'limits = { edits = { on = "passed", margin = 0.05 }, '
    )
    (project / "evalh.toml").write_text(text, encoding="utf-8")
    assert load_config(project).gates["support"].limits[0].margin == 0.05
