"""Text from outside leaves through its sink's one writer, and by no other way: read from the source.

Every ``str`` counts as untrusted. What may write, and what may stand bare inside markup, is listed here with its reason; a new way
out fails, and so does an entry that nothing needs any more.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import source_rules as rules

SOURCE = rules.Source(Path(__file__).parent.parent / "evalharness")

WAYS_OUT = {
    "cli.console": "the one way to the screen: cleaned, masked",
    "project.workspace": "one sentence while it waits, cleaned",
    "project.execution": "one question about money, cleaned",
    "report.write": "the one way to report files: texts made by the forms, masked",
    "report.github": "step summary and outputs: Markdown and enums, masked",
    "core.files": "writes bytes that somebody else made, whole or not at all",
}
"""What lets out text that people look at."""
OWN_FILES = {
    "cli.demo": "files of its own words",
    "cli.new_files": "files of init: its own words, names checked against a pattern",
    "cli.show": "the page of a run, made by report.html",
    "config.schema": "schemas made from our tables",
    "judging.schema": "schemas made from our tables",
    "evalset.jsonl": "canonical JSON, acting characters spelled out",
    "evalset.lock": "names that match a pattern, digests, numbers",
    "project.basefiles": "copies of git's bytes into a folder of this run",
    "project.showing": "canonical JSON, acting characters spelled out",
    "verdict.baseline": "canonical JSON, acting characters spelled out, masked",
    "judging.record": "JSON, acting characters spelled out",
    "project.moving_in": "canonical JSON, acting characters spelled out",
    "scorers.vectors": "arrays of numbers",
    "store.hold": "its own .gitignore",
    "testing.exchange": "ASCII JSON between test processes",
}
"""What writes files that are read by programs, or that hold no text from outside."""
PIPES = {
    "project.scoring_worker": "ASCII JSON, to the process that asked",
    "candidates.command": "the request, to the program that the config names",
    "scorers.sandbox": "a job, to the worker process",
    "scorers.worker": "an answer, to the process that asked",
    "testing.sitting": "an exchange object, no stream",
}
MARKUP_MODULES = frozenset(
    name.partition(".")[2]
    for name in SOURCE.modules
    if name.startswith(
        (
            "evalharness.report.markdown",
            "evalharness.report.junit",
            "evalharness.report.github",
            "evalharness.report.html",
        )
    )
)
SINKS = frozenset(
    [
        "xml_text",
        "html_text",
        "md_fence",
        "md_text",
        "md_code",
        "html_json",
        "json_text",
        "csv_line",
        "github_command",
        "github_stopped",
    ]
)
BARE = {
    "report.junit": {
        "body", "lines", "head", "inside",  # elements made just before, by the same rule
        "counts", "test.kind", "c.scorer", "_number(c.before)", "_number(c.after)",  # joined first, cleaned as a message
    },
    "report.markdown": {
        "' · '.join(facts)", "summary", "body",  # made just before, by the same rule
        "name",  # matches a pattern in marker(); made by md_code in _table()
        "_ALERTS.get(view.outcome, 'WARNING')", "word", "_HELP[view.outcome]", "TITLE", "level",  # our own words and numbers
        "gate.pairs.used", "against", "_error(verdict)",  # a number; made by md_code and md_text
    },
    "report.github": {"case.scorer"},  # the message of a command, cleaned as one
}  # fmt: skip


def test_text_leaves_by_known_ways_only() -> None:
    allowed = {**WAYS_OUT, **OWN_FILES, **PIPES}
    found = rules.writers(SOURCE)
    assert {name: ways for name, ways in found.items() if name not in allowed} == {}
    assert sorted(set(allowed) - set(found)) == [], "nothing needs these any more"


def test_nobody_prints_or_logs() -> None:
    ways = rules.writers(SOURCE)
    assert {name for name, found in ways.items() if found & {"print", "logging"}} == set()
    assert {name for name, found in ways.items() if "stream" in found} == {"project.workspace", "project.execution"}


def test_text_inside_markup_went_through_its_sink() -> None:
    found = rules.unclean(SOURCE, MARKUP_MODULES, SINKS)
    assert {name: parts - BARE.get(name, set()) for name, parts in found.items() if parts - BARE.get(name, set())} == {}
    assert {
        name: parts - found.get(name, set()) for name, parts in BARE.items() if parts - found.get(name, set())
    } == {}


def test_our_own_processes_import_nothing_from_the_working_folder() -> None:
    """The folder can be a stranger's checkout, with modules of our names in it."""
    for module in SOURCE.modules.values():
        for line in module.text.splitlines():
            if "[sys.executable, " in line:
                assert '"-I"' in line or '"-P"' in line, module.name


# --- negative controls ------------------------------------------------------------------------------------------------

BAD = {
    "__init__.py": "",
    "a.py": "def f(x):\n    print(x)\n",
    "b.py": "import sys\nsys.stderr.write('x')\n",
    "c.py": "def f(x):\n    open('r.html', 'w').write(x)\n",
    "d.py": "from pathlib import Path\nPath('x').write_text('y')\n",
    "e.py": "import logging\nlogging.getLogger().info('x')\n",
    "f.py": "def f(file, x):\n    file.write(x)\n",
    "g.py": "def f(x):\n    return open(x, 'rb')\n",
}


def test_every_way_out_is_seen(tmp_path: Path) -> None:
    for name, text in BAD.items():
        (tmp_path / "bad").mkdir(exist_ok=True)
        (tmp_path / "bad" / name).write_text(text, encoding="utf-8")
    assert rules.writers(rules.Source(tmp_path / "bad")) == {
        "a": {"print"}, "b": {"stream"}, "c": {"file", "write"}, "d": {"file"}, "e": {"logging"}, "f": {"write"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("f'<b>{x}</b>'", {"x"}),
        ("f'<b title=\"{html_text(x)}\">{x.y}</b>'", {"x.y"}),
        ("f'| {x} |'", {"x"}),
        ("f'::error::{x}'", {"x"}),
        ("f'<b>{html_text(x)}</b>'", set()),
        ("f'<b>{x:.3f}</b>'", set()),
        ("f'{x} and {y}'", set()),
    ],
)
def test_bare_text_inside_markup_is_seen(tmp_path: Path, line: str, bare: set[str]) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/__init__.py").write_text("")
    (tmp_path / "bad/page.py").write_text(f"def f(x, y):\n    return {line}\n")
    found = rules.unclean(rules.Source(tmp_path / "bad"), frozenset({"page"}), SINKS)
    assert found == ({"page": bare} if bare else {})
