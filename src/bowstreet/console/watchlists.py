"""A deployment's list over HTTP: import it row by row, look who is on it, review, take off. Each look is on record (R16)."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing.model import Matter
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.looking import consult
from bowstreet.errors import NotFound
from bowstreet.recognition.enrol import Import
from bowstreet.recognition.listfile import MOST_ROWS
from bowstreet.recognition.listing import Entry, ImageQuality, RowResult
from bowstreet.recognition.model import Category, ImageSource, LegalBasis, Risk

JPEG = "image/jpeg"
Line = Annotated[int, Path(ge=1, le=2**31)]
ImageNumber = Annotated[int, Path(ge=0, le=99)]


class ImportView(msgspec.Struct, frozen=True, kw_only=True):
    """An import under way: what became of each line so far. Give each waiting line its image, then finish."""

    import_id: str
    deployment_id: str
    lines: tuple[RowResult, ...]


class FinishImport(c.Body, frozen=True, kw_only=True):
    """Make the list. `leave_out`: go on without the lines that cannot be used."""

    leave_out: bool = False


class ListedView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on the list, with the measures of each image, best first as given."""

    person_id: str
    reference: str
    name: str
    category: Category
    risk: Risk
    under_18: bool
    vulnerable: bool
    waits_for_review: bool
    images: tuple["ListedImage", ...]


class ListedImage(msgspec.Struct, frozen=True, kw_only=True):
    source: ImageSource
    legal_basis: LegalBasis
    captured_on: date
    aged: bool
    quality: ImageQuality


class ListingVerdict(c.Body, frozen=True, kw_only=True):
    """A second person's word on somebody under 18 or vulnerable (R6): approve, or take them off."""

    approve: bool


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["recognition"], prefix="/recognition")
    _imported(routes, desk)
    _people(routes, desk)
    return routes


def _view(made: Import) -> ImportView:
    return ImportView(
        import_id=made.import_id, deployment_id=made.deployment_id, lines=tuple(one for _, one in sorted(made.results.items()))
    )


