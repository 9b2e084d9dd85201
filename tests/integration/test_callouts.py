"""Officers' phones are called when an alert waits: by the real protocol, to a push service in a process of its own."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.integration.console_city import PASSWORD, START, City
from tests.integration.push_peer import HOSTS, Peer
from tests.integration.push_world import raised_alert, shut, town_with
from tests.integration.test_recognition_routes import limited

from bowstreet.accountability.model import Role
from bowstreet.messages import Erased, PushSubscriptionChanged
from bowstreet.recognition.alerts.model import AlertState
from bowstreet.recognition.callouts import push_service, rules
from bowstreet.recognition.callouts.model import Answer, Call, PushPolicy
from bowstreet.recognition.callouts.push_service import PushServices, public_address
from bowstreet.recognition.callouts.server_key import own_key
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.runtime.metrics import Metrics

API = "/api/v1/recognition"
OFFICER = "adjudicating-officer"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    peer = Peer(tmp_path_factory.mktemp("peer"))
    yield peer
    peer.close()


@pytest.fixture
async def town(service: Peer) -> AsyncIterator[City]:
    made = await town_with(service.port, service.tls)
    yield made
    await shut(made)


async def told(peer: Peer) -> dict[str, Any]:
    return await asyncio.to_thread(peer.next)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


async def entries(town: City) -> list[tuple[str, str]]:
    return [(one.change, one.why) for one in await town.ledger(PushSubscriptionChanged)]


# --- a call ------------------------------------------------------------------------------------------------------------------


async def test_an_officer_is_called_and_nothing_of_anybody_is_told(service: Peer, town: City) -> None:
    async with town.signed_in(OFFICER) as officer:
        before = (await officer.get(f"{API}/callouts")).json()
        assert (before["enabled"], before["phones"]) == (True, [])
        assert set(before["push_services"]) == set(PushPolicy().hosts)
        given = await officer.post(f"{API}/callouts", json=service.phone("ok/secret-capability"))
        assert given.status_code == 201, given.text
        assert "secret-capability" not in given.text
        made = await raised_alert(town)
        call = await told(service)
    assert "wrong" not in call
    assert json.loads(call["text"]) == {"alert": made.alert_id, "deployment": made.deployment_id}
    for personal in ("Somebody", "P-1042", "per-1", "court", "north", "Islington", "0.71"):
        assert personal not in json.dumps(call)
    assert call["key"] == before["application_server_key"]
    assert call["claims"]["aud"] == f"https://{HOSTS[0]}"
    assert call["claims"]["sub"] == "mailto:duty@example.org"
    assert (call["content-encoding"], call["urgency"]) == ("aes128gcm", "high")
    assert 0 < int(call["ttl"]) <= 600
    assert made.alert_id not in call["topic"]
    assert len(call["topic"]) <= 32
    assert (
        call["bytes"] == 86 + rules.PADDED_BYTES + 17
    )  # header of RFC 8188 with our key; then the call, padded, its end and its tag
    [entry] = await town.ledger(PushSubscriptionChanged)
    assert (entry.change, entry.host, entry.consent) == ("subscribed", HOSTS[0], rules.CONSENT)
    assert entry.subject == entry.by == town.people[OFFICER].account_id
    assert b"secret-capability" not in b"".join([row async for row in _rows(town)])
    await until(lambda: town.services.callouts.outcomes == {"sent": 1})


async def _rows(town: City) -> AsyncIterator[bytes]:
    async for row in town.store.log_rows():
        yield row.entry + (row.payload or b"")


async def test_once_for_each_time_that_it_waits(service: Peer, town: City) -> None:
    async with town.signed_in(OFFICER) as officer, other(town) as colleague:
        assert (await officer.post(f"{API}/callouts", json=service.phone("ok/a"))).status_code == 201
        made = await raised_alert(town)
        assert (await told(service))["path"] == "/ok/a"
        await until(lambda: town.services.callouts.outcomes["sent"] == 1)
        await officer.get(f"{API}/alerts/{made.alert_id}")  # looked at, and still waiting
        await officer.post(f"{API}/alerts/{made.alert_id}/claim")
        await officer.post(f"{API}/alerts/{made.alert_id}/release")
        assert json.loads((await told(service))["text"])["alert"] == made.alert_id  # it waits again
        await until(lambda: town.services.callouts.outcomes["sent"] == 2)
        assert (await colleague.post(f"{API}/callouts", json=service.phone("ok/b"))).status_code == 201
        await officer.post(f"{API}/alerts/{made.alert_id}/claim")
        await officer.post(f"{API}/alerts/{made.alert_id}/ask-opinion")
        assert (await told(service))["path"] == "/ok/b"  # a second opinion is another officer's
        await until(lambda: town.services.callouts.outcomes["sent"] == 3)
    assert not town.services.callouts._under_way


@asynccontextmanager
async def other(town: City, name: str = "Another officer", boroughs: tuple[str, ...] = ()) -> AsyncIterator[httpx.AsyncClient]:
    await town.services.accounts.create(town.people["supervisor"], name, Role(OFFICER), PASSWORD, boroughs)
    async with town.client() as client:
        answer = await client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
        client.headers["X-Bowstreet-CSRF"] = answer.json()["csrf"]
        yield client


async def test_only_those_who_may_decide_on_it_are_called(service: Peer, town: City) -> None:
    async with limited(town, OFFICER, "Camden") as elsewhere, limited(town, OFFICER, "Islington") as there:
        assert (await elsewhere.post(f"{API}/callouts", json=service.phone("ok/camden"))).status_code == 201
        assert (await there.post(f"{API}/callouts", json=service.phone("ok/islington"))).status_code == 201
        await raised_alert(town)
        assert (await told(service))["path"] == "/ok/islington"
        await until(lambda: not town.services.callouts._under_way)
    assert town.services.callouts.outcomes == {"sent": 1}


async def test_whatever_is_wrong_with_calls_is_no_matter_of_the_alerts(
    service: Peer, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone("ok/x"))

        def broken(*_: Any) -> bool:
            raise RuntimeError("a fault that nobody foresaw")

        told_of: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: told_of.append(said["exception"]))
        monkeypatch.setattr(town.services.callouts, "ending", broken)
        made = await raised_alert(town)
        await until(lambda: len(told_of) == 1)
        monkeypatch.undo()
        assert (await officer.get(f"{API}/alerts")).json()[0]["alert_id"] == made.alert_id
        assert (await officer.post(f"{API}/alerts/{made.alert_id}/claim")).status_code == 200


async def test_calls_are_counted(service: Peer, town: City) -> None:
    metrics = Metrics()
    town.services.callouts.register(metrics)
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone("ok/x"))
        await raised_alert(town)
        await told(service)
        await until(lambda: town.services.callouts.outcomes["sent"] == 1)
    said = metrics.render().decode()
    assert 'bowstreet_push_calls_total{outcome="sent"} 1.0' in said
    assert "bowstreet_push_subscriptions 1.0" in said


# --- what push services do -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["gone/x", "unknown/x"])
async def test_a_phone_that_is_gone_is_taken_out(service: Peer, town: City, path: str) -> None:
    async with town.signed_in(OFFICER) as officer:
        given = await officer.post(f"{API}/callouts", json=service.phone(path))
        await raised_alert(town)
        await told(service)
        await until(lambda: not town.services.callouts.standing())
        await until(lambda: not town.services.callouts._under_way)
        assert (await officer.get(f"{API}/callouts")).json()["phones"] == []
    assert await entries(town) == [("subscribed", ""), ("ended", "gone")]
    [receipt] = [one for one in await town.ledger(Erased) if one.retention_class == "push-subscription"]
    assert receipt.subject_id == given.json()["subscription_id"]
    assert await town.store.find("push-subscription") == []


async def test_a_busy_push_service_is_asked_again_when_it_says(service: Peer, town: City) -> None:
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone("busy/x"))
        await raised_alert(town)
        for asked in (1, 2):
            await told(service)
            await until(lambda asked=asked: town.services.callouts.outcomes["later"] == asked)  # type: ignore[misc]
            await town.advance(6)
            await asyncio.sleep(0.05)
            assert town.services.callouts.outcomes["later"] == asked  # it said seven seconds
            await town.advance(1.1)
        last = await told(service)
        assert int(last["ttl"]) <= 586
        await until(lambda: town.services.callouts.outcomes["sent"] == 1)


@pytest.mark.parametrize("path", ["refuses/x", "redirect/x"])
async def test_a_refusal_is_final_and_a_redirect_is_not_followed(service: Peer, town: City, path: str) -> None:
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone(path))
        await raised_alert(town)
        assert (await told(service))["path"] == f"/{path}"
        await until(lambda: not town.services.callouts._under_way)
        assert town.services.callouts.outcomes == {"rejected": 1}
        await officer.post(f"{API}/callouts", json=service.phone("ok/next"))
        await raised_alert(town, "2")
        assert {(await told(service))["path"] for _ in range(2)} == {f"/{path}", "/ok/next"}  # not /ok/elsewhere


@pytest.mark.parametrize("path", ["down/x", "cut/x"])
async def test_it_is_given_up_when_nobody_would_be_helped(service: Peer, town: City, path: str) -> None:
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone(path))
        made = await raised_alert(town)
        await until(lambda: bool(town.services.callouts._under_way))
        tries = 0
        while (
            town.services.recognition.alerts.get(made.alert_id).state is AlertState.RAISED and town.services.callouts._under_way
        ):
            await told(service)
            tries += 1
            await until(lambda tries=tries: sum(town.services.callouts.outcomes.values()) >= tries)  # type: ignore[misc]
            await asyncio.sleep(0)
            await town.advance(125)
            await town.services.recognition.alerts.work()
            await asyncio.sleep(0.01)
        assert 3 <= tries <= 12
        await until(lambda: not town.services.callouts._under_way)
        assert len(town.services.callouts.standing()) == 1  # the phone is called for the next one


async def test_a_push_service_that_is_not_there_or_hangs_holds_nothing_up(service: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_service, "WHOLE_S", 5.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        town = await town_with(taken.getsockname()[1], service.tls)
        async with town.signed_in(OFFICER) as officer:
            await officer.post(f"{API}/callouts", json=service.phone("ok/x"))
            made = await raised_alert(town)
            await until(lambda: town.services.callouts.outcomes["later"] == 1)
            assert (await officer.post(f"{API}/alerts/{made.alert_id}/claim")).json()["state"] == "claimed"
            await until(lambda: not town.services.callouts._under_way)  # somebody has it: nobody is called any more
        await shut(town)
    town = await town_with(service.port, service.tls)
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone("slow/x"))
        made = await raised_alert(town)
        await told(service)
        assert (await officer.get(f"{API}/alerts")).json()[0]["alert_id"] == made.alert_id
        await until(lambda: town.services.callouts.outcomes["later"] == 1)
    await shut(town)


async def test_whoever_is_not_the_push_service_is_told_nothing(service: Peer) -> None:
    """The name leads to somebody whose certificate this machine does not believe."""
    made = await town_with(service.port, service.tls)
    key = await own_key(made.recorder, "")
    sender = PushServices(PushPolicy(), key, SystemClock(), dial=service.dial)
    to = rules.push_address(f"https://{HOSTS[0]}/ok/x", service.keys["p256dh"], service.keys["auth"], PushPolicy().hosts)
    attempt = await sender.send(Call(alert_id="alr-1", deployment_id="dep-1"), to, 60)
    assert (attempt.answer, attempt.why) == (Answer.LATER, "ConnectError")
    await sender.close()
    await shut(made)


@pytest.mark.parametrize(
    "leads_to", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.0.4", "64:ff9b::a00:1"]
)
async def test_a_name_that_leads_inside_is_not_connected_to(
    service: Peer, monkeypatch: pytest.MonkeyPatch, leads_to: str
) -> None:
    """Whatever an allowed name resolves to, and though one of two addresses is public."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in leads_to else socket.AF_INET

    async def lookup(host: str, port: int, **_: Any) -> list[Any]:
        public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("142.250.1.1", port))
        return [public, (family, socket.SOCK_STREAM, 6, "", (leads_to, port))]

    monkeypatch.setattr(loop, "getaddrinfo", lookup)
    with pytest.raises(OSError, match="no public address"):
        await public_address(HOSTS[0], 443)
    key = await own_key((town := await town_with(service.port, service.tls)).recorder, "")
    sender = PushServices(PushPolicy(), key, SystemClock())
    to = rules.push_address(f"https://{HOSTS[0]}/ok/x", service.keys["p256dh"], service.keys["auth"], PushPolicy().hosts)
    assert (await sender.send(Call(alert_id="alr-1", deployment_id="dep-1"), to, 60)).answer is Answer.LATER
    await sender.close()
    await shut(town)


