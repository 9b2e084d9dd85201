"""Recognition deployments over HTTP: plan, tell the public, ask for authority, start, stop, close. What is decided is
`recognition`'s."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.authority.model import Authorisation
from bowstreet.accountability.authority.policy import What
from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.authorisations import Moment, SubjectId
from bowstreet.console.desk import NOWHERE, Desk
from bowstreet.console.sight import sight_of
from bowstreet.geo import Position
from bowstreet.recognition import amendment as amendments
from bowstreet.recognition import answers, obstacles, rules
from bowstreet.recognition.model import (
    Category,
    Counts,
    Deployment,
    DeploymentUse,
    EvidenceKind,
    ImageSource,
    LegalBasis,
    LocationBasis,
    Obstacle,
    PlacedCamera,
    Plan,
    Risk,
)
from bowstreet.recognition.ports import KnownReport

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
MAX_LISTED = 200


class PlaceIn(c.Body, frozen=True, kw_only=True):
    lat: c.Latitude
    lon: c.Longitude


class CameraIn(c.Body, frozen=True, kw_only=True):
    """A configured camera, and where it stands for this deployment."""

    camera_id: SubjectId
    lat: c.Latitude
    lon: c.Longitude


class DeploymentPlan(c.Body, frozen=True, kw_only=True):
    """What authority is asked for. The zone is a ring of corners, not closed; the threshold is a cosine similarity."""

    use_case: DeploymentUse
    location_basis: LocationBasis
    zone: Annotated[tuple[PlaceIn, ...], msgspec.Meta(min_length=3, max_length=60)]
    starts_at: Moment
    ends_at: Moment
    cameras: Annotated[tuple[CameraIn, ...], msgspec.Meta(min_length=1, max_length=rules.MOST_CAMERAS)]
    threshold: Share


class PublicTold(c.Body, frozen=True, kw_only=True):
    """That a notice was published, or a sign put up before these cameras, and when. `reference`: a number, or a photograph's
    hash."""

    kind: EvidenceKind
    since: Moment
    reference: SubjectId
    camera_ids: Annotated[tuple[SubjectId, ...], msgspec.Meta(max_length=rules.MOST_CAMERAS)] = ()


class CameraBack(c.Body, frozen=True, kw_only=True):
    """This camera stands again where it was authorised."""

    camera_id: SubjectId


class VolunteerPass(c.Body, frozen=True, kw_only=True):
    """A volunteer of the list walks past a camera now (R14)."""

    person_id: SubjectId
    camera_id: SubjectId


class ReasonAgainst(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps it from being started, and what would mend that."""

    code: Obstacle
    says: str
    remedy: str


class CameraKeptOut(msgspec.Struct, frozen=True, kw_only=True):
    """A camera that is not looked at though the others are, and what would mend that."""

    camera_id: str
    code: Obstacle
    says: str
    remedy: str


class AmendmentView(msgspec.Struct, frozen=True, kw_only=True):
    """The authority that an amended plan waits for, and what that plan changes, a sentence each."""

    authority: Authorisation | None
    changes: tuple[str, ...]


class DeploymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment, its counters as they stand, its authority, and what keeps the asker from starting it now.

    `kept_out` are its cameras that are not looked at; `amended` goes with the deployment's `amendment`.
    """

    deployment: Deployment
    counts: Counts
    authority: Authorisation | None
    against: tuple[ReasonAgainst, ...]
    kept_out: tuple[CameraKeptOut, ...]
    amended: AmendmentView | None
    report: KnownReport | None
    alerts_open: int
    passes: int
    names: dict[str, str]


class CameraChoice(msgspec.Struct, frozen=True, kw_only=True):
    camera_id: str
    name: str
    position: Position | None


class UseCaseChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment may be for, where then, and with whom on its list."""

    use_case: DeploymentUse
    location_bases: tuple[LocationBasis, ...]
    categories: tuple[Category, ...]


class CategoryChoice(msgspec.Struct, frozen=True, kw_only=True):
    category: Category
    legal_bases: tuple[LegalBasis, ...]
    sources: tuple[ImageSource, ...]


class DeploymentChoices(msgspec.Struct, frozen=True, kw_only=True):
    """The closed questions with their answers, the cameras there are, and the model in use with its floor."""

    use_cases: tuple[UseCaseChoice, ...]
    categories: tuple[CategoryChoice, ...]
    risks: tuple[Risk, ...]
    cameras: tuple[CameraChoice, ...]
    model_sha256: str
    floor: float | None
    most_window_s: float
    at: datetime  # the program's time, by which windows run


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["recognition"], prefix="/recognition")
    _seen(routes, desk)
    _planned(routes, desk)
    _submitted(routes, desk)
    _run(routes, desk)
    return routes


