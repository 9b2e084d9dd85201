"""What a deployment may become, and whether a frame may be processed now. Pure: a deployment, what stands round it, and the
time in.

Everything fails closed: what is not known counts as absent. Requirement ids (docs/requirements.md) stand beside each rule.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
import shapely
from msgspec.structs import replace

from bowstreet.accountability.authority import rules as authority_rules
from bowstreet.accountability.authority.model import Authorisation
from bowstreet.accountability.authority.model import UseCase as AuthorityUseCase
from bowstreet.errors import BadInput, Refused
from bowstreet.frames import CameraFrame
from bowstreet.recognition import answers
from bowstreet.recognition.model import (
    Amendment,
    Category,
    Counts,
    Deployment,
    DeploymentState,
    DeploymentUse,
    EvidenceKind,
    Manifest,
    Obstacle,
    Plan,
    PublicEvidence,
)
from bowstreet.recognition.obstacles import REMEDIES, SAYS

# --- limits -----------------------------------------------------------------------------------------------------------------

# A day's work of a team in one place; authority for longer is asked for again (R2).
MOST_WINDOW = timedelta(hours=12)
# One place that signs can be put round: a square kilometre is more than any street market.
MOST_ZONE_M2 = 1_000_000.0
MOST_CAMERAS = 32
# A worker may go on for so long without hearing that it still may (R2): the pipeline of a program that hangs stops by itself.
LEASE = timedelta(seconds=5)
# Custody images of an adult change little within it (NIST IR 8271 on ageing finds errors grow over years): older ones are told
# (R5).
IMAGE_AGES = timedelta(days=5 * 365)
# The list is destroyed at once when nobody needs it any more, and in any case within a day of the end (R9), less an hour in which
# a worker that runs hourly, or somebody who mends it, still comes in time.
DESTROY_WITHIN = timedelta(hours=23)
NOT_TAKEN = "the amended plan was not taken: whoever authorised it runs the deployment, planned it, or made its list (R3)"


def remedy(why: Obstacle, one: Deployment) -> str:
    """What would mend it, as the deployment stands."""
    if why is Obstacle.NO_AUTHORITY and one.state is DeploymentState.SUBMITTED:
        return "it is asked for: an authorising officer decides, here or under Authority"
    return REMEDIES[why]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment with what stands round it. What is not known is left at its default, which allows nothing.

    `authority` is the authorisation that the deployment names, in whatever state. `loaded_digest` is of the list as it lies in
    memory, `model_sha256` of the model in use, `cameras` are those of the configuration.
    """

    deployment: Deployment
    authority: Authorisation | None = None
    ledger_holds: bool = False
    loaded_digest: str = ""
    report_covers: bool = False
    floor: float | None = None
    model_sha256: str = ""
    cameras: frozenset[str] = frozenset()


# --- may it process, may it start -------------------------------------------------------------------------------------------


def may_process(frame: CameraFrame, standing: Standing, now: datetime) -> Obstacle | None:
    """Why what this frame shows may not be used; None when it may (R2, R4, R15, R16). Asked of each look of a sighting, when its
    turn has come. Whether a camera is looked at meanwhile is its lease (`lease_until`, `kept_out`)."""
    one = standing.deployment
    if one.state is not DeploymentState.RUNNING:
        return Obstacle.NOT_RUNNING
    for moment in (frame.captured_at, now):
        if (why := _not_covered(standing, moment)) is not None:
            return why
    if frame.camera_id not in {camera.camera_id for camera in one.plan.cameras}:
        return Obstacle.NOT_THIS_CAMERA
    for moment in (frame.captured_at, now):
        if (out := kept_out(one, moment).get(frame.camera_id)) is not None:
            return out
    return _list_wrong(standing)


def kept_out(one: Deployment, at: datetime) -> dict[str, Obstacle]:
    """Cameras of the plan that are not looked at then though the others are, each with why: it was moved without authority (R2),
    or no sign stands before it (R15)."""
    moved, unsigned = set(one.moved), unsigned_cameras(one, at)
    planned = [camera.camera_id for camera in one.plan.cameras]
    return {id_: Obstacle.CAMERA_MOVED if id_ in moved else Obstacle.NO_SIGNS for id_ in planned if id_ in moved | unsigned}


def must_stop(standing: Standing, now: datetime) -> Obstacle | None:
    """Why a running deployment ends its processing by itself now; None while it may go on."""
    return _not_covered(standing, now) or _list_wrong(standing)