# --- subscriptions -------------------------------------------------------------------------------------------------------------

GOOD = "https://fcm.googleapis.com/fcm/send/abc"


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [
        ("http://fcm.googleapis.com/x", 422),
        ("https://fcm.googleapis.com:8443/x", 422),
        ("https://user:secret@fcm.googleapis.com/x", 422),
        ("https://127.0.0.1/x", 422),
        ("https://[::1]/x", 422),
        ("https://2130706433/x", 422),
        ("https://localhost/x", 422),
        ("https://fcm.googleapis.com@evil.example/x", 422),
        ("https://fcm.googleapis.com\\@evil.example/x", 422),
        ("https://fcm.googleapis.com/x#y", 422),
        ("https://fcm.googleapis.com/\r\nHost: evil.example", 422),
        ("https://fcm.googleapis.com.evil.example/x", 409),
        ("https://evilfcm.googleapis.com/x", 409),
        ("https://push.apple.com.evil.example/x", 409),
        ("https://router.police.local/x", 409),
        ("file:///etc/passwd", 422),
        ("https://", 422),
        ("https://fcm.googleapis.com/" + "x" * 2_000, 422),
    ],
)
async def test_hostile_endpoints(service: Peer, town: City, endpoint: str, status: int) -> None:
    async with town.signed_in(OFFICER) as officer:
        answer = await officer.post(f"{API}/callouts", json=service.phone("ok/x") | {"endpoint": endpoint})
        assert answer.status_code == status, answer.text
        assert (await officer.get(f"{API}/callouts")).json()["phones"] == []
    assert await entries(town) == []


