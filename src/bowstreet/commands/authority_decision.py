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
from bowstreet.recognition import amendment
from bowstreet.recognition.model import Amendment, Deployment, Plan

GIVE, REFUSE = "give the authority", "refuse it"
APPROVE, TAKE_OFF = "approve", "take them off the list"


def show(process: Process, asked: Authorisation) -> None:
    """What is asked for, in words."""
    deployment = process.recognition.find(asked.subject_id)
    facts = document.says(asked) + ([] if deployment is None else _deployment(process, deployment, asked))
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        say(f"  {name:<{width}}  {value}")


def _deployment(process: Process, one: Deployment, asked: Authorisation) -> list[tuple[str, str]]:
    """What is asked for; of an amendment the amended plan, after what it changes and beside what stands now (R2)."""
    amended, manifest = amendment.asked_for_by(asked, one), one.manifest
    plan = one.plan if amended is None else amended.plan
    people = 0 if manifest is None else manifest.people
    report = process.recognition.models.report(plan.model_sha256, plan.threshold, process.clock.now(), people)
    categories = {} if manifest is None else manifest.categories
    listed = ", ".join(f"{count} {name}" for name, count in sorted(categories.items()))
    accuracy = (
        "none covers this model and threshold" if report is None else f"of {report.made_at:%Y-%m-%d}, {report.sha256[:16]}…"
    )
    warnings = () if report is None else report.warnings
    return [
        *([] if amended is None else _amended(process, one, amended)),
        ("To", plan.use_case.value), ("Because", plan.location_basis.value), ("Threshold", f"{plan.threshold:g}"),
        ("Model", f"{plan.model_sha256[:16]}…"), ("Accuracy report", "; ".join((accuracy, *warnings))),
        ("Cameras", _cameras(process, plan)), ("Zone", amendment.corners(plan)),
        ("List", "none" if manifest is None else f"{manifest.people} people, {manifest.images} images ({listed})"),
        ("Public told", "; ".join(f"{told.kind} {told.reference}, {told.since:%Y-%m-%d %H:%M} UTC" for told in one.evidence)),
    ]  # fmt: skip


def _amended(process: Process, one: Deployment, amended: Amendment) -> list[tuple[str, str]]:
    changed = amendment.changes(one.plan, amended.plan, process.recognition.planning.name_of)
    return [
        ("Amends", f"the plan of a deployment that is {one.state}"),
        *[("Changes", said) for said in changed or ["nothing of the plan"]],
        ("Cameras now", _cameras(process, one.plan)), ("Zone now", amendment.corners(one.plan)),
        ("Ends now", f"{one.plan.ends_at:%Y-%m-%d %H:%M} UTC"), ("Ends, amended", f"{amended.plan.ends_at:%Y-%m-%d %H:%M} UTC"),
    ]  # fmt: skip


def _cameras(process: Process, plan: Plan) -> str:
    name_of = process.recognition.planning.name_of
    return ", ".join(f"{name_of(camera.camera_id)} at {amendment.place(camera.position)}" for camera in plan.cameras)


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