def lease_until(standing: Standing, now: datetime) -> datetime | None:
    """Until when a worker may process without asking again; None when it may not at all."""
    if standing.deployment.state is not DeploymentState.RUNNING or must_stop(standing, now) is not None:
        return None
    assert standing.authority is not None
    return min(now + LEASE, standing.deployment.plan.ends_at, standing.authority.ends_at)


def why_not_start(standing: Standing, by: str, now: datetime) -> list[Obstacle]:
    """All that keeps somebody from starting it now, in the order in which it is mended. R2 to R4, R6, R12, R13, R15, R18."""
    one = standing.deployment
    found = [why for why in (_not_covered(standing, now), _list_wrong(standing)) if why is not None]
    if not one.list_digest and Obstacle.LIST_CHANGED in found:
        found.remove(Obstacle.LIST_CHANGED)  # nothing was authorised yet that it could differ from
    manifest = one.manifest
    if manifest is not None and manifest.to_review:
        found.append(Obstacle.LIST_UNREVIEWED)
    if not notices(one, now):
        found.append(Obstacle.NO_NOTICE)
    if unsigned_cameras(one, now):
        found.append(Obstacle.NO_SIGNS)
    if not {camera.camera_id for camera in one.plan.cameras} <= standing.cameras:
        found.append(Obstacle.NO_CAMERA)
    if not is_of_model(one.plan, standing.model_sha256):
        found.append(Obstacle.OTHER_MODEL)
    elif not above_floor(one.plan.threshold, standing.floor):
        found.append(Obstacle.BELOW_FLOOR)
    if not standing.report_covers:
        found.append(Obstacle.NO_REPORT)
    if standing.authority is not None and standing.authority.decided_by in _operators(one, by):
        found.append(Obstacle.SAME_PERSON)
    if Obstacle.NO_AUTHORITY in found:  # the last step: list and plan are fixed by it
        found.remove(Obstacle.NO_AUTHORITY)
        found.append(Obstacle.NO_AUTHORITY)
    return found


def is_of_model(plan: Plan, model_sha256: str) -> bool:
    """Whether a plan is for the model in use (R12, R13)."""
    return plan.model_sha256 == model_sha256 != ""


def above_floor(threshold: float, floor: float | None) -> bool:
    """Whether a threshold is one that the model may be used at (R13). Without a floor none is."""
    return floor is not None and floor <= threshold <= 1.0


def notices(one: Deployment, now: datetime) -> list[PublicEvidence]:
    """Public notices that stand now (R15)."""
    return [told for told in one.evidence if told.kind is EvidenceKind.NOTICE and told.since <= now]


def unsigned_cameras(one: Deployment, now: datetime) -> set[str]:
    """Cameras before which no sign stands now (R15)."""
    signed = {
        camera_id
        for told in one.evidence if told.kind is EvidenceKind.SIGN and told.since <= now
        for camera_id in told.camera_ids
    }  # fmt: skip
    return {camera.camera_id for camera in one.plan.cameras} - signed


def _not_covered(standing: Standing, at: datetime) -> Obstacle | None:
    one, authority = standing.deployment, standing.authority
    if not standing.ledger_holds:
        return Obstacle.NO_LEDGER
    if authority is None or authority.authorisation_id != one.authorisation_id or one.plan_digest != digest_of(one.plan):
        return Obstacle.NO_AUTHORITY
    places = one.plan.boroughs or (None,)
    covered = all(
        authority_rules.covers(authority, AuthorityUseCase.RECOGNITION, one.deployment_id, place, at) for place in places
    )
    if not covered or authority.decided_by in (None, authority.requested_by):
        return Obstacle.NO_AUTHORITY
    return None if one.plan.starts_at <= at < one.plan.ends_at else Obstacle.OUTSIDE_WINDOW


def _list_wrong(standing: Standing) -> Obstacle | None:
    manifest = standing.deployment.manifest
    if manifest is None or manifest.destroyed_at is not None or not standing.loaded_digest:
        return Obstacle.NO_LIST
    if misplaced(standing.deployment):
        return Obstacle.LIST_MISPLACED
    if manifest.model_sha256 != standing.deployment.plan.model_sha256:
        return Obstacle.LIST_MODEL
    if not (manifest.digest == standing.deployment.list_digest == standing.loaded_digest):
        return Obstacle.LIST_CHANGED
    return None if manifest.policy == answers.POLICY_VERSION else Obstacle.LIST_POLICY


def _operators(one: Deployment, by: str) -> set[str]:
    made_list = set() if one.manifest is None else {one.manifest.enrolled_by}
    return {by, one.planned_by, *made_list}


