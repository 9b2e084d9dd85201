"""The public log at `/log/…` (c2sp.org/tlog-tiles): readable by anyone and by any client of that format, without signing in."""

from http import HTTPStatus

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from bowstreet.accountability import tiles
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.console.static_files import IMMUTABLE
from bowstreet.errors import NotFound

PREFIX = "/log"
TEXT = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"
# A page of any other site may read it: it is public, and no cookie is ever sent along.
ANYONE = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


def router(log: TransparencyLog) -> APIRouter:
    routes = APIRouter(prefix=PREFIX, include_in_schema=False)

    @routes.api_route("/checkpoint", methods=["GET", "HEAD"])
    async def checkpoint() -> Response:
        if log.note is None:
            raise NotFound("no checkpoint is published yet", remedy="ask again in a minute")
        return Response(log.note.write(), media_type=TEXT, headers={**ANYONE, "Cache-Control": "no-cache"})

    @routes.api_route("/key", methods=["GET", "HEAD"])
    async def key() -> Response:
        keys = "".join(f"{one.write()}\n" for one in log.keys)
        return Response(keys, media_type=TEXT, headers={**ANYONE, "Cache-Control": "no-cache"})

    @routes.api_route("/key-transitions", methods=["GET", "HEAD"])
    async def transitions() -> Response:
        said = msgspec.json.encode([one.note for one in log.transitions])
        return Response(said, media_type="application/json", headers={**ANYONE, "Cache-Control": "no-cache"})

    @routes.api_route("/tile/{path:path}", methods=["GET", "HEAD"])
    async def tile(path: str) -> Response:
        level, index, width = tiles.read_path(f"tile/{path}")
        data = await (log.entries(index, width) if level is None else log.tile(level, index, width))
        # A partial tile does not change either: a wider one has another name.
        return Response(data, HTTPStatus.OK, {**ANYONE, "Cache-Control": IMMUTABLE}, OCTETS)

    return routes
