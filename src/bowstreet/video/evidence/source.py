"""Where a bundle is read from: the archive as it came, or a folder into which somebody unpacked it. Nothing is written anywhere.

A stranger made it: names are those of a bundle or it is refused, links are not followed, nothing is unpacked.
"""

import io
import os
import stat
from pathlib import Path
from typing import Protocol

from bowstreet.errors import BadInput
from bowstreet.video.evidence import archive
from bowstreet.video.evidence.archive import Broken, Member
from bowstreet.video.evidence.model import MANIFEST, NOTE

BUFFER_BYTES = 256 * 1024
# Folders below each other: the bundle's own, and one a recording.
_DEEPEST = 2


class Source(Protocol):
    """A bundle's files by name, in the order in which they stand."""

    path: Path
    octets: dict[str, int]

    @property
    def checks_sums(self) -> bool:
        """Whether `finish` wants the CRC-32 of each file."""
        ...

    def open(self, name: str) -> io.BufferedReader:
        """Raises `KeyError` for a name that is not there."""
        ...

    def broken(self) -> str:
        """How its form is broken after the last of its files; "" when it is whole."""
        ...

    def finish(self, folder: str, sums: dict[str, int]) -> tuple[str, str]:
        """All files were read: the first whose place, or sum, is wrong, and how; two empty strings when all is right."""
        ...

    def close(self) -> None: ...


class _Region(io.RawIOBase):
    """A stretch of an open file, read at its own pace."""

    def __init__(self, descriptor: int, at: int, octets: int) -> None:
        self._descriptor, self._start, self._at, self._end = descriptor, at, at, at + octets

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (self._start, self._at, self._end)[whence]
        self._at = max(self._start, base + offset)
        return self._at - self._start

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override] # the base takes any buffer; it gives this one
        wanted = min(len(buffer), self._end - self._at)
        if wanted <= 0:
            return 0
        done = os.preadv(self._descriptor, [memoryview(buffer)[:wanted]], self._at)
        self._at += done
        return done


class ZipSource:
    """The archive itself."""

    checks_sums = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        self._members: dict[str, Member] = {}
        self._broken, self._folder = "", ""
        try:
            for member in archive.members_of(self._file, path.stat().st_size):
                self._take(member)
        except Broken as error:
            self._broken = error.message
        self.octets = {name: member.octets for name, member in self._members.items()}

    def _take(self, member: Member) -> None:
        folder, _, name = member.name.partition("/")
        self._folder = self._folder or folder
        if not name or folder != self._folder or name in self._members:
            raise Broken(f"'{member.name}' does not belong there")
        self._members[name] = member

    def open(self, name: str) -> io.BufferedReader:
        member = self._members[name]
        return io.BufferedReader(_Region(self._file.fileno(), member.at, member.octets), BUFFER_BYTES)

    def broken(self) -> str:
        return self._broken

    def finish(self, folder: str, sums: dict[str, int]) -> tuple[str, str]:
        for name, member in self._members.items():
            if member.crc != sums.get(name) or member.name != f"{folder}/{name}":
                return name, "its header in the archive was changed"
        try:
            archive.check_directory(self._file, list(self._members.values()))
        except Broken as error:
            return "(the archive)", error.message
        return "", ""

    def close(self) -> None:
        self._file.close()


class FolderSource:
    """One that was unpacked."""

    checks_sums = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.octets: dict[str, int] = {}
        self._strange = ""
        self._walk("", 1)

    def _walk(self, below: str, depth: int) -> None:
        for one in sorted(os.scandir(self.path / below), key=lambda one: one.name):
            name = f"{below}{one.name}"
            if len(self.octets) > archive.MOST_MEMBERS or archive.NAME.fullmatch(name) is None or ".." in name:
                self._strange = self._strange or f"a file or folder that no bundle has: {name[:100]!a}"
            elif one.is_dir(follow_symlinks=False) and depth < _DEEPEST:
                self._walk(f"{name}/", depth + 1)
            elif one.is_file(follow_symlinks=False):
                self.octets[name] = one.stat(follow_symlinks=False).st_size
            else:
                self._strange = self._strange or f"something that is no file: {name[:100]!a}"

    def open(self, name: str) -> io.BufferedReader:
        if name not in self.octets:
            raise KeyError(name)
        descriptor = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise KeyError(name)
        return io.BufferedReader(io.FileIO(descriptor, "rb"), BUFFER_BYTES)

    def broken(self) -> str:
        return self._strange

    def finish(self, folder: str, sums: dict[str, int]) -> tuple[str, str]:
        return "", ""

    def close(self) -> None: ...


def is_evidence(path: Path) -> bool:
    """Whether this is to be read as a bundle of evidence: a folder with a manifest, or an archive."""
    if path.is_dir():
        return (path / MANIFEST).exists() or (path / NOTE).exists()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return path.suffix == ".zip" or file.read(4) == archive.LOCAL


def open_source(path: Path) -> Source:
    """Raises `BadInput` for what cannot be read."""
    try:
        return FolderSource(path) if path.is_dir() else ZipSource(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})", remedy="name a bundle of evidence") from error