# --- planning -----------------------------------------------------------------------------------------------------------------


def check_plan(plan: Plan, floor: float | None, now: datetime) -> None:
    """Raises `BadInput` for a plan that could never be started."""
    if plan.location_basis not in answers.BASES[plan.use_case]:
        fitting = ", ".join(sorted(answers.BASES[plan.use_case]))
        raise BadInput(f"'{plan.location_basis}' is no reason to be here to {plan.use_case} (R1)", remedy=f"choose of {fitting}")
    if not now < plan.ends_at or plan.ends_at <= plan.starts_at:
        raise BadInput("the window ends before it begins, or is over", remedy="mend start or end")
    if plan.ends_at - plan.starts_at > MOST_WINDOW:
        raise BadInput(f"the window is longer than {MOST_WINDOW.total_seconds() / 3600:g} hours (R2)", remedy="plan two")
    if not above_floor(plan.threshold, floor):
        least = "it is not known here" if floor is None else f"it is {floor:g}"
        raise BadInput(
            f"the threshold {plan.threshold:g} is below the model's floor; {least} (R13)", remedy="choose a higher one"
        )
    _check_place(plan)


def _check_place(plan: Plan) -> None:
    ring = [(place.longitude_deg, place.latitude_deg) for place in plan.zone]
    zone = shapely.Polygon(ring) if len(ring) >= 3 else None
    if zone is None or not zone.is_valid or zone.is_empty:
        raise BadInput("the zone is no area", remedy="draw at least three corners, without crossing lines")
    # A degree of latitude is 111.2 km; of longitude that times the cosine of 51.5 degrees: near enough for a limit.
    if zone.area * 111_200.0**2 * 0.6225 > MOST_ZONE_M2:
        raise BadInput("the zone is larger than a square kilometre", remedy="draw the place that signs can be put round")
    ids = [camera.camera_id for camera in plan.cameras]
    if not ids or len(set(ids)) != len(ids) or len(ids) > MOST_CAMERAS:
        raise BadInput(f"a deployment has 1 to {MOST_CAMERAS} cameras, each once", remedy="mend the list of cameras")
    for camera in plan.cameras:
        if not zone.covers(shapely.Point(camera.position.longitude_deg, camera.position.latitude_deg)):
            raise BadInput(f"camera '{camera.camera_id}' stands outside the zone", remedy="draw the zone round every camera")
    if not plan.boroughs:
        raise BadInput("the zone lies in no borough of this operation", remedy="draw it within the operating area")


def digest_of(plan: Plan) -> str:
    """SHA-256, hex, of what authority is asked for."""
    return hashlib.sha256(msgspec.json.encode(plan, order="sorted")).hexdigest()


def check_category(category: Category, use_case: DeploymentUse) -> None:
    """Raises `BadInput` for somebody who has no place on this list (R1, R4)."""
    if category not in answers.CATEGORIES[use_case]:
        fitting = ", ".join(sorted(answers.CATEGORIES[use_case]))
        raise BadInput(f"'{category}' has no place on a list to {use_case}", remedy=f"its categories are {fitting}")


def misplaced(one: Deployment) -> set[Category]:
    """Categories on its list that its use case has no place for: the use case was changed after the list was made (R1, R4)."""
    return set() if one.manifest is None else set(one.manifest.categories) - answers.CATEGORIES[one.plan.use_case]


def told(one: Deployment, evidence: PublicEvidence, now: datetime) -> Deployment:
    """With evidence that the public was told. Raises `Refused`, `BadInput`."""
    if one.state.is_over:
        raise Refused("it is over", remedy="look at its record")
    if evidence.since > now:
        raise BadInput("a notice or sign that does not stand yet is no evidence", remedy="enter it when it stands")
    known = {camera.camera_id for camera in one.plan.cameras}
    if evidence.kind is EvidenceKind.SIGN and not (evidence.camera_ids and set(evidence.camera_ids) <= known):
        raise BadInput("a sign stands before cameras of this deployment", remedy="name them")
    return replace(one, evidence=(*one.evidence, evidence))


# --- what it becomes --------------------------------------------------------------------------------------------------------


def replanned(one: Deployment, plan: Plan) -> Deployment:
    """Another plan, before anything is asked for. Signs are for cameras where they stood: they are entered again. A list that was
    made with another model than this plan's stands against the deployment until it is imported again."""
    _only(one, DeploymentState.PLANNED)
    kept = tuple(told for told in one.evidence if told.kind is EvidenceKind.NOTICE)
    return replace(one, plan=plan, evidence=kept)


