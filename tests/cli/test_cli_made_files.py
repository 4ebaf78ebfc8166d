"""What is generated from the code is up to date: completion scripts and the reference pages."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from evalharness.cli.completion import FOLDER
from evalharness.cli.help_topics import TOPICS
from evalharness.cli.main import main
from evalharness.cli.tree import VERBS
from evalharness.config.schema import config_schema

ROOT = Path(__file__).parents[2]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_up_to_date(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab", reason="shtab makes the scripts; it is a build-time tool")
    shipped = (FOLDER / f"evalh.{shell}").read_text(encoding="utf-8")
    assert tool("make_completion").script(shell) == shipped, "run: python docs/tools/make_completion.py"
    assert main(["completion", shell]) == 0
    assert capsys.readouterr().out == shipped


def test_bash_completes(tmp_path: Path) -> None:
    (tmp_path / "cases.jsonl").write_text("", encoding="utf-8")

    def complete(*words: str) -> set[str]:
        script = (
            f"source {FOLDER / 'evalh.bash'}; COMP_WORDS=({' '.join(words)} ''); COMP_CWORD={len(words)}; "
            'COMP_LINE="${COMP_WORDS[*]}"; _shtab_evalh evalh "" x; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=20, check=False
        )
        assert done.stderr == ""
        return set(done.stdout.split())

    assert {"run", "gate", "evalset", "completion"} <= complete("evalh")
    assert {"import", "diff", "grow"} <= complete("evalh", "evalset")
    assert {"bash", "zsh", "fish"} <= complete("evalh", "completion")


@pytest.mark.parametrize("name", ["cli.md", "config.md"])
def test_reference_pages_are_up_to_date(name: str) -> None:
    made = tool("make_reference").PAGES[name]()
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == made, "run: python docs/tools/make_reference.py"


def test_every_command_option_and_key_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert f"## evalh {verb.name}\n" in page
        assert all(name in page for flag in verb.flags for name in flag.names)
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    gate = config_schema()["properties"]["gates"]["additionalProperties"]
    assert all(f"| `{key}` |" in page for key in gate["properties"])


@pytest.mark.parametrize("topic", [*TOPICS, "gate", "evalset", "evalset import"])
def test_help_on_a_topic_or_command(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", *topic.split()]) == 0
    out = capsys.readouterr().out
    assert out.strip() in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(len(line) <= 120 for line in out.splitlines())


def test_the_help_on_exit_codes_is_the_table_of_the_code() -> None:
    from evalharness.core.errors import EXIT_CODES

    words = TOPICS["exit-codes"].split("\n")
    said = {line.split()[1]: int(line.split()[0]) for line in words if line[:5].strip().isdigit()}
    assert said == EXIT_CODES


def test_the_config_in_the_help_is_right(tmp_path: Path) -> None:
    from evalharness.config.load import load_config

    lines = [line.strip() for line in TOPICS["config"].splitlines() if line.startswith("  ")]
    (tmp_path / "evalh.toml").write_text("\n".join(lines), encoding="utf-8")
    for name in ("evalsets/support.jsonl", "prompts/support.md"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("", encoding="utf-8")
    assert load_config(tmp_path, config="evalh.toml").gates["support"].candidate == "bot"
