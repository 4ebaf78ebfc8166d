"""The front door: which command is meant, what is said when it is not, and the exit code of every ending."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalharness import __version__
from evalharness.cli import completion
from evalharness.cli.main import main
from evalharness.cli.parser import build_parser
from evalharness.cli.tree import GLOBAL_FLAGS, OVERVIEW, VERBS, verb_names
from evalharness.core.errors import ConfigError, StoreError

HEAVY = {
    "openai", "datasets", "torch", "numpy", "jinja2", "rich", "jsonschema", "asyncio", "difflib", "tomllib",
    "sqlite3", "dataclasses", "shutil", "sacrebleu", "rouge_score", "pydantic",
}  # fmt: skip


def evalh(*words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evalharness", *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        timeout=60,
        check=False,
    )


# --- finding the command ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["-q", "-h"], ["help"]])
def test_the_overview(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out.startswith(OVERVIEW)


def test_the_overview_names_every_command() -> None:
    for name in verb_names():
        assert f" {name} " in OVERVIEW, name


@pytest.mark.parametrize("words", [["-V"], ["--version"], ["gate", "-V"], ["-V", "gate"]])
def test_the_version(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out == f"evalh {__version__}\n"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_command_has_help(verb, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb.name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: evalh {verb.name} ")
    for flag in (*verb.flags, *GLOBAL_FLAGS):
        assert all(name in text for name in flag.names)
        assert flag.help
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "\x1b" not in text


@pytest.mark.parametrize("words", [["evalset", "--help"], ["-h", "evalset"], ["help", "evalset"]])
def test_help_on_a_command_with_actions(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: evalh evalset ACTION\n")
    assert all(f"  evalh evalset {action} " in out for action in ("import", "diff", "grow"))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_no_two_flags_of_a_command_share_a_name_or_a_place(verb) -> None:
    flags = [*verb.flags, *GLOBAL_FLAGS]
    names = [name for flag in flags for name in flag.names]
    places = [*(flag.dest for flag in flags), *(argument.dest for argument in verb.arguments)]
    assert len(set(names)) == len(names)
    assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gat"], "evalh: unknown command 'gat'\n  tip: did you mean 'gate'?\n"),
        (["zzz"], f"evalh: unknown command 'zzz'\n  tip: commands: {', '.join(verb_names())}\n"),
        (["-q"], "evalh: no command\n  tip: evalh alone lists the commands\n"),
        (["evalset"], "evalh: evalh evalset needs an action\n  tip: actions: import, diff, grow\n"),
        (
            ["evalset", "imprt"],
            "evalh: unknown action 'imprt' of evalh evalset\n  tip: did you mean 'import'?\n",
        ),
        (
            ["--limit", "3", "run"],
            "evalh: unknown option '--limit' before the command\n  tip: options of a command stand after its name\n",
        ),
        (["run", "--limt", "3"], "evalh: unknown option '--limt' of evalh run\n  tip: did you mean '--limit'?\n"),
        (["run", "--lim", "3"], "evalh: unknown option '--lim' of evalh run\n  tip: did you mean '--limit'?\n"),
        (["run", "-x"], "evalh: unknown option '-x' of evalh run\n  tip: --help lists the options\n"),
        (["promote", "--wy", "x"], "evalh: unknown option '--wy' of evalh promote\n  tip: did you mean '--why'?\n"),
        (
            ["promote"],
            "evalh: --why is missing: reason, kept in the baseline file\n  tip: evalh promote --help lists the options\n",
        ),
        (
            ["run", "--limit", "0"],
            "--limit: expected a whole number of at least 1, got '0'\n  tip: evalh run --help lists the options\n",
        ),
        (
            ["run", "-j", "many"],
            "-j/--jobs: expected a whole number of at least 1, got 'many'\n  tip: evalh run --help lists the options\n",
        ),
        (
            ["run", "--max-cost", "nan"],
            "--max-cost: expected a number of at least 0, got 'nan'\n  tip: evalh run --help lists the options\n",
        ),
        (
            ["compare", "--margin", "5"],
            "--margin: expected a number from 0 to 1, got '5'\n  tip: evalh compare --help lists the options\n",
        ),
        (["demo", "extra"], "evalh: unexpected argument 'extra'\n  tip: evalh demo --help\n"),
        (["-C", "/none/here", "completion", "bash"], "-C: '/none/here': No such file or directory\n"),
        (["help", "verdit"], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_refused(
    words: list[str], said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    if said is None:
        assert err.startswith("evalh: no help on 'verdit'\n  tip: did you mean 'verdict'? topics: ")
    else:
        assert err == said


def test_global_flags_stand_before_or_after_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["-C", str(tmp_path), "--json", "doctor"],
        ["doctor", "--json", "-C", str(tmp_path)],
        ["--json", f"-C{tmp_path}", "doctor"],
        ["--color=never", "-qv", "doctor", "-C", str(tmp_path), "--json"],
    ):
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out)["store"]["folder"] == str(tmp_path / ".evalh")


def test_the_folder_is_left_again(tmp_path: Path) -> None:
    before = Path.cwd()
    main(["-C", str(tmp_path), "completion", "bash"])
    assert Path.cwd() == before


def test_arguments_and_options_mix() -> None:
    from evalharness.cli.parser import parse
    from evalharness.cli.tree import find_verb

    verb = find_verb("run")
    assert verb is not None
    args = parse(verb, ["a", "--limit", "3", "b", "-o", "x.html", "-vv", "-o", "y.json"])
    assert (args.candidates, args.limit, args.output, args.verbose) == (["a", "b"], 3, ["x.html", "y.json"], 2)


def test_a_word_that_looks_like_an_option_is_refused_after_two_dashes_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["demo", "--", "-x"]) == 2
    assert "unexpected argument" in capsys.readouterr().err


def test_a_parser_of_one_command_does_not_know_the_others() -> None:
    assert "--why" not in build_parser(VERBS[0]).format_help()


# --- endings ----------------------------------------------------------------------------------------------------------


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def execute(args: object) -> int:
        raise error

    monkeypatch.setattr(completion, "execute", execute)


def test_an_error_of_ours_is_said_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, StoreError("the store is damaged", where=".evalh", tip="evalh doctor --check"))
    assert main(["completion", "bash"]) == 5
    assert capsys.readouterr() == ("", ".evalh: the store is damaged\n  tip: evalh doctor --check\n")


def test_an_error_with_json_is_one_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ending(monkeypatch, ConfigError("wrong", where="evalh.toml:3: x", tip="do it", code="odd"))
    assert main(["completion", "bash", "--json"]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "schema": "evalh.verdict/1",
        "outcome": "refused",
        "exit_code": 2,
        "warnings": [],
        "gates": [],
        "error": {"code": "odd", "message": "wrong", "where": "evalh.toml:3: x", "tip": "do it"},
    }


def test_a_bug_is_one_line_and_never_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(completion, "FOLDER", tmp_path)
    assert main(["completion", "bash"]) == 70
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("evalh: internal error: FileNotFoundError: ")
    assert "Traceback" not in err
    assert err.count("\n") == 2
    assert main(["completion", "bash", "-vv"]) == 70
    assert "Traceback" in capsys.readouterr().err
    assert main(["completion", "bash", "--json"]) == 70
    assert json.loads(capsys.readouterr().out)["outcome"] == "bug"


def test_a_message_of_an_unknown_error_cannot_fool_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ending(monkeypatch, ValueError("a\x1b]52;c;x\x07\u202eb\nsecond line"))
    assert main(["completion", "bash"]) == 70
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\u202e" not in err
    assert "second line" not in err


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ending(monkeypatch, KeyboardInterrupt())
    assert main(["completion", "bash"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


# --- real processes ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("uncovered")
def test_nothing_heavy_is_imported_for_help() -> None:
    code = (
        "import sys; from evalharness.cli.main import main; main(WORDS); print(*sorted(sys.modules), file=sys.stderr)"
    )
    for words in ([], ["gate", "--help"], ["evalset", "import", "--help"], ["-V"]):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("WORDS", repr(words))], capture_output=True, text=True, check=True
        )
        loaded = {name.partition(".")[0] for name in done.stderr.split()}
        assert loaded & HEAVY == set(), words


def test_the_heavy_list_can_fail() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import difflib, sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert "difflib" in done.stdout.split()


def test_python_m_evalharness_is_evalh() -> None:
    done = evalh("-V")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"evalh {__version__}\n", "")


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m evalharness completion bash | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams_are_no_error(closed: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m evalharness gat {closed}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert ("unknown command" in done.stderr) == ("2>&-" not in closed)


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C"},
        {"LANG": "C", "LC_ALL": ""},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=str,
)
def test_any_locale_will_do(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "evalh.toml").write_text("größe = 1\n".replace("größe", '"größe"'), encoding="utf-8")
    done = evalh("doctor", cwd=tmp_path, **env)
    assert done.returncode == 0
    assert "evalh.toml:1" in done.stdout
    done = evalh("grüße", cwd=tmp_path, **env)
    assert done.returncode == 2
    assert "unknown command" in done.stderr


def test_a_folder_that_is_gone_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["gate"]) == 2
    assert "is gone\n  tip: cd into one that is there" in capsys.readouterr().err
