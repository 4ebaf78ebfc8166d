"""What calibration has measured, as a file: ``rubrics/calibration/ID.json``, by the digest of the judge.

The file is committed and reviewed like code: a judge without an entry may only advise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import RubricError
from evalharness.core.files import shown, write_atomic
from evalharness.core.specs import EMPTY, thaw
from evalharness.core.strictjson import StrictJSONError, loads
from evalharness.core.text import json_text
from evalharness.judging.attacks import BOUND

FORMAT: Final = "calibration/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One judge's measurement."""

    judge: str
    """Digest of the judge."""
    rubric: str
    """Digest of the rubric."""
    model: str
    reported: tuple[str, ...]
    """Model names that the server reported."""
    created: str
    """UTC time, shown only."""
    measured: Mapping[str, Any]
    """``Calibration.to_json``."""
    attack: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    """``{passed, n, by_way}`` of the last ``--attack``; empty where there was none."""

    @property
    def why_not(self) -> tuple[str, ...]:
        """Why the judge may not block; empty when it may."""
        reasons = tuple(str(reason) for reason in self.measured["why_not"])
        passed, n = self.attack.get("passed", 0), self.attack.get("n", 0)
        if n and passed > BOUND * n:
            reasons += (f"{passed} of {n} attacks passed, more than {BOUND:.0%}",)
        return reasons

    @property
    def may_block(self) -> bool:
        """Whether a gate may fail on this judge's word."""
        return not self.why_not

    @property
    def retest(self) -> float | None:
        """Share of verdicts that a second judgement turned; None where it was not measured."""
        flips = self.measured.get("retest_flips")
        return None if flips is None else flips["value"]

    @property
    def youden(self) -> float | None:
        """J, as measured; None where one class was empty."""
        found = self.measured["overall"]["youden"]
        return None if found is None else float(found["value"])

    def to_json(self) -> dict[str, Any]:
        """JSON object; what decides the right to block stands first."""
        return {
            "may_block": self.may_block,
            "why_not": list(self.why_not),
            "rubric": self.rubric,
            "model": self.model,
            "reported": list(self.reported),
            "created": self.created,
            "measured": thaw(self.measured),
            "attack": thaw(self.attack),
        }


def record_path(rubrics: Path, rubric: str) -> Path:
    """``calibration/ID.json`` in the folder of a rubric."""
    return rubrics / "calibration" / f"{rubric}.json"


def read_entries(path: Path, *, data: bytes | None = None) -> dict[str, Entry]:
    """Judge digest -> what was measured; empty where there is no file.

    Args:
        path: The file.
        data: What to read instead of it.

    Raises:
        RubricError: If it is not a file that calibration wrote.
    """
    try:
        raw = path.read_bytes() if data is None else data
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RubricError(f"cannot be read: {error.strerror}", where=shown(path)) from None
    try:
        content = loads(raw.decode("utf-8"))
        if content["evalh"] != FORMAT:
            raise ValueError(f"seen format {content['evalh']!r}, expected {FORMAT}")  # noqa: TRY301 - told below
        return {digest: _entry(digest, entry) for digest, entry in content["judges"].items()}
    except (UnicodeDecodeError, StrictJSONError, ValueError, TypeError, KeyError, AttributeError) as error:
        tip = "restore it from git, or measure again: evalh calibrate RUBRIC LABELS"
        raise RubricError(f"not a calibration file: {error}", where=shown(path), tip=tip) from None


def _entry(digest: str, data: Mapping[str, Any]) -> Entry:
    measured, attack = data["measured"], data["attack"]
    youden, flips = measured["overall"]["youden"], measured.get("retest_flips")
    _number(measured["labels"]["n"], "labels.n")
    for name, value in (("youden", youden), ("retest_flips", flips)):
        if value is not None:
            _number(value["value"], name)
    for name in ("passed", "n"):
        _number(attack.get(name, 0), f"attack.{name}")
    return Entry(
        judge=digest,
        rubric=_text(data, "rubric"),
        model=_text(data, "model"),
        reported=_texts(data, "reported"),
        created=_text(data, "created"),
        measured={**measured, "why_not": _texts(measured, "why_not")},
        attack=attack,
    )


def _number(value: Any, name: str) -> None:
    if type(value) not in (int, float):
        raise TypeError(f"seen {type(value).__name__} at {name}, expected a number")


def _text(data: Mapping[str, Any], name: str) -> str:
    if not isinstance(data[name], str):
        raise TypeError(f"seen {type(data[name]).__name__} at {name}, expected a text")
    return str(data[name])


def _texts(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts; one text alone would be read as its letters."""
    if not isinstance(data[name], list) or not all(isinstance(text, str) for text in data[name]):
        raise TypeError(f"seen something else at {name}, expected a list of texts")
    return tuple(data[name])


def write_entry(path: Path, rubric: str, entry: Entry) -> None:
    """Put one judge's measurement into the file, beside those of others.

    Args:
        path: The file; its folder is made.
        rubric: Id of the rubric.
        entry: The measurement.

    Raises:
        RubricError: If the file is damaged.
        DiskFailed: If it cannot be written.
    """
    entries = read_entries(path)
    entries[entry.judge] = entry
    content = {
        "evalh": FORMAT,
        "rubric": rubric,
        "judges": {digest: one.to_json() for digest, one in sorted(entries.items())},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json_text(content) + "\n").encode("utf-8"))
