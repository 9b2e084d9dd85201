"""One's own viewings over HTTP: what is open and how old its pictures are, what is kept of it, and viewings of another server."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.accountability.model import Action
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk, nothing
from bowstreet.console.media_server import MediaServer
from bowstreet.console.viewings import Viewings, ViewingView
from bowstreet.errors import NotFound
from bowstreet.video.viewing import Picture

Pixels = Annotated[float, msgspec.Meta(ge=1, le=8_192)]


class Watching(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody watches. All times are microseconds of Unix time; `at_us` is this machine's clock as it answers."""

    at_us: int
    viewings: tuple[ViewingView, ...]


class Snapshot(c.Body, frozen=True, kw_only=True):
    """A picture that is kept: what its pixels are (SHA-256 of RGBA, row by row), and when it was taken, if that is known."""

    pixels_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    width_px: Pixels
    height_px: Pixels
    captured_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    snapshot_id: str
    at: datetime


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Where a viewing's pictures are had, and what opens it for a minute ("" when nothing is needed). Whoever is still there says
    so every `renew_s` seconds, or the viewing is over."""

    viewing_id: str
    whep: str
    token: str
    renew_s: float


class KeySet(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 7517."""

    keys: tuple[dict[str, Any], ...]


RENEW_S = 5.0


def router(desk: Desk, viewings: Viewings) -> APIRouter:
    routes = APIRouter(tags=["video"])
    services, needs, video = desk.services, desk.access.needs, desk.services.video

    def media_server() -> MediaServer:
        found = desk.settings.media_server
        if found is None:
            raise NotFound("pictures come from here, not from a media server", remedy="use the WHEP address of the source")
        return found

    @routes.get("/video/viewings", **c.route(Watching))
    async def own(who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """One's own viewings now, and when the pictures of each were taken."""
        told = tuple(viewings.of(who))
        return c.json(Watching(at_us=round(video.clock.now().timestamp() * 1e6), viewings=told))

    @routes.post("/video/viewings/{viewing_id}/snapshots", **c.route(Kept, status=201, body=Snapshot, changes=True, key=True))
    async def keep(viewing_id: c.Id, request: Request, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """Put on record that one picture of a viewing is kept as a file. The picture itself stays with who keeps it."""
        said: Snapshot = await c.read(request, Snapshot)
        picture = Picture(
            captured_at=said.captured_at, width_px=int(said.width_px), height_px=int(said.height_px),
            pixels_sha256=said.pixels_sha256,
        )  # fmt: skip

        async def act() -> Response:
            snapshot_id = await viewings.snapshot(who, viewing_id, picture)
            return c.json(Kept(snapshot_id=snapshot_id, at=services.clock.now()), HTTPStatus.CREATED)

        return await desk.command(request, who, act)

    @routes.post("/video/{source_id}/viewings", **c.route(Elsewhere, status=201, changes=True))
    async def begin(source_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """Begin a viewing of the media server's pictures: on record, then its address is told."""
        server = media_server()
        shown = await viewings.begin_elsewhere(who, source_id)
        token = server.token(shown.viewing_id, source_id, video.clock.now())
        told = Elsewhere(viewing_id=shown.viewing_id, whep=server.address(source_id), token=token, renew_s=RENEW_S)
        return c.json(told, HTTPStatus.CREATED)

    @routes.post("/video/viewings/{viewing_id}/renew", **c.route(status=204, changes=True))
    async def renew(viewing_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """Still there. Not found: it is over, and nothing more may be shown."""
        viewings.renew(who, viewing_id)
        return nothing()

    @routes.delete("/video/viewings/{viewing_id}", **c.route(status=204, changes=True))
    async def leave(viewing_id: c.Id, who: Annotated[Asker, needs(Action.WATCH)]) -> Response:
        """End one's own viewing of the media server's pictures."""
        await viewings.end_elsewhere(who, viewing_id)
        return nothing()

    @routes.get("/video/keys", **c.route(KeySet))
    async def keys() -> Response:
        """The public key that a media server checks viewers' tokens with. For everybody: it is public."""
        signer = media_server().signer
        if signer is None:
            raise NotFound("no key is configured for the media server", remedy="set video.token_key")
        return c.json(signer.keys())

    return routes
