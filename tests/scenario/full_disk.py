"""A disk that takes no more, at every point at which the ledger writes: run in a process of its own, because it limits itself.

The kernel refuses to let any file grow beyond so many bytes (`RLIMIT_FSIZE`): what reaches across the limit is taken in part, as a
disk does that fills up. For each limit one thing is done on a folder of its own, then the limit is lifted and the same program goes
on. Each line that it prints is one limit: what was done, whether it was refused, and what is wrong afterwards (nothing).
"""

import asyncio
import json
import os
import resource
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from tests.unit.ledger_world import ORIGIN, OTHER_KEY, House, filled

from bowstreet.accountability import key_source
from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.accountability.keys import SoftwareMasterKey
from bowstreet.accountability.rotation import Rotation
from bowstreet.errors import KeyUnavailable, StoreUnavailable

ACTS = 3
NEXT = SoftwareMasterKey(bytes.fromhex(OTHER_KEY))
# A frame of SQLite's write-ahead log is 4,120 bytes: limits fall into each, at its end and at quarters of it.
FRAME = 24 + 4096
LARGE = [32 + FRAME * number * 3 // 4 for number in range(44)]
SMALL = list(range(0, 2_000, 50))


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def _acts(house: House, acknowledged: list[str]) -> None:
    for number in range(200, 200 + ACTS):
        acknowledged += [await house.act(number)]


async def _signs(house: House, acknowledged: list[str]) -> None:
    await house.publish()


async def _master(house: House, acknowledged: list[str]) -> None:
    await Rotation(house.folder, house.recorder, house.published).master(house.vault, house.master, NEXT)


async def _log_key(house: House, acknowledged: list[str]) -> None:
    await Rotation(house.folder, house.recorder, house.published).log_key(ORIGIN, house.master)


async def _settles(house: House, acknowledged: list[str]) -> None:
    await house.recorder.settle()


Deed = Callable[[House, list[str]], Awaitable[None]]
DEEDS: dict[str, tuple[Deed, list[int]]] = {
    "acts": (_acts, LARGE), "signs": (_signs, SMALL), "settles": (_settles, LARGE[::2]),
    "master key": (_master, SMALL + LARGE), "log key": (_log_key, SMALL + LARGE),
}  # fmt: skip


async def _tried(folder: Path, deed: Deed, size: int, *, goes_on: bool) -> tuple[bool, str]:
    """Whether it was refused, and what is wrong afterwards: after the program went on by itself, or was started again at once."""
    house = await House(folder).open()
    acknowledged = [await house.act(100)]
    refused = False
    limit(size)
    try:
        await deed(house, acknowledged)
    except (StoreUnavailable, KeyUnavailable):
        refused = True
    finally:
        limit(resource.RLIM_INFINITY)
    if goes_on and deed not in (_master, _log_key):
        acknowledged.append(await house.act(300))
        await house.publish()
    await house.close()
    return refused, await _wrong(folder, acknowledged)


async def _wrong(folder: Path, acknowledged: list[str]) -> str:
    """The folder after a restart: what is lost, half done or does not verify; "" for nothing."""
    try:
        again = House(folder)
    except KeyUnavailable:
        again = House(folder, NEXT)
    await again.open()
    lost = set(acknowledged) - {one.id for one in again.incidents.all()}
    await again.act(400)
    await again.publish()
    await again.close()
    source = "" if again.master.name == key_source.load("", folder).name else "env:OTHER_KEY"
    with keyring_of(folder, source) as keyring:
        found = verify_data(folder, keyring=keyring)
    if lost or not found.ok or found.verification.sealed or found.checkpoints_unreadable:
        return f"lost {sorted(lost)}; {found.says()}"
    return ""


async def _begun(folder: Path, size: int) -> tuple[bool, str]:
    """The very first start."""
    refused = False
    limit(size)
    try:
        house = await House(folder).open()
        await house.close()
    except (StoreUnavailable, KeyUnavailable):
        refused = True
    finally:
        limit(resource.RLIM_INFINITY)
    return refused, await _wrong(folder, [])


async def _all(folder: Path) -> Iterator[dict[str, object]]:
    base = folder / "base"
    await (await filled(base, 3)).close()
    told = []
    for name, (deed, sizes) in DEEDS.items():
        for size in sizes:
            place = folder / "place"
            shutil.copytree(base, place)
            refused, wrong = await _tried(place, deed, size, goes_on=len(told) % 2 == 0)
            told.append({"deed": name, "limit": size, "refused": refused, "wrong": wrong})
            shutil.rmtree(place)
    for size in [*SMALL, *LARGE]:
        refused, wrong = await _begun(folder / f"new-{size}", size)
        told.append({"deed": "first start", "limit": size, "refused": refused, "wrong": wrong})
    return iter(told)


if __name__ == "__main__":
    os.environ["OTHER_KEY"] = OTHER_KEY
    for line in asyncio.run(_all(Path(sys.argv[1]))):
        print(json.dumps(line))
