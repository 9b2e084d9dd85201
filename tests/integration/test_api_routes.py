"""Every route of calls, flights, fleet, airspace and people: its happy path. Who may what is in `test_who_may_what`."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.console_city import PASSWORD, SCENE, City, call, city, telemetry

from bowstreet.console.settings import EdgeSettings
from bowstreet.flight.model import GoTo, Orbit, Phase, PointGimbal
from bowstreet.flight.model import Hold as HoldCommand
from bowstreet.intake.model import IncidentState
from bowstreet.messages import (
    AccessDenied,
    AccountChanged,
    CallQuarantined,
    IncidentOpened,
    LaunchAuthorised,
    WatchEnded,
    WatchWanted,
    ZoneChanged,
)


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await made.hear_all()
    yield made
    made.services.accounts.close()


async def fly(town: City, client: Any) -> tuple[str, str, str]:
    """A call that has a drone: incident, mission, vehicle."""
    answer = await client.post("/api/v1/incidents", json=call())
    assert answer.status_code == 201, answer.text
    incident_id = answer.json()["id"]
    mission = next(m for m in town.services.flight.missions.all() if m.incident_id == incident_id)
    return incident_id, mission.mission_id, mission.vehicle_id


# --- calls and incidents ----------------------------------------------------------------------------------------------


async def test_a_call_becomes_an_incident_with_a_drone(town: City) -> None:
    async with town.program() as cad, town.signed_in("viewer") as viewer:
        incident_id, mission_id, vehicle_id = await fly(town, cad)
        seen = (await viewer.get(f"/api/v1/incidents/{incident_id}")).json()
        assert seen["incident"]["state"] == "assigned"
        assert seen["incident"]["mission_ids"] == [mission_id]
        assert seen["missions"][0]["vehicle_id"] == vehicle_id
        assert seen["decisions"][-1]["outcome"] == "assigned"
        assert seen["decisions"][-1]["considered"]
        decisions = (await viewer.get(f"/api/v1/incidents/{incident_id}/decisions")).json()
        assert decisions == seen["decisions"]
        assert [i["id"] for i in (await viewer.get("/api/v1/incidents")).json()] == [incident_id]
    assert len(await town.ledger(LaunchAuthorised)) == 1


async def test_the_same_call_twice_is_one_incident(town: City) -> None:
    async with town.program() as cad:
        first, again = await cad.post("/api/v1/incidents", json=call()), await cad.post("/api/v1/incidents", json=call())
        neighbour = await cad.post("/api/v1/incidents", json=call(id="cad-2"))
    assert (first.status_code, again.status_code, neighbour.status_code) == (201, 200, 200)
    assert first.json()["id"] == again.json()["id"] == neighbour.json()["id"]
    assert neighbour.json()["reports"] == 2
    assert first.headers["location"].endswith(first.json()["id"])


async def test_a_call_at_a_grid_point_and_without_a_time(town: City) -> None:
    async with town.program() as cad:
        answer = await cad.post(
            "/api/v1/incidents",
            json={"easting": 531700, "northing": 184900, "grade": "S", "category": "burglary", "borough": "Islington"},
        )
    assert answer.status_code == 201, answer.text
    assert answer.json()["lat"] == pytest.approx(51.547, abs=0.002)
    assert answer.json()["reported_at"] == "2026-11-23T15:00:00Z"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"latitude": 0, "longitude": 0}, 422),
        ({"latitude": SCENE.longitude_deg, "longitude": SCENE.latitude_deg}, 422),
        ({"latitude": 53.48, "longitude": -2.24}, 422),
        ({"latitude": 51.30, "longitude": -0.49}, 409),  # in the rectangle around London, in no borough
        ({"reported_at": "2026-11-23T15:00:00"}, 422),
        ({"reported_at": "yesterday"}, 422),
        ({"reported_at": "2026-11-20T15:00:00Z"}, 409),
        ({"reported_at": "2026-11-24T15:00:00Z"}, 409),
        ({"reported_at": "0001-01-01T00:00:00+23:59"}, 409),
        ({"grade": "Z"}, 422),
        ({"grade": None}, 422),
        ({"category": ""}, 422),
        ({"category": 7}, 422),
        ({"latitude": "51.5"}, 422),
        ({"latitude": None}, 422),
        ({"text": "x" * 10_001}, 422),
    ],
)
async def test_a_call_that_cannot_be_used_is_kept_and_never_flown(town: City, change: dict[str, Any], status: int) -> None:
    async with town.program() as cad:
        answer = await cad.post("/api/v1/incidents", json=call(**change))
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"]
    assert problem["remedy"]
    held = town.services.intake.quarantined.get(problem["quarantine_id"])
    assert "robbery" in held.raw or "category" in change
    assert len(await town.ledger(CallQuarantined)) == 1
    assert await town.ledger(IncidentOpened) == []
    assert town.services.flight.missions.all() == []


async def test_quarantine_is_for_dispatchers(town: City) -> None:
    async with town.program() as cad:
        await cad.post("/api/v1/incidents", json=call(grade="Z"))
    async with town.signed_in("dispatcher") as dispatcher:
        [held] = (await dispatcher.get("/api/v1/quarantine")).json()
        assert "raw" not in held
        whole = (await dispatcher.get(f"/api/v1/quarantine/{held['id']}")).json()
        assert "knife" in whole["raw"]
    async with town.signed_in("viewer") as viewer:
        assert (await viewer.get("/api/v1/quarantine")).status_code == 403


async def test_manual_launch_says_why_not_and_flies(town: City) -> None:
    async with town.signed_in("dispatcher") as dispatcher:
        referred = (await dispatcher.post("/api/v1/incidents", json=call(grade="E"))).json()
        launch = f"/api/v1/incidents/{referred['id']}/launch"
        if town.services.intake.incidents.get(referred["id"]).state is IncidentState.CLOSED:
            assert (await dispatcher.post(launch, json={"vehicle_id": "d1", "reason": "asked"})).status_code == 409
        assert (await dispatcher.post(launch, json={"vehicle_id": "none", "reason": "asked"})).status_code in (404, 409)


async def test_close_calls_the_drone_back(town: City) -> None:
    async with town.signed_in("dispatcher") as dispatcher:
        incident_id, mission_id, _ = await fly(town, dispatcher)
        closed = await dispatcher.post(f"/api/v1/incidents/{incident_id}/close", json={"reason": "false call"})
        assert closed.status_code == 200, closed.text
        assert closed.json()["state"] == "closed"
        again = await dispatcher.post(f"/api/v1/incidents/{incident_id}/close", json={"reason": "false call"})
        assert again.status_code == 409
        assert (await dispatcher.get("/api/v1/incidents")).json() == []
        assert len((await dispatcher.get("/api/v1/incidents?closed=true")).json()) == 1
    assert town.services.flight.missions.get(mission_id).phase not in (Phase.OUTBOUND, Phase.ON_SCENE)


# --- flights ----------------------------------------------------------------------------------------------------------


async def test_recall(town: City) -> None:
    async with town.signed_in("dispatcher") as dispatcher:
        _, mission_id, _ = await fly(town, dispatcher)
        assert [m["id"] for m in (await dispatcher.get("/api/v1/missions")).json()] == [mission_id]
        assert (await dispatcher.post(f"/api/v1/missions/{mission_id}/recall", json={"reason": "not needed"})).status_code == 204
        assert (await dispatcher.post("/api/v1/missions/mis-none/recall", json={"reason": "x"})).status_code == 404


async def airborne(town: City, vehicle_id: str, mission_id: str) -> None:
    """Fly the mission until it is on its way."""
    for height_m in (0.0, 0.0, 20.0, 45.0, 90.0, 90.0, 90.0):
        await town.advance(2.0)
        at = telemetry(
            vehicle_id, town.clock.now(), SCENE if height_m == 90.0 else town_home(town, vehicle_id), height_m=height_m
        )
        await town.services.flight.on_telemetry(at)
        await open_docks(town)
    assert town.services.flight.missions.get(mission_id).phase.is_airborne


def town_home(town: City, vehicle_id: str) -> Any:
    from tests.integration.console_city import DOCKS

    return DOCKS[f"k{vehicle_id[1:]}"]


async def open_docks(town: City) -> None:
    from tests.integration.console_city import DOCKS

    from bowstreet.flight.model import DockStatus
    from bowstreet.flight.ports import DockReport

    for number, dock_id in enumerate(DOCKS):
        await town.services.flight.on_dock(
            DockReport(dock_id=dock_id, status=DockStatus.OPEN, pads=(number + 1,), wind_speed_mps=4.0, wind_from_deg=240.0)
        )


async def test_a_pilot_takes_control_and_flies(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor, town.signed_in("pilot") as pilot:
        _, mission_id, vehicle_id = await fly(town, supervisor)
        await airborne(town, vehicle_id, mission_id)
        path = f"/api/v1/missions/{mission_id}"
        before = await pilot.post(f"{path}/commands", json={"type": "hold"})
        assert before.status_code == 403, before.text
        assert (await pilot.post(f"{path}/control")).status_code == 204
        [shown] = (await pilot.get("/api/v1/missions")).json()
        assert shown["pilot_account_id"] == town.people["pilot"].account_id
        assert shown["pilot"] == "A pilot"
        for command, kind in (
            ({"type": "hold"}, HoldCommand),
            ({"type": "goto", "latitude": 51.545, "longitude": -0.104, "height_m_above_dock": 60}, GoTo),
            ({"type": "orbit", "latitude": 51.545, "longitude": -0.104, "radius_m": 40}, Orbit),
            ({"type": "gimbal", "pitch_deg": 10}, PointGimbal),
        ):
            answer = await pilot.post(f"{path}/commands", json=command)
            assert answer.status_code == 204, answer.text
            assert isinstance(town.link.sent[-1][1], kind)
        sent = len(town.link.sent)
        assert (await supervisor.post(f"{path}/commands", json={"type": "hold"})).status_code == 403
        assert (await supervisor.delete(f"{path}/control")).status_code == 403
        assert len(town.link.sent) == sent
        assert [denial.rule for denial in await town.ledger(AccessDenied)] == ["not-theirs"] * 3
        assert (await pilot.delete(f"{path}/control")).status_code == 204
        assert town.services.flight.missions.get(mission_id).pilot is None


@pytest.mark.parametrize(
    "body",
    [
        {}, [], "hold", {"type": "eject"}, {"type": "hold", "more": 1}, {"type": "goto", "latitude": 51, "longitude": 0},
        {"type": "goto", "latitude": 91, "longitude": 0, "height_m_above_dock": 50},
        {"type": "goto", "latitude": 51.5, "longitude": -0.1, "height_m_above_dock": 500},
        {"type": "goto", "latitude": 51.5, "longitude": -0.1, "height_m_above_dock": 15},
        {"type": "orbit", "latitude": 51.5, "longitude": -0.1, "radius_m": 6},
        {"type": "zoom", "zoom": 0.5}, {"type": "zoom", "zoom": "near"}, {"type": "zoom"},
        {"type": "gimbal", "pitch_deg": "down"}, {"type": "orbit", "latitude": 51.5, "longitude": -0.1, "radius_m": 0},
    ],
)  # fmt: skip
async def test_commands_are_checked_before_they_are_anybodys(town: City, body: Any) -> None:
    async with town.signed_in("pilot") as pilot:
        answer = await pilot.post("/api/v1/missions/mis-1/commands", json=body)
    assert answer.status_code == 422
    assert town.link.sent == []


# --- fleet and airspace -----------------------------------------------------------------------------------------------


async def test_fleet(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        vehicles = {v["id"]: v for v in (await supervisor.get("/api/v1/vehicles")).json()}
        assert set(vehicles) == {"d1", "d2"}
        assert vehicles["d1"]["charge_fraction"] == 1.0
        docks = (await supervisor.get("/api/v1/docks")).json()
        assert [(d["id"], d["pads"], d["pads_taken"]) for d in docks] == [("k1", 1, 1), ("k2", 1, 1)]
        assert (await supervisor.post("/api/v1/vehicles/d1/ground", json={"reason": "a bent propeller"})).status_code == 204
        assert {v["id"]: v["status"] for v in (await supervisor.get("/api/v1/vehicles")).json()}["d1"] == "grounded"
        assert (await supervisor.post("/api/v1/vehicles/d1/release", json={"reason": "mended"})).status_code == 204
        assert {v["id"]: v["status"] for v in (await supervisor.get("/api/v1/vehicles")).json()}["d1"] != "grounded"
        assert (await supervisor.post("/api/v1/vehicles/none/ground", json={"reason": "x"})).status_code == 404
        assert (await supervisor.post("/api/v1/vehicles/d1/ground", json={"reason": ""})).status_code == 422


async def test_zones(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        zones = (await supervisor.get("/api/v1/airspace/zones")).json()
        pilot = next(z for z in zones["features"] if z["id"] == "islington-pilot")
        longitude, latitude = pilot["geometry"]["coordinates"][0][0]
        assert (latitude, longitude) == (pytest.approx(51.55, abs=0.1), pytest.approx(-0.1, abs=0.1))
        assert pilot["properties"]["active"] is True
        off = await supervisor.post(
            "/api/v1/airspace/zones/islington-pilot/activation", json={"active": False, "reason": "fireworks"}
        )
        assert off.status_code == 204
        zones = (await supervisor.get("/api/v1/airspace/zones")).json()
        assert next(z for z in zones["features"] if z["id"] == "islington-pilot")["properties"]["active"] is False
        assert (
            await supervisor.post("/api/v1/airspace/zones/none/activation", json={"active": False, "reason": "x"})
        ).status_code == 404
    [change] = await town.ledger(ZoneChanged)
    assert change.by == town.people["supervisor"].account_id


async def test_boroughs(town: City) -> None:
    async with town.signed_in("viewer") as viewer:
        boroughs = (await viewer.get("/api/v1/map/boroughs")).json()
    assert len(boroughs["features"]) >= 32


# --- people -----------------------------------------------------------------------------------------------------------


async def test_accounts(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        made = await supervisor.post("/api/v1/accounts", json={"name": "Ada", "role": "dispatcher", "password": PASSWORD})
        assert made.status_code == 201, made.text
        assert PASSWORD not in made.text
        taken = await supervisor.post("/api/v1/accounts", json={"name": "ADA", "role": "viewer", "password": PASSWORD})
        assert taken.status_code == 409
        names = [account["name"] for account in (await supervisor.get("/api/v1/accounts")).json()]
        assert sorted(names) == ["A supervisor", "Ada"]
        async with town.client() as ada:
            opened = await ada.post("/api/v1/session", json={"name": "Ada", "password": PASSWORD})
            assert "launch" in opened.json()["may"]
            gone = await supervisor.post(f"/api/v1/accounts/{made.json()['account_id']}/disable")
            assert gone.json()["disabled_at"]
            assert (await ada.get("/api/v1/session")).status_code == 401
        me = town.people["supervisor"].account_id
        assert (await supervisor.post(f"/api/v1/accounts/{me}/disable")).status_code == 409
    assert [change.change for change in await town.ledger(AccountChanged)][-1] == "disabled"


async def test_service_tokens(town: City) -> None:
    async with town.signed_in("supervisor") as supervisor:
        issued = (await supervisor.post("/api/v1/service-tokens", json={"label": "CAD"})).json()
        async with town.client(headers={"Authorization": f"Bearer {issued['secret']}"}) as cad:
            assert (await cad.post("/api/v1/incidents", json=call())).status_code == 201
            assert (await cad.get("/api/v1/incidents")).status_code == 403
            assert (await cad.get("/api/v1/session")).json()["role"] == "cad"
            revoked = await supervisor.post(f"/api/v1/service-tokens/{issued['token']['token_id']}/revoke")
            assert revoked.status_code == 204
            assert (await cad.post("/api/v1/incidents", json=call())).status_code == 401
        assert issued["secret"] not in (await supervisor.get("/api/v1/service-tokens")).text


async def test_change_password(town: City) -> None:
    async with town.signed_in("viewer") as viewer:
        wrong = await viewer.post("/api/v1/session/password", json={"old": "wrong", "new": PASSWORD + "!"})
        assert wrong.status_code == 401
        assert (await viewer.post("/api/v1/session/password", json={"old": PASSWORD, "new": PASSWORD + "!"})).status_code == 204
        assert (await viewer.get("/api/v1/session")).status_code == 401
        again = await viewer.post("/api/v1/session", json={"name": "A viewer", "password": PASSWORD + "!"})
        assert again.status_code == 200


# --- HTTP itself ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"a": NaN}', "application/json", 400),
        (b'{"a": 1e999}', "application/json", 422),
        (b'{"text": "\\ud800"}', "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"a":' * 10_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'"x"', "application/json; charset=utf-8", 422),
        (b"{}", "application/json; charset=utf-16", 415),
        (b"{}", "text/plain", 415),
        (b"grade=I", "application/x-www-form-urlencoded", 415),
        (b"x" * 270_000, "application/json", 413),
    ],
)
async def test_malformed_bodies(town: City, content: bytes, content_type: str, status: int) -> None:
    async with town.signed_in("supervisor") as client:
        for path in ("/incidents", "/accounts", "/incidents/inc-1/launch"):
            answer = await client.post(f"/api/v1{path}", content=content, headers={"Content-Type": content_type})
            # What fits no schema may be refused as that before its end is seen to be no JSON.
            expected = {400, 422} if status == 400 else {status}
            assert answer.status_code in expected, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_methods_and_addresses(town: City) -> None:
    async with town.signed_in("supervisor") as client:
        wrong = await client.put("/api/v1/incidents", json={})
        assert wrong.status_code == 405
        assert wrong.headers["allow"] == "GET, POST"
        assert (await client.delete("/api/v1/missions/mis-1/recall")).headers["allow"] == "POST"
        assert (await client.get("/api/v1/none")).status_code == 404
        assert (await client.get("/api/v1/incidents/..%2f..%2fsecret")).status_code in (404, 422)
        assert (await client.get("/api/v1/incidents/inc-none")).status_code == 404


async def test_a_flood_of_calls_is_answered_429(town: City) -> None:
    async with town.program() as cad:
        codes = [(await cad.post("/api/v1/incidents", json=call(grade="Z"))).status_code for _ in range(205)]
    assert codes[:200] == [422] * 200
    assert codes[200:] == [429] * 5


async def test_documents_and_health(town: City) -> None:
    async with town.client() as client:
        document = (await client.get("/api/v1/openapi.json")).json()
        assert document["openapi"].startswith("3.1")
        assert document["components"]["schemas"]["CallAtPosition"]["properties"]["latitude"]["minimum"] > 51
        assert (await client.get("/healthz")).text == "ok\n"
        ready = await client.get("/readyz")
        assert ready.status_code == 200
        assert {check["name"]: check["ok"] for check in ready.json()["checks"]} == {
            "store": True,
            "ledger": True,
            "bus": True,
            "links": True,
        }
        figures = await client.get("/metrics")
        assert "bowstreet_drones_ready" in figures.text
        assert "bowstreet_live_connections 0.0" in figures.text
        assert (await client.get("/")).status_code in (200, 503)


async def test_a_store_that_fails_is_not_ready() -> None:
    from bowstreet.errors import StoreUnavailable
    from bowstreet.runtime.memory import MemoryStore

    class FullStore(MemoryStore):
        full = False

        async def commit(self, batch: Any) -> None:
            if self.full:
                raise StoreUnavailable("the disk is full", remedy="make room")
            await super().commit(batch)

    store = FullStore()
    town = await city(store=store)
    async with town.signed_in("supervisor") as client:
        store.full = True
        town.clock.advance_to(town.clock.now().replace(minute=1))
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert [check["name"] for check in ready.json()["checks"] if not check["ok"]] == ["store"]
        refused = await client.post("/api/v1/incidents", json=call())
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
    assert town.services.intake.incidents.all() == []


async def test_metrics_need_loopback_or_a_token() -> None:
    import httpx

    town = await city(EdgeSettings(metrics_token="scrape"))
    far = httpx.ASGITransport(town.console.app, client=("10.1.2.3", 5))
    async with httpx.AsyncClient(transport=far, base_url="http://127.0.0.1:8700") as client:
        assert (await client.get("/metrics")).status_code == 403
        assert (await client.get("/metrics", headers={"Authorization": "Bearer wrong"})).status_code == 403
        assert (await client.get("/metrics", headers={"Authorization": "Bearer scrape"})).status_code == 200


# --- watches ----------------------------------------------------------------------------------------------------------


async def test_eyes_are_kept_on_an_incident_and_let_go(town: City) -> None:
    async with town.signed_in("dispatcher") as client:
        incident_id, _, _ = await fly(town, client)
        kept = await client.post(
            f"/api/v1/incidents/{incident_id}/watch", json={"type": "keep", "reason": "missing-person", "minutes": 60}
        )
        assert kept.status_code == 200, kept.text
        watch = kept.json()["watch"]
        assert (watch["reason"], watch["until"]) == ("missing-person", "2026-11-23T16:00:00Z")
        assert watch["handovers"] == 0
        for wrong in (
            {"type": "keep", "reason": "curiosity", "minutes": 60},
            {"type": "keep", "reason": "missing-person", "minutes": 1},
        ):
            assert (await client.post(f"/api/v1/incidents/{incident_id}/watch", json=wrong)).status_code == 422
        gone = await client.post(f"/api/v1/incidents/{incident_id}/watch", json={"type": "let-go"})
        assert gone.json()["watch"] is None
        assert (await client.get(f"/api/v1/incidents/{incident_id}/picture")).status_code == 404
    assert [(one.why, one.by != "") for one in await town.ledger(WatchWanted)] == [("missing-person", True)]
    assert len(await town.ledger(WatchEnded)) == 1
