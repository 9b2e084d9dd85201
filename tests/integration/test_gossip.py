"""A log that shows two histories is found: by asking its witnesses, or by anybody who kept a checkpoint. And it is shown, for good."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.integration.console_city import City, city

from bowstreet.accountability import note as notes
from bowstreet.accountability.gossip import Gossip
from bowstreet.accountability.note import Note, SoftwareSigner, VerifierKey
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.accountability.witness import WitnessDesk, log_name
from bowstreet.accountability.witness_http import RemoteWitness, application
from bowstreet.errors import LinkFailure
from bowstreet.messages import ForkSeen, RunChanged
from bowstreet.runtime.memory import MemoryStore

PAGE = "/public/checkpoints"


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    await acted(made, 5, "the true history")
    await publish(made)
    yield made
    made.services.accounts.close()


async def acted(town: City, count: int, detail: str) -> None:
    said = [RunChanged(at=town.clock.now(), change="test", detail=detail) for _ in range(count)]
    await town.recorder.record(messages=said)


async def publish(town: City) -> Note:
    return await town.services.log.publish(town.recorder.size, town.recorder.root)


async def other_history() -> City:
    """An operation with the same key whose record is another: the same program, put back from an old copy and run on."""
    other = await city()
    await acted(other, 3, "what others were shown")
    other.services.accounts.close()
    return other


def desk_of(town: City, folder: Path) -> WitnessDesk:
    return WitnessDesk("paper.example/witness", SoftwareSigner(bytes([9] * 32)), [town.services.log.key], folder, town.clock)


def remote(desk: WitnessDesk) -> RemoteWitness:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(application(desk)), base_url="http://witness.example")
    return RemoteWitness("http://witness.example/", desk.key, client)


async def shown_to(other: City, witness: RemoteWitness) -> Note:
    """The other history's checkpoint, signed by the witness as the first it sees."""
    log = other.services.log

    async def prove(old_size: int) -> list[bytes]:
        return await log.consistency(old_size, other.recorder.size)

    note = await publish(other)
    await witness.cosign(note, prove)
    return note


@pytest.mark.requirement("F14", "P9")
async def test_a_witness_who_saw_another_history_raises_the_alarm(town: City, tmp_path: Path) -> None:
    witness = remote(desk_of(town, tmp_path))
    theirs = await shown_to(await other_history(), witness)
    gossip = town.services.gossip
    gossip._witnesses = [witness]
    async with town.client() as anybody:
        assert "does not fit the record" in (await anybody.get(PAGE)).text
        assert "alarm" not in (await anybody.get("/public")).text
        await gossip.pull()
        await gossip.pull()
        index, chain = (await anybody.get("/public")).text, (await anybody.get(PAGE)).text
    [told] = await town.ledger(ForkSeen)
    assert (told.source, told.size) == ("paper.example/witness", int(theirs.text.split("\n")[1]))
    assert told.root != told.ours != ""
    [fork] = gossip.forks.all()
    assert notes.signed_by(notes.read(fork.note.encode()), town.services.log.key), "whoever reads it can check who signed it"
    assert "shown more than one history" in index
    assert "IT DOES NOT FIT THE RECORD" in chain
    assert fork.root in told.root
    assert "paper.example/witness" in chain
    # Found again after a restart.
    again = Gossip(town.recorder, town.services.log, town.clock)
    await again.load(town.store)
    assert len(again.forks) == 1


async def test_a_witness_who_saw_this_history_agrees_and_one_that_has_more_does_not(town: City, tmp_path: Path) -> None:
    witness = remote(desk_of(town, tmp_path))
    await shown_to(town, witness)
    await acted(town, 300, "more of the same")
    gossip = Gossip(town.recorder, town.services.log, town.clock, [witness])
    await gossip.pull()
    [asked] = gossip.asked.values()
    assert (asked.agrees, asked.problem) == (True, "")
    assert len(gossip.forks) == 0
    # An old copy of the record is put back: the witness has seen more than it has.
    short = await city(store=MemoryStore(), set_up=False)
    rolled_back = Gossip(short.recorder, short.services.log, short.clock, [witness])
    await rolled_back.pull()
    [fork] = rolled_back.forks.all()
    assert (fork.ours, fork.size) == ("", asked.size)
    short.services.accounts.close()


