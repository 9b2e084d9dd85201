"""The files of a bundle as a stranger gives them: each read once, measured as it is read, held against the manifest."""

import io
from collections.abc import Iterator
from hashlib import sha256
from typing import TypeVar

import msgspec

from bowstreet.video.evidence import archive, model
from bowstreet.video.evidence.model import ExportedFile, Manifest
from bowstreet.video.evidence.proofs import MOST_LINE_BYTES
from bowstreet.video.evidence.source import Source

T = TypeVar("T")


class Wrong(Exception):
    """Found something: in which file, and which part or line of it."""

    def __init__(self, file: str, what: str, part: int | None = None) -> None:
        super().__init__(what)
        self.file, self.what, self.part = file, what, part


class Sums:
    """What one file measures, as far as it was read."""

    def __init__(self, file: io.BufferedReader, crc: bool) -> None:
        self._file, self._crc = file, crc
        self.sha, self.crc, self.octets = sha256(), 0, 0

    def take(self, octets: int) -> bytes:
        return self._seen(self._file.read(octets))

    def line(self, most: int = MOST_LINE_BYTES) -> bytes:
        return self._seen(self._file.readline(most))

    def rest(self) -> None:
        while self.take(256 * 1024):
            pass

    def _seen(self, data: bytes) -> bytes:
        self.sha.update(data)
        self.octets += len(data)
        if self._crc:
            self.crc = archive.crc_of(data, self.crc)
        return data


class Files:
    """All of a bundle. `said` is what its manifest vouches for, once that was read; `sums` CRC-32 of those that were read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.said: dict[str, ExportedFile] = {}
        self.sums: dict[str, int] = {}
        self.done = 0

    def opened(self, name: str) -> Sums:
        try:
            return Sums(self.source.open(name), self.source.checks_sums)
        except (KeyError, OSError) as error:
            raise Wrong(name, self.source.broken() or "it is missing") from error

    def small(self, name: str, most: int) -> bytes:
        """A file that the manifest does not vouch for."""
        sums = self.opened(name)
        data = sums.take(most + 1)
        if len(data) > most:
            raise Wrong(name, "it is too long")
        self.sums[name] = sums.crc
        return data

    def whole(self, name: str, most: int = 0) -> bytes:
        """A file, held against the manifest; its content only when it may be that long."""
        sums = self.opened(name)
        data = sums.take(most + 1) if most else b""
        if most and len(data) > most:
            raise Wrong(name, "it is too long")
        sums.rest()
        self.matches(name, sums)
        return data

    def matches(self, name: str, sums: Sums) -> None:
        """To its end it is what the manifest says."""
        sums.rest()
        said = self.said.get(name)
        if said is None or (said.octets, said.sha256) != (sums.octets, sums.sha.hexdigest()):
            raise Wrong(name, "it is not what was exported")
        self.sums[name] = sums.crc
        self.done += sums.octets

    def lines(self, name: str) -> Iterator[bytes]:
        """Of a file that was held against the manifest before."""
        sums = self.opened(name)
        while line := sums.line():
            yield line

    def check_names(self, manifest: Manifest) -> None:
        """The files that are there are those that were exported, in their order."""
        expected = [model.NOTE, model.MANIFEST, *(one.name for one in manifest.files)]
        there = list(self.source.octets)
        known = set(expected)
        if len(known) != len(expected):
            raise Wrong(model.MANIFEST, "it names a file twice")
        if self.source.checks_sums:
            for at, name in enumerate(expected):
                if at >= len(there) or there[at] != name:
                    raise Wrong(name, self.source.broken() or "it is missing, or another stands in its place")
        for name in expected:
            if name not in self.source.octets:
                raise Wrong(name, "it is missing")
            if name in self.said and self.source.octets[name] != self.said[name].octets:
                raise Wrong(name, f"it has {self.source.octets[name]:,} octets, and {self.said[name].octets:,} were exported")
        if foreign := [name for name in there if name not in known]:
            raise Wrong(foreign[0], "it was not exported: somebody put it there")
        if self.source.broken():
            raise Wrong("(the archive)" if self.source.checks_sums else "(the folder)", self.source.broken())


def decoded(name: str, data: bytes, kind: type[T], number: int | None = None, line: bytes | None = None) -> T:
    """Canonical JSON, or a line of it. Raises `Wrong`."""
    try:
        said = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Wrong(name, f"it does not say what belongs here ({error})", number) from error
    if (model.line_of(said) if line is not None else model.encode(said)) != (data if line is None else line):
        raise Wrong(name, "it is not written in the one form that it can have", number)
    return said