@pytest.mark.parametrize(
    "keys",
    [
        {"p256dh": "A" * 87}, {"p256dh": "BA" + "A" * 85}, {"p256dh": "A" * 200}, {"p256dh": "!" * 87}, {"p256dh": "A" * 100_000},
        {"auth": "AAAA"}, {"auth": "A" * 44}, {"auth": "é" * 22}, {"auth": ""},
    ],
)  # fmt: skip
async def test_hostile_keys(service: Peer, town: City, keys: dict[str, str]) -> None:
    async with town.signed_in(OFFICER) as officer:
        said = service.phone("ok/x")
        answer = await officer.post(f"{API}/callouts", json=said | {"keys": service.keys | keys})
        assert answer.status_code in (413, 422), answer.text


async def test_a_subscription_is_its_officers_own(service: Peer, town: City) -> None:
    async with town.signed_in(OFFICER) as officer, other(town) as colleague:
        mine = (await officer.post(f"{API}/callouts", json=service.phone("ok/mine"))).json()["subscription_id"]
        assert (await colleague.get(f"{API}/callouts")).json()["phones"] == []
        assert (await colleague.delete(f"{API}/callouts/{mine}")).status_code == 404
        old = await officer.post(f"{API}/callouts", json=service.phone("ok/old") | {"consent": "2025-01"})
        assert old.status_code == 422  # to other words
        [view] = (await officer.get(f"{API}/callouts")).json()["phones"]
        assert view["this_sign_in"]
        assert (await officer.delete(f"{API}/callouts/{mine}")).status_code == 204
        assert (await officer.delete(f"{API}/callouts/{mine}")).status_code == 404
    assert await entries(town) == [("subscribed", ""), ("ended", "by-the-officer")]


