"""A server for tests of the console's page: docs/live-feed.md over a `City`, with the program's own types and headers.

    python -m tests.browser.feed_server --drones 300 --flying 300 --boroughs FILE

It prints its address and runs until it is stopped. `/test/…` addresses let a test make things happen and see what was asked.
"""

import argparse
import asyncio
import json
import math
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from bowstreet.accountability.authority.policy import shipped
from bowstreet.accountability.model import Role
from bowstreet.console import views as v
from bowstreet.console.accounts import AccountView, IssuedToken, TokenView
from bowstreet.console.airspace import ZoneProperties
from bowstreet.console.frames import Me, Snapshot, Tick
from bowstreet.console.headers import SECURITY_HEADERS, content_security_policy
from bowstreet.console.settings import STATIC
from tests.browser.city import CENTRE, City, metres

TICK_S = 0.2
PASSWORD = "correct horse battery"
SETUP_TOKEN = "setup-token-once"
ENCODERS: dict[str, Callable[[Any], bytes]] = {"bowstreet.json": msgspec.json.encode, "bowstreet.msgpack": msgspec.msgpack.encode}
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>{{7*7}}'


class FeedServer:
    """The state behind the routes. Anybody signs in with `PASSWORD` and a role's name as theirs."""

    def __init__(self, city: City, boroughs: bytes, static: Path = STATIC) -> None:
        self.city = city
        self.boroughs = boroughs
        self.static = static
        self.zones = example_zones()
        self.sessions: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        self.silent = False
        self.closing: int | None = None
        self.seq = 0
        self.frames: dict[str, bytes] = {}
        self.turned = asyncio.Condition()
        self.accounts = {f"acc-{role}": self._account(f"acc-{role}", role, role) for role in Role if role is not Role.CAD}
        self.tokens: dict[str, TokenView] = {}
        self.heartbeats = 0

    def _account(self, account_id: str, name: str, role: str) -> AccountView:
        return AccountView(
            account_id=account_id, name=name, role=role, boroughs=(), created_at=self.city.at, disabled_at=None, by_provider=False
        )  # fmt: skip

    # --- the feed -------------------------------------------------------------------------------------------------------

    def me(self, role: str) -> Me:
        return Me(account_id=f"acc-{role}", name=role, role=role, may=tuple(a.value for a in shipped().actions_of(Role(role))))

    def run(self) -> v.RunView:
        return v.RunView(
            demo="islington", speed=1.0, version="0.1.0", operator="Metropolitan Police Service (demo)",
            demand_note="Calls are made from published rates; nothing here is real.",
        )  # fmt: skip

    def _wind(self) -> v.WindView:
        return v.WindView(speed_mps=5.1, from_deg=240, gust_mps=8.0)

    def _ledger(self) -> v.LedgerView:
        return v.LedgerView(size=1200 + len(self.city.events), root="9f2c" * 16)

    def snapshot(self, role: str) -> Snapshot:
        city = self.city
        return Snapshot(
            seq=self.seq, at=city.at, run=self.run(), me=self.me(role), drones=list(city.drones), docks=list(city.docks.values()),
            incidents=list(city.incidents.values()), missions=list(city.missions.values()), events=city.events[-500:],
            wind=self._wind(), ledger=self._ledger(),
        )  # fmt: skip

    async def turn(self) -> None:
        """Frames, five a second, for as long as the server runs."""
        told, before = len(self.city.events), {}
        while True:
            began = time.perf_counter()
            if not self.silent:
                self.city.step(TICK_S)
                self.seq += 1
                tick = self._tick(told, before)
                told = len(self.city.events)
                self.frames = {name: encode(tick) for name, encode in ENCODERS.items()}
                async with self.turned:
                    self.turned.notify_all()
            await asyncio.sleep(max(0.0, TICK_S - (time.perf_counter() - began)))

    def _tick(self, told: int, before: dict[int, v.DroneView]) -> Tick:
        city = self.city
        rows = []
        for i, d in enumerate(city.drones):
            if before.get(i) is not d:
                before[i] = d
                rows.append(
                    (
                        i,
                        d.lat,
                        d.lon,
                        d.heading_deg,
                        d.ground_speed_mps,
                        d.height_m_above_dock,
                        d.charge_fraction,
                        d.status,
                        d.phase,
                    )
                )
        changed = {kind: {key for k, key in city.changed if k == kind} for kind in ("drones", "docks", "incidents", "missions")}
        city.changed.clear()
        return Tick(
            seq=self.seq, at=city.at, d=rows, drones=[d for d in city.drones if d.id in changed["drones"]],
            docks=[city.docks[key] for key in changed["docks"]], incidents=[city.incidents[key] for key in changed["incidents"]],
            missions=[city.missions[key] for key in changed["missions"]], events=city.events[told:], ledger=self._ledger(),
        )  # fmt: skip

    async def live(self, socket: WebSocket) -> None:
        role = self.sessions.get(socket.cookies.get("bowstreet", ""))
        encoding = next(
            (name for name in ("bowstreet.msgpack", "bowstreet.json") if name in socket.scope["subprotocols"]), "bowstreet.json"
        )
        await socket.accept(encoding)
        if role is None:
            await socket.close(4401, "sign in first")
            return
        listening = asyncio.create_task(self._listen(socket))
        try:
            await self._say(socket, encoding, ENCODERS[encoding](self.snapshot(role)))
            while not listening.done():
                async with self.turned:
                    await self.turned.wait()
                if self.closing is not None:
                    await socket.close(self.closing)
                    return
                await self._say(socket, encoding, self.frames[encoding])
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            listening.cancel()

    async def _listen(self, socket: WebSocket) -> None:
        while (await socket.receive())["type"] != "websocket.disconnect":
            self.heartbeats += 1

    @staticmethod
    async def _say(socket: WebSocket, encoding: str, frame: bytes) -> None:
        if encoding == "bowstreet.json":
            await socket.send_text(frame.decode())
        else:
            await socket.send_bytes(frame)

    # --- HTTP -------------------------------------------------------------------------------------------------------------

    async def api(self, request: Request) -> Response:
        """Every route of the API: checked as the program checks, answered from the city."""
        path = request.url.path.removeprefix("/api/v1/")
        body = await request.body()
        said = json.loads(body) if body else {}
        self.asked.append({"method": request.method, "path": path, "body": said, "key": request.headers.get("idempotency-key")})
        role = self.sessions.get(request.cookies.get("bowstreet", ""))
        if (request.method, path) in (("POST", "session"), ("POST", "setup")):
            return self._enter(path, said)
        if role is None:
            return problem(401, "not-signed-in", "sign in first", "sign in")
        if request.method != "GET" and request.headers.get("x-bowstreet-csrf") != f"csrf-{role}":
            return problem(403, "csrf", "the CSRF value is missing or wrong", "load the page again")
        return self._answer(request.method, path.split("/"), said, role)

    def _enter(self, path: str, said: dict[str, Any]) -> Response:
        name = said["name"]
        if path == "setup":
            if said["token"] != SETUP_TOKEN:
                return problem(401, "not-signed-in", "the link is wrong, used or too old", "start the program again")
            name = "supervisor"
        elif said["password"] != PASSWORD or name not in {role.value for role in Role}:
            return problem(401, "not-signed-in", "name or password is wrong", "try again, or ask a supervisor")
        self.sessions[f"session-{name}"] = name
        answer = answered(self._session(name), 201 if path == "setup" else 200)
        answer.set_cookie("bowstreet", f"session-{name}", httponly=True, samesite="strict", path="/")
        return answer

    def _session(self, role: str) -> dict[str, Any]:
        said = {"csrf": f"csrf-{role}", "proofs": ["password"], "at": self.city.at.isoformat(), "speed": 1.0}
        return msgspec.to_builtins(self.me(role)) | said

    def _quarantine(self, held: list[str]) -> Any:
        """The list, or one report as it came."""
        if held:
            return {"id": held[0], "raw": '{"latitude": 151.2}' if held[0] == "qua-0" else HOSTILE}
        reasons = {17: "latitude 151.2 is not on Earth", None: "grade X is not known"}
        return [
            v.QuarantineView(id=f"qua-{n}", at=self.city.at, source="cad", line=line, reason=reason)
            for n, (line, reason) in enumerate(reasons.items())
        ]

    def _answer(self, method: str, path: list[str], said: dict[str, Any], role: str) -> Response:
        city = self.city
        match method, path:
            case "GET", ["session"]:
                return answered(self._session(role))
            case "DELETE", ["session"]:
                self.sessions.pop(f"session-{role}", None)
                return Response(status_code=204)
            case "GET", ["map", "boroughs"]:
                return Response(self.boroughs, media_type="application/json")
            case "GET", ["airspace", "zones"]:
                return answered(self.zones)
            case "GET", ["incidents", incident, "decisions"] if incident in city.incidents:
                return answered(city.decisions(incident))
            case "GET", ["quarantine", *held]:
                return answered(self._quarantine(held))
            case "GET", ["incidents", incident, "words"] if incident in city.incidents:
                return answered({"incident_id": incident, "words": city.words[incident]})
            case "GET", ["accounts"]:
                return answered(list(self.accounts.values()))
            case "GET", ["service-tokens"]:
                return answered(list(self.tokens.values()))
            case "POST", _:
                return self._act(path, said, role)
            case "DELETE", ["missions", mission, "control"]:
                city.change_mission(mission, pilot=None, pilot_account_id=None, phase="on-scene")
                return Response(status_code=204)
        return nowhere()

    def _act(self, path: list[str], said: dict[str, Any], role: str) -> Response:
        match path[0]:
            case "incidents":
                return self._incident(path[1:], said, role)
            case "missions":
                return self._mission(path[1], path[2], said, role)
            case "vehicles":
                return self._vehicle(path[1], path[2], said)
            case "airspace":
                next(f for f in self.zones["features"] if f["id"] == path[2])["properties"]["active"] = said["active"]
                self.city.tell("zone", f"Airspace {path[2]} changed by {role}", "notice")
                return Response(status_code=204)
            case _:
                return self._people(path, said, role)

    def _incident(self, path: list[str], said: dict[str, Any], role: str) -> Response:
        city = self.city
        match path:
            case []:
                place = (said["latitude"], said["longitude"])
                return answered(city.call(grade=said["grade"], category=said["category"], text=said["text"], place=place), 201)
            case [incident, "launch"]:
                number = next(n for n, drone in enumerate(city.drones) if drone.id == said["vehicle_id"])
                if city.drones[number].mission_id is not None:
                    return problem(409, "refused", f"{said['vehicle_id']} has a mission", "choose another drone")
                return answered(city.launch(number, city.incidents[incident], by=role), 201)
            case [incident, "close"]:
                city.change_incident(incident, state="closed", close_reason="withdrawn", closed_at=city.at)
                return answered(city.incidents[incident])
        return nowhere()

    def _mission(self, mission: str, verb: str, said: dict[str, Any], role: str) -> Response:
        city = self.city
        match verb:
            case "recall":
                reason = v.ReasonView(code="recalled", text=said["reason"], vehicle_id=None)
                city.change_mission(mission, return_reason=reason, pilot=None, pilot_account_id=None)
            case "control":
                city.change_mission(mission, pilot=role, pilot_account_id=f"acc-{role}", phase="controlled")
            case "commands" if city.missions[mission].pilot != role:
                return problem(409, "conflict", "you are not in control of it", "take control first")
            case "commands" if said["type"] == "zoom":
                number = next(n for n, drone in enumerate(city.drones) if drone.id == city.missions[mission].vehicle_id)
                city.drones[number] = msgspec.structs.replace(city.drones[number], zoom=said["zoom"])
                city.changed.add(("drones", city.drones[number].id))
                city.change_mission(mission, zoom=said["zoom"])
        return Response(status_code=204)

    def _vehicle(self, vehicle: str, verb: str, said: dict[str, Any]) -> Response:
        city = self.city
        number = next(n for n, drone in enumerate(city.drones) if drone.id == vehicle)
        status, why = ("grounded", said["reason"]) if verb == "ground" else ("ready", "")
        city.drones[number] = msgspec.structs.replace(city.drones[number], status=status, reason=why)
        city.changed.add(("drones", vehicle))
        return Response(status_code=204)

    def _people(self, path: list[str], said: dict[str, Any], role: str) -> Response:
        match path:
            case ["accounts"]:
                account = self._account(f"acc-{len(self.accounts)}", said["name"], said["role"])
                self.accounts[account.account_id] = account
                return answered(account, 201)
            case ["accounts", key, "disable"]:
                self.accounts[key] = msgspec.structs.replace(self.accounts[key], disabled_at=self.city.at)
                return answered(self.accounts[key])
            case ["service-tokens"]:
                token = TokenView(
                    token_id=f"tok-{len(self.tokens)}", created_at=self.city.at, created_by=role, revoked_at=None, **said
                )  # fmt: skip
                self.tokens[token.token_id] = token
                return answered(IssuedToken(token=token, secret="bow_secret_shown_once"), 201)
            case ["service-tokens", key, "revoke"]:
                self.tokens[key] = msgspec.structs.replace(self.tokens[key], revoked_at=self.city.at)
                return Response(status_code=204)
        return nowhere()

    # --- for tests ----------------------------------------------------------------------------------------------------------

    async def test(self, request: Request) -> Response:
        """Make something happen: what, and with what, is in the body."""
        said = await request.json()
        match request.path_params["what"]:
            case "silent":
                self.silent = said["silent"]
            case "close":
                self.closing = said["code"]
            case "call":
                return answered(self.city.call(**said), 201)
            case "fly-over":
                return answered(self.city.fly_over(**said), 201)
            case "event":
                self.city.tell(**said)
            case "asked":
                asked, self.asked = self.asked, []
                return answered(asked)
            case "heartbeats":
                return answered(self.heartbeats)
            case "leave":
                self.sessions.clear()
        return Response(status_code=204)

    def app(self) -> Starlette:
        methods = ["GET", "POST", "DELETE"]
        return Starlette(routes=[
            WebSocketRoute("/api/v1/live", self.live),
            Route("/api/v1/{path:path}", self.api, methods=methods),
            Route("/test/{what}", self.test, methods=["POST"]),
            Mount("/", StaticFiles(directory=self.static, html=True)),
        ])  # fmt: skip


