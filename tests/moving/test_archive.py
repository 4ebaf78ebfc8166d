"""Archives: what comes out is bounded, whatever the header says; nothing is unpacked to disk."""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard

from evalharness.core.errors import EvalSetError, ExtraMissing
from evalharness.moving.archive import ZSTD, Archive


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def raw_zip(path: Path, members: dict[str, tuple[int, bytes, bytes]]) -> Path:
    """An archive written by hand: name -> (method, packed, plain), for methods that zipfile does not write."""
    data, listing = b"", b""
    for name, (method, packed, plain) in members.items():
        title, crc = name.encode(), zlib.crc32(plain)
        head = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 0, crc, len(packed), len(plain), len(title), 0)
        offset = len(data)
        data += b"PK\x03\x04" + head + title + packed
        listing += b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, offset) + title
    count = len(members)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(listing), len(data), 0)
    path.write_bytes(data + listing + end)
    return path


def packed(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(plain)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read(tmp_path: Path, method: int) -> None:
    archive = Archive(zipped(tmp_path / "a.zip", {"samples/1.json": b"{}" * 999, "header.json": b"[]"}, method))
    assert archive.names("samples/", ".json") == ["samples/1.json"]
    assert (archive.read("samples/1.json"), archive.read("header.json")) == (b"{}" * 999, b"[]")


def test_zstandard_members_are_read(tmp_path: Path) -> None:
    plain = b'{"id": 1}' * 5000
    archive = Archive(raw_zip(tmp_path / "a.eval", {"samples/1.json": (ZSTD, packed(plain), plain)}))
    assert archive.read("samples/1.json") == plain
    with zipfile.ZipFile(tmp_path / "a.eval") as control, pytest.raises(NotImplementedError):
        control.read("samples/1.json")


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(raw_zip(tmp_path / "a.eval", {"x": (ZSTD, packed(b"1"), b"1")}))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ExtraMissing, match=r"Zstandard members needs: pip install 'evalharness\[import\]'"):
        archive.read("x")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, ZSTD])
def test_bombs_stop_at_the_limit(tmp_path: Path, method: int) -> None:
    plain = b"\0" * 30_000_000
    if method == ZSTD:
        path = raw_zip(tmp_path / "a.zip", {"x": (ZSTD, packed(plain), b"small")})  # a header that lies about its size
    else:
        path = zipped(tmp_path / "a.zip", {"x": plain})
    assert path.stat().st_size < 100_000
    with pytest.raises(EvalSetError, match="over 1,000,000 bytes once unpacked"):
        Archive(path, max_member=1_000_000).read("x")
    assert method == ZSTD or Archive(path).read("x") == plain


def test_the_total_is_bounded_too(tmp_path: Path) -> None:
    archive = Archive(zipped(tmp_path / "a.zip", {str(n): b"x" * 600 for n in range(3)}), max_total=1_500)
    assert archive.read("0") == archive.read("1")
    with pytest.raises(EvalSetError, match="over 300 bytes"):
        archive.read("2")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "..\\x", "C:/x", "\\x"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvalSetError, match="the member name"):
        Archive(zipped(tmp_path / "a.zip", {name: b"1"}))


def test_damage_is_seen(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"x": b"hello, hello"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"hello, hello", b"hello, HELLO", 1))
    with pytest.raises(EvalSetError, match="its checksum is another"):
        Archive(path).read("x")


@pytest.mark.parametrize(
    ("method", "content", "said"),
    [(ZSTD, b"no zstandard", "damaged"), (8, b"\xff\xff", "damaged"), (12, b"1", "packed by method 12")],
)
def test_what_cannot_be_unpacked_is_refused(tmp_path: Path, method: int, content: bytes, said: str) -> None:
    with pytest.raises(EvalSetError, match=said):
        Archive(raw_zip(tmp_path / "a.zip", {"x": (method, content, b"1")})).read("x")


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"x": b"1"}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(EvalSetError, match="encrypted"):
        Archive(path).read("x")


@pytest.mark.parametrize("cut", ["offset", "size"])
def test_a_list_that_points_nowhere_is_refused(tmp_path: Path, cut: str) -> None:
    path = zipped(tmp_path / "a.zip", {"x": b"1", "y": b"2"}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    if cut == "offset":
        data[entry + 42 : entry + 46] = struct.pack("<I", 3)
    else:
        data[entry + 20 : entry + 24] = struct.pack("<I", 10**6)
    path.write_bytes(bytes(data))
    with pytest.raises(EvalSetError, match=r"damaged|archive"):
        Archive(path).read("x")


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"hello")
    with pytest.raises(EvalSetError, match="cannot be read as an archive"):
        Archive(tmp_path / "a.zip")
    with pytest.raises(EvalSetError, match="cannot be read as an archive"):
        Archive(tmp_path / "none.zip")
