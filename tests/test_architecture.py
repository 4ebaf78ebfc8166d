"""The house keeps its plan (docs/architecture.md): read from the source, and from what is loaded when commands start.

An exception stands here with its reason, or does not exist. One that nothing needs any more fails the test too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import evalharness
from tests import source_rules as rules

ROOT = Path(__file__).parent.parent
SOURCE = rules.Source(ROOT / "evalharness")

FLOORS = (
    frozenset({"core"}),
    frozenset({"config", "evalset", "clients", "candidates", "scorers", "stats", "store", "runner"}),
    frozenset({"judging", "moving"}),
    frozenset({"verdict"}),
    frozenset({"project", "api", "aio"}),
    frozenset({"report"}),
    frozenset({"cli", "testing", "pytest_plugin", "__main__"}),
)
SAME_FLOOR = {
    ("api", "project"): "the composition root is the face of the rooms that put a project together",
    ("aio", "api"): "the asynchronous twin calls the functions it is the twin of",
    ("evalset", "config"): "for types only: lint is told what the config says about each eval set",
    ("pytest_plugin", "testing"): "the plugin is the door of testing, and stays small because pytest always loads it",
    ("__main__", "cli"): "python -m evalharness is evalh",
}
HOMES = {
    "aiohttp": {"candidates.http"},
    "bert_score": {"scorers.language_model"},
    "bm25s": {"candidates.bm25"},
    "datasets": {"evalset.importers"},
    "genai_prices": {"clients.prices"},
    "jinja2": {"candidates.templates", "report.html.page"},  # prompts in a sandbox, our own page: different floors
    "jsonschema": {"scorers.worker"},
    "jsonschema_specifications": {"scorers.worker"},
    "markupsafe": {"report.html.page"},  # comes with jinja2; marks the page's own files as HTML
    "nltk": {"scorers.rouge_words"},
    "numpy": {"scorers.ngrams", "scorers.vectors", "stats.arrays"},  # characters, vectors, differences of arms
    "openai": {"clients.openai_chat"},
    "pyarrow": {"evalset.importers"},
    "rapidfuzz": {"scorers.closeness"},
    "referencing": {"scorers.worker"},
    "rich": {"cli.progress", "report.drawing"},  # a bar while it runs, a screen when it is done: different floors
    "sacrebleu": {"scorers.translation"},
    "yaml": {"moving.yamlfile"},
    "zstandard": {"moving.archive"},
}
"""Each foreign package's one module; pytest is left out, for testing and pytest_plugin are made of it."""
BROUGHT_BY = {
    "aiohttp": "openai[aiohttp]",
    "jsonschema_specifications": "jsonschema",
    "referencing": "jsonschema",
    "pyarrow": "datasets",
    "yaml": "pyyaml",
}
"""Imported, but declared through the package that cannot do without it."""
NOT_IMPORTED = {"rouge-score"}
"""Declared, but never imported: the reference that a project can hold our ROUGE against."""
LONG_FUNCTIONS: dict[str, int] = {}
LONG_MODULES = {"cli.tree": 400}  # the table of verbs and flags: data
"""What is too long today, with its lines: may shrink, may not grow, and nothing may join."""
HEAVY = (
    *(
        "aiohttp",
        "asyncio",
        "bm25s",
        "datasets",
        "jinja2",
        "jsonschema",
        "nltk",
        "numpy",
        "openai",
        "pandas",
        "pyarrow",
    ),
    *("pydantic", "rapidfuzz", "rich", "sacrebleu", "torch"),
)


def name_under_package(module: str) -> str:
    return module.removeprefix("evalharness.")


# --- the source -------------------------------------------------------------------------------------------------------


def test_imports_run_downwards() -> None:
    assert rules.upward(SOURCE, FLOORS, SAME_FLOOR) == []


def test_no_exception_outlives_its_need() -> None:
    assert rules.unused_exceptions(SOURCE, SAME_FLOOR) == []


def test_inside_a_folder_imports_run_one_way() -> None:
    assert rules.cycles(SOURCE, late=True) == []


def test_each_foreign_package_is_imported_in_its_one_module() -> None:
    found = rules.third_party(SOURCE)
    assert {rules.room_of(module) for module in found.pop("pytest")} == {"testing", "pytest_plugin"}
    assert {name: {name_under_package(module) for module in modules} for name, modules in found.items()} == HOMES


def test_foreign_packages_are_loaded_by_functions() -> None:
    early = {line for line in rules.loaded_early(SOURCE) if not line.endswith(": pytest")}
    assert early == set()


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    base = {_name(line) for line in project["dependencies"]}
    named = ("data", "import", "bertscore", "prices", "pytest")
    declared = base | {_name(line) for extra in named for line in extras[extra]}
    imported = {name.replace("_", "-") for name in rules.third_party(SOURCE) if name not in BROUGHT_BY}
    assert imported <= declared
    assert base - imported == NOT_IMPORTED
    assert "torch" not in " ".join(extras["test"])


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return found[0].lower()


def test_functions_and_modules_stay_small() -> None:
    for found, listed in (
        (rules.long_functions(SOURCE, 60), LONG_FUNCTIONS),
        (rules.long_modules(SOURCE, 350), LONG_MODULES),
    ):
        lines = {name_under_package(name): count for name, count in found.items()}
        assert {name: count for name, count in lines.items() if count > listed.get(name, 0)} == {}
        assert set(listed) - set(lines) == set(), "it became short enough: take it from the list"


def test_no_data_can_become_code() -> None:
    assert rules.dangerous(SOURCE) == []


