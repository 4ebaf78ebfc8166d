"""A small coverage-guided loop for where atheris is not: inputs that reach a new line of ours are kept and changed further.

Everything is drawn from one seed, so that a run can be repeated. It is slow (lines are seen by a trace function); ``run.py`` uses
atheris, which counts branches in the bytecode.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b",", b":", b"=", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"NaN", b"1e400",
    b"-0", b"null", b"true", b'""', b"\\ud800", b"1" * 400, b"[" * 80, b"{}" * 3, "\u202e\u2028é".encode(), b"'''", b'"""', b"#", b"\r",
    b"id", b"input", b"[[", b"]]", b"1979-05-27", b"0x", b"inf", b"\t", b"a.b.c",
)  # fmt: skip


def explore(run: Callable[[bytes], None], seeds: Sequence[bytes], *, runs: int, seed: int = 0) -> int:
    """Run a target on changed inputs.

    Args:
        run: The target; whatever it raises ends the search, with the input noted.
        seeds: Inputs to begin with.
        runs: How many.
        seed: Decides everything.

    Returns:
        Lines of ours that were reached.
    """
    draw = random.Random(seed)
    kept = list(seeds)
    reached: set[tuple[str, int]] = set()
    for number in range(runs):
        data = kept[number] if number < len(seeds) else _changed(draw, kept)
        new = _lines(run, data) - reached
        if new:
            reached |= new
            kept.append(data)
    return len(reached)


def _lines(run: Callable[[bytes], None], data: bytes) -> set[tuple[str, int]]:
    seen: set[tuple[str, int]] = set()

    def local(frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def trace(frame: FrameType, _event: str, _arg: Any) -> Any:
        return local if "evalharness" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run(data)
    except Exception as error:
        error.add_note(f"input: {data!r}")
        raise
    finally:
        sys.settrace(before)
    return seen


VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1e308, 0.5, 10**30, "", "a", "x" * 200, "\u202e", "all", "id", [], {}, [[]], [None], {"": ""}, {"id": "a"},
    "s1", "cannot_tell", "stop", "1", "NaN", "é", "\ud800",
)  # fmt: skip


def tree_changed(draw: random.Random, data: bytes) -> bytes:
    """One JSON value in one line of the input put in another's place, taken out, or doubled; the input itself where there is none."""
    lines = data.split(b"\n")
    at = draw.randrange(len(lines))
    start = max(0, min((p for p in (lines[at].find(b"{"), lines[at].find(b"[")) if p >= 0), default=0))
    try:
        value = json.loads(lines[at][start:])
    except (ValueError, RecursionError):
        return data
    lines[at] = lines[at][:start] + json.dumps(_mixed(draw, value), ensure_ascii=draw.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )
    return b"\n".join(lines)


def _mixed(draw: random.Random, value: Any) -> Any:
    if isinstance(value, (dict, list)) and value and draw.random() < 0.8:
        key = draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        way = draw.random()
        copy = dict(value) if isinstance(value, dict) else list(value)
        if way < 0.1:
            del copy[key]
        elif way < 0.2:
            other = draw.choice(VALUES)
            if isinstance(copy, dict):
                copy[other if isinstance(other, str) else "more"] = draw.choice(list(value.values()))
            else:
                copy.insert(key, draw.choice(copy))
        else:
            copy[key] = _mixed(draw, value[key])
        return copy
    return draw.choice(VALUES)


def _changed(draw: random.Random, kept: Sequence[bytes]) -> bytes:
    data = bytearray(draw.choice(kept))
    if draw.random() < 0.5:
        return tree_changed(draw, bytes(data))[:4000]
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, len(data))
        way = draw.randrange(5)
        if way == 0:
            data[at:at] = draw.choice(TOKENS)
        elif way == 1 and data:
            del data[at : at + draw.randint(1, 12)]
        elif way == 2 and data:
            data[min(at, len(data) - 1)] = draw.randrange(256)
        elif way == 3:
            other = draw.choice(kept)
            cut = draw.randint(0, len(other))
            data[at:] = other[cut:]
        else:
            start = draw.randint(0, len(data))
            data[at:at] = data[start : start + draw.randint(1, 30)]
    return bytes(data[:4000])
