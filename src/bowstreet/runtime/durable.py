"""Small files that are on the disk when a call returns, whole or not at all, also when the disk is full half-way."""

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file so that after a crash it is the old one or the new one, whole. Raises `OSError`."""
    beside = path.with_name(path.name + ".new")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _write(file, data)
        os.fsync(file)
    finally:
        os.close(file)
    move(beside, path)


def write_new(path: Path, data: bytes) -> None:
    """Make a file, whole. One that is there stays. Raises `OSError`."""
    beside = path.with_name(path.name + ".new")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _write(file, data)
        os.fsync(file)
        os.link(beside, path)
    finally:
        os.close(file)
        beside.unlink(missing_ok=True)
    keep_names(path.parent)


def move(source: Path, target: Path) -> None:
    """Put one file in place of another, for good. Raises `OSError`."""
    source.replace(target)
    keep_names(target.parent)


def remove(path: Path) -> None:
    """Raises `OSError`; one that is not there is none."""
    path.unlink(missing_ok=True)
    keep_names(path.parent)


def add_line(path: Path, line: bytes) -> None:
    """Add a line at the end. One that does not go in whole is taken back; one that a power cut left torn stays a line of its
    own. Raises `OSError`."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        try:
            _write(file, (b"\n" if torn else b"") + line + b"\n")
            os.fsync(file)
        except OSError:
            os.ftruncate(file, size)
            raise
    finally:
        os.close(file)


def keep_names(folder: Path) -> None:
    """Make durable which files stand in a folder. Raises `OSError`."""
    _keep(folder)


def keep_tree(folder: Path) -> None:
    """Make durable all that stands in a folder and in those below it. Raises `OSError`."""
    for path in (*folder.rglob("*"), folder):
        _keep(path)


def _keep(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _write(file: int, data: bytes) -> None:
    # A disk that fills up takes a part and says so by a count alone; the next write says why.
    while data:
        data = data[os.write(file, data) :]