def test_all_is_true() -> None:
    assert rules.false_all(SOURCE) == []
    assert sorted(evalharness.__all__) == list(evalharness.__all__)
    assert len(evalharness.__all__) <= 25
    assert all(getattr(evalharness, name) is not None for name in evalharness.__all__)
    assert set(evalharness.__all__) <= set(dir(evalharness))


# --- what is loaded when something starts -----------------------------------------------------------------------------


DUMP = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=open({file!r}, 'w'))); sys.argv[1:] = {words}\n"


def loaded(code: str, *words: str, folder: Path) -> set[str]:
    """Names of all modules that a Python process has loaded at its end (pytest hides what ``-X importtime`` prints)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    file = folder / "loaded.txt"
    code = DUMP.format(file=str(file), words=list(words)) + code
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout[-500:] + run.stderr[-500:]
    return set(file.read_text(encoding="utf-8").split())


EVALH = "from evalharness.cli.main import main; sys.exit(main())"
PYTEST = "import pytest; sys.exit(pytest.main())"
STARTS = {
    "import evalharness": ("import evalharness",),
    "the values of the face": ("import evalharness as e; e.Case, e.Output, e.Refused, e.Verdict",),
    "evalh": (EVALH,),
    "evalh gate --help": (EVALH, "gate", "--help"),
    "evalh --version": (EVALH, "--version"),
    "the pytest plugin": (PYTEST, "-p", "evalharness.pytest_plugin", "--markers"),
}


@pytest.mark.parametrize("arguments", STARTS.values(), ids=STARTS)
def test_starting_loads_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    names = loaded(*arguments, folder=tmp_path)
    assert "evalharness" in names
    assert sorted(names & set(HEAVY)) == []


def test_a_test_session_without_evaluations_loads_only_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(): pass\n", encoding="utf-8")
    names = loaded(PYTEST, "-q", "-p", "evalharness.pytest_plugin", "test_one.py", folder=tmp_path)
    own = {name for name in names if name.startswith("evalharness")}
    assert own == {"evalharness", "evalharness.pytest_plugin"}
    assert sorted(names & set(HEAVY)) == []


def test_heavy_loads_are_seen(tmp_path: Path) -> None:
    assert "numpy" in loaded("from evalharness.stats import arrays; import numpy", folder=tmp_path)


# --- negative controls: a house that breaks every rule ----------------------------------------------------------------

BAD = {
    "__init__.py": "from bad.top.roof import Roof\n__all__ = ['Roof', 'absent', 'Roof']\n",
    "ground/__init__.py": "",
    "ground/stone.py": "import numpy\nimport pickle\nfrom ..top import roof\n",
    "ground/moss.py": "def grow():\n    from bad.ground import stone\n    import numpy\n    return eval('1')\n",
    "left/__init__.py": "",
    "left/door.py": "from bad.right.window import Window\nfrom . import hinge\n",
    "left/hinge.py": "from bad.left.door import Window\n",
    "right/__init__.py": "",
    "right/window.py": "import subprocess\nsubprocess.run('ls', shell=True)\nclass Window: ...\n",
    "top/__init__.py": "",
    "top/roof.py": "import bad.ground.moss\ndef Roof():\n    '''Docs.\n    More.'''\n" + "    x = 1\n" * 61,
    "shed.py": "",
}
BAD_FLOORS = (frozenset({"ground"}), frozenset({"left", "right"}), frozenset({"top"}))


@pytest.fixture
def bad(tmp_path: Path) -> rules.Source:
    for name, text in BAD.items():
        path = tmp_path / "bad" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return rules.Source(tmp_path / "bad")


def test_upward_and_sideward_imports_are_seen(bad: rules.Source) -> None:
    assert rules.upward(bad, BAD_FLOORS, {}) == [
        "shed stands on no floor",
        "the package itself imports bad.top.roof when it is loaded",
        "bad.ground.stone imports bad.top.roof",
        "bad.left.door imports bad.right.window",
    ]
    assert "bad.left.door imports bad.right.window" not in rules.upward(bad, BAD_FLOORS, {("left", "right"): "why"})
    assert rules.unused_exceptions(bad, {("left", "right"): "used", ("right", "left"): "not"}) == ["right -> left"]


def test_rings_are_seen(bad: rules.Source) -> None:
    assert rules.cycles(bad, late=False) == [["bad.left.door", "bad.left.hinge"]]
    assert ["bad.ground.moss", "bad.ground.stone", "bad.top.roof"] in rules.cycles(bad, late=True)


def test_foreign_packages_are_seen(bad: rules.Source) -> None:
    assert rules.third_party(bad) == {"numpy": {"bad.ground.stone", "bad.ground.moss"}}
    assert rules.loaded_early(bad) == {"bad.ground.stone: numpy"}


def test_long_things_are_seen(bad: rules.Source) -> None:
    assert rules.long_functions(bad, 60) == {"bad.top.roof.Roof": 62}
    assert rules.long_functions(bad, 62) == {}
    assert rules.long_modules(bad, 60) == {"bad.top.roof": 65}


def test_dangerous_calls_are_seen(bad: rules.Source) -> None:
    assert rules.dangerous(bad) == [
        "bad.ground.stone: import pickle",
        "bad.ground.moss:4: eval",
        "bad.right.window:2: subprocess.run with shell=",
    ]


def test_a_false_all_is_seen(bad: rules.Source) -> None:
    assert rules.false_all(bad) == ["bad: absent", "bad: Roof is listed twice"]
