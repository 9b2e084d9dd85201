"""Requests and complaints, from a form without sign-in to an answer on record, over HTTP."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import msgspec
import pytest
from tests.integration.console_city import START, City, city

from bowstreet.accountability.disclosure.model import ReleaseBody
from bowstreet.console.settings import EdgeSettings
from bowstreet.messages import AccessDenied, CommandDecided, Consulted, PublicRequestChanged

WORDS = "you hovered over <b>my garden</b> & the school"
CONTACT = 'somebody"@example.org'
FORM = {"kind": "subject-access", "contact": CONTACT, "words": WORDS}
REFERENCE = re.compile(r"<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</code>")


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    yield made
    made.services.accounts.close()


async def filed(client: httpx.AsyncClient, **changes: str) -> str:
    answer = await client.post("/public/requests", data=FORM | changes)
    assert answer.status_code == 201, answer.text
    found = REFERENCE.search(answer.text)
    assert found
    return found[1]


@pytest.mark.requirement("R15", "P8")
async def test_from_the_form_to_the_answer(town: City) -> None:
    async with town.client() as anybody, town.signed_in("supervisor") as supervisor:
        form = await anybody.get("/public/requests")
        assert "<script" not in form.text
        assert "set-cookie" not in form.headers
        assert (form.headers["cache-control"], form.headers["referrer-policy"]) == ("no-store", "same-origin")
        reference = await filed(anybody)
        [line] = (await supervisor.get("/api/v1/requests")).json()["requests"]
        assert (line["state"], line["kind"], line["overdue"]) == ("received", "subject-access", False)
        assert line["answer_by"].startswith("2026-12-23")
        assert {"contact", "words", "reference_digest"}.isdisjoint(line)
        at = f"/api/v1/requests/{line['request_id']}"
        whole = (await supervisor.get(at)).json()
        assert (whole["words"], whole["contact"]) == (WORDS, CONTACT)
        for step in ({"state": "acknowledged"}, {"state": "refused", "ground": "not-identified"}):
            assert (await supervisor.post(f"{at}/state", json=step)).status_code == 200
        assert (await supervisor.post(f"{at}/state", json={"state": "answered"})).status_code == 409
        shown = await anybody.post("/public/requests/status", data={"reference": reference.lower()})
    assert "It is refused" in shown.text
    assert shown.headers["cache-control"] == "no-store"
    for secret in ("garden", "somebody", "not-identified", line["request_id"]):
        assert secret not in shown.text.replace("form", ""), secret
    [looked] = await town.ledger(Consulted)
    assert (looked.what, looked.subject_id, looked.by) == (
        "public-request",
        line["request_id"],
        town.people["supervisor"].account_id,
    )
    told = await town.ledger(PublicRequestChanged)
    assert [(one.state, one.ground) for one in told] == [("received", ""), ("acknowledged", ""), ("refused", "not-identified")]
    assert {one.by for one in told[1:]} == {town.people["supervisor"].account_id}
    assert WORDS not in str(told)
    assert CONTACT not in str(told)
    assert [one.action for one in await town.ledger(CommandDecided)] == ["handle-requests"] * 3


@pytest.mark.requirement("F15")
async def test_who_may_see_and_who_may_handle(town: City) -> None:
    async with town.client() as anybody:
        await filed(anybody)
        assert (await anybody.get("/api/v1/requests")).status_code == 401
    [one] = town.services.correspondence.requests.all()
    at = f"/api/v1/requests/{one.request_id}"
    for role, sees, handles in (("dispatcher", 403, 403), ("pilot", 403, 403), ("regulator", 200, 403), ("supervisor", 200, 200)):
        async with town.signed_in(role) as client:
            assert (await client.get(at)).status_code == sees, role
            assert (await client.post(f"{at}/state", json={"state": "acknowledged"})).status_code == handles, role
    async with town.signed_in("supervisor") as client:
        assert (await client.get("/api/v1/requests/req-none")).status_code == 404
    assert {one.action for one in await town.ledger(AccessDenied)} >= {"see-requests", "handle-requests"}


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "other"},
        {"kind": ""},
        {"contact": ""},
        {"words": " "},
        {"words": "x" * 4_001},
        {"contact": "x" * 301},
        {"words": "a\x00"},
    ],
)
async def test_what_was_written_is_not_lost_when_it_must_be_mended(town: City, changes: dict[str, str]) -> None:
    async with town.client() as anybody:
        answer = await anybody.post("/public/requests", data=FORM | changes)
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text
    assert "<b>my garden" not in answer.text, "what was written is escaped"
    if "words" not in changes:
        assert "you hovered over &lt;b&gt;my garden&lt;/b&gt; &amp; the school</textarea>" in answer.text
    if "contact" not in changes:
        assert 'value="somebody&quot;@example.org"' in answer.text
    assert len(town.services.correspondence.requests) == 0
    assert await town.ledger(PublicRequestChanged) == []


@pytest.mark.requirement("F15")
async def test_other_sites_other_forms_and_floods_are_refused(town: City) -> None:
    async with town.client() as anybody:
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await anybody.post("/public/requests", data=FORM, headers=headers)).status_code == 403
        own = {"Origin": "http://127.0.0.1:8700", "Sec-Fetch-Site": "same-origin"}
        assert (await anybody.post("/public/requests", data=FORM, headers=own)).status_code == 201
        assert (await anybody.post("/public/requests", json=FORM)).status_code == 409
        form = {"content-type": "application/x-www-form-urlencoded"}
        for body in (
            b"",
            b"kind",
            b"kind=complaint&kind=erasure",
            b"a=1&" * 20,
            b"words=%ff%fe",
            "wörds=1".encode(),
            b"a=" + b"x" * 65_000,
        ):
            assert (await anybody.post("/public/requests", content=body, headers=form)).status_code == 409, body[:20]
        codes = [(await anybody.post("/public/requests", data=FORM)).status_code for _ in range(12)]
        assert codes == [201] * 9 + [429] * 3
        guesses = [
            (await anybody.post("/public/requests/status", data={"reference": f"{n:016d}"})).status_code for n in range(40)
        ]
    assert set(guesses) == {404, 429}
    assert guesses.count(404) <= 30


async def test_they_are_counted_in_releases_by_fives(town: City) -> None:
    async with town.client() as anybody:
        for _ in range(4):
            await filed(anybody, kind="complaint")
        town.clock.advance_to(START + timedelta(hours=2))
        await town.services.disclosure.work()
        for _ in range(2):
            await filed(anybody, kind="complaint")
        town.clock.advance_to(START + timedelta(hours=4))
        await town.services.disclosure.work()
        pages = [
            (await anybody.get(f"/public/releases/{one.release_id}")).text for one in town.services.disclosure.releases.all()
        ]
    bodies = [msgspec.json.decode(one.text, type=ReleaseBody) for one in town.services.disclosure.releases.all()]
    assert [body.requests for body in bodies] == [{}, {}, {"complaint: received": 6}]
    assert ["complaint: received" in page for page in pages] == [False, False, True]
    assert {body.deployments for body in bodies} == {0}
    assert all("No recognition deployment is in the record: of the " in page for page in pages)


async def test_one_home_of_ipv6_does_not_fill_the_day(city_behind_proxy: City) -> None:
    """A home has 2^64 addresses. Were each an asker, one of them could use up what all the public may send in a day."""
    async with city_behind_proxy.client() as anybody:
        codes = [
            (await anybody.post("/public/requests", data=FORM, headers={"X-Forwarded-For": f"2001:db8::{n:x}"})).status_code
            for n in range(1, 13)
        ]
        assert codes == [201] * 10 + [429] * 2
        other = await anybody.post("/public/requests", data=FORM, headers={"X-Forwarded-For": "2001:db8:0:1::1"})
        assert other.status_code == 201


@pytest.fixture
async def city_behind_proxy() -> AsyncIterator[City]:
    made = await city(EdgeSettings(trusted_proxies=frozenset({"127.0.0.1"})))
    yield made
    made.services.accounts.close()
