"""The record over HTTP: its size and root, its latest checkpoint as published, who is asked to sign it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.console_city import City, city

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability import note as notes


@pytest.fixture
async def town() -> AsyncIterator[City]:
    made = await city()
    yield made
    made.services.accounts.close()


@pytest.mark.requirement("R17")
async def test_the_record_says_what_is_signed_of_it(town: City) -> None:
    recorder = town.services.recorder
    async with town.signed_in("regulator") as regulator:
        await town.services.log.publish(recorder.size, recorder.root)
        shown = (await regulator.get("/api/v1/record")).json()
        public = (await regulator.get("/log/checkpoint")).text
    assert (shown["size"], shown["root"]) == (recorder.size, recorder.root.hex())
    assert shown["checkpoint"]["note"] == public
    stands, note = checkpoints.read(public.encode())
    assert notes.signed_by(note, notes.read_key(shown["key"]))
    assert (shown["checkpoint"]["size"], shown["checkpoint"]["root"]) == (stands.size, stands.root.hex())
    assert shown["policy_digest"] == town.services.accounts.policy.version


async def test_nobody_who_is_not_signed_in_asks_the_record(town: City) -> None:
    async with town.client() as client:
        assert (await client.get("/api/v1/record")).status_code == 401


async def test_an_account_has_one_bundle_under_way_at_a_time(town: City) -> None:
    async with town.signed_in("regulator") as regulator, town.signed_in("supervisor") as supervisor:
        ways = (regulator, regulator, regulator, supervisor)
        answers = await asyncio.gather(*(one.get("/api/v1/audit/bundle") for one in ways))
        assert sorted(one.status_code for one in answers[:3]) == [200, 429, 429]
        assert answers[3].status_code == 200
        assert (await regulator.get("/api/v1/audit/bundle")).status_code == 200  # the one before has come


async def test_a_bundle_that_is_broken_off_does_not_bar_the_next(town: City) -> None:
    async with town.signed_in("regulator") as regulator:
        breaking = asyncio.ensure_future(regulator.get("/api/v1/audit/bundle"))
        for _ in range(20):
            await asyncio.sleep(0)
        breaking.cancel()
        await asyncio.gather(breaking, return_exceptions=True)
        assert (await regulator.get("/api/v1/audit/bundle")).status_code == 200