def shown(desk: Desk, one: Deployment, who: Asker) -> DeploymentView:
    services = desk.services
    authority = services.authorities.find(one.authorisation_id)
    evidence = {told.by for told in one.evidence}
    people = {one.planned_by, one.started_by, one.authorised_by, *evidence} - {""}
    if one.manifest is not None:
        people.add(one.manifest.enrolled_by)
    if one.amendment is not None:
        people.add(one.amendment.asked_by)
    listed = 0 if one.manifest is None else one.manifest.people
    against = () if one.state.is_over else services.recognition.against(one, who.account_id)
    out = {} if one.state.is_over else services.recognition.kept_out(one)
    return DeploymentView(
        deployment=one, counts=services.recognition.counts(one), authority=authority,
        against=tuple(ReasonAgainst(code=why, says=obstacles.SAYS[why], remedy=rules.remedy(why, one)) for why in against),
        kept_out=tuple(
            CameraKeptOut(camera_id=camera_id, code=why, says=says, remedy=remedy)
            for camera_id, why in out.items() for says, remedy in (amendments.says_of_camera(why, one, camera_id),)
        ),
        amended=_amended(desk, one),
        report=services.recognition.models.report(one.plan.model_sha256, one.plan.threshold, services.clock.now(), listed),
        alerts_open=services.recognition.alerts.open_of(one.deployment_id),
        passes=len(services.recognition.passes(one.deployment_id)),
        names={by: found for by in sorted(people) if (found := desk.scene.person(by)) != by},
    )  # fmt: skip


def _amended(desk: Desk, one: Deployment) -> AmendmentView | None:
    amendment, planning = one.amendment, desk.services.recognition.planning
    if amendment is None:
        return None
    return AmendmentView(
        authority=desk.services.authorities.find(amendment.authorisation_id),
        changes=tuple(amendments.changes(one.plan, amendment.plan, planning.name_of)),
    )


def plan_of(said: DeploymentPlan) -> Plan:
    """The plan that is meant; boroughs and model are the program's to say."""
    return Plan(
        use_case=said.use_case, location_basis=said.location_basis,
        zone=tuple(Position(latitude_deg=at.lat, longitude_deg=at.lon) for at in said.zone), boroughs=(),
        starts_at=said.starts_at, ends_at=said.ends_at, threshold=said.threshold, model_sha256="",
        cameras=tuple(
            PlacedCamera(camera_id=one.camera_id, position=Position(latitude_deg=one.lat, longitude_deg=one.lon))
            for one in said.cameras
        ),
    )  # fmt: skip


def _seen(routes: APIRouter, desk: Desk) -> None:
    recognition, sees = desk.services.recognition, desk.access.needs(Action.SEE_RECOGNITION)

    @routes.get("/choices", **c.route(DeploymentChoices))
    async def choices(who: Annotated[Asker, sees]) -> Response:
        """What can be planned here: every question is closed (R1)."""
        return c.json(_choices(desk))

    @routes.get("/area", **c.route(dict[str, Any], says="Boroughs, GeoJSON"))
    async def area(who: Annotated[Asker, sees]) -> Response:
        """To draw the map with."""
        return Response(desk.services.boroughs, media_type=c.JSON, headers={"Cache-Control": "private, max-age=3600"})

    @routes.get("/deployments", **c.route(list[DeploymentView], says="Newest first, 200 at most"))
    async def list_deployments(who: Annotated[Asker, sees]) -> Response:
        """Deployments and their counters. No face, and nobody's name."""
        sight = sight_of(who.identity.boroughs)
        seen = [one for one in recognition.all() if sight.sees_all(one.plan.boroughs)]
        newest = sorted(seen, key=lambda one: one.planned_at, reverse=True)[:MAX_LISTED]
        return c.json([shown(desk, one, who) for one in newest])

    @routes.get("/deployments/{deployment_id}", **c.route(DeploymentView))
    async def one_deployment(deployment_id: c.Id, who: Annotated[Asker, sees]) -> Response:
        return c.json(shown(desk, recognition.get(deployment_id), who))


def _choices(desk: Desk) -> DeploymentChoices:
    models, cameras = desk.services.recognition.models, desk.services.recognition.planning.cameras.values()
    return DeploymentChoices(
        use_cases=tuple(
            UseCaseChoice(
                use_case=use_case, location_bases=tuple(sorted(answers.BASES[use_case])),
                categories=tuple(sorted(answers.CATEGORIES[use_case])),
            )
            for use_case in DeploymentUse
        ),
        categories=tuple(
            CategoryChoice(
                category=category, legal_bases=tuple(sorted(answers.LEGAL_BASES[category])),
                sources=tuple(sorted(answers.SOURCES[category])),
            )
            for category in Category
        ),
        risks=tuple(Risk), cameras=tuple(CameraChoice(camera_id=o.camera_id, name=o.name, position=o.position) for o in cameras),
        model_sha256=models.sha256, floor=models.floor(models.sha256), most_window_s=rules.MOST_WINDOW.total_seconds(),
        at=desk.services.clock.now(),
    )  # fmt: skip


async def _within_reach(desk: Desk, who: Asker, plan: Plan) -> None:
    """An account that is limited to boroughs plans in those only. Raises `NotPermitted`."""
    places = desk.services.recognition.planning.boroughs_of(plan) or (NOWHERE,)
    for borough in places if who.identity.boroughs else ():
        await desk.access.require(who, Action.PLAN_DEPLOYMENT, What(borough=borough), changes=False)


