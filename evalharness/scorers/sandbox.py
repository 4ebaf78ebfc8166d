"""A worker process for patterns, schemas and strangers' templates: time and memory limits, killed when over.

``re`` holds the interpreter lock while it backtracks, so a thread cannot be stopped and would stall every call in
flight; a process can be killed. It starts on first need (about 60 ms), is reused (about 60 us a call), and is replaced
after it went over a limit. It gets no environment but what a bare interpreter needs: no keys.

The limit is CPU time, so that a busy machine changes no score. Over it, the answer is a ``Failure`` that counts
against the candidate: its own text did that, and a hostile answer must score as failed, not remove its case. A
template over it is an error of the config, before anything is asked. Only when
the machine gave the worker no time at all (``WALL_SECONDS``), or the worker broke, is it the infrastructure's.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from evalharness.core.results import Blame, Failure
from evalharness.scorers import worker

if TYPE_CHECKING:
    from subprocess import Popen

CPU_SECONDS: Final = 1.0
"""What one job may compute."""

WALL_SECONDS: Final = 3.0
"""How long one job may take by the clock."""

START_SECONDS: Final = 30.0
"""How long the process may take to start, and to import the schema library."""

_KEPT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class Sandbox:
    """One worker process, started when needed. Safe to use from several threads, one job at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Popen[bytes] | None = None
        self._owner = 0
        self._loaded: set[str] = set()

    def call(self, do: str, *args: Any) -> Any:
        """Do one job under limits.

        Args:
            do: Name of a function of ``worker.py``.
            args: Its arguments, JSON values.

        Returns:
            Its result, or a ``Failure`` of kind ``timeout``, ``memory``, ``recursion``, ``broken`` or ``crashed``.
        """
        with self._lock:
            ready = self._start()
            loader = worker.LOADERS.get(do)
            if ready is None and loader is not None and loader not in self._loaded:
                ready = self._ask(loader, (), seconds=(START_SECONDS, START_SECONDS))
                if ready is None:
                    self._loaded.add(loader)
            return ready if ready is not None else self._ask(do, args, seconds=(CPU_SECONDS, WALL_SECONDS))

    def close(self) -> None:
        """End the worker process."""
        with self._lock:
            self._end()

    def _start(self) -> Failure | None:
        if self._process is not None and self._owner == os.getpid():
            return None
        import subprocess
        import sys

        # After a fork the pipes belong to the parent: leave its process alone and start our own.
        path = json.dumps([os.path.abspath(entry) for entry in sys.path])
        self._process = subprocess.Popen(  # noqa: S603 - our own file, our own interpreter
            [sys.executable, "-I", os.path.abspath(worker.__file__), path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            cwd="/",
        )
        self._owner = os.getpid()
        self._loaded.clear()
        ready = self._reply(START_SECONDS)
        return ready if isinstance(ready, Failure) else None

    def _ask(self, do: str, args: tuple[Any, ...], *, seconds: tuple[float, float]) -> Any:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        cpu_s, wall_s = seconds
        try:
            process.stdin.write(worker.packed({"do": do, "args": args, "seconds": cpu_s}))
            process.stdin.flush()
        except BrokenPipeError:
            return self._over()
        return self._reply(wall_s)

    def _reply(self, wall_s: float) -> Any:
        from select import select

        process = self._process
        assert process is not None
        assert process.stdout is not None
        if not select([process.stdout], [], [], wall_s)[0]:
            self._end()
            return Failure(
                stage="scorer", kind="timeout", message=f"no answer in {wall_s:g} s; the machine is too busy"
            )
        message = worker.read_message(process.stdout)
        if message is None:
            return self._over()
        if isinstance(message, dict) and "error" in message:
            blame: Blame = "candidate" if message["error"] == "memory" else "infrastructure"
            return Failure(stage="scorer", kind=message["error"], message=message["message"], blame=blame)
        return message["ok"] if isinstance(message, dict) else message

    def _over(self) -> Failure:
        """The process has ended: find out why, and clear up."""
        import signal

        process = self._process
        assert process is not None
        code = process.wait()
        self._end()
        if code == -signal.SIGPROF:
            message = f"stopped after {CPU_SECONDS:g} s of computing on this text"
            return Failure(stage="scorer", kind="timeout", message=message, blame="candidate")
        return Failure(stage="scorer", kind="crashed", message=f"the worker process ended with code {code}")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:  # what was buffered for a process that is gone
                continue


_SHARED: Final = Sandbox()
atexit.register(_SHARED.close)


def call(do: str, *args: Any) -> Any:
    """:meth:`Sandbox.call` on the process that all scorers share."""
    return _SHARED.call(do, *args)
