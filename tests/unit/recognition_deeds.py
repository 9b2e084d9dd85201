"""What people and the program do with a deployment, each a deed that `tests.killing` kills at every step; and the folders before it.

Faces are read once, by the real reader, while the folder is made; in the processes that die it is remembered what it said.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from fastapi.responses import Response
from tests.killing import Killed, Steps, killed_everywhere
from tests.left_by_kills import hold
from tests.unit.recognition_world import ADJUDICATOR, NOW, OFFICER, OPERATOR, World, photo, row

from bowstreet.accountability.ledger import message_of
from bowstreet.accountability.model import Identity as Asker
from bowstreet.accountability.model import Role
from bowstreet.accountability.processing.model import Justification
from bowstreet.accountability.vault import KEYS_FILE
from bowstreet.console import idempotency
from bowstreet.console.idempotency import Idempotency
from bowstreet.recognition.alerts.model import Alert, Disposal, IdentityFound, Judgement
from bowstreet.recognition.listing import ReadFace, Unusable
from bowstreet.recognition.model import Deployment, DeploymentState
from bowstreet.recognition.portraits.reader import PortraitReader
from bowstreet.recognition.watchlist import ListWriter

FACES = "faces.msgpack"
# Listed first, and by the import that takes the place of that list.
BEFORE, AFTER = ("P001",), ("P002", "P003")
LATER = NOW + timedelta(minutes=5)
Read = ReadFace | Unusable
Check = Callable[[World, Killed], Coroutine[Any, Any, None]]


class Remembered:
    """What the real reader said of each image, kept beside the data; an image that it never saw is read now."""

    def __init__(self, folder: Path) -> None:
        self._path, self._real = folder / FACES, PortraitReader()
        self._said: dict[str, Read] = {}
        if self._path.exists():
            self._said = msgspec.msgpack.decode(self._path.read_bytes(), type=dict[str, Read])

    async def read(self, image: bytes) -> Read:
        name = sha256(image).hexdigest()
        if name not in self._said:
            self._said[name] = await self._real.read(image)
            self._path.write_bytes(msgspec.msgpack.encode(self._said))
        return self._said[name]

    async def close(self) -> None:
        await self._real.close()


async def opened(folder: Path, *, minutes: float = 5.0, seed: int = 2) -> World:
    """The operation on a folder, started (again) so many minutes after its beginning."""
    folder.mkdir(exist_ok=True)
    world = await World(folder, at=NOW + timedelta(minutes=minutes), seed=seed, reader=Remembered(folder)).started()
    await world.recorder.recover()
    return world


def the(world: World) -> Deployment:
    [one] = world.recognition.all()
    return one


# --- folders as they are before a deed ----------------------------------------------------------------------------------------


async def listed(folder: Path) -> None:
    """A plan with a list, not submitted; the next list's faces were read."""
    world = await opened(folder, minutes=0, seed=1)
    for person in AFTER:
        await world.reader.read(photo(person))
    one = await world.planned()
    await world.told(one.deployment_id)
    await world.listed(one.deployment_id, *BEFORE)
    await world.close()


async def running(folder: Path) -> None:
    """A deployment that ran, with one alert that nobody has answered."""
    await listed(folder)
    world = await opened(folder, minutes=1, seed=5)
    dep = the(world).deployment_id
    await world.authorised(dep)
    await world.recognition.start(dep, OPERATOR)
    await world.recognition.submit(world.sighting(dep, world.person_id(dep, BEFORE[0])))
    await world.close()


# --- deeds --------------------------------------------------------------------------------------------------------------------


async def importing(folder: Path, steps: Steps) -> None:
    world = await opened(folder)
    steps.around(ListWriter, "append")
    steps.begin()
    await imported(world)


async def imported(world: World) -> None:
    """A list of other people in the place of the first."""
    rows = [row(person, f"{person}.jpg") for person in AFTER]
    made, _ = await world.imported(the(world).deployment_id, rows, {f"{person}.jpg": photo(person) for person in AFTER})
    await world.planning.finish_import(the(world).deployment_id, made.import_id, OPERATOR, leave_out=False)