def answered(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(status: int, kind: str, detail: str, remedy: str) -> Response:
    said = {
        "type": f"urn:bowstreet:problem:{kind}",
        "title": kind.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "remedy": remedy,
    }
    return Response(json.dumps(said), status, media_type="application/problem+json")


def nowhere() -> Response:
    return problem(404, "not-found", "there is nothing at this address", "see the contract")


def example_zones() -> dict[str, Any]:
    """Two zones near the centre: one active, one not."""

    def zone(zone_id: str, name: str, east: float, north: float, radius: float, *, active: bool) -> dict[str, Any]:
        turns = [n * math.pi / 24 for n in range(49)]
        ring = [metres(*CENTRE, east + radius * math.sin(turn), north + radius * math.cos(turn)) for turn in turns]
        known = ZoneProperties(
            zone_id=zone_id, name=name, kind="restricted area", restriction="PROHIBITED", active=active, lower_m=0.0,
            lower_datum="AGL", upper_m=426.7, upper_datum="AMSL", source="SI 1300/2017", authority="CAA",
            for_operational_use=False,
        )  # fmt: skip
        shape = {"type": "Polygon", "coordinates": [[[lon, lat] for lat, lon in ring]]}
        return {"type": "Feature", "id": zone_id, "geometry": shape, "properties": msgspec.to_builtins(known)}

    return {"type": "FeatureCollection", "features": [
        zone("EGR158", "R158 Hyde Park", -2400, -3600, 1500, active=True),
        zone("HMPP", "HMP Pentonville", -900, -100, 400, active=True),
        zone("HELI", "London Heliport", 2600, 2600, 1100, active=False),
    ]}  # fmt: skip


def square_boroughs() -> bytes:
    """Nine squares with names, where no file of boundaries is given."""
    features = []
    for n, name in enumerate(
        ("Camden", "Islington", "Hackney", "Westminster", "City", "Tower Hamlets", "Lambeth", "Southwark", "Greenwich")
    ):
        west, south = -0.26 + (n % 3) * 0.1, 51.62 - (n // 3) * 0.055
        ring = [[west, south], [west + 0.1, south], [west + 0.1, south - 0.055], [west, south - 0.055], [west, south]]
        features.append({"type": "Feature", "properties": {"name": name}, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


class SecureHeaders:
    """The headers that the program's edge puts on every answer, so that a page that breaks its policy fails here, too."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.headers = [*SECURITY_HEADERS, (b"content-security-policy", content_security_policy().encode())]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.headers]
            await send(message)

        await self.app(scope, receive, sending)


async def serve(server: FeedServer, sock: socket.socket) -> None:
    config = uvicorn.Config(SecureHeaders(server.app()), log_level="warning", ws="websockets-sansio", lifespan="off")
    turning = asyncio.create_task(server.turn())
    try:
        await uvicorn.Server(config).serve(sockets=[sock])
    finally:
        turning.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the built console over a synthetic city, for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--drones", type=int, default=300)
    parser.add_argument("--flying", type=int, default=24)
    parser.add_argument("--waiting", type=int, default=6)
    parser.add_argument("--spread", type=float, default=9_000.0, metavar="METRES")
    parser.add_argument("--boroughs", type=Path, help="GeoJSON of boundaries; squares when left out")
    asked = parser.parse_args()
    sock = socket.create_server(("127.0.0.1", asked.port))
    city = City(drone_count=asked.drones, flying=asked.flying, waiting=asked.waiting, spread_m=asked.spread, at=datetime.now(UTC))
    city.call(grade="S", category=HOSTILE[:100], text=HOSTILE)
    boroughs = asked.boroughs.read_bytes() if asked.boroughs else square_boroughs()
    print(f"http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
    asyncio.run(serve(FeedServer(city, boroughs), sock))


if __name__ == "__main__":
    main()
