"""Lines to a program that listens: over real named pipes, whose reader comes late, goes, or reads nothing."""

import asyncio
import os
from pathlib import Path

import pytest

from bowstreet.commands import lfr_alert_lines
from bowstreet.commands.lfr_alert_lines import MOST_WAITING, AlertLines

LINE = b"x" * 400


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    made = tmp_path / "alerts"
    os.mkfifo(made)
    return made


def reading(pipe: Path) -> int:
    """A reader, at once: it does not wait for who writes."""
    return os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)


async def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What is said on standard error, once something is."""
    said = ""
    async with asyncio.timeout(20.0):
        while not said:
            await asyncio.sleep(0.01)
            said = capsys.readouterr().err
    return said


async def test_a_file_has_each_line_after_those_that_stood_there(tmp_path: Path) -> None:
    file = tmp_path / "alerts.jsonl"
    file.write_bytes(b"before\n")
    lines = AlertLines(str(file))
    for number in range(200):
        lines.put(str(number).encode())
    await lines.close()
    assert file.read_text().split() == ["before", *map(str, range(200))]


async def test_a_reader_that_is_gone_is_told_once_and_raises_nothing(pipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader, lines = reading(pipe), AlertLines(str(pipe))
    lines.put(LINE)
    async with asyncio.timeout(20.0):
        while not _read(reader):
            await asyncio.sleep(0.01)
    os.close(reader)
    lines.put(LINE)
    said = await told(capsys)
    assert "Broken pipe" in said
    assert "the deployment goes on" in said
    for _ in range(3 * MOST_WAITING):
        lines.put(LINE)
    await lines.close()
    await asyncio.sleep(0.05)
    assert capsys.readouterr().err == ""


async def test_a_reader_that_reads_nothing_holds_nothing_up(pipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader, lines = reading(pipe), AlertLines(str(pipe))
    for _ in range(3 * MOST_WAITING):  # of which a pipe takes some 160
        lines.put(LINE)
    said = await told(capsys)
    assert said.count("stopped reading") == 1
    lines.put(LINE)
    await lines.close()
    await asyncio.sleep(0.05)
    assert capsys.readouterr().err == ""
    os.close(reader)


async def test_a_pipe_that_nobody_opens_holds_nothing_up(
    pipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lfr_alert_lines, "CLOSE_S", 0.05)
    lines = AlertLines(str(pipe))
    lines.put(LINE)
    await lines.close()
    assert "no more" in await told(capsys)
    os.close(reading(pipe))  # lets the thread go that still waits


async def test_a_reader_that_comes_late_misses_nothing(pipe: Path) -> None:
    lines = AlertLines(str(pipe))
    for number in range(3):
        lines.put(str(number).encode())
    reader = os.open(pipe, os.O_RDONLY)
    await lines.close()
    assert _read(reader).split() == [b"0", b"1", b"2"]
    os.close(reader)


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65_536)
    except BlockingIOError:
        return b""
