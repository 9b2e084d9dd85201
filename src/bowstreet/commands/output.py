"""What every command says, and where: figures to a file or standard output, words and progress to standard error."""

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bowstreet.errors import BadInput, StoreUnavailable
from bowstreet.runtime import durable

DEFAULT_DATA = Path("bowstreet-data")


def write_json(target: str | None, value: Any) -> None:
    """To a file, or to standard output for `-`."""
    if target is None:
        return
    text = json.dumps(value, indent=2) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    write_text(Path(target), text)


def write_text(path: Path, text: str) -> None:
    """Raises `BadInput` for a file that cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error.strerror) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Raises `BadInput` for a file that cannot be written."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, error.strerror) from error


@contextlib.contextmanager
def whole_file(out: Path) -> Iterator[BinaryIO]:
    """A file that is whole in its place at the end, or not there. What a kill left of another attempt is written over.

    Raises:
        StoreUnavailable: the disk does not take it.
    """
    beside = out.with_name(out.name + ".part")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        durable.move(beside, out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _full(out, error) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """The same of a folder that is not there yet: gives where it is made until it is whole. Raises `StoreUnavailable`."""
    beside = out.with_name(f".{out.name}.bowstreet-part")
    try:
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir(mode=0o700)
        yield beside
        durable.keep_tree(beside)
        durable.move(beside, out)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise _full(out, error) from error
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _full(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"{path} cannot be written ({error.strerror})", remedy="name a new place where there is room")


def expect_writable(*targets: str | Path | None) -> None:
    """Before long work: raises `BadInput` for a file that could not be written after it. `-` and None are none."""
    for path in (Path(target) for target in targets if target not in (None, "-")):
        if path.is_dir():
            raise _unwritable(path, "it is a folder")
        if not path.parent.is_dir():
            raise _unwritable(path, "its folder does not exist")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise _unwritable(path, "it is not ours to write")


def _unwritable(path: Path, why: str | None) -> BadInput:
    return BadInput(f"{path} cannot be written ({why})", remedy="name a file in a folder that exists")


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})", remedy="name a file that exists") from error


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def draw_line(text: str) -> None:
    """On a terminal, in the place of the line that is drawn there."""
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()


def clear_line() -> None:
    if sys.stderr.isatty():
        draw_line("")


@contextlib.contextmanager
def progress(what: str) -> Any:
    from rich.progress import Progress

    with Progress(transient=True, console=_stderr(), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell


def _stderr() -> Any:
    from rich.console import Console

    return Console(stderr=True)


def port_of(arguments: argparse.Namespace) -> int | None:
    return None if arguments.port is None else int(arguments.port)
