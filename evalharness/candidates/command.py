"""Kind ``command``: a program answers. The case is JSON on its stdin, the answer its stdout. Never a shell."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from evalharness.candidates.answers import bad_body, case_json, read_output
from evalharness.candidates.code import refuse_untrusted
from evalharness.candidates.local import Identity, Replies
from evalharness.core.cases import Case
from evalharness.core.endpoints import shown
from evalharness.core.errors import ConfigError
from evalharness.core.masking import mask
from evalharness.core.protocols import Request
from evalharness.core.results import Failure, Output
from evalharness.core.specs import canonical_json
from evalharness.core.strictjson import StrictJSONError, loads

if TYPE_CHECKING:
    import asyncio

MAX_BYTES: Final = 8_000_000
"""Longest answer that is read, in bytes."""
_ERRORS_KEPT: Final = 4_000


class CommandCandidate(Replies):
    """Starts a program for each answer, in a process group of its own.

    Args:
        identity: Name, digest, time.
        argv: Program and arguments. ``--json`` among them says that stdout is JSON: a text, or an object with the
            fields of an Output; else stdout is the text, without one newline at its end.
    """

    def __init__(self, identity: Identity, argv: Sequence[str]) -> None:
        super().__init__(identity)
        self._argv = tuple(argv)
        self._is_json = "--json" in argv

    def check(self, _case: Case) -> None:
        """Find the program.

        Raises:
            ConfigError: If it is not there, or only data is trusted.
        """
        identity, program = self.identity, self._argv[0]
        if identity.untrusted:
            raise refuse_untrusted(f"candidate {self.name!r} starts a program", where=identity.where)
        place = str(identity.root / program) if os.sep in program else program
        if shutil.which(place) is None:
            raise ConfigError(f"no program {program!r} that can be run", where=identity.where)

    async def reply(self, request: Request, case: Case) -> Output | Failure:
        """Run the program once; its whole process group ends with the answer or the deadline."""
        import asyncio

        self.check(case)
        process = await asyncio.create_subprocess_exec(
            *self._argv,
            cwd=self.identity.root,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        told = canonical_json({**case_json(case), "seed": request.seed}).encode("utf-8") + b"\n"
        beside = [asyncio.create_task(_tell(process, told)), asyncio.create_task(_errors(process))]
        try:
            async with asyncio.timeout(self.identity.timeout_s):
                out = await _answer(process)
                if len(out) > MAX_BYTES:
                    return bad_body(f"{self._argv[0]} wrote more than {MAX_BYTES:,} bytes")
                status = await process.wait()
                _, err = await asyncio.gather(*beside)
        except TimeoutError:
            message = f"{self._argv[0]} gave no answer in {self.identity.timeout_s:g} s"
            return Failure(stage="candidate", kind="timeout", message=message, retryable=True)
        finally:
            for task in beside:
                task.cancel()
            await _end(process)
        return self._read_answer(out, err or b"", status)

    def _read_answer(self, out: bytes, err: bytes, status: int) -> Output | Failure:
        if status != 0:
            how = f"exit status {status}" if status > 0 else f"signal {-status}"
            said = shown(mask(err.decode("utf-8", "replace")))
            return Failure(stage="candidate", kind="exit", message=f"{self._argv[0]}: {how}: {said}", blame="candidate")
        try:
            text = out.decode("utf-8")
            return read_output(loads(text) if self._is_json else text.removesuffix("\n"), self._argv[0])
        except UnicodeDecodeError:
            return bad_body(f"{self._argv[0]} wrote bytes that are not UTF-8")
        except StrictJSONError as error:
            return bad_body(f"{self._argv[0]} --json wrote no JSON: {error}")


async def _tell(process: asyncio.subprocess.Process, told: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a program need not read its case
        process.stdin.write(told)
        await process.stdin.drain()
    process.stdin.close()


async def _answer(process: asyncio.subprocess.Process) -> bytes:
    """Everything on stdout, or a little more than ``MAX_BYTES`` of it."""
    assert process.stdout is not None
    kept = bytearray()
    while len(kept) <= MAX_BYTES and (chunk := await process.stdout.read(65536)):
        kept += chunk
    return bytes(kept)


async def _errors(process: asyncio.subprocess.Process) -> bytes:
    """The start of stderr; the rest is read and dropped, so that the program is never held up by it."""
    assert process.stderr is not None
    kept = bytearray()
    while chunk := await process.stderr.read(65536):
        kept += chunk[: max(0, _ERRORS_KEPT - len(kept))]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of the process group and take the exit status, so that no zombie stays."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
