"""The shipped JSON Schemas are the ones that the code makes, and they say what the loader says."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from evalharness.config import schema
from evalharness.core.cases import Case
from evalharness.core.verdicts import GateVerdict, HardVerdict, ScorerVerdict, Verdict

FULL = (Path(__file__).parent / "full.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", schema.SCHEMAS)
def test_the_shipped_file_is_up_to_date(name: str) -> None:
    assert (schema.FOLDER / name).read_text(encoding="utf-8") == schema.schema_text(name), (
        "run: python -m evalharness.config.schema"
    )


@pytest.mark.parametrize("name", schema.SCHEMAS)
def test_it_is_a_draft_7_schema(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(schema.SCHEMAS[name]())


def test_main_writes_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "FOLDER", tmp_path / "schemas")
    schema.main()
    assert sorted(path.name for path in (tmp_path / "schemas").iterdir()) == [
        "case.json",
        "config.json",
        "verdict.json",
    ]


def valid(name: str, value: Any) -> bool:
    return bool(jsonschema.Draft7Validator(schema.SCHEMAS[name]()).is_valid(value))


def test_a_right_config_is_valid() -> None:
    assert valid("config.json", tomllib.loads(FULL))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("versio",), 1),
        (("version",), 2),
        (("gates", "one", "alpha_pass"), 0.5),
        (("gates", "one", "limits", "no_pii", "every"), "all"),
        (("gates", "one", "limits", "recall@10"), -1),
        (("candidates", "bot", "python"), "a:b"),
        (("candidates", "old", "k"), 3),
        (("evalsets", "support", "path"), ""),
    ],
)
def test_a_wrong_config_is_not_valid(path: tuple[str, ...], value: Any) -> None:
    config = copy.deepcopy(tomllib.loads(FULL))
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert not valid("config.json", config)


def test_every_key_has_a_description() -> None:
    def missing(entry: Any, path: str) -> list[str]:
        found = []
        for key, inner in entry.get("properties", {}).items():
            found += [] if "description" in inner else [f"{path}.{key}"]
            found += missing(inner, f"{path}.{key}")
        for word in ("additionalProperties", "oneOf", "anyOf"):
            inner = entry.get(word)
            for one in inner if isinstance(inner, list) else [inner]:
                found += missing(one, path) if isinstance(one, dict) else []
        return found

    assert missing(schema.config_schema(), "") == []


def test_cases_and_verdicts_are_valid_as_written() -> None:
    case = Case(id="a-1", input=[{"role": "user", "content": "hi"}], relevant={"d": 1.0}, checks=({"use": "equals"},))
    assert valid("case.json", json.loads(json.dumps(case.to_json())))
    assert not valid("case.json", {"id": "-", "input": "x"})
    assert not valid("case.json", {"id": "a", "input": "x", "expected": "y"})
    gate = GateVerdict(
        gate="g",
        outcome="pass",
        reason="r",
        scorers=(ScorerVerdict(scorer="s", interval=(0.0, 1.0)),),
        hard=(HardVerdict(scorer="h"),),
    )
    verdict = Verdict(outcome="pass", exit_code=0, gates=(gate,)).to_json()
    assert valid("verdict.json", json.loads(json.dumps(verdict)))
    verdict["gates"][0]["outcome"] = "maybe"
    assert not valid("verdict.json", verdict)


def test_the_fields_of_a_case_are_those_of_the_dataclass() -> None:
    import dataclasses

    assert list(schema.case_schema()["properties"]) == [field.name for field in dataclasses.fields(Case)]
