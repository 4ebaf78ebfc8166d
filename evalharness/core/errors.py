"""Every error that evalharness raises on purpose, and the exit code each branch ends in.

    EvalhError
    |-- Refused (2)       usage, config, eval set, rubric or baseline is wrong; nothing was spent
    |   |-- UsageError            the command line
    |   |-- ConfigError           evalh.toml
    |   |-- EvalSetError          an eval-set, answers or labels file, or evalh.lock
    |   |-- RubricError           a rubric file
    |   |-- BaselineError         the baseline is missing or cannot be compared
    |   `-- ExtraMissing          an optional package is not installed
    |-- Incomplete (4)    not everything could be answered or scored
    |   |-- BudgetReached         the money limit
    |   |-- KeyMissing            no API key in the environment
    |   |-- NotRecorded           --offline and an answer that was never recorded
    |   |-- ProviderDown          the endpoint does not answer any more
    |   `-- DiskFailed            the store could not be written (full, I/O error)
    |-- StoreError (5)    the store is damaged, from a newer version, or held by another process
    `-- Interrupted (130) Ctrl-C or SIGTERM; what was paid for is saved

A failed *case* is a value (``core.results.Failure``), never an exception.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

EXIT_CODES: Final[dict[str, int]] = {
    "pass": 0,
    "regression": 1,
    "refused": 2,
    "inconclusive": 3,
    "incomplete": 4,
    "store": 5,
    "bug": 70,
    "interrupted": 130,
}
"""Outcome word -> exit code of the process (contract, section 4)."""

_SEVERITY: Final = ("bug", "interrupted", "store", "regression", "refused", "incomplete", "inconclusive", "pass")


def worst(outcomes: Iterable[str]) -> str:
    """The outcome word that several gates (or scorers) end in together.

    Args:
        outcomes: Outcome words, at least one.

    Returns:
        The first that occurs of regression, refused, incomplete, inconclusive, pass; what ends a whole
        command (store, interrupted, bug) comes before these.

    Raises:
        ValueError: If ``outcomes`` is empty or holds an unknown word.
    """
    seen = set(outcomes)
    unknown = seen - set(_SEVERITY)
    if unknown or not seen:
        raise ValueError(f"no outcome to choose from, or unknown words: {sorted(unknown)}")
    return next(word for word in _SEVERITY if word in seen)


class EvalhError(Exception):
    """Base of the tree. ``str(error)`` is what a person reads: place, problem, and a tip on its own line.

    Args:
        message: One sentence: what was seen and what was expected.
        where: ``FILE:LINE`` or ``FILE:LINE: field`` or empty.
        tip: What to do next, without the word "tip", or empty.
        code: Machine word for ``error.code`` in JSON; the class's own word when left out.
    """

    outcome: ClassVar[str] = "bug"
    default_code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, where: str = "", tip: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.tip = tip
        self.code = code or self.default_code

    @property
    def exit_code(self) -> int:
        """Exit code of a process that ends with this error."""
        return EXIT_CODES[self.outcome]

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  tip: {self.tip}" if self.tip else head

    def to_json(self) -> dict[str, str]:
        """``{code, message, where, tip}`` as in the contract, section 5."""
        return {"code": self.code, "message": self.message, "where": self.where, "tip": self.tip}


class Refused(EvalhError):
    """Something the user wrote is wrong, or two things are not comparable. Exit code 2."""

    outcome = "refused"
    default_code = "refused"


class UsageError(Refused):
    """The command line or a Python call is wrong."""

    default_code = "usage"


class ConfigError(Refused):
    """evalh.toml (or [tool.evalh]) is wrong."""

    default_code = "config"


class EvalSetError(Refused):
    """An eval set, an answers file, a corpus or evalh.lock is wrong."""

    default_code = "evalset"


class RubricError(Refused):
    """A rubric file or its anchors are wrong."""

    default_code = "rubric"


class BaselineError(Refused):
    """The baseline is missing, or it is not comparable with what would be run now."""

    default_code = "baseline"


class ExtraMissing(Refused):
    """An optional package is needed; the message is one line that names the install command."""

    default_code = "extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs: pip install 'evalharness[{extra}]'")


class Incomplete(EvalhError):
    """Not everything could be answered or scored. Exit code 4."""

    outcome = "incomplete"
    default_code = "incomplete"


class BudgetReached(Incomplete):
    """The next call could have gone over the money limit, so it was not made."""

    default_code = "budget"


class KeyMissing(Incomplete):
    """The environment variable with the API key is missing or empty."""

    default_code = "key"


class NotRecorded(Incomplete):
    """Offline, and an answer is needed that was never recorded."""

    default_code = "not_recorded"


class ProviderDown(Incomplete):
    """The endpoint stopped answering; the shared retry budget is used up."""

    default_code = "provider"


class DiskFailed(Incomplete):
    """The store could not be written: disk full or an I/O error. What was acknowledged is safe."""

    default_code = "disk"


class StoreError(EvalhError):
    """The store is damaged, from a newer version, or held by another process. Exit code 5."""

    outcome = "store"
    default_code = "store"


class Interrupted(EvalhError):
    """Ctrl-C or SIGTERM. What was paid for is saved; the message holds the line that resumes. Exit code 130."""

    outcome = "interrupted"
    default_code = "interrupted"
