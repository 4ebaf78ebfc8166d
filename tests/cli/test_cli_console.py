"""Streams, colour, width, and progress in a log and on a terminal."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Mapping

import pytest

from evalharness.cli import console, progress
from evalharness.core.errors import DiskFailed
from evalharness.core.protocols import Progress
from tests.report.hostile import live_log


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("when", "env", "terminal", "expected"),
    [
        (None, {}, True, True),
        (None, {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        (None, {"NO_COLOR": "1"}, True, False),
        (None, {"NO_COLOR": ""}, True, True),
        (None, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        (None, {"FORCE_COLOR": "1"}, False, True),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour(when: str | None, env: Mapping[str, str], *, terminal: bool, expected: bool) -> None:
    stream = Terminal() if terminal else io.StringIO()
    assert console.wants_color(when, stream, env) is expected


def test_glyphs_need_utf8_and_a_terminal_that_is_not_dumb() -> None:
    assert console.wants_unicode(Terminal(), {})
    assert not console.wants_unicode(Terminal(), {"TERM": "dumb"})
    assert not console.wants_unicode(io.TextIOWrapper(io.BytesIO(), encoding="latin-1"), {})
    assert not console.wants_unicode(None, {})


@pytest.mark.parametrize(
    ("env", "columns"), [({}, 80), ({"COLUMNS": "120"}, 120), ({"COLUMNS": "x"}, 80), ({"COLUMNS": "0"}, 80)]
)
def test_width(env: Mapping[str, str], columns: int) -> None:
    assert console.width(io.StringIO(), env) == columns
    assert console.width(Terminal(), env) == columns


def test_text_is_made_visible_unless_its_maker_did(capsys: pytest.CaptureFixture[str]) -> None:
    console.answer("a\x1b[31m\nb\u202ec")
    console.answer("\x1b[31mred\x1b[0m", styled=True)
    console.say("\x9b1m")
    out, err = capsys.readouterr()
    assert out == "a\\u{1b}[31m\nb\\u{202e}c\n\x1b[31mred\x1b[0m\n"
    assert err == "\\u{9b}1m\n"


def test_json_is_ascii_where_the_stream_is_not_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    console.answer_json({"x": "é€"})
    assert raw.getvalue() == b'{\n "x": "\\u00e9\\u20ac"\n}\n'


def test_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        console.answer_json({"x": float("nan")})


def test_no_stream_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    console.say("nobody hears this")


def test_a_pager_is_used_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    console.page("plain", {"PAGER": "sed s/plain/paged/"})
    assert capfd.readouterr().out == "plain\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    path = {"PATH": os.environ["PATH"]}
    console.page("plain", {**path, "PAGER": "sed s/plain/paged/"})
    assert capfd.readouterr().out == "paged\n"
    for pager in ("cat", "", "/no/such/pager"):
        console.page("plain", {**path, "PAGER": pager})
        assert capfd.readouterr().out == "plain\n"


# --- progress ---------------------------------------------------------------------------------------------------------


def log(steps: list[tuple[float, int]], total: int = 200) -> list[str]:
    """The lines of a log for (seconds, done) steps."""
    now = [0.0]
    lines: list[str] = []
    sink = progress.LogProgress(clock=lambda: now[0], say=lines.append)
    for seconds, done in steps:
        now[0] = seconds
        sink.update(Progress(title="support", done=done, total=total))
    sink.close()
    return lines


def test_the_line_of_the_log() -> None:
    lines: list[str] = []
    now = [0.0]
    sink = progress.LogProgress(clock=lambda: now[0], say=lines.append)
    now[0] = 30.0
    sink.update(Progress(title="support", done=100, total=200, cost_usd=0.2, max_cost=2.0, retries=3, eta_s=20.0))
    assert lines == ["evalh: support 100/200  $0.20 of $2.00  3 retries  eta 20s"]


def test_a_line_needs_ten_seconds_and_ten_percent() -> None:
    fast = [(i * 0.1, i) for i in range(1, 101)]
    assert log(fast, total=100) == ["evalh: support 100/100"]
    slow = [(i * 60.0, i) for i in range(1, 41)]
    assert log(slow, total=200) == ["evalh: support 20/200", "evalh: support 40/200"]
    assert log([(9.9, 200)]) == []


def test_another_title_starts_anew() -> None:
    now = [0.0]
    lines: list[str] = []
    sink = progress.LogProgress(clock=lambda: now[0], say=lines.append)
    now[0] = 11.0
    sink.update(Progress(title="a", done=1, total=2))
    now[0] = 22.0
    sink.update(Progress(title="a", done=2, total=2))
    sink.update(Progress(title="b", done=1, total=2))
    now[0] = 33.0
    sink.update(Progress(title="b", done=2, total=2))
    assert lines == ["evalh: a 1/2", "evalh: a 2/2", "evalh: b 2/2"]


def test_a_note_is_told_at_once_and_once() -> None:
    lines: list[str] = []
    sink = progress.LogProgress(clock=lambda: 0.0, say=lines.append)
    for done, note in ((1, ""), (2, "stopping"), (3, "stopping"), (4, "")):
        sink.update(Progress(title="a", done=done, total=9, note=note))
    assert lines == ["evalh: a 2/9  stopping"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "1/2"),
        ({"cost_usd": 0.5}, "1/2  $0.50"),
        ({"retries": 1}, "1/2  1 retry"),
        ({"eta_s": 185.0}, "1/2  eta 3m 05s"),
        ({"eta_s": 7800.0}, "1/2  eta 2h 10m"),
        ({"eta_s": -1.0}, "1/2  eta 0s"),
    ],
)
def test_what_is_not_known_is_left_out(fields: dict[str, float], text: str) -> None:
    assert progress.facts(Progress(title="t", done=1, total=2, **fields)) == text  # type: ignore[arg-type]


def arguments(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"quiet": 0, "color": None} | given)


def test_the_sink_fits_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    assert progress.progress_sink(arguments(quiet=1)) is None
    assert isinstance(progress.progress_sink(arguments()), progress.LogProgress)
    monkeypatch.delenv("TERM", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(progress.progress_sink(arguments()), progress.BarProgress)


def test_the_bar_is_drawn_and_vanishes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    bar = progress.BarProgress(color=False)
    for done in range(11):
        bar.update(Progress(title="sup\x1b]0;[red]port", done=done, total=10, max_cost=1.0))
    bar.close()
    bar.close()
    text = screen.getvalue()
    assert "10/10  $0.00 of $1.00" in text
    assert "\x1b]0;" not in text
    assert "[red]" in text
    assert text.endswith("\x1b[2K") or text.rstrip("\r\n").endswith(("\x1b[2K", "\x1b[1A"))


# --- streams that cannot be written -----------------------------------------------------------------------------------


class Full(io.StringIO):
    """A stream on a full disk."""

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_answer_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(DiskFailed, match="No space left on device") as caught:
        console.answer("x")
    assert (caught.value.exit_code, caught.value.where) == (4, "stdout")


def test_talk_that_cannot_be_written_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    console.say("x")


@pytest.mark.parametrize("runner", ["GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION", "CI"])
def test_no_line_of_a_ci_log_is_a_command(runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners read both streams; what they act on is shown instead."""
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    for name in ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION", "CI"):
        monkeypatch.delenv(name, raising=False)
    hostile = "a\n::add-mask::x\n  \t::error::y ::z\nb ##[group]c ##vso[task.setvariable]d ##teamcity[e]\n## f"
    console.answer(hostile, styled=True)
    assert live_log(out.getvalue()) != [], "control: outside of CI a text is left as it is"
    out.truncate(0)
    monkeypatch.setenv(runner, "true")
    console.answer(hostile)
    console.say(hostile)
    for text in (out.getvalue(), err.getvalue()):
        assert live_log(text) == []
        assert "##vso[" not in text
        assert "##teamcity[" not in text
        assert "\\u{3a}:error::y ::z\n" in text
        assert "## f\n" in text
    console.answer_json({"a": "##vso[x]##[y]"})
    assert "##" not in out.getvalue().partition("{")[2].replace("## f", "")
    console.command("::warning title=ours::w")
    assert err.getvalue().endswith("\n::warning title=ours::w\n")
