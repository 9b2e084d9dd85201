"""What may be asked, by when it must be answered, and what may follow what. Pure."""

import calendar
import hashlib
import re
from datetime import datetime, timedelta

from msgspec.structs import replace

from bowstreet.accountability.correspondence.model import PublicRequest, RefusalGround, RequestChange, RequestKind, RequestState
from bowstreet.errors import BadInput, Refused

# A letter of a page and a half. Whoever has more to say is written to.
MOST_WORDS = 4_000
MOST_CONTACT = 300
# DPA 2018 s.164A(3) (inserted by the Data (Use and Access) Act 2025 s.103): a complaint is acknowledged within 30 days.
ACKNOWLEDGE_WITHIN = timedelta(days=30)
# Crockford's base 32, as ids have: it survives being read out. 16 of them are 80 bits: not to be guessed.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REFERENCE_LENGTH = 16
# What stands in no letter: control characters but for line ends and tabs, and what turns the direction of writing.
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
FOLLOWS: dict[RequestState, frozenset[RequestState]] = {
    RequestState.RECEIVED: frozenset({RequestState.ACKNOWLEDGED, RequestState.ANSWERED, RequestState.REFUSED}),
    RequestState.ACKNOWLEDGED: frozenset({RequestState.ANSWERED, RequestState.REFUSED}),
    RequestState.ANSWERED: frozenset(),
    RequestState.REFUSED: frozenset(),
}


def one_month_on(moment: datetime) -> datetime:
    """The same day of the next month, or its last where it has no such day (DPA 2018 s.54: "one month beginning with the
    relevant time").

    A weekend or holiday moves it nowhere: earlier than the law may ask, never later.
    """
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def checked(contact: str, words: str) -> tuple[str, str]:
    """What a person wrote, without spaces around it.

    Raises:
        BadInput: nothing, too much, or what no letter has in it.
    """
    contact, words = contact.strip(), words.replace("\r\n", "\n").strip()
    for what, said, most in (("how to reach you", contact, MOST_CONTACT), ("your message", words, MOST_WORDS)):
        if not said:
            raise BadInput(f"{what} is empty", remedy="fill it in, and send it again")
        if len(said) > most:
            raise BadInput(
                f"{what} has {len(said):,} characters; the most is {most:,}", remedy="shorten it; we will ask for the rest"
            )
        if UNSEEN.search(said):
            raise BadInput(f"{what} has characters in it that cannot be shown", remedy="write it anew, as plain text")
    return contact, words


def filed(request_id: str, kind: RequestKind, contact: str, words: str, reference: str, now: datetime) -> PublicRequest:
    """A request that has come. Raises `BadInput` as `checked` does."""
    contact, words = checked(contact, words)
    return PublicRequest(
        request_id=request_id, kind=kind, contact=contact, words=words, filed_at=now, state=RequestState.RECEIVED,
        reference_digest=digest_of(reference),
        acknowledge_by=now + ACKNOWLEDGE_WITHIN if kind is RequestKind.COMPLAINT else None,
        answer_by=None if kind is RequestKind.COMPLAINT else one_month_on(now),
        changes=(RequestChange(at=now, state=RequestState.RECEIVED),),
    )  # fmt: skip


def moved(one: PublicRequest, state: RequestState, ground: RefusalGround | None, by: str, now: datetime) -> PublicRequest:
    """The request one step on.

    Raises:
        Refused: the step does not follow, or a refusal has no ground, or another step has one.
    """
    if state not in FOLLOWS[one.state]:
        raise Refused(
            f"a request that is {one.state} cannot become {state}", remedy="look at it again: somebody may have handled it"
        )
    if (state is RequestState.REFUSED) != (ground is not None):
        raise Refused("a refusal has a ground, and nothing else has", remedy="give the ground of a refusal, and only of one")
    return replace(one, state=state, changes=(*one.changes, RequestChange(at=now, state=state, by=by, ground=ground)))


def digest_of(reference: str) -> str:
    """SHA-256 of a reference however it was typed: small letters, spaces and dashes, O for 0, I and L for 1."""
    plain = re.sub(r"[\s-]", "", reference).upper().translate(str.maketrans("OIL", "011"))
    return hashlib.sha256(plain.encode(errors="replace")).hexdigest()


def shown_reference(reference: str) -> str:
    """In fours, to be written down."""
    return "-".join(reference[start : start + 4] for start in range(0, len(reference), 4))
