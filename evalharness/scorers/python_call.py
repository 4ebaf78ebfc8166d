"""``python``: a function of the project scores.

| word | parameters | value |
| --- | --- | --- |
| ``python`` | ``call = "pkg.mod:func"`` (required), ``version`` | what ``func(output, case)`` returns |

The function gets an ``Output`` and a ``Case`` and returns true or false, a number in 0..1, a ``Score``, ``Unscored`` or ``Failure``,
or a dict with the fields ``value``, ``passed``, ``reason``, ``evidence``. What it raises is a ``Failure`` of that case. The module is
imported when the scorer is built, with the project's folder in front of the path. The signature holds a digest of
the module's file (and ``version``, for what that file does not show), so that an edited function never meets old scores.

Only a config names a function, never a case, and never one under ``--untrusted``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from evalharness.core.cases import Case
from evalharness.core.protocols import CaseScorer
from evalharness.core.results import Failure, Output, Score, ScoreResult, Unscored
from evalharness.core.specs import digest_text
from evalharness.scorers.base import Scorer
from evalharness.scorers.parameters import Params

_FIELDS: Final = frozenset({"value", "passed", "reason", "evidence"})


class PythonCall(Scorer):
    """A scorer that asks a function."""

    reads_text = False

    def __init__(self, params: Params) -> None:
        call = params.text("call")
        module_name, _, name = call.partition(":")
        if not module_name or not name:
            params.refuse("call", '"package.module:function"', call)
        params.optional_text("version")
        module = _module(params, module_name)
        function = module
        for part in name.split("."):
            function = getattr(function, part, None)  # type: ignore[assignment]
        if not callable(function):
            params.refuse("call", f"a function of {module_name}", call)
        params.note("code", _code_digest(module))
        self._function: Callable[[Output, Case], Any] = function
        self._call = call
        super().__init__(params)

    def measure(self, output: Output, case: Case, /) -> ScoreResult:
        """Call the function and read what it returned."""
        try:
            returned = self._function(output, case)
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything; that is this case's failure
            message = f"{self._call} raised {type(error).__name__}: {str(error)[:200]}"
            return Failure(stage="scorer", kind="exception", message=message)
        try:
            return _result(returned)
        except (TypeError, ValueError) as error:
            return Failure(stage="scorer", kind="bad_value", message=f"{self._call} returned {error}")


def _module(params: Params, name: str) -> ModuleType:
    folder = str(params.root.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - importing a user's module may raise anything; say it as a config error
        params.refuse("call", "a module that can be imported", name, tip=f"{type(error).__name__}: {error}")


def _code_digest(module: ModuleType) -> str:
    """Digest of the module's source; of its name where there is no file (a built-in)."""
    path = getattr(module, "__file__", None)
    if path is None:
        return digest_text(module.__name__)
    return digest_text(Path(path).read_text(encoding="utf-8", errors="replace"))


def _result(returned: Any) -> ScoreResult:
    """What a function returned, as a result.

    Raises:
        TypeError: If it is of a kind that has no meaning here.
    """
    if isinstance(returned, (Score, Unscored, Failure)):
        return returned
    if isinstance(returned, bool):
        word = "true" if returned else "false"
        return Score(value=float(returned), passed=returned, reason=f"returned {word}", evidence={"returned": returned})
    if isinstance(returned, (int, float)):
        return Score(value=float(returned), reason=f"returned {returned!r}", evidence={"returned": returned})
    if isinstance(returned, Mapping):
        if set(returned) - _FIELDS or "value" not in returned:
            raise TypeError(f"a dict with {sorted(map(str, returned))}; expected 'value', and any of {sorted(_FIELDS)}")
        value, passed = returned["value"], returned.get("passed")
        if isinstance(value, (int, float)) and (passed is None or isinstance(passed, bool)):
            return Score(**{**returned, "value": float(value)})
        raise TypeError(f"value = {value!r:.40}, passed = {passed!r:.40}; expected a number, and true, false or None")
    raise TypeError(f"{type(returned).__name__}; expected a bool, a number, a Score or a dict (and no coroutine)")


FAMILY: Final[Mapping[str, Callable[[Params], CaseScorer]]] = {"python": PythonCall}
