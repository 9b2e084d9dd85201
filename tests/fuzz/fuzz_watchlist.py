"""A list as CSV: whatever the bytes, rows and reasons that name nobody, or one clear error."""

from datetime import date

from bowstreet.errors import BadInput
from bowstreet.recognition.listfile import MOST_IMAGES_A_PERSON, parse_list
from bowstreet.recognition.listing import RowState
from bowstreet.recognition.model import DeploymentUse

COLUMNS = b"reference,name,image,category,source,legal_basis,captured_on,risk,under_18,vulnerable\n"
ROW = b"P-1,A. Example,a.jpg,wanted-by-court,custody-image,sch8-2-administration-of-justice,2026-03-02,may-be-violent,no,yes\n"
SEEDS = [
    COLUMNS + ROW + ROW.replace(b"a.jpg", b"b.jpg"), b"\xef\xbb\xbf" + COLUMNS + ROW, COLUMNS + ROW.replace(b"a.jpg", b'"../a,b.jpg"'),
    COLUMNS.replace(b",risk,under_18,vulnerable", b"") + ROW.replace(b",may-be-violent,no,yes", b""),
]  # fmt: skip


def fuzz_one(data: bytes) -> None:
    try:
        rows, bad = parse_list(data, DeploymentUse.WANTED, date(2026, 11, 23))
    except BadInput as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    for row in rows:
        if "/" in row.image or "\\" in row.image or row.image.startswith("."):
            raise AssertionError("a name of a file that leads elsewhere")
        if row.captured_on > date(2026, 11, 23):
            raise AssertionError("an image from the future")
    if any(one.state is not RowState.BAD or not one.why for one in bad):
        raise AssertionError("a bad row without a reason")
    if any(sum(other.reference == row.reference for other in rows) > MOST_IMAGES_A_PERSON for row in rows):
        raise AssertionError("too many images of one person")
    if len({row.image.casefold() for row in rows}) != len(rows):
        raise AssertionError("one image twice")