async def test_a_witness_that_lies_or_is_silent_is_no_alarm(town: City, tmp_path: Path) -> None:
    stranger = SoftwareSigner(bytes([7] * 32))
    answers: dict[str, tuple[int, bytes]] = {
        "silent": (500, b""),
        "nothing": (404, b""),
        "rubbish": (200, b"\xff\x00"),
        "endless": (200, b"x" * 100_000),
        "without its signature": (200, (await publish(town)).write()),
        "another key": (200, Note(text="other\n1\n" + "A" * 43 + "=\n", signatures=()).write() + b"\n"),
    }
    key = desk_of(town, tmp_path).key
    for name, (status, body) in answers.items():

        def answer(request: httpx.Request, status: int = status, body: bytes = body) -> httpx.Response:
            return httpx.Response(status, content=body)

        client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        gossip = Gossip(town.recorder, town.services.log, town.clock, [RemoteWitness("http://w.example", key, client)])
        await gossip.pull()
        [asked] = gossip.asked.values()
        assert asked.problem, name
        assert not asked.agrees
        assert len(gossip.forks) == 0
    assert await town.ledger(ForkSeen) == []
    # A checkpoint that a stranger signed under this log's name proves nothing.
    other = await other_history()
    log = TransparencyLog(other.store, town.services.log.key.name, stranger, other.services.log._published)
    assert log.key.public_key != town.services.log.key.public_key


@pytest.mark.requirement("F14", "P9")
async def test_anybody_hands_in_a_checkpoint_that_they_kept(town: City) -> None:
    kept = await publish(town)
    await acted(town, 10, "later")
    other = await other_history()
    forged = notes.read((await publish(other)).write())
    async with town.client() as anybody:
        fits = await anybody.post(PAGE, data={"note": kept.write().decode().replace("\n", "\r\n")})
        assert (fits.status_code, "It fits" in fits.text) == (200, True)
        stranger = Note(
            text=forged.text, signatures=(notes.sign(forged.text, town.services.log.key.name, SoftwareSigner(bytes([7] * 32))),)
        )
        for nothing in ("", "rubbish", stranger.write().decode(), "x" * 70_000):
            refused = await anybody.post(PAGE, data={"note": nothing})
            assert refused.status_code in (400, 409), nothing[:20]
            assert "It proves nothing" in refused.text
        assert await town.ledger(ForkSeen) == []
        proof = await anybody.post(PAGE, data={"note": forged.write().decode()})
        assert "does NOT fit" in proof.text
        assert (await anybody.get("/public/requests")).status_code == 200
    [told] = await town.ledger(ForkSeen)
    assert told.source == "public"


async def test_the_chain_is_shown_with_who_witnessed_it(town: City, tmp_path: Path) -> None:
    witness = remote(desk_of(town, tmp_path))
    town.services.log._witnesses = [witness]
    await acted(town, 1, "one")
    town.clock.advance_to(town.clock.now() + timedelta(minutes=1))
    last = await publish(town)
    async with town.client() as anybody:
        listed = (await anybody.get("/public/checkpoints.json")).json()
        page = (await anybody.get(PAGE)).text
    assert listed[0]["root"] in page
    assert [one["witness"] for one in listed[0]["witnesses"]] == ["paper.example/witness"]
    assert listed[-1]["witnesses"] == []
    assert notes.read(listed[0]["note"].encode()).text == last.text
    assert [one["size"] for one in listed] == sorted((one["size"] for one in listed), reverse=True)
    assert f"bowstreet audit verify BUNDLE --key &#x27;{town.services.log.key.write()}&#x27;" in page


async def test_a_witness_gives_its_latest_and_keeps_it_over_a_restart(town: City, tmp_path: Path) -> None:
    desk = desk_of(town, tmp_path)
    witness, origin = remote(desk), town.services.log.key.name
    assert await witness.latest(origin) is None
    note = await shown_to(town, witness)
    again = remote(desk_of(town, tmp_path))
    given = await again.latest(origin)
    assert given is not None
    assert given.text == note.text
    assert await again.latest("other.example/log") is None
    assert desk.latest(log_name("other.example/log")) is None
    with pytest.raises(LinkFailure):
        await RemoteWitness("http://127.0.0.1:1/", VerifierKey(name="x", kind=4, public_key=bytes(32))).latest(origin)
