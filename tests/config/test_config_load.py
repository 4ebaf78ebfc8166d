"""What a right config becomes, and where it is looked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from evalharness.config import keys
from evalharness.config.find import find_config
from evalharness.config.load import load_config
from evalharness.config.model import Defaults, EvalSetConfig, GateConfig, LimitConfig
from evalharness.core.errors import ConfigError

FULL = (Path(__file__).parent / "full.toml").read_text(encoding="utf-8")

MINIMAL = 'version = 1\n[evalsets]\nsupport = { path = "cases.jsonl" }\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cases.jsonl").write_text("x\n", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVALH_CONFIG", raising=False)
    return tmp_path


def test_a_full_config_is_read(project: Path) -> None:
    (project / "evalh.toml").write_text(FULL, encoding="utf-8")
    config = load_config(project)
    assert config.path == "evalh.toml"
    assert config.root == project.resolve()
    assert config.evalsets["support"].slices == ("region", "intent")
    assert config.candidates["bot"].use == "model"
    assert config.candidates["bot"].params["stop"] == ("a",)
    assert config.candidates["bot"].where == "evalh.toml:5"
    recall = config.scorers["recall@10"]
    assert (recall.component.use, dict(recall.component.params)) == ("recall", {"k": 10})
    assert (recall.threshold, recall.weight, recall.metric, recall.negate) == (0.5, 2.0, "search", False)
    assert config.scorers["no_pii"].component.use == "contains_any"
    assert config.scorers["no_pii"].negate is True
    one, two = config.gates.values()
    assert [(x.scorer, x.margin, x.every, x.role) for x in one.limits] == [
        ("recall@10", 0.05, False, "guard"),
        ("no_pii", None, "absolute", "guard"),
        ("edits", 0.1, False, "guard"),
        ("latency", None, False, "report"),
        ("checks", None, True, "guard"),
    ]
    assert one.limits[1].attempts == 3
    assert one.limits[2].cap == 2.0
    assert one.limits[0].where == "evalh.toml:19"
    assert (one.epochs, one.extendable) == (2, (100, 200))
    assert one.slices["region"][0].margin == 0.1
    assert (two.limits[0].margin, two.limits[1].margin) == (0.0, 0.0)
    assert config.prices == {"m": (1.0, 2.5)}
    assert config.rates["host:80"] == {"rpm": 60.0}
    assert config.raw["prices"]["m"]["input"] == 1


def test_an_empty_config_is_all_defaults(project: Path) -> None:
    (project / "evalh.toml").write_text("", encoding="utf-8")
    config = load_config(project)
    assert config.defaults == Defaults()
    assert not config.gates


def test_nothing_in_a_config_can_be_changed(project: Path) -> None:
    (project / "evalh.toml").write_text(FULL, encoding="utf-8")
    config = load_config(project)
    for mapping in (config.gates, config.candidates, config.raw, config.prices, config.gates["one"].slices):
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("cls", "rules"),
    [
        (Defaults, keys.DEFAULTS),
        (EvalSetConfig, keys.EVALSET),
        (LimitConfig, keys.LIMIT),
        (GateConfig, keys.GATE),
    ],
)
def test_every_field_has_a_rule_and_every_rule_a_field(cls: type, rules: dict[str, object]) -> None:
    ours = {"name", "where", "scorer"}
    fields = {field.name: field for field in dataclasses.fields(cls)}
    assert set(fields) - ours == set(rules)
    for name, rule in rules.items():
        default = fields[name].default
        if default not in (dataclasses.MISSING, None, ()):
            assert rule.accepts(default), (name, default)  # type: ignore[attr-defined]


def test_a_kind_that_an_installed_package_adds(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = project / "site"
    info = site / "plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n", encoding="utf-8")
    points = "[evalharness.candidates]\npigeon = plugin:make\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    text = '[candidates]\np = { pigeon = "post", own_key = 1 }\n'
    (project / "evalh.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="expected exactly one kind key, got none"):
        load_config(project)
    monkeypatch.syspath_prepend(str(site))
    spec = load_config(project).candidates["p"]
    assert (spec.use, dict(spec.params)) == ("pigeon", {"pigeon": "post", "own_key": 1})


# --- where it is looked for -------------------------------------------------------------------------------------------


def test_the_nearest_file_upwards_counts(project: Path) -> None:
    (project / "evalh.toml").write_text(MINIMAL, encoding="utf-8")
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    assert load_config(deep).root == project
    (deep.parent / "evalh.toml").write_text("", encoding="utf-8")
    assert load_config(deep).root == deep.parent


def test_the_search_stops_at_the_git_root(project: Path) -> None:
    (project / "evalh.toml").write_text(MINIMAL, encoding="utf-8")
    inner = project / "inner"
    (inner / ".git").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"no evalh.toml in .*inner or above it") as caught:
        load_config(inner)
    assert caught.value.code == "no_config"


def test_pyproject_counts_when_there_is_no_file_of_our_own(project: Path) -> None:
    text = '[tool.other]\nx = 1\n[tool.evalh.evalsets]\nsupport = { path = "cases.jsonl", slice = 1 }\n'
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(project)
    assert caught.value.where == "pyproject.toml:4: tool.evalh.evalsets.support.slice"
    (project / "pyproject.toml").write_text(text.replace(", slice = 1", ""), encoding="utf-8")
    config = load_config(project)
    assert config.evalsets["support"].where == "pyproject.toml:4"
    assert set(config.raw) == {"evalsets"}


@pytest.mark.parametrize("text", ["", "broken =", "[tool.evalharness]\n", '[project]\ndescription = "evalh"\n'])
def test_a_pyproject_without_our_table_does_not_count(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    assert find_config(project) is None


def test_both_files_are_refused(project: Path) -> None:
    (project / "evalh.toml").write_text(MINIMAL, encoding="utf-8")
    (project / "pyproject.toml").write_text("[tool.evalh]\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(project)
    assert str(caught.value) == (
        "two configs: evalh.toml and [tool.evalh] in pyproject.toml\n"
        "  tip: keep one of them, or name one with --config FILE"
    )
    assert load_config(project, config="evalh.toml").evalsets


def test_a_named_file_counts_before_the_environment_and_the_search(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("evalh.toml", "a.toml", "b.toml"):
        (project / name).write_text(MINIMAL, encoding="utf-8")
    assert load_config(project).path == "evalh.toml"
    monkeypatch.setenv("EVALH_CONFIG", "a.toml")
    assert load_config(project).path == "a.toml"
    assert load_config(project, config="b.toml").path == "b.toml"


def test_a_named_file_must_be_there(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"^--config: no such file: none.toml"):
        load_config(project, config="none.toml")
    monkeypatch.setenv("EVALH_CONFIG", "none.toml")
    with pytest.raises(ConfigError, match=r"^EVALH_CONFIG: no such file: none.toml"):
        load_config(project)


def test_a_named_pyproject_needs_our_table(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"there is no \[tool.evalh\] table"):
        load_config(project, config="pyproject.toml")


def test_a_file_elsewhere_is_shown_in_full(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "evalh.toml").write_text("x = 1", encoding="utf-8")
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    with pytest.raises(ConfigError) as caught:
        load_config(Path())
    assert caught.value.where == f"{project / 'evalh.toml'}:1: x"


def test_names_that_look_alike_are_refused(tmp_path):
    (tmp_path / "evalh.toml").write_text('[scorers]\nrun-10 = { use = "equals" }\nrun-1O = { use = "equals" }\n')
    with pytest.raises(ConfigError, match=r"evalh.toml:3: scorers.run-1O: looks like 'run-10'"):
        load_config(tmp_path)


@pytest.mark.parametrize("name", ["x" * 300 + ".jsonl", "a\\u0000b.jsonl", "x/" * 3000])
def test_a_text_that_cannot_be_a_path_is_refused(tmp_path, name):
    (tmp_path / "evalh.toml").write_text(f'[evalsets]\ns = {{ path = "{name}" }}\n')
    with pytest.raises(ConfigError, match=r"evalh.toml:2: evalsets.s.path: .*cannot be a path"):
        load_config(tmp_path)
