"""A ZIP file in the one form that it can have: nothing packed, nothing added, no dates. Bytes out, bytes in; no paths.

Any program unpacks it. The reader here takes no other form: what it regenerates from names, lengths and checksums must be what
stands there, so that a changed byte shows wherever it is, nothing hides between members, and nothing can unpack to more than the
file itself has.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from bowstreet.errors import MalformedProof

MOST_MEMBERS = 200_000
# A folder of the export, one of the recording, a file.
NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}/){0,2}[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")
LOCAL, CENTRAL, END, END_64, LOCATOR_64 = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR_64 = struct.Struct("<4sIQI")
_EXTRA_LOCAL = struct.Struct("<HHQQ")
_EXTRA_CENTRAL = struct.Struct("<HHQQQ")
_FULL_32, _FULL_16 = 0xFFFFFFFF, 0xFFFF
_NO_DATE = 0x21  # 1 January 1980, the first that there is: when it was made stands in the manifest
_UNIX, _READABLE = 3 << 8, 0o100644 << 16


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its name, length and CRC-32, and where its octets begin in the archive."""

    name: str
    octets: int
    crc: int
    at: int = 0


class Broken(MalformedProof):
    """It is not in the form; `after` is the last member that is."""

    def __init__(self, what: str, after: str = "") -> None:
        super().__init__(what, remedy="unpack it and verify the folder, or get it anew")
        self.after = after


def header(member: Member) -> bytes:
    """What stands before a member's octets."""
    name, large = member.name.encode("ascii"), member.octets >= _FULL_32
    extra = _EXTRA_LOCAL.pack(1, 16, member.octets, member.octets) if large else b""
    size = _FULL_32 if large else member.octets
    return (
        _LOCAL.pack(LOCAL, 45 if large else 20, 0, 0, 0, _NO_DATE, member.crc, size, size, len(name), len(extra)) + name + extra
    )


def directory(members: list[Member]) -> Iterator[bytes]:
    """What stands after all members."""
    start = members[-1].at + members[-1].octets if members else 0
    octets = 0
    for member in members:
        entry = _entry(member)
        octets += len(entry)
        yield entry
    yield _end(len(members), start, octets)


def _entry(member: Member) -> bytes:
    begins = member.at - len(header(member))
    large = member.octets >= _FULL_32 or begins >= _FULL_32
    name = member.name.encode("ascii")
    extra = _EXTRA_CENTRAL.pack(1, 24, member.octets, member.octets, begins) if large else b""
    size, where = (_FULL_32, _FULL_32) if large else (member.octets, begins)
    need = 45 if large else 20
    return (
        _CENTRAL.pack(
            CENTRAL, _UNIX | need, need, 0, 0, 0, _NO_DATE, member.crc, size, size, len(name), len(extra), 0, 0, 0, _READABLE,
            where,
        )
        + name
        + extra
    )  # fmt: skip


def _end(count: int, start: int, octets: int) -> bytes:
    large = start + octets >= _FULL_32 or count >= _FULL_16
    tail = b""
    if large:
        tail += _END_64.pack(END_64, 44, _UNIX | 45, 45, 0, 0, count, count, octets, start)
        tail += _LOCATOR_64.pack(LOCATOR_64, 0, start + octets, 1)
    count_16, octets_32, start_32 = (_FULL_16, _FULL_32, _FULL_32) if large else (count, octets, start)
    return tail + _END.pack(END, 0, 0, count_16, count_16, octets_32, start_32, 0)


def placed(members: list[Member]) -> list[Member]:
    """Where each stands when they follow each other."""
    found, at = [], 0
    for member in members:
        at += len(header(member))
        found.append(msgspec.structs.replace(member, at=at))
        at += member.octets
    return found


def length(members: list[Member]) -> int:
    """Of the whole archive, of members that are placed."""
    start = members[-1].at + members[-1].octets if members else 0
    return start + sum(map(len, directory(members)))


def members_of(file: BinaryIO, octets: int) -> Iterator[Member]:
    """The members of an archive of so many octets, by their headers. Their contents are not looked at.

    Raises:
        Broken: it is not in the one form.
    """
    at, last = 0, ""
    for _ in range(MOST_MEMBERS):
        file.seek(at)
        fixed = file.read(_LOCAL.size)
        if fixed[:4] in (CENTRAL, END):
            return
        if len(fixed) < _LOCAL.size or not fixed.startswith(LOCAL):
            raise Broken("here should stand the header of a file, or the directory at the end", last)
        member = _read_header(file, fixed, at, last)
        if member.at + member.octets > octets:
            raise Broken(f"'{member.name}' is cut off", last)
        yield member
        at, last = member.at + member.octets, member.name
    raise Broken(f"it has more than {MOST_MEMBERS:,} files", last)


def _read_header(file: BinaryIO, fixed: bytes, at: int, last: str) -> Member:
    said = _LOCAL.unpack(fixed)
    crc, size, name_octets, extra_octets = said[6], said[7], said[9], said[10]
    rest = file.read(min(name_octets, 310) + min(extra_octets, 32))
    try:
        name = rest[:name_octets].decode("ascii")
    except UnicodeDecodeError:
        name = ""
    if NAME.fullmatch(name) is None or ".." in name:
        raise Broken("a file has a name that none here has", last)
    extra = rest[name_octets:]
    if size == _FULL_32 and len(extra) == _EXTRA_LOCAL.size:
        size = _EXTRA_LOCAL.unpack(extra)[2]
    member = Member(name=name, octets=size, crc=crc, at=at + _LOCAL.size + name_octets + extra_octets)
    if header(member) != fixed + rest:
        raise Broken(f"the header of '{name}' is not written as here", last)
    return member


def check_directory(file: BinaryIO, members: list[Member]) -> None:
    """Raises `Broken` when what follows the members is not their directory, and then the end of the file."""
    file.seek(members[-1].at + members[-1].octets if members else 0)
    for expected in directory(members):
        if file.read(len(expected)) != expected:
            raise Broken("the directory at its end was changed")
    if file.read(1):
        raise Broken("something was added after its end")


def crc_of(data: bytes, before: int = 0) -> int:
    return zlib.crc32(data, before)
