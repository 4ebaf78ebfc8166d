"""A judge from its table in the config, and what lint doubts about its rubric."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from evalharness.clients.replay import ScriptedChat
from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError, KeyMissing, RubricError
from evalharness.core.results import Score
from evalharness.judging.build import Endpoints, build_judge
from evalharness.judging.lint import doubts
from evalharness.judging.rubric_file import load_rubric
from evalharness.judging.scorer import JudgeScorer
from evalharness.scorers.registry import build_scorer, spec_of
from tests.judging.rubrics import BETTER, COMPLETE, CONTRADICTION, MAIN, REPEATS, SUPPORT, text_of, write

ESCALATE = 'cannot_tell = { action = "escalate" }\n'
PANEL = '{ model = "m-2026-01-01", panel = ["n-2026-01-01"], escalate_to = "big-2026-01-01", seed = 7 }'


class Connected:
    """Remembers what was connected to what."""

    def __init__(self) -> None:
        self.places: list[tuple[str, Any, Any]] = []

    def __call__(self, place: Any, *, key_env: str | None, price: Any, finished: bool, where: str) -> ScriptedChat:
        del finished, where
        self.places.append((place.url, key_env, price))
        return ScriptedChat([])


def built(
    folder: Path, table: dict[str, Any], *, prices: Any = None, env: Any = None, connect: Any = None
) -> JudgeScorer:
    endpoints = Endpoints(connect=connect or Connected(), prices=prices or {}, env=env or {})
    return build_judge(spec_of({"use": "judge", **table}, name="correct"), root=folder, endpoints=endpoints)


def test_a_judge_is_built_and_signed(tmp_path: Path) -> None:
    write(tmp_path, text_of(MAIN))
    judge = built(tmp_path, {"rubric": "r.toml"})
    assert (judge.name, judge.binary, judge.costly) == ("correct", True, True)
    assert judge.signature.startswith(f"judge|digest:{judge.judge.digest[:12]}|model:judge-2026-08-01|rubric:r|")


def test_overrides_enter_the_digest_and_reach_the_endpoint(tmp_path: Path) -> None:
    write(tmp_path, text_of(MAIN))
    plain, connect = built(tmp_path, {"rubric": "r.toml"}), Connected()
    table = {
        "rubric": "r.toml",
        "model": "other-2026-01-01",
        "base_url": "http://127.0.0.1:8000/v1",
        "api_key_env": "X_API_KEY",
    }
    other = built(tmp_path, table, connect=connect)
    assert connect.places == [("http://127.0.0.1:8000/v1", "X_API_KEY", (0.0, 0.0))]
    assert other.judge.digest != plain.judge.digest
    assert other.judge.seats[0].model == "other-2026-01-01"
    digests = {
        built(tmp_path, {"rubric": "r.toml", key: table[key]}).judge.digest
        for key in ("model", "base_url", "api_key_env")
    }
    assert len(digests | {plain.judge.digest, other.judge.digest}) == 5


def test_the_endpoint_is_the_environments_else_the_providers(tmp_path: Path) -> None:
    write(tmp_path, text_of(MAIN))
    connect = Connected()
    prices = {"judge-2026-08-01": (1.0, 2.0)}
    first = built(tmp_path, {"rubric": "r.toml"}, connect=connect, prices=prices)
    second = built(
        tmp_path, {"rubric": "r.toml"}, connect=connect, env={"OPENAI_BASE_URL": "https://llm.example.org/v1"}
    )
    assert [place[0] for place in connect.places] == ["https://api.openai.com/v1", "https://llm.example.org/v1"]
    assert [place[2] for place in connect.places] == [(1.0, 2.0), None]
    assert first.judge.digest == second.judge.digest


def test_panel_and_escalation_have_seats(tmp_path: Path) -> None:
    write(tmp_path, text_of(MAIN, judge=PANEL, top=ESCALATE))
    judge = built(tmp_path, {"rubric": "r.toml"}).judge
    assert [seat.model for seat in judge.all_seats] == ["m-2026-01-01", "n-2026-01-01", "big-2026-01-01"]
    write(tmp_path, text_of(MAIN, judge=PANEL))
    assert len(built(tmp_path, {"rubric": "r.toml"}).judge.all_seats) == 2


def test_threshold_and_not_are_applied(tmp_path: Path) -> None:
    write(tmp_path, text_of(COMPLETE))
    judge = built(tmp_path, {"rubric": "r.toml", "threshold": 0.75})
    score = judge.finish(Score(value=0.5, passed=True))
    assert isinstance(score, Score)
    assert (score.passed, score.signature) == (False, judge.signature)
    turned = built(tmp_path, {"rubric": "r.toml", "not": True}).finish(Score(value=0.25, passed=True))
    assert isinstance(turned, Score)
    assert (turned.value, turned.passed) == (0.75, False)


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no rubric": ({}, ConfigError, "judge needs 'rubric'"),
    "strange key": ({"rubric": "r.toml", "modle": "m"}, ConfigError, "modle"),
    "outside": ({"rubric": "../r.toml"}, ConfigError, "outside the project"),
    "absolute": ({"rubric": "/r.toml"}, ConfigError, "outside the project"),
    "no file": ({"rubric": "none.toml"}, RubricError, "no such rubric file"),
    "plain http": ({"rubric": "r.toml", "base_url": "http://example.org/v1"}, ConfigError, "plain http"),
}


@pytest.mark.parametrize(("table", "kind", "expected"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_refused(table: dict[str, Any], kind: type[Exception], expected: str, tmp_path: Path) -> None:
    write(tmp_path, text_of(MAIN))
    with pytest.raises(kind, match=expected):
        built(tmp_path, table)


def test_a_missing_key_is_found_before_the_first_call(tmp_path: Path) -> None:
    write(tmp_path, text_of(MAIN))

    class NoKey(ScriptedChat):
        asked = 0

        def ready(self) -> None:
            NoKey.asked += 1
            if NoKey.asked == 1:
                raise KeyMissing("no key")

    judge: Any = built(tmp_path, {"rubric": "r.toml"}, connect=lambda *_, **__: NoKey([]))
    with pytest.raises(KeyMissing):
        judge.check(Case(id="c", input="q"))
    judge.check(Case(id="c", input="q"))
    judge.check(Case(id="d", input="q"))
    assert NoKey.asked == 2
    asyncio.run(judge.close())
    assert judge.clients()[0].closed


def test_no_scorer_is_built_where_no_endpoint_is_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a judge calls an endpoint"):
        build_scorer(spec_of({"use": "judge", "rubric": "r.toml"}), root=tmp_path)
    with pytest.raises(ConfigError, match="no scorer word 'judge'"):
        build_scorer(spec_of({"use": "judge", "rubric": "r.toml"}), root=tmp_path, from_data=True)


# --- lint ---------------------------------------------------------------------------------------------------------------

ANCHORS = 'anchors = { file = "a.jsonl", minimum = 2 }\n'
EXAMPLE = '\n[[examples]]\noutput = "In the 1920s."\nverdicts = { main-fact = "not_met" }\n'


def anchor(name: str, output: str, **verdicts: Any) -> dict[str, Any]:
    return {
        "id": name,
        "output": output,
        "source": "people",
        "verdicts": {key.replace("_", "-"): v for key, v in verdicts.items()},
    }


def doubted(folder: Path, *parts: str, anchors: Any = None, **head: Any) -> list[str]:
    if anchors is not None:
        (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in anchors), encoding="utf-8")
    return [str(doubt) for doubt in doubts(load_rubric(write(folder, text_of(*parts, **head))))]


def test_a_rubric_with_both_verdicts_of_each_must_is_clean(tmp_path: Path) -> None:
    rows = [anchor("a-1", "In 1923.", main_fact="met"), anchor("a-2", "In 1924.", main_fact="not_met")]
    assert doubted(tmp_path, MAIN, anchors=rows, top=ANCHORS) == []


def test_what_lint_doubts(tmp_path: Path) -> None:
    rows = [anchor("a-1", "In the 1920s.", main_fact="not_met")]
    found = doubted(tmp_path, MAIN, EXAMPLE, anchors=rows, top=ANCHORS, judge='{ model = "gpt-latest" }')
    expected = (
        "1 anchors, and the rubric asks for 2",
        "anchor 'a-1' is also an example in the prompt",
        "main-fact: no example or anchor has a verdict that holds",
        "'gpt-latest' looks like an alias that its provider moves",
    )
    assert len(found) == len(expected)
    assert all(part in text for part, text in zip(expected, found, strict=True))
    assert "no example or anchor has a verdict that fails" in " ".join(
        doubted(tmp_path, MAIN, EXAMPLE.replace("not_met", "met"))
    )
    broken = doubted(tmp_path, MAIN, anchors=[{"id": "x"}], top=ANCHORS)
    assert any("a.jsonl:1" in text for text in broken)


MUSTS = {
    "turned": (CONTRADICTION, "contradiction", "met", "not_met"),
    "levels": (COMPLETE, "complete", "little", "all"),
    "items": (SUPPORT, "support", ["contradicted"], ["supported"]),
    "numbers": (REPEATS, "repeats", 1, 9),
    "pairs": (BETTER, "better", "tie", "A"),
}


@pytest.mark.parametrize(("part", "name", "bad", "good"), MUSTS.values(), ids=MUSTS)
def test_both_sides_of_every_type_are_asked_for(part: str, name: str, bad: Any, good: Any, tmp_path: Path) -> None:
    must = part if "must_pass" in part else part.replace('ask = "', 'must_pass = true\nask = "')
    fields = {"output_a": "x", "output_b": "y"} if part is BETTER else {"output": "One sentence."}

    def rows(*verdicts: Any) -> list[dict[str, Any]]:
        return [
            {"id": f"a-{i}", **fields, "source": "s", "verdicts": {name: verdict}} for i, verdict in enumerate(verdicts)
        ]

    uses = ("output",)
    assert doubted(tmp_path, must, anchors=rows(bad, good), top=ANCHORS, uses=uses) == []
    one_sided = doubted(tmp_path, must, anchors=rows(bad, bad), top=ANCHORS, uses=uses)
    assert any("no example or anchor has a verdict that" in text for text in one_sided)
