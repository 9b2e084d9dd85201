"""The built console: the page, its assets with lasting names, and a plain word when it was not built."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, Response

from bowstreet.errors import NotFound

# Vite puts a hash of the content into the name of what stands under assets/: it never changes under its name.
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
# What a browser runs when it is called with the page closed: it loads no script, asks for nothing, and shows one icon of ours.
WORKER, WORKER_POLICY = "alerts-worker.js", "default-src 'none'; img-src 'self'"
COMPRESSED = {"br": ".br", "gzip": ".gz"}

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Bowstreet</title>
<h1>The console is not built</h1><p>Run <code>make console</code>, then load this page again. The program itself runs:
see <a href="/healthz">/healthz</a> and <a href="/api/v1/openapi.json">the API</a>.</p></html>"""


def router(folder: Path) -> APIRouter:
    """Serves `folder`. Paths without an extension are addresses inside the console, so they get its page."""
    routes = APIRouter(include_in_schema=False)
    root = folder.resolve()

    @routes.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def file(path: str, request: Request) -> Response:
        if path in ("api", "metrics") or path.startswith(("api/", "log/")):
            raise NotFound("there is nothing at this address", remedy="see /api/v1/openapi.json")
        if path.startswith("public/"):
            raise NotFound("there is no such page", remedy="begin at /public")
        found = _inside(root, path)
        if found is not None:
            served = _serve(found, request, IMMUTABLE if path.startswith("assets/") else REVALIDATE)
            if path == WORKER:
                served.headers["Content-Security-Policy"] = WORKER_POLICY
            return served
        if "." in path.rpartition("/")[2]:
            raise NotFound("there is no such file in the console", remedy="load the page again; it may have been updated")
        return _page(root, request)

    return routes


def _inside(root: Path, path: str) -> Path | None:
    """The file at `path` under `root`; None when there is none, or it would lie outside."""
    if not path or "\0" in path:
        return None
    try:
        wanted = (root / path).resolve()
        return wanted if wanted.is_relative_to(root) and wanted.is_file() else None
    except OSError:  # a name too long for the file system
        return None


def _page(root: Path, request: Request) -> Response:
    return serve_page(root, "index.html", request, {"Cache-Control": REVALIDATE})


def serve_page(root: Path, name: str, request: Request, headers: Mapping[str, str]) -> Response:
    """A page of the build, with headers of its own."""
    file = root / name
    if not file.is_file():
        return HTMLResponse(NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE, headers)
    served = _serve(file, request, headers["Cache-Control"])
    served.headers.update(headers)
    return served


def _serve(file: Path, request: Request, caching: str) -> Response:
    accepted = request.headers.get("accept-encoding", "")
    for coding, suffix in COMPRESSED.items():
        packed = file.with_name(file.name + suffix)
        if coding in accepted and packed.is_file():
            headers = {"Cache-Control": caching, "Content-Encoding": coding, "Vary": "Accept-Encoding"}
            return FileResponse(packed, headers=headers, media_type=_media_type(file))
    return FileResponse(file, headers={"Cache-Control": caching}, media_type=_media_type(file))


_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}


def _media_type(file: Path) -> str:
    """By a fixed table: the system's own differs from machine to machine, and a wrong one is not run under nosniff."""
    return _MEDIA_TYPES.get(file.suffix, "application/octet-stream")
