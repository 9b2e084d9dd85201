"""Every route of the document, and which roles may use it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.console_city import City, city

from bowstreet.console.limits import Limits, Rate
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import AccessDenied


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await made.hear_all()
    yield made
    made.services.accounts.close()


ROLES = ("viewer", "cad", "dispatcher", "pilot", "supervisor", "planner", "authorising-officer", "regulator",
         "recognition-operator", "adjudicating-officer")  # fmt: skip
SEE = {"viewer", "dispatcher", "pilot", "supervisor", "planner", "authorising-officer", "regulator"}
ROOM = {"dispatcher", "pilot", "supervisor"}
AUTHORITY = {"supervisor", "authorising-officer", "regulator", "recognition-operator"}
PLANS = {"recognition-operator"}
SEE_RECOGNITION = PLANS | {"supervisor", "authorising-officer", "adjudicating-officer", "regulator"}
SEE_LIST = PLANS | {"authorising-officer", "regulator"}
ENDS = PLANS | {"supervisor", "authorising-officer", "adjudicating-officer"}
WHO_MAY: dict[tuple[str, str], set[str]] = {
    ("POST", "/incidents"): {"cad", "dispatcher", "supervisor"},
    ("GET", "/incidents"): SEE,
    ("GET", "/incidents/inc-1"): SEE,
    ("GET", "/incidents/inc-1/decisions"): SEE,
    ("GET", "/incidents/inc-1/words"): SEE,
    ("POST", "/incidents/inc-1/launch"): {"dispatcher", "supervisor"},
    ("POST", "/incidents/inc-1/close"): {"dispatcher", "supervisor"},
    ("POST", "/incidents/inc-1/watch"): ROOM,
    ("GET", "/incidents/inc-1/picture"): ROOM | {"regulator"},
    ("GET", "/incidents/inc-1/links"): {"dispatcher", "supervisor"},
    ("POST", "/incidents/inc-1/links"): {"dispatcher", "supervisor"},
    ("POST", "/officer-links/none/revoke"): {"dispatcher", "supervisor"},
    ("GET", "/recordings/none/redaction"): ROOM | {"regulator"},
    ("POST", "/recordings/none/redaction"): {"supervisor"},
    ("GET", "/recordings/none/redaction/regions"): ROOM | {"regulator"},
    ("POST", "/recordings/none/redaction/regions"): {"supervisor"},
    ("POST", "/recordings/none/redaction/copy"): {"supervisor"},
    ("GET", "/recordings/none/redaction/record"): ROOM | {"regulator"},
    ("GET", "/recordings"): ROOM | {"regulator"},
    ("POST", "/recordings/none/viewings"): ROOM | {"regulator"},
    ("GET", "/recordings/none/viewings/none/media/0"): ROOM | {"regulator"},
    ("GET", "/recordings/none/viewings/none"): ROOM | {"regulator"},
    ("DELETE", "/recordings/none/viewings/none"): ROOM | {"regulator"},
    ("GET", "/incidents/inc-1/recordings"): ROOM | {"regulator"},
    ("POST", "/incidents/inc-1/evidence"): {"supervisor"},
    ("GET", "/evidence/none"): ROOM | {"regulator"},
    ("GET", "/evidence/none/bundle"): {"supervisor"},
    ("GET", "/missions"): SEE,
    ("POST", "/missions/mis-1/recall"): {"dispatcher", "pilot", "supervisor"},
    ("POST", "/missions/mis-1/control"): {"pilot", "supervisor"},
    ("DELETE", "/missions/mis-1/control"): {"pilot", "supervisor"},
    ("POST", "/missions/mis-1/commands"): {"pilot", "supervisor"},
    ("GET", "/missions/mis-1/found"): ROOM | {"regulator"},
    ("POST", "/missions/mis-1/camera"): {"pilot", "supervisor"},
    ("POST", "/missions/mis-1/follow"): {"pilot", "supervisor"},
    ("POST", "/follows/none/choose"): {"pilot", "supervisor"},
    ("POST", "/follows/none/consent"): {"pilot", "supervisor"},
    ("DELETE", "/follows/none/consent"): {"pilot", "supervisor"},
    ("POST", "/follows/none/end"): {"pilot", "supervisor"},
    ("GET", "/video"): ROOM | {"regulator"},
    ("POST", "/video/none/whep"): ROOM | {"regulator"},
    ("POST", "/video/incident/inc-1/whep"): ROOM | {"regulator"},
    ("DELETE", "/video/none/whep/none"): ROOM | {"regulator"},
    ("GET", "/video/viewings"): ROOM | {"regulator"},
    ("POST", "/video/none/viewings"): ROOM | {"regulator"},
    ("POST", "/video/viewings/none/renew"): ROOM | {"regulator"},
    ("POST", "/video/viewings/none/snapshots"): ROOM | {"regulator"},
    ("DELETE", "/video/viewings/none"): ROOM | {"regulator"},
    ("GET", "/vehicles"): SEE,
    ("GET", "/docks"): SEE,
    ("POST", "/vehicles/none/ground"): {"supervisor"},
    ("POST", "/vehicles/none/release"): {"supervisor"},
    ("GET", "/airspace/zones"): SEE,
    ("POST", "/airspace/zones/none/activation"): {"supervisor"},
    ("PUT", "/airspace/zones/none/times"): {"supervisor"},
    ("GET", "/airspace/sources"): SEE,
    ("PUT", "/airspace/sources/none"): {"supervisor"},
    ("DELETE", "/airspace/sources/none"): {"supervisor"},
    ("GET", "/airspace/permissions"): SEE,
    ("POST", "/airspace/permissions"): {"supervisor"},
    ("POST", "/airspace/permissions/revoke"): {"supervisor"},
    ("GET", "/airspace/export"): SEE,
    ("GET", "/map/boroughs"): SEE,
    ("GET", "/quarantine"): {"dispatcher", "supervisor", "regulator"},
    ("GET", "/quarantine/qua-1"): {"dispatcher", "supervisor", "regulator"},
    ("GET", "/log62"): {"supervisor", "regulator"},
    ("GET", "/audit/bundle"): {"supervisor", "regulator"},
    ("GET", "/occurrences"): ROOM | {"authorising-officer", "regulator"},
    ("GET", "/occurrences/occ-1"): ROOM | {"authorising-officer", "regulator"},
    ("GET", "/occurrences/occ-1/document"): ROOM | {"authorising-officer", "regulator"},
    ("GET", "/occurrences/occ-1/print"): ROOM | {"authorising-officer", "regulator"},
    ("POST", "/occurrences"): ROOM,
    ("POST", "/occurrences/occ-1/findings"): ROOM,
    ("POST", "/occurrences/occ-1/report"): ROOM,
    ("POST", "/occurrences/occ-1/close"): ROOM,
    ("GET", "/accounts"): {"supervisor", "regulator"},
    ("POST", "/accounts"): {"supervisor"},
    ("POST", "/accounts/acc-1/disable"): {"supervisor"},
    ("GET", "/record"): SEE,
    ("GET", "/authority"): AUTHORITY,
    ("GET", "/accounts/acc-1/sessions"): {"supervisor", "regulator"},
    ("POST", "/accounts/acc-1/sessions/end"): {"supervisor"},
    ("GET", "/retention"): AUTHORITY,
    ("POST", "/erasures"): {"supervisor"},
    ("POST", "/disclosures"): {"supervisor"},
    ("GET", "/requests"): {"supervisor", "regulator"},
    ("GET", "/requests/none"): {"supervisor", "regulator"},
    ("POST", "/requests/none/state"): {"supervisor"},
    ("GET", "/authorisations"): AUTHORITY,
    ("POST", "/authorisations"): {"supervisor", "authorising-officer"},
    ("GET", "/authorisations/none/document"): AUTHORITY,
    ("GET", "/authorisations/none/print"): AUTHORITY,
    ("POST", "/authorisations/none/decision"): {"authorising-officer"},
    ("POST", "/authorisations/none/revoke"): {"supervisor", "authorising-officer"},
    ("GET", "/recognition/choices"): SEE_RECOGNITION,
    ("GET", "/recognition/area"): SEE_RECOGNITION,
    ("GET", "/recognition/deployments"): SEE_RECOGNITION,
    ("GET", "/recognition/deployments/none"): SEE_RECOGNITION,
    ("GET", "/recognition/deployments/none/cameras"): SEE_RECOGNITION,
    ("GET", "/recognition/deployments/none/cameras/none/view"): SEE_RECOGNITION,
    ("POST", "/recognition/deployments"): PLANS,
    ("POST", "/recognition/deployments/none/plan"): PLANS,
    ("POST", "/recognition/deployments/none/evidence"): PLANS,
    ("POST", "/recognition/deployments/none/submit"): PLANS,
    ("POST", "/recognition/deployments/none/withdraw"): PLANS,
    ("POST", "/recognition/deployments/none/amend"): PLANS,
    ("POST", "/recognition/deployments/none/camera-back"): PLANS,
    ("POST", "/recognition/deployments/none/start"): PLANS,
    ("POST", "/recognition/deployments/none/stop"): ENDS,
    ("POST", "/recognition/deployments/none/close"): ENDS,
    ("POST", "/recognition/deployments/none/passes"): PLANS,
    ("PUT", "/recognition/lists/none"): PLANS,
    ("GET", "/recognition/lists/none/imp-1"): SEE_LIST,
    ("PUT", "/recognition/lists/none/imp-1/images/2"): PLANS,
    ("POST", "/recognition/lists/none/imp-1/finish"): PLANS,
    ("DELETE", "/recognition/lists/none/imp-1"): PLANS,
    ("GET", "/recognition/deployments/none/people"): SEE_LIST,
    ("GET", "/recognition/deployments/none/people/per-1/images/0"): SEE_LIST,
    ("POST", "/recognition/deployments/none/people/per-1/review"): {"authorising-officer"},
    ("POST", "/recognition/deployments/none/people/per-1/take-off"): PLANS,
    ("GET", "/recognition/alerts"): {"adjudicating-officer", "regulator"},
    ("GET", "/recognition/alerts/none"): {"adjudicating-officer", "regulator"},
    ("POST", "/recognition/alerts/none/claim"): {"adjudicating-officer"},
    ("POST", "/recognition/alerts/none/release"): {"adjudicating-officer"},
    ("POST", "/recognition/alerts/none/ask-opinion"): {"adjudicating-officer"},
    ("POST", "/recognition/alerts/none/opinion"): {"adjudicating-officer"},
    ("POST", "/recognition/alerts/none/decision"): {"adjudicating-officer"},
    ("POST", "/recognition/alerts/none/outcome"): {"adjudicating-officer"},
    ("GET", "/recognition/callouts"): {"adjudicating-officer"},
    ("POST", "/recognition/callouts"): {"adjudicating-officer"},
    ("DELETE", "/recognition/callouts/none"): {"adjudicating-officer"},
    ("GET", "/vehicle-keys"): {"supervisor", "regulator"},
    ("POST", "/vehicles/none/key"): {"supervisor"},
    ("POST", "/vehicles/none/key/rotate"): {"supervisor"},
    ("POST", "/vehicles/none/key/revoke"): {"supervisor"},
    ("GET", "/service-tokens"): {"supervisor", "regulator"},
    ("POST", "/service-tokens"): {"supervisor"},
    ("POST", "/service-tokens/svc-1/revoke"): {"supervisor"},
}
OPEN = {
    ("POST", "/setup"),
    ("POST", "/session"),
    ("GET", "/session"),
    ("DELETE", "/session"),
    ("POST", "/session/password"),
    ("POST", "/session/proof"),
    # Ways in, and what everybody signed in has of their own.
    ("GET", "/session/ways"),
    ("GET", "/video/keys"),  # a public key
    ("POST", "/session/oidc"),
    ("POST", "/session/passkey/question"),
    ("POST", "/session/passkey"),
    ("POST", "/session/proof/oidc"),
    ("POST", "/session/proof/passkey/question"),
    ("POST", "/session/proof/passkey"),
    ("GET", "/passkeys"),
    ("POST", "/passkeys/question"),
    ("POST", "/passkeys"),
    ("POST", "/passkeys/*/name"),
    ("POST", "/passkeys/*/remove"),
    ("GET", "/sessions"),
    ("POST", "/sessions/*/end"),
    # By a link, without an account.
    ("POST", "/officer/open"),
    ("GET", "/officer/*"),
    ("GET", "/officer/*/words"),
    ("POST", "/officer/*/whep"),
    ("DELETE", "/officer/*/whep/*"),
}


def test_the_table_has_every_route_of_the_document() -> None:
    """A new route must say here who may use it."""
    document = json.loads(json.dumps(_document()))
    routes = {(method.upper(), path.removeprefix("/api/v1")) for path, methods in document["paths"].items() for method in methods}
    named = {(method, _template(path)) for method, path in WHO_MAY} | OPEN
    assert {(method, _template(path)) for method, path in routes} == named


def _document() -> Any:
    return asyncio.run(city(set_up=False)).console.document


def _template(path: str) -> str:
    return "/".join("*" if part.startswith("{") or part in _IDS else part for part in path.split("/"))


_IDS = {"inc-1", "mis-1", "occ-1", "qua-1", "none", "acc-1", "svc-1", "imp-1", "per-1", "0", "2"}


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_may_what_its_work_needs_and_no_more(role: str) -> None:
    town = await city(EdgeSettings(limits=Limits(recorded_denials=Rate(burst=1000, per_s=1000))))
    refused = 0
    async with town.program() if role == "cad" else town.signed_in(role) as client:
        for (method, path), may in WHO_MAY.items():
            answer = await client.request(method, f"/api/v1{path}", json={} if method == "POST" else None)
            assert (answer.status_code != 403) is (role in may), (method, path, answer.status_code)
            assert answer.status_code != 401
            refused += answer.status_code == 403
    assert len(await town.ledger(AccessDenied)) == refused


@pytest.mark.parametrize("route", sorted(WHO_MAY))
async def test_nobody_may_anything(town: City, route: tuple[str, str]) -> None:
    async with town.client() as client:
        answer = await client.request(route[0], f"/api/v1{route[1]}", json={})
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["www-authenticate"]
    assert [denial.rule for denial in await town.ledger(AccessDenied)] == ["nobody"]
