"""No answer, name or reason acts in any report. The checkers see only the finished text; a naive writer is flagged."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalharness.core.results import Score
from evalharness.core.verdicts import Comparison, Verdict, Warned
from evalharness.report import csvout, jsonlines, jsonout, junit, markdown
from evalharness.report.html import page
from evalharness.report.sinks import github_command, github_stopped
from evalharness.report.terminal import Screen, verdict_text
from tests.report.comparisons import compared, told
from tests.report.hostile import CORPUS, acting, live_csv, live_html, live_log, live_markdown, xml_names

BASE = compared(n=12, lost=9)


def poisoned(payload: str) -> tuple[Verdict, list[Comparison]]:
    """Every text that can come from outside carries the payload."""
    gate = BASE.gate
    scorers = tuple(
        replace(s, scorer=f"{s.scorer}{payload}", reason=payload, signature=f"sig {payload}") for s in gate.scorers
    )
    slices = tuple(
        replace(part, field=f"f{payload}", value=payload or "v", scorers=tuple(
            replace(s, scorer=f"{s.scorer}{payload}") for s in part.scorers
        ))
        for part in gate.slices
    )  # fmt: skip
    worst = tuple(replace(case, scorer=f"{case.scorer}{payload}") for case in gate.worst_cases)
    gate = replace(
        gate,
        gate=f"g{payload}",
        reason=f"why {payload}",
        scorers=scorers,
        slices=slices,
        worst_cases=worst,
        candidate={"name": payload, "digest": "c" * 64},
        baseline={"name": payload, "digest": payload, "created": payload, "commit": payload},
        evalset={"name": payload, "version": payload, "digest": payload},
        notes=(payload,),
        error={"code": "x", "message": payload, "where": payload, "tip": payload},
        order_seed=payload,
    )
    candidate = {
        case_id: replace(result, trials=tuple(_poisoned_trial(trial, payload) for trial in result.trials))
        for case_id, result in BASE.candidate.items()
    }
    cases = {
        case_id: replace(case, input=payload, target=[payload], metadata={f"f{payload}": payload})
        for case_id, case in BASE.cases.items()
    }
    comparison = replace(BASE, gate=gate, candidate=candidate, cases=cases)
    verdict, comparisons = told(comparison)
    return replace(verdict, warnings=(Warned(code="w", message=payload),)), comparisons


def _poisoned_trial(trial: object, payload: str) -> object:
    output = replace(trial.output, text=payload, model=payload, finish_reason=payload)  # type: ignore[attr-defined]
    scores = {
        f"{name}{payload}": Score(value=0.0, reason=payload, evidence={"quote": payload}) for name in trial.scores
    }  # type: ignore[attr-defined]
    return replace(trial, output=output, scores={**trial.scores, **scores})  # type: ignore[attr-defined,type-var]


def reports(payload: str) -> Iterator[tuple[str, str]]:
    verdict, comparisons = poisoned(payload)
    for name, module in (("json", jsonout), ("jsonl", jsonlines), ("md", markdown), ("xml", junit), ("csv", csvout)):
        yield name, module.of_verdict(verdict, comparisons)
    yield "html", page.of_verdict(verdict, comparisons)
    for unicode in (True, False):
        yield "screen", verdict_text(verdict, comparisons, Screen(unicode=unicode, verbose=True))


def check(form: str, text: str) -> list[str]:
    """What is live in a finished report."""
    found = [f"acting {c!r}" for c in acting(text, allow="\r\n" if form == "csv" else "\n")]
    if form == "csv":
        found += live_csv(text)
    elif form == "xml":
        found += [name for name in xml_names(text) if name == "forged"]
    elif form == "html":
        found += live_html(text)
    elif form == "md":
        found += live_markdown(text)
    elif form == "json":
        json.loads(text)
        found += live_log(text)
    elif form == "jsonl":
        for line in text.split("\n")[:-1]:
            json.loads(line)
    return found


@pytest.mark.parametrize("kind", CORPUS)
def test_nothing_acts_in_any_report(kind: str) -> None:
    for form, text in reports(CORPUS[kind]):
        assert check(form, text) == [], form


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([*CORPUS.values(), "`", "|", "\\", "\n", "<", "x", "*", "]("]), max_size=5).map("".join)
)
def test_nothing_acts_in_any_mixture(payload: str) -> None:
    for form, text in reports(payload[:2000]):
        assert check(form, text) == [], form


def naive(payload: str) -> Iterator[tuple[str, str]]:
    """How a report is written by someone who did not think of this."""
    rows = io.StringIO()
    csv.writer(rows).writerows([["id", "answer"], ["a", payload]])
    yield "csv", rows.getvalue()
    yield "html", f'<html><style>a</style><script>a</script><p title="{payload}">{payload}</p></html>'
    yield "md", f"| a |\n|-|\n| {payload} |\n\n```\n{payload}\n```\n"
    yield "screen", payload
    yield "jsonl", json.dumps({"a": payload}, ensure_ascii=False) + "\n"


def test_negative_control_a_naive_writer_is_flagged() -> None:
    flagged = {kind for kind, payload in CORPUS.items() for form, text in naive(payload) if _flags(form, text)}
    harmless = {"rtl", "empty", "long"}
    assert harmless.isdisjoint(flagged)
    # A forged quote or fence is Markdown like any other: only the writer can tell it from its own.
    assert set(CORPUS) - flagged - harmless <= {"alert", "fence"}


def _flags(form: str, text: str) -> bool:
    try:
        return bool(check(form, text)) or bool(live_log(text) if form == "screen" else ())
    except (AssertionError, ValueError):
        return True


def test_negative_control_html_escaping_alone_leaves_what_acts() -> None:
    assert check("html", f"<style></style><script></script>{html.escape(CORPUS['bidi'])}")


@pytest.mark.parametrize("kind", CORPUS)
def test_no_line_of_the_log_is_a_command(kind: str) -> None:
    payload = CORPUS[kind]
    command = github_command("error", payload, file=payload, line=3, title=payload)
    assert "\n" not in command
    assert live_log(command) == []
    assert live_log(github_stopped(payload, "0123456789abcdef")) == []
    text = verdict_text(*poisoned(payload), Screen())
    assert live_log(github_stopped(text, "f" * 32)) == []


def test_negative_control_indented_commands_are_still_commands() -> None:
    assert live_log("    ::add-mask::x")
    assert live_log("  answer ##[add-mask]x")


def test_ordinary_writing_reaches_the_reader_unchanged() -> None:
    texts = dict(reports(CORPUS["rtl"]))
    for form in ("md", "xml", "csv", "html"):
        assert CORPUS["rtl"] in texts[form]


def test_every_screen_line_that_holds_data_is_indented_or_led_by_us() -> None:
    for unicode in (True, False):
        lines = verdict_text(*poisoned("\n::error::x\n# x"), Screen(unicode=unicode, verbose=True)).split("\n")
        assert not [line for line in lines if line.startswith(("::", "#"))]


def test_colour_is_the_only_escape_and_only_when_asked() -> None:
    verdict, comparisons = poisoned(CORPUS["escape"])
    assert "\x1b" not in verdict_text(verdict, comparisons, Screen())
    coloured = verdict_text(verdict, comparisons, Screen(color=True))
    import re

    assert set(re.findall(r"\x1b[^m]*m", coloured))
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", coloured)
