"""Rubric files: what is read, what is refused and where, what the digest covers, and that the schema agrees."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from evalharness.core.errors import RubricError
from evalharness.judging import schema
from evalharness.judging.rubric import Human, JudgeSettings
from evalharness.judging.rubric_file import content_digest, load_rubric
from tests.judging.rubrics import BETTER, COMPLETE, CONTRADICTION, MAIN, REPEATS, SUPPORT, read, text_of, write

EXAMPLE = """
[[examples]]
input = "When?"
reference = "1923"
output = "In the 1920s."
verdicts = { main-fact = "not_met" }
human = { raters = 3, agree = 2 }
why = "A decade is no year."
"""


def test_all_types_are_read(tmp_path: Path) -> None:
    rubric = read(tmp_path, MAIN, CONTRADICTION, COMPLETE, REPEATS, SUPPORT, EXAMPLE)
    main, contradiction, complete, repeats, support = rubric.criteria
    assert (main.verdicts, main.weight, main.must_pass, main.evidence) == (("met", "not_met"), 3.0, True, "output")
    assert contradiction.expect is False
    assert [(level.id, level.value) for level in complete.options] == [("all", 1.0), ("most", 0.5), ("little", 0.0)]
    assert (repeats.range, repeats.better) == ((0.0, 10.0), "lower")
    assert (support.items, support.fatal, support.options[3].value) == ("output.sentences", ("contradicted",), None)
    assert rubric.criterion("complete") is complete
    assert rubric.examples[0].why == "A decade is no year."
    assert rubric.examples[0].human == Human(raters=3, agree=2)
    assert not rubric.pairwise
    with pytest.raises(KeyError):
        rubric.criterion("other")


def test_defaults_are_those_of_the_page(tmp_path: Path) -> None:
    rubric = read(tmp_path, judge='{ model = "m-2026-01-01" }')
    assert rubric.judge == JudgeSettings(model="m-2026-01-01")
    assert (rubric.retries, rubric.cannot_tell, rubric.anchors, rubric.anchors_minimum) == (2, "exclude", None, 40)
    assert rubric.judge.seats == ("m-2026-01-01",)


def test_the_judge_is_read(tmp_path: Path) -> None:
    judge = (
        '{ model = "m", temperature = "unset", panel = ["a", "b"], repeats = { first = 3, on_change = 5 },'
        ' escalate_to = "big", token_key = "max_completion_tokens", reply = "json_object" }'
    )
    rubric = read(
        tmp_path,
        judge=judge,
        top='cannot_tell = { action = "escalate" }\non_invalid = { retries = 0, then = "error" }\n',
    )
    assert rubric.judge.temperature is None
    assert rubric.judge.seats == ("m", "a", "b")
    assert (rubric.judge.first, rubric.judge.on_change) == (3, 5)
    assert (rubric.cannot_tell, rubric.retries) == ("escalate", 0)


def test_a_pairwise_rubric_shows_both_answers(tmp_path: Path) -> None:
    example = '\n[[examples]]\ninput = "q"\noutput_a = "x"\noutput_b = "y"\nverdicts = { better = "A" }\n'
    rubric = read(tmp_path, BETTER, example, uses=("input", "output"))
    assert rubric.pairwise
    assert rubric.examples[0].fields == {"input": "q", "output_a": "x", "output_b": "y"}


BAD = {
    "no id": (text_of().replace('id = "r"', 'id = "other"'), "expected 'r'"),
    "unknown key": (text_of(top='tone = "x"\n'), "unknown key 'tone'"),
    "unknown criterion key": (text_of(MAIN + 'levels = ["x"]\n'), "unknown key 'levels'"),
    "unknown type": (text_of(MAIN.replace("boolean", "bool")), "expected one of boolean"),
    "no type": (text_of(MAIN.replace('type = "boolean"\n', "")), "'type' is missing"),
    "no criteria": (text_of(" "), "'criteria' is missing"),
    "negative weight": (text_of(MAIN.replace("weight = 3", "weight = -3")), "expected a number above 0"),
    "evidence not seen": (
        text_of(MAIN.replace('evidence = "output"', 'evidence = "context"')),
        "does not see 'context'",
    ),
    "items not seen": (text_of(SUPPORT.replace("output.sentences", "context.chunks")), "does not see 'context'"),
    "condition": (text_of(MAIN + 'applies_if = "input == 1"\n'), "tags.WORD"),
    "two ids": (text_of(MAIN, MAIN), "is taken"),
    "one value": (text_of(COMPLETE.replace("0.5", "1").replace("value = 0,", "value = 1,")), "two different values"),
    "reserved level": (text_of(COMPLETE.replace('"most"', '"cannot_tell"')), "is taken"),
    "two levels alike": (text_of(COMPLETE.replace('"most"', '"all"')), "is taken"),
    "eight levels": (
        text_of(
            COMPLETE.replace(
                "\n]\n", "\n" + "".join(f'  {{ id = "x{i}", value = 0, when = "w" }},\n' for i in range(5)) + "]\n"
            )
        ),
        "expected 2 to 7",
    ),
    "fatal": (
        text_of(SUPPORT.replace('fatal = ["contradicted"]', 'fatal = ["contradict"]')),
        "no verdict 'contradict'",
    ),
    "range": (text_of(REPEATS.replace("[0, 10]", "[10, 0]")), "lowest, highest"),
    "three ends": (text_of(REPEATS.replace("[0, 10]", "[0, 1, 10]")), "lowest, highest"),
    "at_least alone": (text_of(COMPLETE + "at_least = 0.5\n"), "must_pass = true"),
    "nothing to judge": (text_of(COMPLETE, uses=("input", "reference")), "neither output nor context"),
    "mixed": (text_of(MAIN, BETTER), "compare two answers"),
    "thirteen": (text_of(*(MAIN.replace("main-fact", f"m{i}") for i in range(13))), "at most 12"),
    "escalate to nobody": (text_of(top='cannot_tell = { action = "escalate" }\n'), "escalate_to"),
    "fallback": (text_of(top='on_invalid = { retries = 2, then = "pass" }\n'), 'expected "error"'),
    "even repeats": (text_of(judge='{ model = "m", repeats = { on_change = 2 } }'), "odd"),
    "fewer on change": (text_of(judge='{ model = "m", repeats = { first = 3, on_change = 1 } }'), "at least as many"),
    "votes and probabilities": (
        text_of(judge='{ model = "m", panel = ["n"], probabilities = true }'),
        "do not go together",
    ),
    "probabilities of numbers": (text_of(REPEATS, judge='{ model = "m", probabilities = true }'), "single words"),
    "no model": (text_of(judge="{ seed = 7 }"), "'model' is missing"),
    "anchors outside": (text_of(top='anchors = { file = "../x.jsonl" }\n'), "outside"),
    "anchors absolute": (text_of(top='anchors = { file = "/etc/x.jsonl" }\n'), "outside"),
    "strange example verdict": (text_of(MAIN, EXAMPLE.replace('"not_met" }', '"no" }')), "expected one of met"),
    "strange example criterion": (text_of(MAIN, EXAMPLE.replace("main-fact =", "main =")), "no criterion 'main'"),
    "hidden field": (text_of(MAIN, EXAMPLE + 'tools = "x"\n'), "does not see"),
    "empty example": (text_of(MAIN, EXAMPLE.replace('main-fact = "not_met"', "")), "at least one criterion"),
    "too agreed": (text_of(MAIN, EXAMPLE.replace("agree = 2", "agree = 4")), "cannot agree"),
    "no toml": ("a = = 1", "not a TOML file"),
    "a date": (text_of(top="").replace('title = "T"', "title = 2026-01-01"), "a date"),
    "not finite": (text_of(MAIN.replace("weight = 3", "weight = inf")), "infinite"),
    "items miscounted": (
        text_of(SUPPORT, '\n[[examples]]\noutput = "One. Two."\nverdicts = { support = ["supported"] }\n'),
        "seen 1 verdicts, expected 2",
    ),
    "items in a word": (
        text_of(SUPPORT, '\n[[examples]]\noutput = "One."\nverdicts = { support = "supported" }\n'),
        "a list",
    ),
    "number as text": (
        text_of(REPEATS, '\n[[examples]]\noutput = "x"\nverdicts = { repeats = "3" }\n'),
        "from 0 to 10",
    ),
}


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_refused_with_its_place(text: str, expected: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RubricError) as caught:
        load_rubric(path, name="rubrics/r.toml")
    assert expected in str(caught.value)
    assert caught.value.where.startswith("rubrics/r.toml")
    assert caught.value.exit_code == 2


def test_the_line_is_that_of_the_key(tmp_path: Path) -> None:
    text = text_of(MAIN.replace("weight = 3", 'weight = "3"'))
    line = text.splitlines().index('weight = "3"') + 1
    with pytest.raises(RubricError) as caught:
        load_rubric(write(tmp_path, text), name="r.toml")
    assert caught.value.where == f"r.toml:{line}: criteria.0.weight"


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="no such rubric file"):
        load_rubric(tmp_path / "r.toml")
    (tmp_path / "r.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RubricError, match="cannot be read"):
        load_rubric(tmp_path / "r.toml")
    (tmp_path / "r.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(RubricError, match="at most 1000000"):
        load_rubric(tmp_path / "r.toml")


def test_a_template_in_a_rubric_stays_text(tmp_path: Path) -> None:
    assert "{{ 7 * 7 }}" in read(tmp_path, MAIN.replace("the fact", "{{ 7 * 7 }}")).criteria[0].ask


def test_the_digest_leaves_out_what_no_judge_sees(tmp_path: Path) -> None:
    plain = read(tmp_path)
    retitled = write(
        tmp_path,
        text_of(top='anchors = { file = "anchors/r.jsonl" }\n')
        .replace('"T"', '"U"')
        .replace("version = 1", "version = 2"),
    )
    assert load_rubric(retitled).digest == plain.digest
    assert load_rubric(retitled).anchors == tmp_path / "anchors/r.jsonl"
    assert read(tmp_path, MAIN.replace("the fact", "a fact")).digest != plain.digest
    assert content_digest(tomllib.loads(text_of())) == plain.digest


def test_another_commits_content_is_read_in_place_of_the_file(tmp_path: Path) -> None:
    assert load_rubric(tmp_path / "r.toml", data=text_of(COMPLETE).encode()).criteria[0].id == "complete"


# --- the schema ---------------------------------------------------------------------------------------------------------


def test_the_shipped_schema_is_up_to_date() -> None:
    for name in schema.SCHEMAS:
        stored = (schema.FOLDER / name).read_text(encoding="utf-8")
        assert stored == schema.schema_text(name), "run: python -m evalharness.judging.schema"
        jsonschema.Draft7Validator.check_schema(json.loads(stored))


def test_the_schema_writes_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "FOLDER", tmp_path)
    schema.main()
    assert [path.name for path in tmp_path.iterdir()] == ["rubric.json"]


STRUCTURAL = (
    *("unknown key", "unknown criterion key", "unknown type", "no type", "no criteria", "negative weight", "condition"),
    *("eight levels", "three ends", "fallback", "no model"),
)


def test_the_schema_accepts_what_the_reader_accepts() -> None:
    validator = jsonschema.Draft7Validator(schema.rubric_schema())
    validator.validate(tomllib.loads(text_of(MAIN, CONTRADICTION, COMPLETE, REPEATS, SUPPORT, EXAMPLE)))
    for name in STRUCTURAL:
        assert not validator.is_valid(tomllib.loads(BAD[name][0])), name
