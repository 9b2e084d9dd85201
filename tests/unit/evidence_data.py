"""A data directory with footage in it, as a program that was stopped leaves it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.unit.evidence_world import FINDER, SOURCE, metadata, pictures, settled

from bowstreet.accountability import key_source
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.model import Ground, UseCase
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.model import Role
from bowstreet.accountability.published import PublishedFile
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.rotation import open_log
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import open_vault
from bowstreet.intake import area
from bowstreet.intake.model import Incident
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.sqlite import SqliteStore
from bowstreet.video.recorder import FootageRecorder
from bowstreet.video.redaction.service import Redactions

INCIDENT, PASSWORD, NAME = "inc-1", "three unrelated words", "A supervisor"


async def stopped(
    folder: Path,
    *,
    leave: bool = True,
    recordings: int = 1,
    killed: bool = False,
    incidents: bool = False,
    redacted: bool = False,
) -> tuple[str, list[str]]:
    """The log's key, and the ids of the recordings. `killed`: this process ends by kill -9 while it records.
    `incidents`: each recording is of an incident of its own, which is on record; authority is for the first.
    `redacted`: of the first there is a redacted copy."""
    folder.mkdir(exist_ok=True)
    clock = SystemClock()
    master = key_source.load("", folder)
    vault = open_vault(folder, master)
    store = SealedStore(SqliteStore(folder / "record.db"), vault)
    acts = Recorder(store, InlineBus(), clock)
    await acts.open()
    ids = RandomIds(clock)
    log = open_log(folder, store, "bow.example/city", master, PublishedFile(folder, clock))
    await log.open()
    accounts = Accounts(acts, clock, ids, real_clock=clock)
    await accounts.load(store)
    await accounts.declare_policy()
    token = await accounts.new_setup_token()
    assert token is not None
    who = (await accounts.set_up(token, NAME, PASSWORD, "test")).identity
    await accounts.create(who, "A regulator", Role.REGULATOR, PASSWORD)
    footage = FootageRecorder(acts, clock, ids, vault, folder / "footage")
    await footage.load(store)
    subjects = [INCIDENT] * recordings
    if incidents:
        intake = IntakeService(acts, store, clock, ids, area.london(), max_age=None)
        await intake.load()
        subjects = [await incident(intake, clock.now(), number) for number in range(recordings)]
    made = []
    for subject in subjects:
        made.append(await footage.start(SOURCE, "mis-1", subject))
        header, fragments = pictures(24)
        footage.take(SOURCE, header)
        for number, one in enumerate(fragments):
            footage.take(SOURCE, one)
            footage.take(SOURCE, metadata(number))
        if not killed:
            await footage.stop("cam-1", "left the scene")
    if redacted:
        redactions = Redactions(acts, clock, ids, footage, FINDER)
        await redactions.load(store)
        await redactions.begin(made[0], who.account_id, "asked for by the defence")
        await settled(redactions, made[0])
        await redactions.add(made[0], who.account_id, "a house number", (0, 10_000_000), (0, 0, 16, 16))
        await redactions.make_copy(made[0], who.account_id, "looked through")
        await settled(redactions, made[0])
    if leave:
        authorities = Authorities(acts, clock, ids)
        await authorities.load(store)
        asked = authorities.requested(
            use_case=UseCase.DISCLOSURE, ground=Ground.CRIMINAL_PROCEEDINGS, subject_id=subjects[0], boroughs=("Islington",),
            starts_at=clock.now(), ends_at=clock.now() + timedelta(days=1), by=who.account_id,
        )  # fmt: skip
        await authorities.request(asked)
        await authorities.decide(asked.authorisation_id, "acc-gives", allow=True)
    await log.publish(acts.size, acts.root, keep=True)
    if killed:
        while footage.reach_of(footage.recordings.get(made[-1])).parts < 49:
            await asyncio.sleep(0.01)
        sys.stdout.write(made[-1])
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    await acts.flush()
    accounts.close()
    await store.close()
    return log.key.write(), made


async def incident(intake: IntakeService, now: datetime, number: int) -> str:
    row = {
        "id": f"cad-{number}", "reported_at": now.isoformat(), "grade": "I", "category": ("robbery", "burglary")[number % 2],
        "text": "seen from a window", "latitude": 51.5465 + number / 100, "longitude": -0.1030,
    }  # fmt: skip
    taken = await intake.receive_raw(row, "test")
    assert isinstance(taken, Incident)
    return taken.incident_id


def bowstreet(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bowstreet", *words], input=said, capture_output=True, text=True, check=False
    )  # fmt: skip


def verified(*words: str) -> tuple[int, Any]:
    """Exit status, and the JSON of `audit verify`."""
    done = bowstreet("audit", "verify", *words, "--json", "-")
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr
