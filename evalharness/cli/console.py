"""The one way to the screen: the answer goes to stdout, talk to stderr, both cleaned of what could fool a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, Final

from evalharness.core.masking import without_secrets
from evalharness.core.text import visible

if TYPE_CHECKING:
    from evalharness.core.errors import DiskFailed

_RUNNERS: Final = ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION", "CI")
"""Set where the log is read by a machine."""
ANSWER: Final = "stdout"
"""Where an error happened that kept the answer from being written."""


def say(text: str) -> None:
    """Talk to the person: a line on stderr. Nothing happens when there is none."""
    _write(sys.stderr, _no_command(visible(text, keep_newlines=True)) + "\n")


def command(line: str) -> None:
    """A line for the runner of a CI workflow, made by ``report.github``: the only one that may be a command."""
    _write(sys.stderr, visible(line) + "\n")


def answer(text: str, *, styled: bool = False, stopped: bool = False) -> None:
    """Print the answer on stdout.

    Args:
        text: What to print; a newline follows.
        styled: True when the text was cleaned and coloured by its maker (the report), so that escapes may stand.
        stopped: True when the text stands between lines that stop the runner's commands, so that it may stay as it is.
    """
    text = text if styled else visible(text, keep_newlines=True)
    _write(sys.stdout, (text if stopped else _no_command(text)) + "\n")


def _no_command(text: str) -> str:
    """In the log of a CI service: text that its runner would take for a command, with its first character spelled out."""
    if not any(os.environ.get(name) for name in _RUNNERS) or ("::" not in text and "##" not in text):
        return text
    import re

    from evalharness.core.text import escaped

    return re.sub(r"(?m)(^[^\S\n]*):(?=:)|#(?=#(?:vso|teamcity)?\[)", lambda m: (m[1] or "") + escaped(m[0][-1]), text)


def answer_json(value: Any) -> None:
    """Print one JSON object on stdout: the whole answer of ``--json``."""
    from evalharness.core.text import json_text

    _write(sys.stdout, json_text(value, ascii_only=not speaks_utf8(sys.stdout)) + "\n")


def _write(stream: IO[str] | None, text: str) -> None:
    """Write at once. A reader that went away (``| head``) takes no exit code from us: the rest is dropped.

    Raises:
        DiskFailed: If the answer cannot be written. Talk that cannot be written is dropped.
    """
    if stream is None:
        return
    try:
        stream.write(without_secrets(text))
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
    except OSError as error:
        _silence(stream)
        if stream is not sys.stderr:
            raise _unwritten(error) from error


def _unwritten(error: OSError) -> DiskFailed:
    from evalharness.core.errors import DiskFailed

    return DiskFailed(
        f"the answer could not be written: {error.strerror or error}",
        where=ANSWER,
        tip="make room and run it again: what was asked for is saved and is not asked again",
    )


def _silence(stream: IO[str]) -> None:
    # Python flushes once more at exit; into the void it cannot fail.
    void = os.open(os.devnull, os.O_WRONLY)
    os.dup2(void, stream.fileno())
    os.close(void)


def prepare_streams() -> None:
    """Make the standard streams safe to use: present, and never failing on a character."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # Without this the next file that is opened (the store) would *be* stdout or stderr.
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def speaks_utf8(stream: IO[str] | None) -> bool:
    """True when the stream can show any character."""
    encoding = (getattr(stream, "encoding", None) or "").lower()
    return encoding.replace("-", "").replace("_", "") in ("utf8", "utf16", "utf32")


def wants_unicode(stream: IO[str] | None, env: Mapping[str, str] | None = None) -> bool:
    """True when glyphs beyond ASCII may be drawn; False for ``TERM=dumb`` and other encodings."""
    return speaks_utf8(stream) and (os.environ if env is None else env).get("TERM") != "dumb"


def wants_color(when: str | None, stream: IO[str] | None, env: Mapping[str, str] | None = None) -> bool:
    """Whether to colour: the flag, then NO_COLOR, FORCE_COLOR, then whether a terminal listens.

    Args:
        when: Value of ``--color``; None is ``auto``.
        stream: Where the text goes.
        env: Environment; the process's own when None.
    """
    env = os.environ if env is None else env
    if when in ("always", "never"):
        return when == "always"
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR"):
        return True
    return is_terminal(stream) and env.get("TERM") != "dumb"


def is_terminal(stream: IO[str] | None) -> bool:
    """True when a person looks at the stream."""
    return stream is not None and not stream.closed and stream.isatty()


def width(stream: IO[str] | None, env: Mapping[str, str] | None = None) -> int:
    """Columns to draw in: COLUMNS, else the terminal's own, else 80."""
    columns = (os.environ if env is None else env).get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:6]) > 0:
        return int(columns[:6])
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80 if is_terminal(stream) and stream else 80
    except OSError:
        return 80


def page(text: str, env: Mapping[str, str] | None = None) -> None:
    """Print a long answer through PAGER when a person looks; as it is otherwise.

    Args:
        text: Cleaned (and perhaps coloured) text.
        env: Environment; the process's own when None.
    """
    env = os.environ if env is None else env
    import shlex

    command = shlex.split(env.get("PAGER", "less"))
    if not is_terminal(sys.stdout) or not command or command == ["cat"] or env.get("TERM") == "dumb":
        answer(text, styled=True)
        return
    import subprocess

    try:
        # The person's own PAGER, split like a shell splits it but run without one.
        subprocess.run(command, input=text + "\n", text=True, env={"LESS": "FRX", **env}, check=False)  # noqa: S603
    except OSError:
        answer(text, styled=True)
