"""A media server of the tests, a program of its own: takes a stream in and answers WHEP on another origin, for those whose token the
console has signed. Run with the port to listen on, the stream's address, and the console's address."""

import asyncio
import json
import sys
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.responses import Response

from bowstreet.errors import BowstreetError
from bowstreet.runtime.clock import SystemClock
from bowstreet.video.model import VideoSource
from bowstreet.video.service import VideoService
from bowstreet.video.whep import Whep

ALLOWED = {"Access-Control-Allow-Methods": "POST, DELETE, OPTIONS", "Access-Control-Allow-Headers": "authorization, content-type"}


class MediaServer:
    def __init__(self, port: int, address: str, console: str) -> None:
        self._here, self._console = f"http://127.0.0.1:{port}", console
        self._video = VideoService([VideoSource(source_id="cam", address=address)], SystemClock())
        self._whep = Whep(self._video)
        self.app = FastAPI()
        self.app.add_api_route("/{source}/whep", self._offer, methods=["POST"])
        self.app.add_api_route("/{source}/whep/{session}", self._end, methods=["DELETE"])
        self.app.add_api_route("/{path:path}", self._options, methods=["OPTIONS"])
        self.port = port

    async def run(self) -> None:
        taking = asyncio.ensure_future(self._video.run())
        server = uvicorn.Server(uvicorn.Config(self.app, host="127.0.0.1", port=self.port, log_level="warning"))
        try:
            await server.serve()
        finally:
            taking.cancel()

    def _answer(self, status: int, body: str = "", **headers: str) -> Response:
        shared = {"Access-Control-Allow-Origin": self._console, "Access-Control-Expose-Headers": "Location"}
        return Response(body, status, {**shared, **headers}, media_type="application/sdp")

    async def _options(self, path: str) -> Response:
        return self._answer(204, **ALLOWED)

    async def _offer(self, source: str, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not await asyncio.to_thread(self._lets_in, token, source):
            return self._answer(401)
        try:
            session, answer = await self._whep.offer(source, await request.body())
        except BowstreetError as error:
            return self._answer(409, error.message)
        return self._answer(201, answer, Location=f"/{source}/whep/{session}")

    async def _end(self, source: str, session: str) -> Response:
        await self._whep.end(session)
        return self._answer(204)

    def _lets_in(self, token: str, source: str) -> bool:
        """As MediaMTX does it: by the public keys at an address, and what the token says of paths."""
        with urllib.request.urlopen(f"{self._console}/api/v1/video/keys", timeout=5) as answer:
            keys = KeySet.import_key_set(json.loads(answer.read()))
        try:
            claims: dict[str, Any] = jwt.decode(token, keys, algorithms=["ES256"]).claims
            jwt.JWTClaimsRegistry(exp={"essential": True}, aud={"essential": True, "value": self._here}).validate(claims)
        except (JoseError, ValueError):
            return False
        return {"action": "read", "path": source} in claims["mediamtx_permissions"]


if __name__ == "__main__":
    assert urlsplit(sys.argv[3]).scheme == "http"
    asyncio.run(MediaServer(int(sys.argv[1]), sys.argv[2], sys.argv[3]).run())
