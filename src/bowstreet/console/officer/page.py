"""`/officer`: the page itself. Its own small program, with stricter rules than the console's."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from bowstreet.console.static_files import serve_page

NAME = "officer.html"


def policy(tile_origins: Sequence[str] = ()) -> str:
    """Nothing but its own script, style, answers and pictures; no form, no frame, no worker."""
    tiles = "".join(f" {origin}" for origin in tile_origins)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' blob:{tiles}; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def router(folder: Path, tile_origins: Sequence[str] = ()) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy(tile_origins),
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
    }

    @routes.api_route("/officer", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return serve_page(folder, NAME, request, headers)

    return routes
