"""Reading our Markdown pages: fenced blocks, links, headings, and the commands that they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = ("cli.md", "config.md")
PAGES = [ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md")] + sorted((ROOT / "docs").glob("*.md"))
WRITTEN = [page for page in PAGES if page.name not in GENERATED]

DROPPED = ("CI", "GITHUB_", "GITLAB_", "EVALH_", "OPENAI_", "FORCE_COLOR", "NO_COLOR", "COLUMNS", "PYTEST_")

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def blocks(page: Path, kind: str) -> list[str]:
    """The contents of the fenced blocks of one kind."""
    return [body for info, body in _FENCE.findall(page.read_text(encoding="utf-8")) if info == kind]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    return _LINK.findall(_SPAN.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in kept}


def spans(page: Path) -> list[str]:
    """Everything in single backticks."""
    return _SPAN.findall(prose(page))


@dataclass(frozen=True)
class Step:
    """One command of a console block."""

    command: str
    code: int  # as a comment `# exit N` says, else 0
    expected: list[str]  # output lines; `...` stands for any lines


def steps(block: str) -> list[Step]:
    found: list[Step] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            command, _, comment = line[2:].partition("  #")
            code = re.search(r"\bexit (\d+)", comment)
            found.append(Step(command.strip(), int(code[1]) if code else 0, []))
        elif line.startswith(">") and not found[-1].expected:  # the command goes on: a here-document
            last = found[-1]
            found[-1] = Step(f"{last.command}\n{line.removeprefix('>').removeprefix(' ')}", last.code, [])
        else:
            found[-1].expected.append(line)
    return found


def commands(page: Path) -> Iterator[str]:
    """Every `evalh ...` that a page shows: in backticks, and at the start of lines of text and console blocks."""
    yield from (span for span in spans(page) if re.match(r"evalh [a-z]", span))
    for kind in ("text", "console", "sh"):
        for block in blocks(page, kind):
            for line in block.splitlines():
                for part in re.split(r"&& ", line.removeprefix("$ ")):
                    if re.match(r"(\S*/)?evalh [a-z]", part):
                        yield re.split(r"  +", part.strip())[0]


def fits(expected: list[str], seen: str) -> bool:
    """Whether output is as a block shows it: numbers that change are read alike, `...` stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(same(line)).replace(r"\.\.\.", ".*") + "\n"
        for line in expected
    )
    return re.fullmatch(pattern, same(seen.rstrip("\n")) + "\n" if seen.strip() else "") is not None


def same(text: str) -> str:
    """Text without what differs from run to run: seconds, days, run ids; and without blanks at line ends."""
    for pattern, word in (
        (r"\d{4}-\d\d-\d\d", "DAY"),
        (r"(?<=  )\d+\.\d s\b", "SECONDS"),
        (r"(?<=evalh show )[0-9a-f]{6}", "RUN"),
        (r"[ \t]+(?=\n|$)", ""),
    ):
        text = re.sub(pattern, word, text)
    return text


def environment(**more: str) -> dict[str, str]:
    """A plain shell whose first `evalh` is the one of this environment."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(DROPPED) and "_API_KEY" not in name
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"PATH": path, "LC_ALL": "C.UTF-8", "TERM": "xterm"} | more


def run_block(block: str, folder: Path, env: dict[str, str]) -> None:
    """Run the commands of a console block in one shell, and compare what each printed and how it ended."""
    wanted = steps(block)
    script = "".join(f'{step.command}\nprintf "\\036%d\\036" "$?"\n' for step in wanted)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8", check=False
    )
    parts = done.stdout.split("\036")
    seen = list(zip(parts[0::2], parts[1::2], strict=False))
    for step, (out, code) in zip(wanted, seen, strict=True):
        assert int(code) == step.code, f"{step.command}: exit {code}\n{out}{done.stderr}"
        assert fits(step.expected, out), f"{step.command} printed:\n{out}{done.stderr}"
