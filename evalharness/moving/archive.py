"""Members of zip archives, read without unpacking anything to disk. The only file that imports zstandard.

Python 3.11's zipfile does not know method 93 (Zstandard), which Inspect writes. Every member is read against a limit
on what comes *out*, whatever its header says, and its checksum is compared.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from evalharness.core.errors import EvalSetError, ExtraMissing
from evalharness.core.files import shown

ZSTD: Final = 93
MAX_MEMBER: Final = 256_000_000
"""Most bytes of one member once unpacked."""
MAX_TOTAL: Final = 2_000_000_000
"""Most bytes of all members that are read."""
MAX_MEMBERS: Final = 500_000
_LOCAL: Final = struct.Struct("<4s22xHH")
_ENCRYPTED: Final = 0x1


class Archive:
    """An open zip archive.

    Args:
        path: The file.
        max_member: Most bytes of one member.
        max_total: Most bytes of all members read.

    Raises:
        EvalSetError: If it is no archive, or a member's name leads out of it.
    """

    def __init__(self, path: Path, *, max_member: int = MAX_MEMBER, max_total: int = MAX_TOTAL) -> None:
        self._where = shown(path)
        self._max_member, self._left = max_member, max_total
        try:
            self._data = path.read_bytes()
            with zipfile.ZipFile(io.BytesIO(self._data)) as archive:
                infos = archive.infolist()
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise EvalSetError(f"cannot be read as an archive: {error}", where=self._where) from None
        if len(infos) > MAX_MEMBERS:
            raise self._refusal(f"{len(infos):,} members", f"at most {MAX_MEMBERS:,}")
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            self._check_name(info.filename)
            self._infos[info.filename] = info  # a later entry of a name replaces the earlier, as in every reader

    @property
    def data(self) -> bytes:
        """The whole archive."""
        return self._data

    def names(self, folder: str = "", ending: str = "") -> list[str]:
        """Names of the members in a folder with an ending, sorted."""
        return sorted(name for name in self._infos if name.startswith(folder) and name.endswith(ending))

    def read(self, name: str) -> bytes:
        """The content of a member.

        Raises:
            EvalSetError: If it is encrypted, too large, damaged, or packed in a way that is not known.
            ExtraMissing: If it needs Zstandard and that is not installed.
        """
        info = self._infos[name]
        where = f"{self._where}: {name}"
        if info.flag_bits & _ENCRYPTED:
            raise EvalSetError("seen an encrypted member, expected a plain one", where=where)
        limit = min(self._max_member, self._left)
        content = b"".join(self._unpacked(info, where, limit))
        if zlib.crc32(content) != info.CRC:
            raise EvalSetError("seen a damaged member: its checksum is another", where=where)
        self._left -= len(content)
        return content

    def _unpacked(self, info: zipfile.ZipInfo, where: str, limit: int) -> Iterator[bytes]:
        size = 0
        try:
            for part in self._parts(info):
                size += len(part)
                if size > limit:
                    raise EvalSetError(f"seen a member of over {limit:,} bytes once unpacked", where=where)
                yield part
        except (zlib.error, EOFError, zipfile.BadZipFile, struct.error, OSError, ValueError) as error:
            raise EvalSetError(f"seen a damaged member: {error}", where=where) from None

    def _parts(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        packed = self._packed(info)
        if info.compress_type == zipfile.ZIP_STORED:
            yield packed
        elif info.compress_type == zipfile.ZIP_DEFLATED:
            machine = zlib.decompressobj(-zlib.MAX_WBITS)
            while packed:
                yield machine.decompress(packed, 1 << 20)
                packed = machine.unconsumed_tail
        elif info.compress_type == ZSTD:
            yield from _zstd(packed)
        else:
            raise ValueError(f"packed by method {info.compress_type}, expected stored, deflated or Zstandard")

    def _packed(self, info: zipfile.ZipInfo) -> bytes:
        """The member's bytes as they stand in the file, behind its local header."""
        start = info.header_offset
        mark, name_size, extra_size = _LOCAL.unpack(self._data[start : start + _LOCAL.size])
        if mark != b"PK\x03\x04":
            raise zipfile.BadZipFile("no header where the list says")
        begin = start + _LOCAL.size + name_size + extra_size
        packed = self._data[begin : begin + info.compress_size]
        if len(packed) != info.compress_size:
            raise EOFError("the file ends inside it")
        return packed

    def _check_name(self, name: str) -> None:
        parts = name.replace("\\", "/").split("/")
        if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or ":" in parts[0]:
            raise self._refusal(f"the member name {name[:80]!r}", "names inside the archive")

    def _refusal(self, found: str, wanted: str) -> EvalSetError:
        return EvalSetError(f"seen {found}, expected {wanted}", where=self._where)


def _zstd(packed: bytes) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise ExtraMissing("reading Zstandard members", "import") from None
    reader: Any = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(io.BytesIO(packed))
    try:
        while part := reader.read(1 << 20):
            yield part
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None
