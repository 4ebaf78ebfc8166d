"""The comment: marker, verdict first, table, folded details, and a cut that leaves nothing open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from evalharness.core.verdicts import Verdict, Warned
from evalharness.report.markdown import CAP, marker, verdict_markdown
from evalharness.report.sinks import md_code, md_fence, md_text
from tests.report.comparisons import compared, refused, told
from tests.report.hostile import CORPUS, live_markdown

PARSER = MarkdownIt("commonmark").enable("table")


def test_the_comment_is_found_again_by_its_first_line() -> None:
    text = verdict_markdown(*told(compared()))
    assert text.startswith("<!-- evalh -->\n")
    assert verdict_markdown(*told(compared()), name="packages.web").startswith("<!-- evalh packages.web -->\n")


@pytest.mark.parametrize("name", ["a--b", "x -->", "-", "a b", "<", "é", "a" * 70])
def test_a_name_that_could_end_the_marker_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        marker(name)


@pytest.mark.parametrize(
    ("comparison", "alert", "said"),
    [
        (compared(), "[!CAUTION]", "Regression: exact fell 20.0 points"),
        (compared(lost=0), "[!NOTE]", "Pass: exact did not move"),
        (compared(n=40, lost=1), "[!WARNING]", "Inconclusive: exact fell 2.5 points"),
        (refused(), "[!CAUTION]", "Refused: no stored baseline yet"),
    ],
)  # fmt: skip
def test_the_verdict_stands_first(comparison: object, alert: str, said: str) -> None:
    lines = verdict_markdown(*told(comparison)).split("\n")  # type: ignore[arg-type]
    assert lines[2] == f"> {alert}"
    assert lines[3].startswith(f"> **{said}")


def test_the_table_and_the_diff_of_a_regression() -> None:
    text = verdict_markdown(*told(compared()))
    assert "| | scorer | base | new | change | 92.5 % interval | margin |" in text
    assert "| ❌ | **`exact`** | 100.0% | 80.0% | **-20.0** | -26.6 .. -14.0 | -5.0 |" in text
    assert "```diff\n- You have 30 days from delivery.\n+ You can return it any time.\n```" in text
    assert "`exact_match|evalharness 1`" in text
    assert "look: `evalh show 7f3a7f refund-000`" in text
    assert "`region`: `eu -20.0 (n=100)`, `us -20.0 (n=100)`" in text
    rendered = PARSER.render(text)
    assert rendered.count("<table>") == 1
    assert rendered.count('<code class="language-diff">') == 5


def test_answers_stay_out_of_public_comments() -> None:
    secret = "the patient is called Ada"
    comparison = compared(before=secret, after=secret + "!")
    assert secret in verdict_markdown(*told(comparison))
    text = verdict_markdown(*told(comparison), answers=False)
    assert secret not in text
    assert "expected 30 days" not in text  # a scorer's reason may quote the answer
    assert "`refund-000` `exact` 1 -> 0" in text


def test_a_refusal_says_where_and_what_to_do() -> None:
    text = verdict_markdown(*told(refused()))
    assert "> at `reports/baselines/support.jsonl`" in text
    assert "> tip: make one from the code you trust" in text


def test_softened_and_hard_and_warnings_are_said() -> None:
    soft = compared(n=40, lost=1, exit_outcome="pass")
    assert "the exit code is 0" in verdict_markdown(*told(soft))
    hard = verdict_markdown(*told(compared(lost=0, hard_flips=2)))
    assert "- ❌ no\\_pii fails as recorded (one attempt): refund-000, refund-001" in hard
    verdict, comparisons = told(compared(lost=0))
    verdict = replace(verdict, warnings=(Warned(code="x", message="mind @you"),))
    assert "- ⚠ `mind @you`" in verdict_markdown(verdict, comparisons)


def test_a_command_that_had_no_gate_says_why() -> None:
    verdict = Verdict(outcome="refused", exit_code=2, error={"message": "no *config*"})
    assert "> **refused** no \\*config\\*" in verdict_markdown(verdict, [])


def test_a_long_comment_is_cut_between_blocks_and_says_so() -> None:
    many = [compared(after="`" * 50 + " answer " + "x" * 500)] * 30
    text = verdict_markdown(*told(*many))
    assert CAP - 3000 < len(text) <= CAP
    assert text.endswith("*Cut here: the whole report is in the artifact.*\n")
    assert live_markdown(text) == []
    for token in PARSER.parse(text):
        if token.type == "fence":
            assert token.content.startswith("- You have")


def test_one_block_too_long_for_everything_is_left_out() -> None:
    comparison = compared()
    scorers = tuple(replace(comparison.gate.scorers[0], scorer=f"s{i}" * 30) for i in range(900))
    long = replace(comparison, gate=replace(comparison.gate, scorers=scorers))
    text = verdict_markdown(*told(long))
    assert len(text) <= CAP
    assert "**Regression" in text
    assert "Cut here" in text


@pytest.mark.parametrize("kind", CORPUS)
def test_fences_and_spans_hold(kind: str) -> None:
    payload = CORPUS[kind][:5000]
    fence = PARSER.parse(md_fence(payload))
    assert [token.type for token in fence] == ["fence"]
    for text in (f"x {md_code(payload)} y", f"x {md_text(payload)} y"):
        assert live_markdown(text) == []
    row = PARSER.parse(f"| a | b |\n|-|-|\n| {md_code(payload, cell=True)} | end |")
    cells = [token for token in row if token.type == "inline"]
    assert len(cells) == 4
    assert cells[-1].content == "end"


def test_prose_stays_readable() -> None:
    assert md_text("exact fell 6.6 points (a drop is proven)") == "exact fell 6.6 points (a drop is proven)"
    assert PARSER.renderInline(md_text("a*b_c [x](y) <i> &amp; $z$")) == "a*b_c [x](y) &lt;i&gt; &amp;amp; $z$"
