"""The public addresses. Nobody signs in; what anybody can send is small, seldom, and from these pages' own forms."""

from http import HTTPStatus
from importlib import resources

import msgspec
import shapely
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability import checkpoint as proofs
from bowstreet.accountability.disclosure.model import Release, ReleaseBody
from bowstreet.console.access import address_of
from bowstreet.console.desk import Desk
from bowstreet.console.limits import Buckets
from bowstreet.console.log import ANYONE, TEXT
from bowstreet.console.problems import status_of
from bowstreet.console.public import checkpoints, deployments, feed, forms, pages
from bowstreet.console.public.parts import JSON, page
from bowstreet.console.public.summary import Summary, of
from bowstreet.console.static_files import IMMUTABLE
from bowstreet.errors import BowstreetError, NotFound, TooManyAttempts
from bowstreet.recognition import publication
from bowstreet.recognition.model import PublicRecord

NO_STORE = "no-store"
FRESH = {**ANYONE, "Cache-Control": "no-cache"}


class ReleaseLine(msgspec.Struct, frozen=True, kw_only=True):
    release_id: str
    digest: str
    flights: int
    address: str


class Summaries:
    """Releases never change: each is read once."""

    def __init__(self) -> None:
        self._known: dict[str, Summary] = {}

    def of(self, one: Release) -> Summary:
        if one.release_id not in self._known:
            self._known[one.release_id] = of(_read(one))
        return self._known[one.release_id]


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(prefix="/public", include_in_schema=False)
    _flights(routes, desk)
    _deployments(routes, desk)
    _checkpoints(routes, desk)
    _requests(routes, desk)
    return routes


def _flights(routes: APIRouter, desk: Desk) -> None:
    services, summaries = desk.services, Summaries()
    disclosure = services.disclosure
    borders = shapely.union_all([borough.polygon for borough in services.intake.area.boroughs])
    # Less a street's width: areas that only touch the border from outside are not drawn.
    inner = borders.buffer(-0.001)

    def newest_first() -> list[tuple[Release, Summary]]:
        ordered = sorted(disclosure.releases.all(), key=lambda one: one.start, reverse=True)
        return [(one, summaries.of(one)) for one in ordered]

    def warning() -> str:
        return checkpoints.alarm(services.gossip.forks.all())

    @routes.api_route("", methods=["GET", "HEAD"])
    async def index() -> Response:
        body = pages.index(disclosure, newest_first(), inner)
        return page(f"{disclosure.operator}: flights", warning() + body, at="/public")

    @routes.api_route("/style.css", methods=["GET", "HEAD"])
    async def style() -> Response:
        return Response(resources.files("bowstreet.console.public").joinpath("style.css").read_bytes(), media_type="text/css")

    @routes.api_route("/feed.atom", methods=["GET", "HEAD"])
    async def atom(request: Request) -> Response:
        told = [(one, summary.flights) for one, summary in newest_first()]
        text = feed.atom(disclosure.operator, services.log.key.name, told, _host(desk, request))
        return Response(text, media_type=feed.ATOM, headers=FRESH)

    @routes.api_route("/releases.json", methods=["GET", "HEAD"])
    async def releases() -> Response:
        lines = [
            ReleaseLine(
                release_id=one.release_id, digest=one.digest, flights=summary.flights,
                address=f"/public/releases/{one.release_id}.json",
            )
            for one, summary in reversed(newest_first())
        ]  # fmt: skip
        return Response(msgspec.json.encode(lines), media_type=JSON, headers=FRESH)

    @routes.api_route("/releases/{release_id}.json", methods=["GET", "HEAD"])
    async def release_json(release_id: str) -> Response:
        text = _found(desk, release_id).text
        return Response(text, media_type=JSON, headers={**ANYONE, "Cache-Control": IMMUTABLE})

    @routes.api_route("/releases/{release_id}", methods=["GET", "HEAD"])
    async def release_page(request: Request, release_id: str) -> Response:
        one = _found(desk, release_id)
        bundle = checkpoints.bundle_command(services.log)
        body = pages.release(one, _read(one), disclosure.areas, inner, _host(desk, request), bundle)
        return page(f"Release {release_id}", warning() + body)


def _deployments(routes: APIRouter, desk: Desk) -> None:
    recognition, services = desk.services.recognition, desk.services

    @routes.api_route("/recognition", methods=["GET", "HEAD"])
    async def deployed() -> Response:
        coming = deployments.announced(recognition.all(), services.clock.now())
        body = deployments.index(coming, [publication.read(one.text) for one in recognition.records.newest()])
        return page(f"{recognition.records.operator}: facial recognition", body, at=deployments.AT)

    @routes.api_route("/recognition.json", methods=["GET", "HEAD"])
    async def deployed_json() -> Response:
        told = b",".join(one.text.encode() for one in recognition.records.newest())
        return Response(b"[" + told + b"]", media_type=JSON, headers=FRESH)

    @routes.api_route("/recognition/{deployment_id}.json", methods=["GET", "HEAD"])
    async def record_json(deployment_id: str) -> Response:
        text = _recorded(desk, deployment_id).text
        return Response(text, media_type=JSON, headers={**ANYONE, "Cache-Control": IMMUTABLE})

    @routes.api_route("/recognition/{deployment_id}", methods=["GET", "HEAD"])
    async def record_page(request: Request, deployment_id: str) -> Response:
        one = _recorded(desk, deployment_id)
        body = publication.read(one.text)
        shown = deployments.page(one, body, _host(desk, request), checkpoints.bundle_command(services.log))
        return page(f"Facial recognition, {body.planned_from:%Y-%m-%d}", shown)


