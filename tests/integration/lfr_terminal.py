"""The program at a pseudo-terminal, answered as people would answer it; and a deployment's document with all that it names, of
people who are wholly synthetic."""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import ClassVar

from bowstreet.simulation import cast
from bowstreet.simulation.pavement.cutout import PORTRAIT, SELFIE, image

SUPERVISOR, OPERATOR, OFFICER, ADJUDICATOR = "A. Supervisor", "B. Operator", "C. Superintendent", "D. Constable"
PASSWORD = "correct horse battery {}"
ROLES = {
    SUPERVISOR: "supervisor", OPERATOR: "recognition-operator", OFFICER: "authorising-officer",
    ADJUDICATOR: "adjudicating-officer",
}  # fmt: skip
# Above what any two of these ten people reach, as tests/integration/test_recognition_cameras.py has it.
THRESHOLD = 0.7
COLUMNS = "reference,name,image,category,source,legal_basis,captured_on,under_18"


def password(name: str) -> str:
    return PASSWORD.format(name)


class Program:
    """`bowstreet …` with a terminal of its own as standard input and error; standard output is a pipe."""

    _started: ClassVar[list["Program"]] = []

    def __init__(self, *words: str | Path, terminal: bool = True) -> None:
        self.said = ""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        self._ours = ours

        self.process = subprocess.Popen(
            [sys.executable, "-m", "bowstreet", *map(str, words)], stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=theirs, start_new_session=True, text=True,
        )  # fmt: skip
        os.close(theirs)
        self._started.append(self)

    @classmethod
    def end_all(cls) -> None:
        while cls._started:
            one = cls._started.pop().process
            if one.poll() is None:
                one.kill()
            one.wait(30)
            if one.stdout is not None:
                one.stdout.close()

    def until(self, words: str, seconds: float = 90.0) -> str:
        """What it has said when it says these words. Raises `AssertionError` when it does not in that time."""
        give_up = time.monotonic() + seconds
        while words not in self.said:
            assert self._read(give_up - time.monotonic()), f"not said: {words!r}; but:\n{self.said}"
        before, _, self.said = self.said.partition(words)
        return before + words

    def answer(self, *lines: tuple[str, str]) -> "Program":
        """To each question its answer."""
        for question, said in lines:
            self.until(question)
            os.write(self._ours, f"{said}\n".encode())
        return self

    def end(self, seconds: float = 120.0) -> tuple[int, str, str]:
        """Exit status, standard output, and what it said since the last question."""
        give_up = time.monotonic() + seconds
        while self._read(give_up - time.monotonic()):
            pass
        out, _ = self.process.communicate(timeout=max(1.0, give_up - time.monotonic()))
        os.close(self._ours)
        return self.process.returncode, out, self.said

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """As nobody can keep from happening."""
        self.process.kill()
        self.process.wait(30)
        os.close(self._ours)

    def _read(self, seconds: float) -> bool:
        """Whether it says anything more."""
        if seconds <= 0 or not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # the program is gone
            return False
        self.said += data.decode(errors="replace")
        return bool(data)


def accounts(data: Path, names: Iterable[str] = ROLES) -> None:
    """Made at the terminal, as people make them."""
    for name in names:
        words: list[str | Path] = ["authority", "account", name, "--role", ROLES[name], "--data", data]
        answers = [("New password", password(name)), ("again", password(name))]
        if name != SUPERVISOR:
            words += ["--by", SUPERVISOR]
            answers.insert(0, ("Password of supervisor", password(SUPERVISOR)))
        status, _, said = Program(*words).answer(*answers).end()
        assert status == 0, said


@cache
def report() -> bytes:
    """Of the model on these ten people, by `bowstreet lfr evaluate`."""
    before, cast.THRESHOLD = cast.THRESHOLD, THRESHOLD
    try:
        return asyncio.run(cast._report())
    finally:
        cast.THRESHOLD = before


def document(
    folder: Path, wanted: Iterable[str], *, under_18: bool = False, opens_in_s: float = -60.0, **people_named: str
) -> Path:
    """A deployment's document, its list, images and report beside it. The window is of two hours."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    rows = [COLUMNS]
    for person in wanted:
        for name in (PORTRAIT, SELFIE):
            (pictures / f"{person}-{name}").write_bytes(image(person, name))
            rows.append(
                f"{person},Synthetic {person},{person}-{name},wanted-by-court,court,sch8-2-administration-of-justice,2026-01-05,"
                f"{'yes' if under_18 else 'no'}"
            )
    (folder / "list.csv").write_text("\n".join(rows) + "\n")
    (folder / "report.bow").write_bytes(report())
    now = datetime.now(UTC).replace(microsecond=0)
    path = folder / "deployment.toml"
    named = {"operator": OPERATOR, "authorising_officer": OFFICER, **people_named}
    path.write_text(
        DOCUMENT.format(
            starts=(now + timedelta(seconds=opens_in_s)).isoformat(), ends=(now + timedelta(hours=2)).isoformat(),
            told=(now - timedelta(days=1)).isoformat(), threshold=THRESHOLD,
            people="\n".join(f'{role} = "{name}"' for role, name in named.items()),
        )
    )  # fmt: skip
    return path


DOCUMENT = """
use_case = "find-people-wanted"
location_basis = "recorded-crime-hotspot"
starts_at = {starts}
ends_at = {ends}
threshold = {threshold}
zone = [[51.5455, -0.1045], [51.5475, -0.1045], [51.5475, -0.1015], [51.5455, -0.1015]]

[operator]
name = "Test Police"

[people]
{people}

[[cameras]]
camera_id = "north"
name = "Highbury Corner, north side"
latitude_deg = 51.5465
longitude_deg = -0.1030

[notice]
published_at = {told}
reference = "notice-1"

[[signs]]
put_up_at = {told}
reference = "photo-1"

[list]
file = "list.csv"
images = "pictures"

[models]
report = "report.bow"
"""


def film(path: Path, *, seconds: int = 16, walks: Iterable[str] = ()) -> Path:
    """A simulated street, 720p25; `walks` are who walk there, all ten unless said."""
    asked = ["--to", f"file:{path}", "--seconds", str(seconds), "--every", "2.5", "--seed", "2"]
    if walks:
        asked += ["--people", *walks]
    subprocess.run([sys.executable, "-m", "bowstreet.simulation.street_cameras", *asked], check=True, timeout=180)
    return path
