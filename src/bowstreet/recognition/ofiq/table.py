"""The table that OFIQ's sample application writes. No IO.

The form is that of `OFIQSampleApp.cpp` of BSI-OFIQ/OFIQ-Project (read at version 1.0.3, MIT): semicolons, a header line
`Filename;M1;…;Mn;M1.scalar;…;Mn.scalar;` that ends with one, then a line for each image, which does not. Of each measure come the
native value and, as `.scalar`, the quality value from 0 to 100; -1 says that it could not be assessed. An image that cannot be
read has no values at all; and if it is the first, the header names no measure, so that the other lines cannot be told.
"""

import math
import re
from collections.abc import Sequence

from bowstreet.errors import MeasureUnavailable
from bowstreet.recognition.ofiq.model import UNIFIED, OfiqScores

# OFIQ 1.0.3 has 28 measures, each twice, in a few hundred characters.
MOST_BYTES, MOST_MEASURES = 1024 * 1024, 200
SCALAR = ".scalar"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_NUMBER = re.compile(r"-?[0-9]{1,310}(\.[0-9]{1,20})?")  # a native value may be any double
_NO_NUMBER = frozenset({"nan", "-nan", "inf", "-inf"})  # as C++ writes a native value that is none
_REMEDY = "use OFIQ 1.0 or later as it comes, or leave it out of the configuration ([recognition.ofiq])"


def parse_table(data: bytes, names: Sequence[str]) -> list[OfiqScores | None]:
    """One for each name, in order; None where it cannot be told, because the first image could not be read.

    Args:
        names: what OFIQ was given, in order.

    Raises:
        MeasureUnavailable: it is no such table, or not of these images.
    """
    if len(data) > MOST_BYTES:
        raise _no_table("it is too long")
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _no_table("it is not plain text") from error
    if lines[-1] != "" or len(lines) != len(names) + 2:
        raise _no_table(f"it has {max(0, len(lines) - 2)} lines for {len(names)} images")
    measures = _measures(lines[0].removesuffix("\r"))
    return [_row(line.removesuffix("\r"), name, measures) for line, name in zip(lines[1:-1], names, strict=True)]


def _measures(header: str) -> list[str]:
    first, *titles = header.split(";")
    if first != "Filename" or not titles or titles.pop() != "":
        raise _no_table("its first line is not OFIQ's")
    count = len(titles) // 2
    measures, scalars = titles[:count], titles[count:]
    if len(titles) % 2 or len(set(measures)) != count or count > MOST_MEASURES:
        raise _no_table("its columns are not OFIQ's")
    if not all(_NAME.fullmatch(one) for one in measures) or scalars != [one + SCALAR for one in measures]:
        raise _no_table("its columns are not OFIQ's")
    if measures and UNIFIED not in measures:
        raise MeasureUnavailable(
            "OFIQ was not asked for the unified quality score", remedy=f"request {UNIFIED} in its configuration"
        )
    return measures


def _row(line: str, name: str, measures: Sequence[str]) -> OfiqScores | None:
    given, *values = line.split(";")
    if given != name:
        raise _no_table("its lines are not of the images that it was given")
    if not any(values):  # name;; for an image that could not be read
        return OfiqScores()
    if not measures:
        return None
    if len(values) != 2 * len(measures):
        raise _no_table("a line has not as many values as its header says")
    for native in values[: len(measures)]:
        if not (_NUMBER.fullmatch(native) or native in _NO_NUMBER):
            raise _no_table("a value is no number")
    scores = {measure: _scalar(said) for measure, said in zip(measures, values[len(measures) :], strict=True)}
    return OfiqScores(unified=scores.pop(UNIFIED), components=scores)


def _scalar(said: str) -> float | None:
    value = float(said) if _NUMBER.fullmatch(said) else math.nan
    if value == -1.0:
        return None
    if not 0.0 <= value <= 100.0:
        raise _no_table("a quality value is not from 0 to 100")
    return value


def _no_table(why: str) -> MeasureUnavailable:
    return MeasureUnavailable(f"what OFIQ wrote cannot be read: {why}", remedy=_REMEDY)
