"""Deployments, lists and alerts over HTTP: who may do what, elsewhere, twice, and what the answers hold."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from tests.integration.console_city import PASSWORD, START, City, city
from tests.unit.recognition_world import COLUMNS, PROBE, THRESHOLD, ZONE, people, photo, row

from bowstreet.accountability.model import Role
from bowstreet.messages import AlertViewed, Consulted, DeploymentPublished
from bowstreet.recognition.alerts.model import Alert, Look, Sighting
from bowstreet.recognition.ports import CameraState

API = "/api/v1/recognition"
NAMES = list(people())


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    yield made
    await made.services.recognition.close_all()
    made.services.accounts.close()


@asynccontextmanager
async def limited(town: City, role: str, borough: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who is limited to a borough."""
    name = f"A {role} of {borough}"
    await town.services.accounts.create(town.people["supervisor"], name, Role(role), PASSWORD, (borough,))
    async with town.client() as client:
        answer = await client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        client.headers["X-Bowstreet-CSRF"] = answer.json()["csrf"]
        yield client


def a_plan(**changes: Any) -> dict[str, Any]:
    return {
        "use_case": "find-people-wanted", "location_basis": "recorded-crime-hotspot", "threshold": THRESHOLD,
        "zone": [{"lat": at.latitude_deg, "lon": at.longitude_deg} for at in ZONE],
        "starts_at": START.isoformat(), "ends_at": (START + timedelta(hours=4)).isoformat(),
        "cameras": [{"camera_id": name, "lat": 51.5465, "lon": -0.103} for name in ("north", "south")],
    } | changes  # fmt: skip


async def imported(operator: httpx.AsyncClient, deployment_id: str, rows: list[str], images: dict[str, bytes]) -> Any:
    begun = await operator.put(f"{API}/lists/{deployment_id}", content=(COLUMNS + "\n".join(rows)).encode())
    assert begun.status_code == 201, begun.text
    import_id = begun.json()["import_id"]
    for line in begun.json()["lines"]:
        if line["image"] in images:
            answer = await operator.put(
                f"{API}/lists/{deployment_id}/{import_id}/images/{line['line']}", content=images[line["image"]]
            )
            assert answer.status_code == 200, answer.text
    return await operator.get(f"{API}/lists/{deployment_id}/{import_id}")


async def submitted(operator: httpx.AsyncClient, *wanted: str) -> dict[str, Any]:
    """A deployment with its list, notice and signs, for which authority is asked."""
    made = await operator.post(f"{API}/deployments", json=a_plan())
    assert made.status_code == 201, made.text
    dep = made.json()["deployment"]["deployment_id"]
    told = {"since": START.isoformat(), "reference": "n-1"}
    for kind, cameras in (("public-notice", []), ("sign", ["north", "south"])):
        answer = await operator.post(f"{API}/deployments/{dep}/evidence", json=told | {"kind": kind, "camera_ids": cameras})
        assert answer.status_code == 200, answer.text
    images = {f"{name}.jpg": photo(name) for name in wanted}
    standing = await imported(operator, dep, [row(name, f"{name}.jpg") for name in wanted], images)
    assert {line["state"] for line in standing.json()["lines"]} == {"ready"}, standing.text
    done = await operator.post(f"{API}/lists/{dep}/{standing.json()['import_id']}/finish", json={})
    assert done.status_code == 200, done.text
    asked = await operator.post(f"{API}/deployments/{dep}/submit")
    assert asked.status_code == 200, asked.text
    return dict(asked.json())


async def running(town: City, operator: httpx.AsyncClient, *wanted: str) -> str:
    asked = await submitted(operator, *wanted)
    dep, authorisation = asked["deployment"]["deployment_id"], asked["deployment"]["authorisation_id"]
    async with town.signed_in("authorising-officer") as officer:
        decided = await officer.post(f"/api/v1/authorisations/{authorisation}/decision", json={"allow": True})
        assert decided.status_code == 200, decided.text
    started = await operator.post(f"{API}/deployments/{dep}/start")
    assert started.status_code == 200, started.text
    return str(dep)


async def raised(town: City, deployment_id: str, reference: str) -> Alert:
    service, now = town.services.recognition, town.clock.now()
    manifest = service.get(deployment_id).manifest
    assert manifest is not None
    person = next(
        one.person.person_id for one in service.enrolment.open(manifest).entries() if one.person.reference == reference
    )  # fmt: skip
    looks = tuple(Look(at=now, person_id=person, score=score, quality=0.7) for score in (0.61, 0.72))
    made = await service.submit(Sighting(deployment_id=deployment_id, camera_id="north", track_id="7", looks=looks, probe=PROBE))
    assert isinstance(made, Alert)
    return made


