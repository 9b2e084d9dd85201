"""The page where people ask and complain: a plain form, an answer with a reference, and the state of a request by its
reference."""

import html
from urllib.parse import parse_qsl

from bowstreet.accountability.correspondence import rules
from bowstreet.accountability.correspondence.model import PublicRequest, RequestKind, RequestState
from bowstreet.errors import BadInput

# A letter of 4,000 characters, each up to twelve bytes as a form escapes them, and what stands around it.
MOST_BYTES = 64_000
MOST_FIELDS = 8

KINDS: dict[RequestKind, str] = {
    RequestKind.SUBJECT_ACCESS: "I want to know what is held about me (subject access, Data Protection Act 2018 s.45)",
    RequestKind.ERASURE: "I want something about me erased (s.47)",
    RequestKind.COMPLAINT: "I want to complain (s.164A, or anything else about flights and cameras)",
}
STATES: dict[RequestState, str] = {
    RequestState.RECEIVED: "It has come, and waits to be read by a person.",
    RequestState.ACKNOWLEDGED: "A person has read it and is working on it.",
    RequestState.ANSWERED: "It is answered. The answer was sent to you by the way you gave.",
    RequestState.REFUSED: "It is refused. Why, and how to have that reviewed, was sent to you by the way you gave.",
}


def fields(body: bytes, kind: str) -> dict[str, str]:
    """A form that a browser sent without script. Raises `BadInput` when it is none."""
    remedy = "send the form of this page"
    if kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise BadInput("this is not a form", remedy=remedy)
    if len(body) > MOST_BYTES:
        raise BadInput("the form is too large", remedy="shorten it; we will ask for the rest")
    try:
        told = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise BadInput("the form cannot be read", remedy=remedy) from error
    if len({name for name, _ in told}) < len(told):
        raise BadInput("a field of the form comes twice", remedy=remedy)
    return dict(told)


def kind_of(said: str) -> RequestKind:
    try:
        return RequestKind(said)
    except ValueError:
        raise BadInput("no kind of request was chosen", remedy="choose one of the three") from None


def body(operator: str, days_kept: float, *, given: dict[str, str] | None = None, problem: str = "", looked_up: str = "") -> str:
    """The forms. After a mistake, `given` is what the person wrote, and `problem` what to mend; `looked_up` is HTML."""
    given = given or {}
    chosen = given.get("kind", "")
    choices = "".join(
        f'<div><input type="radio" id="kind-{kind}" name="kind" value="{kind}" required{" checked" if kind == chosen else ""}>'
        f'<label for="kind-{kind}">{said}</label></div>'
        for kind, said in KINDS.items()
    )
    mend = f'<p class="alarm" role="alert" id="mend">{html.escape(problem)}</p>' if problem else ""
    described = ' aria-describedby="mend"' if problem else ""
    return (
        looked_up
        + mend
        + f"<p>Write to {html.escape(operator)} here. You need no account. A request about your own data is answered within one "
        "month (Data Protection Act 2018 s.54; up to two months more where it is complex, of which you are told); a complaint is "
        "acknowledged within 30 days (s.164A). Not for emergencies: call 999. All fields are needed.</p>"
        '<form method="post" action="/public/requests"><fieldset><legend>What do you want?</legend>'
        f'{choices}</fieldset><label for="contact">How we reach you: an e-mail address, a telephone number or a postal '
        f'address</label>'
        f'<input id="contact" name="contact" required maxlength="{rules.MOST_CONTACT}" autocomplete="email"'
        f' value="{html.escape(given.get("contact", ""))}"{described}>'
        '<label for="words">Your message: what, where and when, so that we find it</label>'
        f'<textarea id="words" name="words" rows="8" required maxlength="{rules.MOST_WORDS}"{described}>'
        f"{html.escape(given.get('words', ''))}</textarea>"
        "<p>What you write is sealed under a key of its own, read only by those who answer it, and erased "
        f"{days_kept:g} days after it is answered. That it came, of which kind, and what became of it is in the public record; "
        "what it says and who sent it are not.</p><button>Send it</button></form>"
        "<h2>What became of my request?</h2>"
        '<form method="post" action="/public/requests/status"><label for="reference">Reference</label>'
        '<input id="reference" name="reference" required maxlength="40" autocomplete="off" spellcheck="false">'
        "<button>Look it up</button></form>"
        "<h2>Not content?</h2><p>You may complain to the Information Commissioner at any time (s.165), about officers to the "
        "force "
        "or the Independent Office for Police Conduct, and go to court (s.167).</p>"
    )  # fmt: skip


def received(one: PublicRequest, reference: str) -> str:
    return (
        f'<p>Your reference is</p><p class="reference"><code>{rules.shown_reference(reference)}</code></p>'
        "<p>Write it down: it is shown once, kept nowhere, and the only way to look up what became of your request.</p>"
        + _dates(one)
        + '<p><a href="/public/requests">Back</a></p>'
    )


def status(one: PublicRequest) -> str:
    """What a reference shows: neither what was written nor by whom."""
    steps = "".join(f"<li>{change.at:%Y-%m-%d}: {change.state}</li>" for change in one.changes)
    return (
        f'<section class="good" role="status"><h2>Your {html.escape(one.kind.replace("-", " "))} request</h2>'
        f"<p>{STATES[one.state]}</p><ol>{steps}</ol>{_dates(one)}</section>"
    )


def _dates(one: PublicRequest) -> str:
    if one.state.is_final:
        return ""
    if one.answer_by is not None:
        return f"<p>It is to be answered by {one.answer_by:%d %B %Y}.</p>"
    if one.acknowledge_by is not None and one.state is RequestState.RECEIVED:
        return f"<p>It is to be acknowledged by {one.acknowledge_by:%d %B %Y}, and answered without undue delay.</p>"
    return "<p>It is to be answered without undue delay.</p>"
