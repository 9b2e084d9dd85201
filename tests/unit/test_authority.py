"""The policy, what authorisations may become, and their documents."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from bowstreet.accountability import note as notes
from bowstreet.accountability.authority import document, rules
from bowstreet.accountability.authority.model import Authorisation, Ground, Place, State, UseCase
from bowstreet.accountability.authority.policy import AccessPolicy, What, Who, shipped
from bowstreet.accountability.model import Action, Role
from bowstreet.accountability.note import PLAIN, Note, SoftwareSigner, VerifierKey
from bowstreet.errors import BadInput, MalformedConfiguration, MalformedProof, Refused

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
LOG = SoftwareSigner(bytes(32))
KEY = VerifierKey(name="bow.example/log", kind=PLAIN, public_key=LOG.public_key)


def asked(**changes: object) -> Authorisation:
    made = Authorisation(
        authorisation_id="aut-1", use_case=UseCase.LEGAL_HOLD, ground=Ground.INVESTIGATION, subject_id="inc-1",
        place=Place(boroughs=("Islington",)), starts_at=NOW, ends_at=NOW + timedelta(days=7), requested_by="acc-a",
        requested_at=NOW,
    )  # fmt: skip
    return replace(made, **changes)


# --- the policy -------------------------------------------------------------------------------------------------------


def test_the_table_of_permissions() -> None:
    """Written out again, so that nobody widens a role by accident."""
    may = {role: {str(action) for action in shipped().actions_of(role)} for role in Role}
    authority = {"see-authorisations", "request-authorisation", "revoke-authorisation"}
    occurrences = {"see-occurrences", "record-occurrence"}
    assert may == {
        Role.VIEWER: {"see"},
        Role.CAD: {"report"},
        Role.DISPATCHER: {
            "see",
            "see-quarantine",
            "see-pictures",
            "report",
            "close",
            "launch",
            "recall",
            "keep-watch",
            "link-officers",
        }
        | occurrences,
        Role.PILOT: {"see", "see-pictures", "recall", "keep-watch", "control"} | occurrences,
        Role.SUPERVISOR: {str(action) for action in Action}
        - {"authorise", "see-watchlist", "see-alerts", "plan-deployment", "run-deployment", "review-listing", "adjudicate"},
        Role.PLANNER: {"see"},
        Role.AUTHORISING_OFFICER: {"see", "authorise", "see-occurrences"}
        | authority
        | {"see-recognition", "see-watchlist", "review-listing", "end-deployment"},
        Role.RECOGNITION_OPERATOR: {
            "see-recognition",
            "see-watchlist",
            "plan-deployment",
            "run-deployment",
            "end-deployment",
            "see-authorisations",
        },
        Role.ADJUDICATING_OFFICER: {"see-recognition", "see-alerts", "adjudicate", "end-deployment"},
        Role.REGULATOR: {
            "see",
            "see-pictures",
            "see-quarantine",
            "see-accounts",
            "see-authorisations",
            "see-occurrences",
            "see-log",
            "see-requests",
            "see-recognition",
            "see-watchlist",
            "see-alerts",
        },
    }


@pytest.mark.requirement("R17")
def test_a_regulator_changes_nothing() -> None:
    assert all(str(action).startswith("see") for action in shipped().actions_of(Role.REGULATOR))


def test_what_no_rule_permits_is_refused_and_says_who_could() -> None:
    decision = shipped().decide(Who(account_id="a", role=Role.PILOT), Action.LAUNCH)
    assert not decision.allowed
    [rule] = decision.rules
    assert rule.rule_id == "role:pilot"
    assert "dispatcher, supervisor" in rule.remedy


def test_boroughs_bound_what_an_account_does() -> None:
    who = Who(account_id="a", role=Role.DISPATCHER, boroughs=("Camden", "Islington"))
    assert shipped().decide(who, Action.CLOSE, What(borough="Camden")).allowed
    assert shipped().decide(who, Action.SEE).allowed
    refused = shipped().decide(who, Action.CLOSE, What(borough="Hackney"))
    assert [rule.rule_id for rule in refused.rules] == ["borough"]
    assert shipped().decide(replace(who, boroughs=()), Action.CLOSE, What(borough="Hackney")).allowed


@pytest.mark.requirement("R3")
def test_whoever_asks_does_not_decide() -> None:
    officer = Who(account_id="a", role=Role.AUTHORISING_OFFICER, proved_s=10)
    assert shipped().decide(officer, Action.AUTHORISE, What(requested_by="b")).allowed
    refused = shipped().decide(officer, Action.AUTHORISE, What(requested_by="a"))
    assert [rule.rule_id for rule in refused.rules] == ["two-persons"]
    assert refused.rules[0].remedy == "ask another authorising officer"


@pytest.mark.parametrize("proved_s", [301, None])
def test_a_grave_act_asks_for_proof(proved_s: int | None) -> None:
    officer = Who(account_id="a", role=Role.AUTHORISING_OFFICER, proved_s=proved_s)
    refused = shipped().decide(officer, Action.AUTHORISE, What(requested_by="b"))
    assert [rule.rule_id for rule in refused.rules] == ["prove-again"]
    assert shipped().decide(replace(officer, proved_s=300), Action.AUTHORISE, What(requested_by="b")).allowed


@pytest.mark.requirement("R2")
@pytest.mark.parametrize("action", [Action.DISCLOSE, Action.ERASE])
def test_no_grave_act_without_authority(action: Action) -> None:
    who = Who(account_id="a", role=Role.SUPERVISOR, proved_s=0)
    assert [rule.rule_id for rule in shipped().decide(who, action).rules] == ["authority-first"]
    assert shipped().decide(who, action, What(authorised=True)).allowed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("permit(", "is no Cedar"),
        ("permit(principal, action, resource);", "lacks an @id"),
        ('@id("x")permit(principal, action, resource);', "@says"),
        ('@id("x")@says("y")forbid(principal, action, resource);', "@remedy"),
        ('@id("x")@says("y")permit(principal, action == Action::"fly", resource);', "does not fit"),
        ('@id("x")@says("y")permit(principal, action, resource) when { principal.wings };', "does not fit"),
        (
            '@id("x")@says("y")permit(principal, action, resource);@id("x")@says("z")permit(principal, action, resource);',
            "its own",
        ),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(text: str, why: str) -> None:
    with pytest.raises(MalformedConfiguration, match=why):
        AccessPolicy(text)


def test_an_operators_own_policy_decides() -> None:
    own = AccessPolicy(
        '@id("all")@says("viewers launch")permit(principal in Role::"viewer", action == Action::"launch", resource);'
    )
    assert own.decide(Who(account_id="a", role=Role.VIEWER), Action.LAUNCH).allowed
    assert not own.decide(Who(account_id="a", role=Role.SUPERVISOR), Action.SEE).allowed
    assert own.version != shipped().version


# --- what an authorisation may become ---------------------------------------------------------------------------------


@pytest.mark.requirement("R1")
def test_every_use_case_has_its_grounds_and_no_other() -> None:
    assert set(rules.GROUNDS) == set(UseCase)
    assert all("other" not in ground for ground in Ground)
    with pytest.raises(BadInput, match="no ground"):
        rules.check_request(asked(ground=Ground.REQUEST_OF_SUBJECT), NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"place": Place(boroughs=())},
        {"ends_at": NOW},
        {"starts_at": NOW - timedelta(hours=1)},
        {"ends_at": NOW + timedelta(days=32)},
    ],
)
def test_requests_that_cannot_be_granted(changes: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        rules.check_request(asked(**changes), NOW)


@pytest.mark.requirement("R2", "R3")
def test_two_persons_make_it_hold_for_its_subject_place_and_time() -> None:
    with pytest.raises(Refused, match="does not give it"):
        rules.decided(asked(), "acc-a", True, NOW)
    held = rules.decided(asked(), "acc-b", True, NOW)
    assert (held.state, held.decided_by) == (State.IN_FORCE, "acc-b")

    def covers(one: Authorisation = held, at: datetime = NOW, **said: object) -> bool:
        words = {"use_case": UseCase.LEGAL_HOLD, "subject_id": "inc-1", "borough": "Islington"} | said
        return rules.covers(one, now=at, **words)  # type: ignore[arg-type]

    assert covers()
    assert not covers(asked())
    assert not covers(at=NOW - timedelta(seconds=1))
    assert not covers(at=held.ends_at)
    assert not covers(subject_id="inc-2")
    assert not covers(borough="Camden")
    assert not covers(use_case=UseCase.ERASURE)
    assert not covers(rules.revoked(held, NOW))
    with pytest.raises(Refused):
        rules.decided(held, "acc-c", False, NOW)


@pytest.mark.requirement("R2")
def test_urgent_authority_expires_by_itself_and_is_reviewed() -> None:
    urgent = rules.made_urgent(asked(), NOW)
    assert urgent.state is State.IN_FORCE
    assert urgent.ends_at == NOW + rules.MOST_URGENT
    over = rules.expired(urgent, urgent.ends_at)
    assert over is not None
    assert over.state is State.EXPIRED
    assert rules.expired(urgent, urgent.ends_at - timedelta(seconds=1)) is None
    with pytest.raises(Refused):
        rules.reviewed(urgent, "acc-a", True, NOW)
    assert rules.reviewed(urgent, "acc-b", True, NOW).ends_at == urgent.ends_at
    assert rules.reviewed(urgent, "acc-b", False, NOW).state is State.REVOKED
    assert rules.reviewed(over, "acc-b", False, NOW).state is State.EXPIRED
    with pytest.raises(Refused, match="never urgent"):
        rules.made_urgent(asked(use_case=UseCase.ERASURE, ground=Ground.COURT_ORDER), NOW)


def test_a_request_that_nobody_decides_on_lapses() -> None:
    later = NOW + rules.REQUEST_LIVES
    long = asked(ends_at=NOW + timedelta(days=30))
    assert rules.expired(long, later - timedelta(seconds=1)) is None
    assert rules.expired(long, later) is not None
    with pytest.raises(Refused, match="lapsed"):
        rules.decided(long, "acc-b", True, later)


# --- documents --------------------------------------------------------------------------------------------------------


def signed(one: Authorisation) -> bytes:
    text = document.text_of(one)
    return Note(text=text, signatures=(notes.sign(text, KEY.name, LOG),)).write()


def test_a_document_is_read_as_it_was_signed() -> None:
    found = document.read(signed(asked()), KEY)
    assert found.authorisation == asked()
    assert found.signed_by == KEY.name
    shown = document.to_html(asked(subject_id="<b>"), signed(asked()), KEY)
    assert "&lt;b&gt;" in shown
    assert "<script" not in shown


def test_every_changed_byte_of_a_document_is_found() -> None:
    data = signed(asked())
    for place in range(len(data)):
        for change in (1, 128):
            changed = data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]
            with pytest.raises(MalformedProof):
                document.read(changed, KEY)


def test_another_keys_document_and_other_statements_are_none() -> None:
    other = VerifierKey(name=KEY.name, kind=PLAIN, public_key=SoftwareSigner(bytes([1] * 32)).public_key)
    with pytest.raises(MalformedProof):
        document.read(signed(asked()), other)
    text = "Bowstreet something else\n{}\n"
    with pytest.raises(MalformedProof, match="begins with"):
        document.read(Note(text=text, signatures=(notes.sign(text, KEY.name, LOG),)).write(), KEY)
    loose = document.HEAD + "\n" + msgspec.json.format(document.canonical(asked()).encode()).decode() + "\n"
    with pytest.raises(MalformedProof, match="canonical"):
        document.read(Note(text=loose, signatures=(notes.sign(loose, KEY.name, LOG),)).write(), KEY)