async def test_what_keeps_it_from_starting_is_told_in_the_order_of_mending_as_it_stands(town: City) -> None:
    async with town.signed_in("recognition-operator") as operator:
        first = await running(town, operator, NAMES[0])
        planned = (await operator.post(f"{API}/deployments", json=a_plan())).json()
        codes = [one["code"] for one in planned["against"]]
        assert codes == ["no-list", "no-public-notice", "no-signs", "no-authority", "another-deployment-runs"]
        asked = await submitted(operator, NAMES[1])
        remedies = {one["code"]: one["remedy"] for one in asked["against"]}
        assert "it is asked for" in remedies["no-authority"]  # and not: ask for it
        refused = await operator.post(f"{API}/deployments/{asked['deployment']['deployment_id']}/start")
        assert refused.status_code == 409
        assert first in refused.json()["detail"]
        assert "Islington until" in refused.json()["detail"]  # people know it by its place
        assert (await operator.post(f"{API}/deployments/{first}/stop")).status_code == 200
        now = (await operator.get(f"{API}/deployments/{asked['deployment']['deployment_id']}")).json()
        assert [one["code"] for one in now["against"]] == ["no-authority"]


async def test_a_deployment_over_http(town: City) -> None:
    async with town.signed_in("recognition-operator") as operator, town.signed_in("adjudicating-officer") as officer:
        dep = await running(town, operator, NAMES[0])
        alert = await raised(town, dep, NAMES[0])
        assert (await operator.get(f"{API}/alerts")).status_code == 403  # who runs it sees no alert
        [line] = (await officer.get(f"{API}/alerts")).json()
        assert line["state"] == "raised"
        assert not {"name", "reference", "probe", "image"} & line.keys()
        address = f"{API}/alerts/{alert.alert_id}"
        assert (await officer.post(f"{address}/claim")).status_code == 200
        blind = await officer.post(f"{address}/decision", json={"engage": True, "judgement": "same-person"})
        assert blind.status_code == 409
        assert "R11" in blind.json()["detail"]
        pictures = (await officer.get(address)).json()
        assert base64.b64decode(pictures["probe"]) == PROBE
        assert pictures["name"] == f"Name of {NAMES[0]}"
        assert "A person must decide" in pictures["statement"]
        [viewed] = await town.ledger(AlertViewed)
        assert (viewed.alert_id, viewed.justification) == (alert.alert_id, "adjudication")
        decided = await officer.post(f"{address}/decision", json={"engage": True, "judgement": "same-person"})
        assert decided.json()["state"] == "engaged"
        told = await officer.post(f"{address}/outcome", json={"identity": "confirmed-true", "disposal": "arrest"})
        assert told.json()["state"] == "settled"
        closed = await operator.post(f"{API}/deployments/{dep}/close")
        assert closed.json()["deployment"]["state"] == "closed"
        await town.services.recognition.look()
        over = (await operator.get(f"{API}/deployments/{dep}")).json()["deployment"]
        assert over["state"] == "published"
        assert (await operator.get(f"{API}/deployments/{dep}/people")).status_code == 404
        # The alert stays for its month; of the list nothing is shown any more.
        after = (await officer.get(address)).json()
        assert (after["name"], after["listed"]) == ("", [])


async def test_nothing_starts_without_every_condition(town: City) -> None:
    async with town.signed_in("recognition-operator") as operator:
        made = (await operator.post(f"{API}/deployments", json=a_plan())).json()
        against = {one["code"] for one in made["against"]}
        assert {"no-authority", "no-list", "no-public-notice", "no-signs"} <= against
        dep = made["deployment"]["deployment_id"]
        asked = await operator.post(f"{API}/deployments/{dep}/submit")
        assert asked.status_code == 409
        standing = await imported(operator, dep, [row("P001", "P001.jpg")], {"P001.jpg": photo("P001")})
        await operator.post(f"{API}/lists/{dep}/{standing.json()['import_id']}/finish", json={})
        covert = await operator.post(f"{API}/deployments/{dep}/submit")
        assert covert.status_code == 409
        assert "Regulation of Investigatory Powers Act 2000" in covert.json()["remedy"]  # R18


async def test_another_borough_is_not_seen_nor_planned_in(town: City) -> None:
    async with town.signed_in("recognition-operator") as operator:
        made = (await operator.post(f"{API}/deployments", json=a_plan())).json()["deployment"]
        assert made["plan"]["boroughs"] == ["Islington"]
    async with limited(town, "recognition-operator", "Camden") as other:
        assert (await other.get(f"{API}/deployments")).json() == []
        unknown = await other.get(f"{API}/deployments/dep-none")
        elsewhere = await other.get(f"{API}/deployments/{made['deployment_id']}")
        assert (elsewhere.status_code, unknown.status_code) == (403, 403)
        assert (await other.post(f"{API}/deployments", json=a_plan())).status_code == 403
    async with limited(town, "recognition-operator", "Islington") as mine:
        assert len((await mine.get(f"{API}/deployments")).json()) == 1
        assert (await mine.post(f"{API}/deployments", json=a_plan())).status_code == 201


