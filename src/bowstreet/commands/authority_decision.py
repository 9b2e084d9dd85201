"""An authorising officer at the terminal: what is asked for, whom the list holds that need a second approval, and their word."""

from typing import Any

from msgspec import UNSET

from bowstreet.accountability.authority import document, rules
from bowstreet.accountability.authority.model import Authorisation, Refusal, State
from bowstreet.accountability.authority.policy import What
from bowstreet.accountability.model import Action
from bowstreet.accountability.processing import rules as processing
from bowstreet.accountability.processing.model import Matter
from bowstreet.commands.output import say
from bowstreet.commands.person import Person, about
from bowstreet.commands.terminal import Terminal
from bowstreet.process import Process
from bowstreet.recognition.model import Deployment

GIVE, REFUSE = "give the authority", "refuse it"
APPROVE, TAKE_OFF = "approve", "take them off the list"


def show(process: Process, asked: Authorisation) -> None:
    """What is asked for, in words."""
    deployment = process.recognition.find(asked.subject_id)
    facts = document.says(asked) + ([] if deployment is None else _deployment(process, deployment))
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        say(f"  {name:<{width}}  {value}")


def _deployment(process: Process, one: Deployment) -> list[tuple[str, str]]:
    plan, manifest = one.plan, one.manifest
    people = 0 if manifest is None else manifest.people
    report = process.recognition.models.report(plan.model_sha256, plan.threshold, process.clock.now(), people)
    categories = {} if manifest is None else manifest.categories
    listed = ", ".join(f"{count} {name}" for name, count in sorted(categories.items()))
    accuracy = (
        "none covers this model and threshold" if report is None else f"of {report.made_at:%Y-%m-%d}, {report.sha256[:16]}…"
    )
    warnings = () if report is None else report.warnings
    return [
        ("To", plan.use_case.value), ("Because", plan.location_basis.value), ("Threshold", f"{plan.threshold:g}"),
        ("Model", f"{plan.model_sha256[:16]}…"), ("Accuracy report", "; ".join((accuracy, *warnings))),
        ("Cameras", ", ".join(_camera(process, camera.camera_id) for camera in plan.cameras)),
        ("Zone", " ".join(f"{at.latitude_deg:.4f},{at.longitude_deg:.4f}" for at in plan.zone)),
        ("List", "none" if manifest is None else f"{manifest.people} people, {manifest.images} images ({listed})"),
        ("Public told", "; ".join(f"{told.kind} {told.reference}, {told.since:%Y-%m-%d %H:%M} UTC" for told in one.evidence)),
    ]  # fmt: skip


def _camera(process: Process, camera_id: str) -> str:
    known = process.recognition.planning.cameras.get(camera_id)
    return camera_id if known is None or not known.name else f"{camera_id} ({known.name})"


async def review(process: Process, terminal: Terminal, officer: Person, deployment_id: str) -> None:
    """People under 18 or vulnerable, each approved or taken off by another than who listed them (R6)."""
    recognition = process.recognition
    while (manifest := recognition.get(deployment_id).manifest) is not None and manifest.to_review:
        person_id, places = manifest.to_review[0], recognition.get(deployment_id).plan.boroughs
        who = await officer.may(Action.SEE_WATCHLIST, about(deployment_id), places=places, changes=False)
        why = processing.justified(who.role, None, acts=False, standing=True)
        await process.consultations.record(who, Matter.WATCHLIST, deployment_id, why)
        person = recognition.enrolment.open(manifest).person(person_id)
        if person is None:
            return
        marks = [word for word, so in (("under 18", person.under_18), ("vulnerable", person.vulnerable)) if so]
        said = await terminal.choice(
            f"{person.reference}, {person.category}, {' and '.join(marks)}, risk {person.risk}: on the list?", (APPROVE, TAKE_OFF)
        )
        await officer.may(Action.REVIEW_LISTING, about(deployment_id), places=places)
        await recognition.planning.review(deployment_id, person_id, officer.account_id, approve=said == APPROVE)


async def decide(process: Process, terminal: Terminal, officer: Person, authorisation_id: str) -> Authorisation:
    """Their word on a request, by the rules that a decision over HTTP goes by.

    Raises:
        NotFound, NotPermitted, Refused: two persons (R3), a proof that is not fresh, or it was decided on already.
    """
    asked = process.authorities.get(authorisation_id)
    makers = process.accounts.makers_of(officer.account_id)
    own = process.operation.refuses_own_accounts and rules.is_own_account(asked.requested_by, officer.account_id, makers)
    what = What(thing=authorisation_id, requested_by=asked.requested_by, own_account=own)
    await officer.may(Action.AUTHORISE, what, places=asked.place.boroughs, changes=False)
    said = await terminal.choice("Your decision:", (GIVE, REFUSE))
    because: Any = UNSET
    if said == REFUSE:
        because = Refusal(await terminal.choice("Why?", [one.value for one in Refusal]))
    await officer.may(Action.AUTHORISE, what, places=asked.place.boroughs)
    made = await process.authorities.decide(
        authorisation_id, officer.account_id, allow=said == GIVE, because=because, makers=makers
    )  # fmt: skip
    await process.bus.drain()
    say(f"{authorisation_id} is {made.state}" + (", marked: who asked made this account" if made.own_account is True else ""))
    return made


def waiting(process: Process) -> list[Authorisation]:
    return [one for one in process.authorities.all() if one.state is State.REQUESTED]
