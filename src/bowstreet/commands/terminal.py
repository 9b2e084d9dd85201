"""A person at the terminal: asked in words, and for a password without showing it. Nothing here blocks the program."""

import asyncio
import contextlib
import os
import sys
import termios
from collections.abc import Callable, Sequence

from bowstreet.commands.output import say
from bowstreet.errors import TerminalClosed

MOST_LINE_BYTES = 4_096


class Terminal:
    """Standard input, when somebody sits there; questions go to standard error. Close it: it puts the terminal right again."""

    def __init__(self) -> None:
        self._input = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else -1
        self._before = termios.tcgetattr(self._input) if self.is_there else None
        self._lock = asyncio.Lock()

    @property
    def is_there(self) -> bool:
        return self._input >= 0

    @property
    def is_asking(self) -> bool:
        """Whether a question stands there: nothing is drawn over it."""
        return self._lock.locked()

    def close(self) -> None:
        if self._before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._input, termios.TCSAFLUSH, self._before)

    async def line(self, question: str) -> str:
        """Raises `TerminalClosed` when nobody sits there, or the terminal is closed."""
        async with self._lock:
            return await self._line(question)

    async def _line(self, question: str) -> str:
        _ask(question)
        return (await self._read()).strip()

    async def secret(self, question: str) -> str:
        """The same, unseen."""
        async with self._lock:
            if self._before is None:
                raise _nobody()
            hidden = list(self._before)
            hidden[3] &= ~termios.ECHO
            termios.tcsetattr(self._input, termios.TCSAFLUSH, hidden)  # before it is asked: nothing typed is shown, or lost
            _ask(question)
            try:
                return (await self._read()).rstrip("\r\n")
            finally:
                termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)
                say("")

    async def choice(self, question: str, answers: Sequence[str]) -> str:
        """One of a closed question's answers, by its number or its name. Asked again until it is one."""
        async with self._lock:
            say("\n".join([question, *(f"  {number}  {one}" for number, one in enumerate(answers, 1))]))
            while True:
                said = await self._line("> ")
                if said.isascii() and said.isdigit() and 0 < int(said[:4]) <= len(answers):
                    return answers[int(said[:4]) - 1]
                if said in answers:
                    return said
                say(f"give a number from 1 to {len(answers)}")

    async def _read(self) -> str:
        """One line, as the terminal hands it over when it is whole."""
        if not self.is_there:
            raise _nobody()
        data = await _once_readable(self._input, lambda: os.read(self._input, MOST_LINE_BYTES))
        if not data:
            raise TerminalClosed("the terminal was closed", remedy="run it again")
        return data.decode(errors="replace")


async def _once_readable(descriptor: int, read: Callable[[], bytes]) -> bytes:
    loop = asyncio.get_running_loop()
    came: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _came, came)
    try:
        await came
    finally:
        loop.remove_reader(descriptor)
    try:
        return read()
    except OSError:  # the other side of it is gone
        return b""


def _came(came: "asyncio.Future[None]") -> None:
    if not came.done():
        came.set_result(None)


def _ask(question: str) -> None:
    sys.stderr.write(question)
    sys.stderr.flush()


def _nobody() -> TerminalClosed:
    return TerminalClosed("nobody sits at this terminal to be asked", remedy="run it at a terminal")
