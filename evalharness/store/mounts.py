"""Whether a folder lies on a network or FUSE file system, where SQLite's WAL mode cannot be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs", "beegfs", "gfs2", "ocfs2"}
    | {"ncpfs", "vboxsf", "virtiofs", "davfs"}
)
_MOUNTS: Final = Path("/proc/self/mountinfo")


def is_remote(folder: Path, mounts: str | None = None) -> bool:
    """True when the folder is on a network or FUSE file system.

    Args:
        folder: An existing folder.
        mounts: Text of ``/proc/self/mountinfo``; read from the system when left out. Systems without that file
            (macOS) count as local.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
        except OSError:
            return False
    place, kind = "", ""
    target = str(folder.resolve())
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        fields, kinds = head.split(" "), tail.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        point = _unescape(fields[4])
        if _contains(point, target) and len(point) >= len(place):  # the last mount on one place hides those before
            place, kind = point, kinds[0]
    return kind in _REMOTE or kind.startswith("fuse.")


def _contains(point: str, target: str) -> bool:
    return target == point or target.startswith(point.rstrip("/") + "/")


def _unescape(text: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
