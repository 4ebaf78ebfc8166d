"""What ``lint`` finds, and the inspection of one eval-set file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from evalharness.core.cases import Case
from evalharness.core.errors import EvalhError, EvalSetError
from evalharness.core.files import shown
from evalharness.core.specs import canonical_json
from evalharness.evalset.jsonl import case_line, read_cases, scan_cases, write_cases

_MOST_ERRORS: Final = 20
_MOST_TWINS: Final = 5
_LOOKED_AT: Final = 200_000
_PLACE: Final = re.compile(r"(?P<file>.*?)(?::(?P<line>\d+))?(?:: (?P<field>.+))?")
_NOT_A_WORD: Final = re.compile(r"\W+")
_NUMBERED: Final = re.compile(r"(.*\d)[._-][A-Za-z]*\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong or doubtful in the project."""

    file: str
    """As people read it: relative to the working folder when inside it."""
    line: int = 0
    """From 1; 0 for the whole file."""
    field: str = ""
    message: str
    tip: str = ""
    fixable: bool = False
    """``lint --fix`` can mend it."""
    warning: bool = False
    """Worth a look; does not change the exit code."""
    fixed: bool = False
    """``lint --fix`` has mended it."""

    @property
    def counts(self) -> bool:
        """True when the finding makes ``lint`` exit 2."""
        return not (self.warning or self.fixed)

    def text(self) -> str:
        """``FILE:LINE: field: message``, and the tip on its own line."""
        head = ": ".join(part for part in (f"{self.file}:{self.line}" if self.line else self.file, self.field) if part)
        word = "fixed: " if self.fixed else "warning: " if self.warning else ""
        return f"{head}: {word}{self.message}" + (f"\n  tip: {self.tip}" if self.tip and not self.fixed else "")

    @classmethod
    def of(cls, error: EvalhError, file: str = "") -> Finding:
        """An error as a finding.

        Args:
            error: Its ``where`` is taken apart into file, line and field.
            file: The file when the error names none.
        """
        place = _PLACE.fullmatch(error.where)
        parts = place.groupdict() if place else {}
        return cls(
            file=parts.get("file") or file,
            line=int(parts.get("line") or 0),
            field=parts.get("field") or "",
            message=error.message,
            tip=error.tip,
        )


@dataclass(slots=True)
class SetLook:
    """One pass over an eval-set file: what is wrong with it, and how its cases can be read in id order."""

    path: Path
    findings: list[Finding] = field(default_factory=list)
    readable: bool = True
    """False when a line is wrong: then the file is neither rewritten nor locked."""
    ordered: bool = True
    """The lines are in id order."""

    def cases(self) -> Iterable[Case]:
        """The cases in id order: streamed when the file is in order."""
        return read_cases(self.path) if self.ordered else sorted(read_cases(self.path), key=lambda case: case.id)


def look_at_set(path: Path, *, fix: bool) -> SetLook:
    """Inspect one eval-set file, and with ``fix`` write it in canonical lines, sorted by id.

    Args:
        path: JSONL file.
        fix: Rewrite the file when it can be read but is not canonical.

    Raises:
        EvalSetError: If the file cannot be opened.
        DiskFailed: If it cannot be rewritten.
    """
    look = SetLook(path)
    doubts = _Doubts(shown(path))
    errors = living = line = 0
    uneven = 0
    last = ""
    for line, raw, case in _raw_lines(path):
        if isinstance(case, EvalSetError):
            errors += 1
            if errors <= _MOST_ERRORS:
                look.findings.append(Finding.of(case))
            continue
        living += case.deprecated is None
        look.ordered &= last <= case.id
        last = case.id
        if not uneven and raw != case_line(case).encode("utf-8") + b"\n":
            uneven = line
        doubts.look(case, line)
    look.readable = errors == 0 and living > 0
    if errors > _MOST_ERRORS:
        look.findings.append(Finding(file=shown(path), message=f"{errors - _MOST_ERRORS} more lines are wrong"))
    if errors == 0 and living == 0:
        what = "the eval set is empty" if line == 0 else f"all {line} cases are deprecated"
        look.findings.append(Finding(file=shown(path), message=f"{what}, expected at least one living case"))
    if look.readable and (uneven or not look.ordered):
        look.findings.append(_tidy(look, uneven, fix=fix))
    look.findings += doubts.findings()
    return look


def _raw_lines(path: Path) -> Iterator[tuple[int, bytes, Case | EvalSetError]]:
    """The cases beside the bytes of their lines."""
    parsed = scan_cases(path)
    first = next(parsed, None)  # opens the file, or says why not
    if first is None:
        return
    with path.open("rb") as file:
        yield first[0], file.readline(), first[1]
        for line, case in parsed:
            yield line, file.readline(), case


def _tidy(look: SetLook, uneven: int, *, fix: bool) -> Finding:
    what = "the line is not in canonical form" if uneven else "the lines are not in id order"
    if fix:
        write_cases(look.path, look.cases())
        look.ordered = True
    return Finding(
        file=shown(look.path),
        line=0 if fix else uneven,
        message="written sorted by id, in canonical lines" if fix else what,
        tip="evalh lint --fix sorts and tidies",
        fixable=True,
        fixed=fix,
    )


class _Doubts:
    """Signs of cases that are not independent; a cheap look at the first ``_LOOKED_AT`` cases."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._inputs: dict[int, tuple[str, str, int]] = {}
        self._twins: list[Finding] = []
        self._prefixes: dict[str, int] = {}
        self._contexts: dict[int, int] = {}

    def look(self, case: Case, line: int) -> None:
        """Compare one living case with those before it."""
        if case.deprecated is not None or len(self._inputs) >= _LOOKED_AT:
            return
        context = hash(canonical_json(case.context)) if case.context else 0
        key = hash((_NOT_A_WORD.sub(" ", case.prompt_text.casefold()).strip(), context))
        case_id, unit, first = self._inputs.setdefault(key, (case.id, case.unit, line))
        if unit != case.unit and len(self._twins) < _MOST_TWINS:
            self._twins.append(
                Finding(
                    file=self._file,
                    line=line,
                    field="input",
                    message=f"{case.id} reads like {case_id} (line {first}), but counts as another unit",
                    tip='give both the same "cluster", or deprecate one',
                    warning=True,
                )
            )
        if case.cluster is None and case.group is None:
            if case.context:
                self._contexts[context] = self._contexts.get(context, 0) + 1
            if numbered := _NUMBERED.fullmatch(case.id):
                self._prefixes[numbered[1]] = self._prefixes.get(numbered[1], 0) + 1

    def findings(self) -> list[Finding]:
        """The doubts, at most one for shared contexts and one for shared prefixes of ids."""
        shared = [prefix for prefix, count in self._prefixes.items() if count > 1]
        found = list(self._twins)
        if shared:
            count = sum(self._prefixes[prefix] for prefix in shared)
            what = f"{count} ids share {len(shared)} numbered prefixes such as {shared[0]}"
            found.append(self._undeclared(what))
        same = sum(count for count in self._contexts.values() if count > 1)
        if same:
            found.append(self._undeclared(f"{same} cases share their context with another"))
        return found

    def _undeclared(self, what: str) -> Finding:
        return Finding(
            file=self._file,
            field="cluster",
            message=f"{what}, and no cluster is declared",
            tip='cases from one document or conversation are one unit: give them the same "cluster"',
            warning=True,
        )
