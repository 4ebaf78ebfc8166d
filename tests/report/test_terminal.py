"""The verdict screen: kept screens, and what must hold on every one of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from evalharness.report.bars import ASCII, UNICODE, bar, heading
from evalharness.report.drawing import Drawing
from evalharness.report.terminal import Screen, verdict_text
from evalharness.report.worddiff import MOST_WORDS, Piece, merged_diff, word_diff
from tests.report.comparisons import compared, told
from tests.report.screens_made import FOLDER, screens

SCREENS = screens()


@pytest.mark.parametrize("name", SCREENS)
def test_screens_are_as_kept(name: str) -> None:
    kept = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert SCREENS[name]() + "\n" == kept, "if it is better now: python -m tests.report.screens_made"


def test_no_screen_is_kept_that_nobody_draws() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(SCREENS)


@pytest.mark.parametrize("name", SCREENS)
def test_every_line_fits_and_ascii_is_ascii(name: str) -> None:
    text = SCREENS[name]()
    width = int(next((part for part in name.split("-") if part.isdigit()), "80"))
    assert max(cell_len(line) for line in text.split("\n")) <= width
    if name.endswith("ascii"):
        assert text.isascii()


@pytest.mark.parametrize("name", ["regression-80", "wide-80", "long-names-120", "regression-80-ascii"])
def test_rows_of_the_table_stand_under_their_heading(name: str) -> None:
    lines = SCREENS[name]().split("\n")
    head = next(line for line in lines if line.startswith("    scorer"))
    place = cell_len(head[: head.index("change")]) + len("change")
    row = lines[lines.index(head) + 1]
    cells = "".join(char + "\0" * (cell_len(char) - 1) for char in row)
    assert cells[:place].endswith("-20.0")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_any_width(width: int, unicode: bool) -> None:
    text = verdict_text(*told(compared(name="日本語", after="x" * 300)), Screen(width=width, unicode=unicode))
    assert "REGRESSION" in text
    if width >= 60:
        assert max(cell_len(line) for line in text.split("\n")) <= width


def test_nothing_of_an_answer_is_lost_at_the_end_of_a_line() -> None:
    words = [f"word{i:02d}" for i in range(24)]
    out = Drawing(Screen(width=40))
    out.pieces("    + ", [Piece(" ".join(words), changed=False)], 100)
    assert out.text().replace("+", "").split() == words


def test_a_cut_answer_says_so() -> None:
    out = Drawing(Screen(width=40))
    out.pieces("    + ", [Piece("word " * 100, changed=False)], 3)
    lines = out.text().split("\n")
    assert len(lines) == 3
    assert lines[-1].endswith("…")


@given(st.text(max_size=80), st.integers(4, 60), st.booleans())
def test_padding_is_exact(text: str, width: int, unicode: bool) -> None:
    out = Drawing(Screen(unicode=unicode))
    assert cell_len(out.padded(text, width)) == width
    assert cell_len(out.clipped(text, width)) <= width


@given(st.floats(-20, 20), st.floats(0, 10), st.floats(0, 10), st.integers(12, 60))
def test_bars_share_one_axis(point: float, left: float, right: float, width: int) -> None:
    for glyphs in (UNICODE, ASCII):
        drawn = bar(point - left, point, point + right, width, glyphs)
        assert len(drawn) == width
        head = heading(width, glyphs)
        place = head.index(glyphs.margin)
        assert drawn[place] in {
            glyphs.margin, glyphs.crossed, glyphs.point, glyphs.line, glyphs.left, glyphs.right, *glyphs.beyond
        }  # fmt: skip
        assert (drawn[0] == glyphs.beyond[0]) == (point - left < -3.5)
        assert (drawn[-1] == glyphs.beyond[1]) == (point + right > 2.0)
        assert (glyphs.point in drawn) == (-3.5 <= point <= 2.0)


def test_the_point_leaves_the_arrow_at_the_edge() -> None:
    assert bar(-4.5, -3.5, 0.0, 12, UNICODE).startswith("‹●")
    assert bar(1.0, 2.0, 3.0, 12, UNICODE).endswith("●›")


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_word_diff_loses_nothing(before: str, after: str) -> None:
    left, right = word_diff(before, after)
    assert "".join(piece.text for piece in left) == before
    assert "".join(piece.text for piece in right) == after
    same = ["".join(piece.text for piece in side if not piece.changed) for side in (left, right)]
    assert same[0] == same[1]
    if before == after:
        assert not any(piece.changed for piece in (*left, *right))


def gone_or_come(text: str, before: bool) -> str:
    """One of the two answers out of a merged diff."""
    drop, keep = (r"\{\+(.*?)\+\}", r"\[-(.*?)-\]") if before else (r"\[-(.*?)-\]", r"\{\+(.*?)\+\}")
    return re.sub(keep, r"\1", re.sub(drop, "", text, flags=re.DOTALL), flags=re.DOTALL)


@given(*[st.lists(st.sampled_from(["a", "b ", " c", "\n"]), max_size=40).map("".join)] * 2)
def test_a_merged_diff_holds_both_answers(before: str, after: str) -> None:
    text = merged_diff(before, after)
    assert gone_or_come(text, True) == before
    assert gone_or_come(text, False) == after
    assert (text == before) == (before == after)


def test_a_merged_diff_of_long_answers_keeps_an_equal_end() -> None:
    long = "word " * 1000
    assert merged_diff("old " + long, "new " + long) == "[-old-]{+new+} " + long
    assert merged_diff(long, long + "more") == long + "{+more+}"


@pytest.mark.parametrize(
    ("before", "after", "gone", "come"),
    [
        ("You have 30 days.", "You have 14 days.", ["30"], ["14"]),
        ("a b c", "b c d", ["a "], [" d"]),
        ("", "new", [], ["new"]),
    ],
)  # fmt: skip
def test_what_changed_is_marked(before: str, after: str, gone: list[str], come: list[str]) -> None:
    left, right = word_diff(before, after)
    assert [p.text for p in left if p.changed] == gone
    assert [p.text for p in right if p.changed] == come


def test_a_word_diff_of_huge_answers_is_capped_and_whole() -> None:
    before, after = "a " * 5000, "b " * 5000
    left, right = word_diff(before, after)
    assert "".join(piece.text for piece in left) == before
    assert "".join(piece.text for piece in right) == after
    assert sum(len(piece.text.split()) for piece in left if piece.changed) <= MOST_WORDS


def test_warnings_and_colour() -> None:
    from dataclasses import replace

    from evalharness.core.verdicts import Warned

    verdict, comparisons = told(compared())
    verdict = replace(verdict, warnings=(Warned(code="w", message="mind the gap " * 12),))
    assert "warning: mind the gap" in verdict_text(verdict, comparisons, Screen())
    assert "warning" not in verdict_text(verdict, comparisons, Screen(quiet=True))
    assert "\x1b[1;31m" in verdict_text(verdict, comparisons, Screen(color=True))