async def test_a_phone_that_changes_hands_is_called_for_who_has_it(service: Peer, town: City) -> None:
    async with town.signed_in(OFFICER) as officer, other(town) as colleague:
        await officer.post(f"{API}/callouts", json=service.phone("ok/shared"))
        assert (await colleague.post(f"{API}/callouts", json=service.phone("ok/shared"))).status_code == 201
        assert (await officer.get(f"{API}/callouts")).json()["phones"] == []
    assert [change for change, _ in await entries(town)] == ["subscribed", "ended", "subscribed"]


async def test_a_phone_that_changes_hands_and_asks_twice_at_once_is_called_once(service: Peer, town: City) -> None:
    async with town.signed_in(OFFICER) as officer, other(town) as colleague:
        assert (await officer.post(f"{API}/callouts", json=service.phone("ok/a"))).status_code == 201
        real = town.recorder.record

        async def record(**act: Any) -> None:
            await real(**act)
            await asyncio.sleep(0)  # a disk gives others a turn; the store in memory does not

        town.recorder.record = record  # type: ignore[method-assign]
        both = await asyncio.gather(*(colleague.post(f"{API}/callouts", json=service.phone("ok/a")) for _ in range(2)))
        assert {answer.status_code for answer in both} == {201}
        assert len(town.services.callouts.standing()) == 1