def listed(one: Deployment, manifest: Manifest) -> Deployment:
    """With a list, or another one in its place, before anything is asked for (R4)."""
    _only(one, DeploymentState.PLANNED)
    return replace(one, manifest=manifest)


def submitted(one: Deployment, authorisation_id: str) -> Deployment:
    """Plan and list are fixed, and authority is asked for both (R2, R4).

    Raises:
        Refused: there is no list, another model made it (R12, R13), somebody on it waits for a second approval (R6), or no public
            notice stands (R15, R18).
    """
    _only(one, DeploymentState.PLANNED)
    if one.manifest is None:
        raise refusal([Obstacle.NO_LIST])
    if misplaced(one):
        raise refusal([Obstacle.LIST_MISPLACED])
    if one.manifest.model_sha256 != one.plan.model_sha256:
        raise refusal([Obstacle.LIST_MODEL])
    if one.manifest.to_review:
        raise refusal([Obstacle.LIST_UNREVIEWED])
    if not any(told.kind is EvidenceKind.NOTICE for told in one.evidence):
        raise refusal([Obstacle.NO_NOTICE])
    return replace(
        one, state=DeploymentState.SUBMITTED, authorisation_id=authorisation_id, authorised_by="",
        plan_digest=digest_of(one.plan), list_digest=one.manifest.digest, why="",
    )  # fmt: skip


def decided(one: Deployment, authority: Authorisation) -> Deployment:
    """As the authority stands now: given it names who gave it, refused or lapsed the deployment is planned anew."""
    if one.state is not DeploymentState.SUBMITTED or authority.authorisation_id != one.authorisation_id:
        return one
    if authority.state == "in-force":
        return replace(one, authorised_by=authority.decided_by or "")
    if authority.state.is_final:
        because = authority.refused_because
        return withdrawn(
            one, f"authority {authority.state}" + ("" if because is msgspec.UNSET else f": {because.replace('-', ' ')}")
        )
    return one


def goes_by(one: Deployment) -> set[str]:
    """The authorities that it has, or waits for."""
    if one.state.is_over:
        return set()
    return {one.authorisation_id, "" if one.amendment is None else one.amendment.authorisation_id} - {""}


def withdrawn(one: Deployment, why: str) -> Deployment:
    """Planned again: plan and list can be changed, and are authorised anew (R4). Before a camera that was moved meanwhile no sign
    is known to stand, wherever the plan has it (R15)."""
    if one.state not in (DeploymentState.SUBMITTED, DeploymentState.STOPPED):
        raise Refused(f"it is {one.state}", remedy="stop it first, or look at its record")
    return replace(
        one,
        state=DeploymentState.PLANNED,
        authorisation_id="",
        authorised_by="",
        plan_digest="",
        list_digest="",
        amendment=None,
        moved=(),
        evidence=_without(one.evidence, one.moved),
        why=why,
    )


def started(standing: Standing, by: str, now: datetime) -> Deployment:
    """Raises `Refused` with every reason that stands against it."""
    one = standing.deployment
    if one.state is DeploymentState.PLANNED:
        raise refusal([Obstacle.NO_AUTHORITY])
    if one.state not in (DeploymentState.SUBMITTED, DeploymentState.STOPPED):
        raise Refused(f"it is {one.state}", remedy="look at its record")
    against = why_not_start(standing, by, now)
    if against:
        raise refusal(against)
    return replace(one, state=DeploymentState.RUNNING, started_by=by, started_at=one.started_at or now, why="")


def stopped(one: Deployment, why: str) -> Deployment:
    """Nothing is processed any more; it may be started again."""
    _only(one, DeploymentState.RUNNING)
    return replace(one, state=DeploymentState.STOPPED, why=why)


def amended(one: Deployment, amendment: Amendment) -> Deployment:
    """A plan with cameras elsewhere, for which authority is asked (R2). Until it is given the others go on as authorised.

    Raises:
        Refused: threshold, model or use case would change: they are locked from the submission on (R13).
    """
    if one.state not in (DeploymentState.SUBMITTED, DeploymentState.RUNNING, DeploymentState.STOPPED):
        raise Refused(f"it is {one.state}", remedy="change the plan itself while it is planned")
    mine, new = one.plan, amendment.plan
    if replace(new, cameras=mine.cameras, zone=mine.zone, boroughs=mine.boroughs, ends_at=mine.ends_at) != mine:
        raise Refused(
            "threshold, model, use case, reason and start are locked from the submission on (R13)",
            remedy="plan another deployment",
        )
    moved = moved_cameras(mine, new) | set(one.moved)
    return replace(one, amendment=amendment, moved=tuple(sorted(moved)))