def _imported(routes: APIRouter, desk: Desk) -> None:
    recognition, plans = desk.services.recognition, desk.access.needs(Action.PLAN_DEPLOYMENT)
    planning, enrolment = recognition.planning, recognition.enrolment

    @routes.put("/lists/{deployment_id}", **_file(ImportView, "text/csv", status=201, says="Begun"))
    async def begin(deployment_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """Begin an import: the rows as CSV (docs/recognition.md). Nothing stands until it is finished."""
        made = await planning.begin_import(deployment_id, await request.body(), who.account_id)
        return c.json(_view(made), HTTPStatus.CREATED)

    @routes.get("/lists/{deployment_id}/{import_id}", **c.route(ImportView))
    async def under_way(
        deployment_id: c.Id, import_id: c.Id, who: Annotated[Asker, desk.access.needs(Action.SEE_WATCHLIST)]
    ) -> Response:  # fmt: skip
        """What became of each line so far."""
        return c.json(_view(enrolment.get(deployment_id, import_id)))

    @routes.put("/lists/{deployment_id}/{import_id}/images/{line}", **_file(RowResult, "application/octet-stream"))
    async def image(
        deployment_id: c.Id, import_id: c.Id, line: Line, request: Request, who: Annotated[Asker, plans]
    ) -> Response:  # fmt: skip
        """The image of a line: what became of it. A bad one may be given again."""
        if line > MOST_ROWS * 2:
            raise NotFound("there is no such line", remedy="see the lines of the import")
        made = enrolment.mine(deployment_id, import_id, who.account_id)
        return c.json(await enrolment.add(made, line, await request.body()))

    @routes.post(
        "/lists/{deployment_id}/{import_id}/finish",
        **c.route(
            list[RowResult], body=FinishImport, changes=True, key=True, says="The list stands; lines that a person should look at"
        ),
    )
    async def finish(deployment_id: c.Id, import_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """All of it becomes the deployment's list, or nothing does."""
        said: FinishImport = await c.read(request, FinishImport)

        async def act() -> Response:
            return c.json(await planning.finish_import(deployment_id, import_id, who.account_id, leave_out=said.leave_out))

        return await desk.command(request, who, act)

    @routes.delete("/lists/{deployment_id}/{import_id}", **c.route(status=204, changes=True))
    async def give_up(deployment_id: c.Id, import_id: c.Id, request: Request, who: Annotated[Asker, plans]) -> Response:
        """Nothing of it stays."""
        await enrolment.give_up(enrolment.get(deployment_id, import_id))
        return nothing()


def _people(routes: APIRouter, desk: Desk) -> None:
    recognition, needs = desk.services.recognition, desk.access.needs
    enrolment, planning = recognition.enrolment, recognition.planning

    def entries(deployment_id: str) -> Any:
        manifest = recognition.get(deployment_id).manifest
        if manifest is None:
            raise NotFound("the deployment has no list", remedy="import one")
        return enrolment.open(manifest), manifest

    @routes.get("/deployments/{deployment_id}/people", **c.route(list[ListedView]))
    async def people(deployment_id: c.Id, who: Annotated[Asker, needs(Action.SEE_WATCHLIST)]) -> Response:
        """Who is on the list. That you look is on record first."""
        _, manifest = entries(deployment_id)
        await consult(desk.services.consultations, who, Matter.WATCHLIST, deployment_id)
        by_person = await enrolment.people(manifest)
        return c.json([_listed(some, manifest.to_review) for some in by_person.values()])

    @routes.get("/deployments/{deployment_id}/people/{person_id}/images/{image}", **_picture())
    async def image(
        deployment_id: c.Id, person_id: c.Id, image: ImageNumber, who: Annotated[Asker, needs(Action.SEE_WATCHLIST)]
    ) -> Response:  # fmt: skip
        """One image of somebody on the list."""
        opened, _ = entries(deployment_id)
        await consult(desk.services.consultations, who, Matter.WATCHLIST, deployment_id)
        entry = opened.entry(person_id, image)
        if entry is None:
            raise NotFound("there is no such image", remedy="see the list")
        return Response(entry.image, media_type=JPEG)

    @routes.post(
        "/deployments/{deployment_id}/people/{person_id}/review",
        **c.route(status=204, body=ListingVerdict, changes=True, key=True),
    )
    async def review(
        deployment_id: c.Id, person_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.REVIEW_LISTING)]
    ) -> Response:  # fmt: skip
        """Approve that somebody under 18 or vulnerable is listed, or take them off (R6). Not by whoever made the list."""
        said: ListingVerdict = await c.read(request, ListingVerdict)

        async def act() -> Response:
            await planning.review(deployment_id, person_id, who.account_id, approve=said.approve)
            return nothing()

        return await desk.command(request, who, act)

    @routes.post("/deployments/{deployment_id}/people/{person_id}/take-off", **c.route(status=204, changes=True, key=True))
    async def take_off(
        deployment_id: c.Id, person_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.PLAN_DEPLOYMENT)]
    ) -> Response:  # fmt: skip
        """Somebody is not wanted any more: the list is made again without them."""

        async def act() -> Response:
            await planning.take_off(deployment_id, person_id, who.account_id)
            return nothing()

        return await desk.command(request, who, act)


def _listed(some: list[Entry], to_review: tuple[str, ...]) -> ListedView:
    person = some[0].person
    return ListedView(
        person_id=person.person_id, reference=person.reference, name=person.name, category=person.category, risk=person.risk,
        under_18=person.under_18, vulnerable=person.vulnerable, waits_for_review=person.person_id in to_review,
        images=tuple(
            ListedImage(
                source=one.source, legal_basis=one.legal_basis, captured_on=one.captured_on, aged=one.aged, quality=one.quality
            )
            for one in some
        ),
    )  # fmt: skip


def _file(answer: Any, media_type: str, *, status: int = 200, says: str = "Done") -> dict[str, Any]:
    said = c.route(answer, status=status, changes=True, says=says)
    said["openapi_extra"]["requestBody"] = {
        "required": True,
        "content": {media_type: {"schema": {"type": "string", "format": "binary"}}},
    }
    return said


def _picture() -> dict[str, Any]:
    said = c.route(says="A JPEG")
    said["responses"][200]["content"] = {JPEG: {"schema": {"type": "string", "format": "binary"}}}
    return said