async def test_no_more_phones_than_anybody_has(service: Peer, town: City) -> None:
    async with town.signed_in(OFFICER) as officer:
        for number in range(rules.MOST_BY_ACCOUNT):
            assert (await officer.post(f"{API}/callouts", json=service.phone(f"ok/{number}"))).status_code == 201
        assert (await officer.post(f"{API}/callouts", json=service.phone("ok/one-more"))).status_code == 409
        assert (await officer.post(f"{API}/callouts", json=service.phone("ok/0"))).status_code == 201  # the same again


@pytest.mark.parametrize(
    ("how", "why"),
    [("sign-out", "signed-out"), ("disabled", "account-changed"), ("ended", "account-changed"), ("shift", "time-up")],
)
async def test_it_ends_with_the_sign_in(service: Peer, town: City, how: str, why: str) -> None:
    accounts, boss = town.services.accounts, town.people["supervisor"]
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone("ok/x"))
        account_id = town.people[OFFICER].account_id
        if how == "sign-out":
            await officer.delete("/api/v1/session")
        elif how == "disabled":
            await accounts.disable(boss, account_id)
        elif how == "ended":
            await town.advance(31 * 60)  # left alone, and then ended by a supervisor
            await town.services.callouts.work()
            await accounts.tidy()
            assert len(town.services.callouts.standing()) == 1
            await accounts.end_sessions(boss, account_id)
        else:
            town.clock.advance_to(START + timedelta(hours=12, minutes=1))
    await town.services.callouts.work()
    assert (await entries(town))[-1] == ("ended", why)
    assert await town.store.find("push-subscription") == []


async def test_a_phone_taken_out_while_another_is_written_does_not_come_back(service: Peer, town: City) -> None:
    callouts = town.services.callouts
    async with town.signed_in(OFFICER) as officer:
        for number in range(2):
            await officer.post(f"{API}/callouts", json=service.phone(f"ok/{number}"))
    await town.advance(45 * 60)  # left alone: both are noted as such, one after the other
    _, last = sorted(callouts.standing(), key=lambda one: one.subscription_id)
    working = asyncio.ensure_future(callouts.work())
    await asyncio.sleep(0)
    await callouts.unsubscribe(last.account_id, last.subscription_id)
    await working
    assert last.subscription_id not in [one.subscription_id for one in callouts.standing()]


async def test_a_phone_in_a_pocket_is_called_though_the_page_was_left_alone(service: Peer, town: City) -> None:
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone("ok/pocket"))
        await town.advance(45 * 60)
        await town.services.callouts.work()
        await town.services.accounts.tidy()
        await town.services.callouts.work()
        assert (await officer.get(f"{API}/alerts")).status_code == 401  # to look, they sign in
        await raised_alert(town)
        assert (await told(service))["path"] == "/ok/pocket"


async def test_it_stands_after_a_restart_with_the_same_key(service: Peer) -> None:
    store = MemoryStore()
    town = await town_with(service.port, service.tls, store=store)
    async with town.signed_in(OFFICER) as officer:
        await officer.post(f"{API}/callouts", json=service.phone("ok/x"))
        key = (await officer.get(f"{API}/callouts")).json()["application_server_key"]
        await shut(town)
        again = await town_with(service.port, service.tls, store=store)
        assert again.services.callouts.application_server_key == key
        assert len(again.services.callouts.standing()) == 1
        await shut(again)
        off = await town_with(service.port, service.tls, store=store, policy=PushPolicy(enabled=False))
        await off.services.callouts.work()
        assert off.services.callouts.standing() == []
        assert (await entries(off))[-1] == ("ended", "switched-off")
        await shut(off)
