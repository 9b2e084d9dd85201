"""What anybody sends to the public forms: whatever the bytes, a letter that can be kept and shown, or a clear error."""

from datetime import UTC, datetime

from bowstreet.accountability.correspondence import rules
from bowstreet.accountability.correspondence.model import RequestKind
from bowstreet.console.public import forms
from bowstreet.errors import BadInput

SEEDS = [
    b"kind=complaint&contact=a%40example.org&words=you+hovered%0D%0Aover+us",
    b"reference=0123-4567-89ab-cdef",
    b"kind=erasure&contact=%F0%9F%9A%81&words=%E2%80%AE",
]
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def fuzz_one(data: bytes) -> None:
    try:
        given = forms.fields(data, "application/x-www-form-urlencoded")
        rules.digest_of(given.get("reference", ""))
        page = forms.body("Police", 365.0, given=given)
        if "<script" in page.lower():
            raise AssertionError("what was written became a part of the page")
        made = rules.filed("req-1", RequestKind.COMPLAINT, given.get("contact", ""), given.get("words", ""), "0" * 16, NOW)
    except BadInput as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    made.words.encode()
    if len(made.words) > rules.MOST_WORDS or len(made.contact) > rules.MOST_CONTACT:
        raise AssertionError("longer than is allowed")