def _planned(routes: APIRouter, desk: Desk) -> None:
    planning, plans = desk.services.recognition.planning, desk.access.needs(Action.PLAN_DEPLOYMENT)

    @routes.post(
        "/deployments", **c.route(DeploymentView, status=201, body=DeploymentPlan, changes=True, key=True, says="Planned")
    )
    async def plan(request: Request, who: Annotated[Asker, plans]) -> Response:
        """Plan a deployment. Nothing is processed: it needs a list, notice, signs and authority first."""
        wanted = plan_of(await c.read(request, DeploymentPlan))
        await _within_reach(desk, who, wanted)

        async def act() -> Response:
            return c.json(shown(desk, await planning.plan(wanted, who.account_id), who), HTTPStatus.CREATED)

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/plan", **c.route(DeploymentView, body=DeploymentPlan, changes=True, key=True))
    async def replan(deployment_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """Another plan, while nothing is asked for. Signs are entered again."""
        wanted = plan_of(await c.read(request, DeploymentPlan))
        await _within_reach(desk, who, wanted)

        async def act() -> Response:
            return c.json(shown(desk, await planning.replan(deployment_id, wanted, who.account_id), who))

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/evidence", **c.route(DeploymentView, body=PublicTold, changes=True, key=True))
    async def tell(deployment_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """That the public was told (R15)."""
        said: PublicTold = await c.read(request, PublicTold)

        async def act() -> Response:
            made = await planning.tell(deployment_id, said.kind, said.since, said.reference, said.camera_ids, who.account_id)
            return c.json(shown(desk, made, who))

        return await desk.command(request, who, act)


def _submitted(routes: APIRouter, desk: Desk) -> None:
    planning, plans = desk.services.recognition.planning, desk.access.needs(Action.PLAN_DEPLOYMENT)

    @routes.post("/deployments/{deployment_id}/submit", **c.route(DeploymentView, changes=True, key=True))
    async def submit(deployment_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """Fix plan and list, and ask for authority. An authorising officer decides (POST /authorisations/{id}/decision)."""

        async def act() -> Response:
            return c.json(shown(desk, await planning.request_authority(deployment_id, who.account_id), who))

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/withdraw", **c.route(DeploymentView, changes=True, key=True))
    async def withdraw(deployment_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """Back to the plan. Whatever was authorised ends."""

        async def act() -> Response:
            return c.json(shown(desk, await planning.withdraw(deployment_id, who.account_id), who))

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/amend", **c.route(DeploymentView, body=DeploymentPlan, changes=True, key=True))
    async def amend(deployment_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """Cameras stand elsewhere: those are looked at no more until the amended plan is authorised."""
        wanted = plan_of(await c.read(request, DeploymentPlan))
        await _within_reach(desk, who, wanted)

        async def act() -> Response:
            return c.json(shown(desk, await planning.amend(deployment_id, wanted, who.account_id), who))

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/camera-back", **c.route(DeploymentView, body=CameraBack, changes=True, key=True))
    async def camera_back(deployment_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """A camera that was moved stands where it was authorised again."""
        said: CameraBack = await c.read(request, CameraBack)

        async def act() -> Response:
            return c.json(shown(desk, await planning.put_back(deployment_id, said.camera_id, who.account_id), who))

        return await desk.command(request, who, act)


def _run(routes: APIRouter, desk: Desk) -> None:
    recognition, needs = desk.services.recognition, desk.access.needs

    @routes.post("/deployments/{deployment_id}/start", **c.route(DeploymentView, changes=True, key=True))
    async def start(deployment_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.RUN_DEPLOYMENT)]) -> Response:
        """Look at cameras. Refused with every reason that stands against it."""

        async def act() -> Response:
            return c.json(shown(desk, await recognition.start(deployment_id, who.account_id), who))

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/stop", **c.route(DeploymentView, changes=True, key=True))
    async def stop(deployment_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.END_DEPLOYMENT)]) -> Response:
        """Look at cameras no more. It may be started again within its window."""

        async def act() -> Response:
            return c.json(shown(desk, await recognition.stop(deployment_id, who.account_id), who))

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/close", **c.route(DeploymentView, changes=True, key=True))
    async def close(deployment_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.END_DEPLOYMENT)]) -> Response:
        """Over for good: its list is destroyed, its public record made."""

        async def act() -> Response:
            return c.json(shown(desk, await recognition.close(deployment_id, who.account_id), who))

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/passes", **c.route(DeploymentView, body=VolunteerPass, changes=True, key=True))
    async def passed(deployment_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.RUN_DEPLOYMENT)]) -> Response:
        """A volunteer walks past a camera now: it should raise an alert, and counts whether or not it does."""
        said: VolunteerPass = await c.read(request, VolunteerPass)

        async def act() -> Response:
            await recognition.passed(deployment_id, said.person_id, said.camera_id, who.account_id)
            return c.json(shown(desk, recognition.get(deployment_id), who))

        return await desk.command(request, who, act)