async def test_the_planner_does_not_authorise(town: City) -> None:
    """R3: neither by role nor, with two roles in one hand, by account."""
    async with town.signed_in("recognition-operator") as operator:
        asked = await submitted(operator, NAMES[0])
        authorisation = asked["deployment"]["authorisation_id"]
        refused = await operator.post(f"/api/v1/authorisations/{authorisation}/decision", json={"allow": True})
        assert refused.status_code == 403


async def test_who_looks_at_a_list_is_on_record_first(town: City) -> None:
    async with town.signed_in("recognition-operator") as operator, town.signed_in("authorising-officer") as officer:
        dep = (await submitted(operator, NAMES[0]))["deployment"]["deployment_id"]
        [person] = (await officer.get(f"{API}/deployments/{dep}/people")).json()
        image = await officer.get(f"{API}/deployments/{dep}/people/{person['person_id']}/images/0")
        assert image.headers["content-type"] == "image/jpeg"
        assert image.headers["cache-control"] == "no-store"
        looked = [one for one in await town.ledger(Consulted) if one.what == "watchlist"]
        assert [(one.subject_id, one.justification) for one in looked] == [(dep, "authorisation")]


async def test_a_plan_below_the_floor_or_outside_is_refused(town: City) -> None:
    async with town.signed_in("recognition-operator") as operator:
        low = await operator.post(f"{API}/deployments", json=a_plan(threshold=0.39))
        assert (low.status_code, "R13" in low.json()["detail"]) == (409, True)
        long = await operator.post(f"{API}/deployments", json=a_plan(ends_at=(START + timedelta(hours=13)).isoformat()))
        assert long.status_code == 409
        elsewhere = [{"camera_id": "north", "lat": 51.56, "lon": -0.103}]
        assert (await operator.post(f"{API}/deployments", json=a_plan(cameras=elsewhere))).status_code == 409
        free_text = await operator.post(f"{API}/deployments", json=a_plan(use_case="other"))
        assert free_text.status_code == 422  # R1


async def test_the_public_reads_what_is_announced_and_how_it_went(town: City) -> None:
    async with town.signed_in("recognition-operator") as operator, town.client() as public:
        assert "No deployment is announced" in (await public.get("/public/recognition")).text
        dep = await running(town, operator, NAMES[0])
        told = (await public.get("/public/recognition")).text
        assert "Islington" in told
        assert "find people wanted by a court" in told
        assert (await public.get(f"/public/recognition/{dep}")).status_code == 404
        await operator.post(f"{API}/deployments/{dep}/close")
        await town.services.recognition.look()
        page = await public.get(f"/public/recognition/{dep}")
        assert page.status_code == 200
        assert "fewer than 5 people" in page.text
        text = (await public.get(f"/public/recognition/{dep}.json")).content
        digest = hashlib.sha256(text).hexdigest()
        assert digest in page.text
        assert [one.digest for one in await town.ledger(DeploymentPublished)] == [digest]
        [listed] = (await public.get("/public/recognition.json")).json()
        assert listed == json.loads(text)
        assert listed["people"] is None
        index = (await public.get("/public/recognition")).text
        assert f"/public/recognition/{dep}" in index
        for secret in (NAMES[0], "recognition-operator", "acc-", "10.0.0."):
            assert secret not in page.text + index + text.decode()


@pytest.mark.requirement("R2", "R8")
async def test_only_cameras_of_the_plan_are_shown_as_looked_at(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when one was taken out, and its worker still dies."""
    recognition = town.services.recognition
    known = {name: CameraState(state="live", restarts=0, trouble="") for name in ("north", "taken-out")}
    monkeypatch.setattr(recognition.pipeline, "states", lambda: known)
    gone = replace(recognition.planning.cameras["north"], camera_id="taken-out")
    monkeypatch.setitem(recognition.planning.cameras, "taken-out", gone)
    async with town.signed_in("recognition-operator") as operator:
        cameras = f"{API}/deployments/{await running(town, operator, NAMES[0])}/cameras"
        assert [one["camera_id"] for one in (await operator.get(cameras)).json()] == ["north"]
        assert (await operator.get(f"{cameras}/north/view")).status_code == 204
        assert (await operator.get(f"{cameras}/taken-out/view")).status_code == 404
