"""Code of the project: finding a function, running it, and the digest of the files that decide its answers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Literal

from evalharness.core.endpoints import shown
from evalharness.core.errors import ConfigError
from evalharness.core.masking import mask
from evalharness.core.results import Failure

UNTRUSTED_TIP = "run it from the base branch, or replay recorded answers"


def refuse_untrusted(what: str, *, where: str) -> ConfigError:
    """The error for code in a run that trusts data only."""
    return ConfigError(f"{what}, and this run trusts data only", where=where, tip=UNTRUSTED_TIP, code="untrusted")


def load_function(reference: str, root: Path, *, where: str) -> Callable[..., Any]:
    """The function that ``package.module:function`` names.

    Args:
        reference: As the config gives it.
        root: Folder of the project; goes in front of the module path.
        where: Place for errors.

    Raises:
        ConfigError: If it cannot be imported or is no function.
    """
    import importlib
    import sys

    module_name, _, path = reference.partition(":")
    if not module_name or not path:
        raise ConfigError(f"expected package.module:function, got {reference!r}", where=where)
    folder = str(root.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:  # noqa: BLE001  importing a project's module may raise anything
        raise ConfigError(f"{reference}: {type(error).__name__}: {shown(str(error))}", where=where) from None
    if not callable(found):
        raise ConfigError(f"{reference} is a {type(found).__name__}, not a function", where=where)
    function: Callable[..., Any] = found
    return function


def declared_code(params: Mapping[str, Any], root: Path, *, where: str) -> dict[str, Any]:
    """What the candidate declares about its code: hashes of ``inputs`` by path, and ``version``; empty for neither.

    Args:
        params: The candidate's table.
        root: Folder of the project.
        where: Place for errors.

    Raises:
        ConfigError: If a pattern matches no file, or leaves the project.
    """
    facts: dict[str, Any] = {}
    if "version" in params:
        facts["version"] = params["version"]
    patterns = params.get("inputs", ())
    if patterns:
        facts["inputs"] = {}
        for pattern in (patterns,) if isinstance(patterns, str) else patterns:
            facts["inputs"] |= _hashes(pattern, root, where)
    return facts


def reuse_of(declared: Mapping[str, Any]) -> Literal["always", "same_run"]:
    """Answers of undeclared code serve the run that paid for them and no other."""
    return "always" if declared else "same_run"


def _hashes(pattern: str, root: Path, where: str) -> dict[str, str]:
    if PurePath(pattern).is_absolute() or ".." in PurePath(pattern).parts:
        raise ConfigError(f"inputs: {pattern!r} leaves the project", where=where)
    files = sorted(path for path in root.glob(pattern) if path.is_file() and "__pycache__" not in path.parts)
    if not files:
        raise ConfigError(f"inputs: no file matches {pattern!r}", where=where, tip=f"patterns start from {root}")
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


async def call(function: Callable[..., Any], *given: Any) -> Any:
    """Call a sync or async function; a sync one runs in a thread of its own, so that calls go on side by side.

    The thread is a daemon: a function that hangs is left behind at its deadline and holds up neither the run nor the
    end of the process.
    """
    import inspect

    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004  the method is wanted
        return await function(*given)
    result = await _in_thread(function, given)
    return await result if inspect.isawaitable(result) else result


async def _in_thread(function: Callable[..., Any], given: Sequence[Any]) -> Any:
    import asyncio

    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            return  # nobody waits any more
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def work() -> None:
        result: Any = None
        fault: Exception | None = None
        try:
            result = function(*given)
        except StopIteration as error:  # a future cannot carry it
            fault = RuntimeError(f"StopIteration: {error}")
        except Exception as error:  # noqa: BLE001  carried to the caller, who tells it apart
            fault = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=work, name="evalh-call", daemon=True).start()
    return await future


def failure_of(error: Exception, what: str) -> Failure:
    """What an exception of the project's code means.

    Args:
        error: What was raised.
        what: Name of the code.

    Returns:
        A lost connection, a time-out or an I/O error is the infrastructure's; anything else the candidate's own doing.
    """
    message = f"{what} raised {type(error).__name__}: {shown(mask(str(error)))}"
    if isinstance(error, OSError):  # ConnectionError and TimeoutError among them
        kind = "timeout" if isinstance(error, TimeoutError) else "connection"
        return Failure(stage="candidate", kind=kind, message=message, retryable=True)
    return Failure(stage="candidate", kind="exception", message=message, blame="candidate")
