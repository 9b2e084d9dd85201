"""Two faces side by side on a terminal: two pixels a character, on a screen of their own that nobody can scroll back to."""

import os
import sys
from collections.abc import Sequence

from bowstreet.recognition.portraits import glances

# What a screen has where it does not say; lines that words need; what is larger gains nothing.
COLUMNS, LINES, WORDS_LINES, MOST_SIDE = 80, 24, 16, 120
# Fewer pixels across and nobody can compare two faces; a passport picture on a card has more.
LEAST_SIDE = 56
GAP = "   "
ENTER, LEAVE, RESET = "\x1b[?1049h\x1b[2J\x1b[H", "\x1b[?1049l", "\x1b[0m"


def side_px() -> int:
    """How many pixels across each of two pictures can have here: even, for two lines of them are one of text."""
    try:
        columns, lines = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        columns, lines = 0, 0
    columns, lines = columns or COLUMNS, lines or LINES  # a terminal that does not know its size says 0
    fits = min((columns - len(GAP)) // 2, 2 * (lines - WORDS_LINES), MOST_SIDE)
    return max(16, fits - fits % 2)


async def beside(pictures: Sequence[bytes]) -> str:
    """JPEGs as text, the first two beside each other; one that cannot be shown is blank, and said so."""
    side = side_px()
    drawn = [drawing(one, side) for one in await glances.small(pictures[:2], side)]
    if not drawn:
        return ""
    return "\n".join(GAP.join(lines) for lines in zip(*drawn, strict=True))


def drawing(pixels: bytes, side: int) -> list[str]:
    """Lines of upper half blocks: the ink is the upper pixel, the paper the lower one. Pure."""
    if not pixels:
        return [("cannot be shown" if number == 0 else "").ljust(side)[:side] for number in range(side // 2)]
    row = 3 * side
    return [
        "".join(_cell(pixels[top + at : top + at + 3], pixels[top + row + at : top + row + at + 3]) for at in range(0, row, 3))
        + RESET
        for top in range(0, side * row, 2 * row)
    ]


def _cell(upper: bytes, lower: bytes) -> str:
    return f"\x1b[38;2;{upper[0]};{upper[1]};{upper[2]};48;2;{lower[0]};{lower[1]};{lower[2]}m▀"


def show(text: str) -> None:
    sys.stderr.write(ENTER + text + "\n")
    sys.stderr.flush()


def put_away() -> None:
    sys.stderr.write(LEAVE)
    sys.stderr.flush()