def put_back(one: Deployment, camera_id: str) -> Deployment:
    """A camera stands again where it was authorised, by somebody's word. Raises `Refused`."""
    if camera_id not in one.moved or move_waits(one, camera_id):
        raise Refused("this camera was not moved, or its move waits for authority", remedy="look at the deployment")
    return replace(one, moved=tuple(other for other in one.moved if other != camera_id))


def adopted(one: Deployment, authority: Authorisation) -> Deployment:
    """The amended plan in place of the first, when its authority is in force; without it when that was refused, or was given by
    whoever runs it (R3). A camera that was moved, and that what was authorised does not move, stays unused until somebody says
    that it was put back."""
    amendment = one.amendment
    if amendment is None or authority.authorisation_id != amendment.authorisation_id or authority.state == "requested":
        return one
    if authority.state != "in-force":
        return replace(one, amendment=None)
    if authority.decided_by in _operators(one, one.started_by):
        return replace(one, amendment=None, why=NOT_TAKEN)
    moved = moved_cameras(one.plan, amendment.plan)
    return replace(
        one, plan=amendment.plan, plan_digest=digest_of(amendment.plan), authorisation_id=amendment.authorisation_id,
        authorised_by=authority.decided_by or "", revision=one.revision + 1, amendment=None,
        moved=tuple(id_ for id_ in one.moved if id_ not in moved), evidence=_without(one.evidence, moved),
    )  # fmt: skip


def moved_cameras(before: Plan, after: Plan) -> frozenset[str]:
    """Cameras that stand elsewhere by the later plan, or are not in it."""
    places = {camera.camera_id: camera.position for camera in after.cameras}
    return frozenset(one.camera_id for one in before.cameras if places.get(one.camera_id) != one.position)


def move_waits(one: Deployment, camera_id: str) -> bool:
    """Whether authority is asked for where this camera stands by now."""
    return one.amendment is not None and camera_id in moved_cameras(one.plan, one.amendment.plan)


def _without(evidence: Iterable[PublicEvidence], moved: Collection[str]) -> tuple[PublicEvidence, ...]:
    """A sign stays where it stood: before a camera that was moved there is none until one is put up there."""
    left = [replace(told, camera_ids=tuple(id_ for id_ in told.camera_ids if id_ not in moved)) for told in evidence]
    return tuple(told for told in left if told.kind is EvidenceKind.NOTICE or told.camera_ids)


def closed(one: Deployment, now: datetime, why: str) -> Deployment:
    """Over for good: nothing is processed any more, and its list is to be destroyed (R9)."""
    if one.state.is_over:
        raise Refused(f"it is {one.state} already", remedy="look at its record")
    return replace(one, state=DeploymentState.CLOSED, closed_at=now, amendment=None, why=why)


def destroyed(one: Deployment, at: datetime) -> Deployment:
    """Its list's key is destroyed, by receipt (R9)."""
    _only(one, DeploymentState.CLOSED)
    manifest = one.manifest
    return replace(
        one,
        state=DeploymentState.DESTROYED,
        manifest=None if manifest is None else replace(manifest, to_review=(), destroyed_at=at),
    )


def published(one: Deployment, digest: str) -> Deployment:
    """Its public record is out (R15)."""
    _only(one, DeploymentState.DESTROYED)
    return replace(one, state=DeploymentState.PUBLISHED, record_digest=digest)


def counted(one: Deployment, more: Counts) -> Deployment:
    return replace(one, counts=one.counts.plus(more))


def is_due_to_close(one: Deployment, now: datetime) -> bool:
    """Whether its window is over, whatever became of it."""
    return not one.state.is_over and now >= one.plan.ends_at


def destroy_now(one: Deployment, open_alerts: int, now: datetime) -> bool:
    """Whether its list is to be destroyed now: at once when no alert waits for an officer, and in any case in time (R9)."""
    if one.state is not DeploymentState.CLOSED or one.closed_at is None:
        return False
    return open_alerts == 0 or now >= one.closed_at + DESTROY_WITHIN


def refusal(against: Sequence[Obstacle]) -> Refused:
    """Every reason, with what would mend it."""
    return Refused(
        "the deployment cannot go on: " + "; ".join(SAYS[why] for why in against),
        remedy="; ".join(REMEDIES[why] for why in against),
    )


def _only(one: Deployment, state: DeploymentState) -> None:
    if one.state is not state:
        raise Refused(f"it is {one.state}, not {state}", remedy="look at its state")
