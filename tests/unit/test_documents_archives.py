"""ZIP archives: what may come out of them, what is left with its reason, and what is refused whole."""

import io
import random
import struct
import zipfile
from pathlib import Path

import pytest

from backend.documents import archives
from backend.documents.archives import Member, unpack
from backend.errors import (
    ArchiveNameUnsafe,
    ArchiveNested,
    ArchiveTooLarge,
    ArchiveTooManyFiles,
    DocumentDamaged,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentTooLarge,
)

LIMIT = 1_000_000


def _zip(entries: dict[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _unpacked(folder: Path, data: bytes, limit: int = LIMIT) -> list[Member]:
    path, inside = folder / "a.zip", folder / "inside"
    path.write_bytes(data)
    inside.mkdir(exist_ok=True)
    return list(unpack(path, inside, limit))


def test_files_come_out_under_numbers(tmp_path: Path) -> None:
    found = _unpacked(tmp_path, _zip({"법령/가.txt": b"1", "b.txt": b"2", "빈/": b"", "__MACOSX/._b.txt": b"3"}))
    assert [(member.name, member.path.read_bytes() if member.path else None) for member in found] == [
        ("법령/가.txt", b"1"),
        ("b.txt", b"2"),
    ]
    assert {path.name for path in (tmp_path / "inside").iterdir()} == {"0", "1"}


def test_names_of_korean_windows_are_read(tmp_path: Path) -> None:
    name = "법령.txt"
    data = _zip({"xxxxxxxx.txt": b"1"}).replace(b"xxxxxxxx.txt", name.encode("cp949").rjust(12, b"_"))
    assert _unpacked(tmp_path, data)[0].name == name.rjust(len(name) + 12 - len(name.encode("cp949")), "_")


@pytest.mark.parametrize(
    "name", ["../evil.txt", "a/../../evil.txt", "/etc/evil.txt", "C:/evil.txt", "..\\evil.txt", "\\evil.txt"]
)
def test_names_that_leave_the_folder_are_left(tmp_path: Path, name: str) -> None:
    found = _unpacked(tmp_path, _zip({name: b"x", "good.txt": b"y"}))
    assert isinstance(found[0].error, ArchiveNameUnsafe)
    assert found[0].path is None
    assert found[1].path is not None
    assert not list(tmp_path.parent.rglob("evil.txt"))


def test_links_are_left(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    assert isinstance(_unpacked(tmp_path, _zip({link: b"/etc/passwd"}))[0].error, ArchiveNameUnsafe)


def test_each_bad_member_has_its_reason_and_the_rest_comes_out(tmp_path: Path) -> None:
    found = _unpacked(
        tmp_path,
        _zip(
            {
                "in.zip": _zip({"a": b"b"}),
                "empty.txt": b"",
                "big.txt": random.Random(3).randbytes(LIMIT + 1),
                "good.txt": b"x",
            }
        ),
        LIMIT,
    )
    assert [type(member.error) for member in found] == [ArchiveNested, DocumentEmpty, DocumentTooLarge, type(None)]


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    data = bytearray(_zip({"a.txt": b"secret", "b.txt": b"open"}))
    data[6] |= 1  # flag in the first local header, and in the directory
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    found = _unpacked(tmp_path, bytes(data))
    assert isinstance(found[0].error, DocumentEncrypted)
    assert found[1].path is not None


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.txt", b"intact words")
        archive.writestr("b.txt", b"open")
    found = _unpacked(tmp_path, file.getvalue().replace(b"intact words", b"broken words"))
    assert isinstance(found[0].error, DocumentDamaged)
    assert found[1].path is not None


def test_ten_thousand_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooManyFiles):
        _unpacked(tmp_path, _zip({f"{number}.txt": b"x" for number in range(10_000)}))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ArchiveTooLarge):
        _unpacked(tmp_path, _zip({"a.txt": b"0" * 50_000_000}), 100_000_000)
    assert not list((tmp_path / "inside").iterdir())


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_RATIO", 10_000)
    data = bytearray(_zip({"a.txt": b"0" * 5_000_000}))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    data[22:26] = struct.pack("<I", 1000)
    found = _unpacked(tmp_path, bytes(data))
    assert found[0].error is not None
    assert not any((tmp_path / "inside").iterdir())


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04", _zip({"a.txt": b"x" * 500})[:60], b"plain"],
    ids=["empty", "only a mark", "cut", "plain"],  # the bytes hold the time, and tests run in several processes
)
def test_what_is_no_zip_is_named(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DocumentDamaged):
        _unpacked(tmp_path, data)


def test_an_archive_without_files_is_empty(tmp_path: Path) -> None:
    with pytest.raises(DocumentEmpty):
        _unpacked(tmp_path, _zip({}))