async def taking_off(folder: Path, steps: Steps) -> None:
    world = await opened(folder)
    await imported(world)
    steps.around(ListWriter, "append")
    steps.begin()
    dep = the(world).deployment_id
    await world.planning.take_off(dep, world.person_id(dep, AFTER[0]), OPERATOR)


async def authorising(folder: Path, steps: Steps) -> None:
    """Asked for, withdrawn, asked for again, given, amended, and that given too."""
    world = await opened(folder)
    dep = the(world).deployment_id
    steps.begin()
    await world.planning.request_authority(dep, OPERATOR)
    await world.planning.withdraw(dep, OPERATOR)
    await world.authorised(dep)
    plan = the(world).plan
    amended = await world.planning.amend(dep, msgspec.structs.replace(plan, cameras=plan.cameras[:1]), OPERATOR)
    assert amended.amendment is not None
    await world.authorities.decide(amended.amendment.authorisation_id, OFFICER, allow=True)
    await world.planning.withdraw(dep, OPERATOR)


async def ending(folder: Path, steps: Steps) -> None:
    """Closed, its open alert ended, its list destroyed, its record published."""
    world = await opened(folder)
    steps.begin()
    await world.recognition.close(the(world).deployment_id, OPERATOR)
    await world.recognition.look()
    assert the(world).state is DeploymentState.PUBLISHED


async def deciding(folder: Path, steps: Steps) -> None:
    """An officer takes the alert, looks, and decides, as the console sends it."""
    world = await opened(folder)
    steps.begin()
    await decided(world)


async def decided(world: World) -> list[Response]:
    """Each command with its key, as a phone sends it that repeats what was not answered."""
    [alert] = world.alerts.all()
    once = Idempotency(world.store, world.clock, _nothing)
    who = Asker(account_id=ADJUDICATOR, name="", role=Role.ADJUDICATING_OFFICER, may=())

    async def claim() -> Response:
        return _said(await world.alerts.claim(alert.alert_id, ADJUDICATOR))

    async def decide() -> Response:
        await world.alerts.view(alert.alert_id, who, Justification.ADJUDICATION, adjudicates=True)
        return _said(await world.alerts.decide(alert.alert_id, ADJUDICATOR, engage=True, judgement=Judgement.SAME))

    async def settle() -> Response:
        return _said(await world.alerts.settle(alert.alert_id, ADJUDICATOR, IdentityFound.CONFIRMED_TRUE, Disposal.ARREST))

    answers = []
    for name, act in (("claim", claim), ("decide", decide), ("settle", settle)):
        told = idempotency.Request(account_id=ADJUDICATOR, method="POST", path=f"/{name}", key="one", body=b"")
        answers.append(await once.run(told, act))
    return answers


def _said(one: Alert) -> Response:
    return Response(one.state)


async def _nothing(path: str) -> bytes:
    raise AssertionError(path)


# --- what is left of them -----------------------------------------------------------------------------------------------------


async def attacked(deed: str, data: Path, kills: Path, check: Check) -> None:
    """Kill a deed at each step, and hold what is left to a check: with what the next start makes of it, and a ledger that verifies."""
    left = await asyncio.to_thread(killed_everywhere, f"tests.unit.recognition_deeds:{deed}", data, kills / "kills")
    await hold(left, lambda one: opened(one.folder, minutes=10, seed=7 + one.number), check)


async def entries(world: World, kind: type) -> list[Any]:
    found = [message_of(row) async for row in world.store.log_rows()]
    return [message for message in found if isinstance(message, kind)]


def list_keys(world: World) -> list[str]:
    with sqlite3.connect(world.folder / KEYS_FILE) as keys:
        found = keys.execute("SELECT subject FROM data_keys WHERE subject LIKE 'wl-%'").fetchall()
    keys.close()
    return [subject for (subject,) in found]