def _recorded(desk: Desk, deployment_id: str) -> PublicRecord:
    one = desk.services.recognition.records.all.find(deployment_id)
    if one is None:
        raise NotFound("there is no record of such a deployment", remedy="see /public/recognition for those that there are")
    return one


def _checkpoints(routes: APIRouter, desk: Desk) -> None:
    services = desk.services
    handed_in = Buckets(desk.settings.limits.public_lookups, services.real_clock)

    def shown(request: Request, answer: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
        body = checkpoints.body(services.log, services.gossip, _host(desk, request), answer)
        alarm = checkpoints.alarm(services.gossip.forks.all())
        return page("Check the record", alarm + body, at="/public/checkpoints", status=status)

    @routes.api_route("/checkpoints", methods=["GET", "HEAD"])
    async def chain(request: Request) -> Response:
        return shown(request)

    @routes.api_route("/checkpoints.json", methods=["GET", "HEAD"])
    async def chain_json() -> Response:
        found = checkpoints.views(services.log.history(checkpoints.MOST), services.log.witness_keys)
        return Response(msgspec.json.encode(found), media_type=JSON, headers=FRESH)

    @routes.api_route("/checkpoints/{size}", methods=["GET", "HEAD"])
    async def one_of_them(size: str) -> Response:
        for line in services.log.history(checkpoints.MOST):
            if str(line.size) == size and line.note:
                return Response(line.note, media_type=TEXT, headers=FRESH)
        raise NotFound("no checkpoint of this size is kept here", remedy="see /public/checkpoints for those that are")

    @routes.post("/checkpoints")
    async def compare(request: Request) -> Response:
        try:
            _take(handed_in, request)
            said = forms.fields(await request.body(), request.headers.get("content-type", "")).get("note", "")
            checkpoint, note = proofs.read((said.replace("\r\n", "\n").strip() + "\n").encode())
            agrees = await services.gossip.compare(note)
        except BowstreetError as error:
            return shown(request, checkpoints.refused(error.message, error.remedy), status_of(error))
        return shown(request, checkpoints.compared(agrees, checkpoint.size))


def _requests(routes: APIRouter, desk: Desk) -> None:
    services = desk.services
    filing = Buckets(desk.settings.limits.public_requests, services.real_clock)
    lookups = Buckets(desk.settings.limits.public_lookups, services.real_clock)

    def shown(
        status: HTTPStatus = HTTPStatus.OK, given: dict[str, str] | None = None, problem: str = "", found: str = ""
    ) -> Response:
        row = services.retention.table.find(services.correspondence.retention_class)
        assert row is not None, "a table without it is refused at start"
        body = forms.body(services.disclosure.operator, row.days, given=given, problem=problem, looked_up=found)
        return page("Ask or complain", body, at="/public/requests", status=status, cache=NO_STORE)

    @routes.api_route("/requests", methods=["GET", "HEAD"])
    async def form() -> Response:
        return shown()

    @routes.post("/requests")
    async def file(request: Request) -> Response:
        given: dict[str, str] = {}
        try:
            given = forms.fields(await request.body(), request.headers.get("content-type", ""))
            kind = forms.kind_of(given.get("kind", ""))
            _take(filing, request)
            one, reference = await services.correspondence.file(kind, given.get("contact", ""), given.get("words", ""))
        except BowstreetError as error:
            return shown(status_of(error), given, f"{error.message}: {error.remedy}")
        return page("It has come", forms.received(one, reference), status=HTTPStatus.CREATED, cache=NO_STORE)

    @routes.post("/requests/status")
    async def status(request: Request) -> Response:
        try:
            _take(lookups, request)
            given = forms.fields(await request.body(), request.headers.get("content-type", ""))
            one = services.correspondence.status(given.get("reference", "")[:100])
        except BowstreetError as error:
            return shown(status_of(error), problem=f"{error.message}: {error.remedy}")
        return shown(found=forms.status(one))


def _take(buckets: Buckets, request: Request) -> None:
    if not buckets.take(address_of(request)):
        raise TooManyAttempts("too many came from your address", remedy="wait some minutes, or write to the operator")


def _host(desk: Desk, request: Request) -> str:
    """The address that was asked; the edge has refused every other name."""
    return f"{'https' if desk.settings.https else 'http'}://{request.headers.get('host', '')}"


def _found(desk: Desk, release_id: str) -> Release:
    one = desk.services.disclosure.releases.find(release_id)
    if one is None:
        raise NotFound("there is no such release", remedy="see /public for those that there are")
    return one


def _read(one: Release) -> ReleaseBody:
    return msgspec.json.decode(one.text, type=ReleaseBody)
