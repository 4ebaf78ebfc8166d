"""Power loss, simulated: the system calls of a process that writes a store, and what a disk may hold after a cut at any of them.

``strace`` records what reaches the kernel. ``Disk`` then plays the calls back and keeps apart what is *durable* (synced) and what
is *pending*. A cut keeps everything durable and any part of what is pending:

* names (create, rename, unlink): the first so many since the folder was last synced, in order, as a journal keeps them;
* bytes (write, truncate): each by itself is kept, lost, or - a write - torn at a sector of 512 bytes; or, in the other
  kind of cut, the first so many calls of all are kept whole and the others lost.

``fsync`` or ``fdatasync`` of a file makes its bytes durable, of a folder its names, and nothing else does. This models
what POSIX promises. It does not model a disk that lies about a sync, nor the shared memory of SQLite, which is made anew.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SECTOR = 512
SYNCS = ("fsync", "fdatasync")
CALLS = "openat,write,pwrite64,fdatasync,fsync,ftruncate,rename,unlink"
_LINE = re.compile(r'(\d+) +(\w+)\((?:(\d+)<([^>]*)>|(?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)")(?:, )?(.*)\) = (-?\d+)')


def why_not() -> str:
    """Why system calls cannot be traced here; empty when they can."""
    if shutil.which("strace") is None:
        return (
            "power loss is simulated from a trace of system calls, and there is no strace here (apt-get install strace)"
        )
    tried = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False
    )
    return "" if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()[:200]}"


@dataclass(frozen=True, slots=True)
class Call:
    """One system call that succeeded."""

    name: str
    path: str
    """File name inside the folder; empty for the folder itself, ``stdout`` for what the process said."""
    data: bytes = b""
    number: int = 0
    """Offset or length."""


def record(command: list[str], folder: Path, trace: Path, **more: object) -> list[Call]:
    """Run a process to its end and give its calls on the files of a folder, and what it said on stdout, in order."""
    wrapped = [
        "strace",
        "-f",
        "-qq",
        "-y",
        "--seccomp-bpf",
        "-xx",
        "-s",
        "1000000",
        "-e",
        f"trace={CALLS}",
        "-o",
        str(trace),
    ]
    subprocess.run([*wrapped, *command], check=True, stdout=subprocess.PIPE, **more)  # type: ignore[call-overload]
    return list(_calls(trace.read_text(), folder))


def _calls(text: str, folder: Path) -> Iterator[Call]:
    begun: dict[str, str] = {}
    for line in text.splitlines():
        thread = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[thread] = line.removesuffix(" <unfinished ...>")
            continue
        is_rest = " resumed>" in line
        found = _LINE.match(begun.pop(thread) + line.partition(" resumed>")[2] if is_rest else line)
        if found and not found[7].startswith("-"):
            yield from _call(found, folder)


def _call(found: re.Match[str], folder: Path) -> Iterator[Call]:
    name, number, rest = found[2], found[3], found[6]
    path = bytes.fromhex((found[4] if number else found[5]).replace("\\x", "")).decode()
    if number == "1" and name == "write":
        yield Call(name, "stdout", _bytes(rest))
        return
    if path == str(folder) and name in SYNCS:
        yield Call("fsync", "")
    if not path.startswith(f"{folder}/store.") or path.endswith("-shm"):
        return
    inside = path.removeprefix(f"{folder}/")
    if name == "openat":
        if "O_CREAT" in rest:
            yield Call("create", inside)
    elif name == "rename":
        yield Call(name, inside, Path(_bytes(rest).decode()).name.encode())
    elif name == "pwrite64":
        yield Call(name, inside, _bytes(rest), int(rest.rpartition(", ")[2]))
    elif name == "ftruncate":
        yield Call(name, inside, number=int(rest))
    elif name != "write":
        yield Call(name, inside)
    else:
        raise ValueError(f"no offset is known for this write: {path}")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[text.index('"') + 1 : text.rindex('"')].replace("\\x", ""))


@dataclass(slots=True)
class Disk:
    """Files as they are on the disk, and what waits to get there."""

    names: dict[str, int] = field(default_factory=dict)
    """Durable names -> file."""
    bytes: dict[int, bytearray] = field(default_factory=dict)
    """File -> durable bytes."""
    waiting: list[tuple[int, Call]] = field(default_factory=list)
    """(file, call) that is not durable, in order; file -1 for names."""
    said: bytearray = field(default_factory=bytearray)
    live: dict[str, int] = field(default_factory=dict)
    """Names as the process sees them."""
    files: int = 0

    def play(self, call: Call) -> None:
        """Take one call."""
        if call.path == "stdout":
            self.said += call.data
        elif call.name in ("create", "rename", "unlink"):
            self._name(call)
        elif call.name == "fsync" and not call.path:
            for file, waiting in self.waiting:
                if file < 0:
                    self._apply_name(self.names, waiting)
            self.waiting = [item for item in self.waiting if item[0] >= 0]
        elif call.name in SYNCS:
            synced = self.live[call.path]
            for file, waiting in self.waiting:
                if file == synced:
                    apply(self.bytes[file], waiting)
            self.waiting = [item for item in self.waiting if item[0] != synced]
        else:
            self.waiting.append((self.live[call.path], call))

    def _name(self, call: Call) -> None:
        if call.name == "create":
            if call.path in self.live:
                return
            self.files += 1
            self.bytes[self.files] = bytearray()
            call = Call("create", call.path, number=self.files)
        self._apply_name(self.live, call)
        self.waiting.append((-1, call))

    @staticmethod
    def _apply_name(names: dict[str, int], call: Call) -> None:
        if call.name == "create":
            names[call.path] = call.number
        elif call.path in names:
            file = names.pop(call.path)
            if call.name == "rename":
                names[call.data.decode()] = file

    def acknowledged(self) -> set[int]:
        """Numbers that the process had said by now, in whole lines."""
        return {int(word) for word in bytes(self.said).split(b"\n")[:-1]}

    def cut(self, choose: Random, *, whole_prefix: bool) -> dict[str, bytes]:
        """What may be found after the power went now: name -> bytes."""
        names = dict(self.names)
        content = {file: bytearray(data) for file, data in self.bytes.items()}
        kept = choose.randint(0, len(self.waiting))
        named = choose.randint(0, sum(file < 0 for file, _ in self.waiting))
        for place, (file, call) in enumerate(self.waiting):
            if file < 0:
                if place < kept if whole_prefix else named > 0:
                    self._apply_name(names, call)
                named -= 1
            elif whole_prefix:
                if place < kept:
                    apply(content[file], call)
            else:
                apply(content[file], call, fate=choose.choice(("kept", "lost", "torn")), choose=choose)
        return {name: bytes(content[file]) for name, file in names.items()}


def apply(data: bytearray, call: Call, *, fate: str = "kept", choose: Random | None = None) -> None:
    """Write or truncate; a torn write reaches the disk in some of its sectors only."""
    if fate == "lost":
        return
    if call.name == "ftruncate":
        if fate == "kept":
            data[call.number :] = bytes(max(0, call.number - len(data)))
        return
    end = call.number + len(call.data)
    if fate == "kept" or choose is None:
        data.extend(bytes(max(0, end - len(data))))
        data[call.number : end] = call.data
        return
    for start in range(0, len(call.data), SECTOR):
        if choose.random() < 0.5:
            apply(data, Call("pwrite64", call.path, call.data[start : start + SECTOR], call.number + start))
