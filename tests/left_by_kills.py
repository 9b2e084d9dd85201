"""What processes left that were killed at each step (`tests.killing`): each is started again and held to a check, and its ledger verifies."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from bowstreet.accountability.audit import keyring_of, verify_data
from bowstreet.errors import BowstreetError
from tests.killing import Killed


class Started(Protocol):
    async def close(self) -> None: ...


World = TypeVar("World", bound=Started)


async def hold(
    left: Sequence[Killed], start: Callable[[Killed], Awaitable[World]], check: Callable[[World, Killed], Awaitable[None]]
) -> None:
    """All are looked at before it fails, so that every step that is wrong is told."""
    wrong: list[str] = []
    for one in left:
        world = await start(one)
        try:
            await check(world, one)
        except (AssertionError, BowstreetError) as error:
            wrong.append(f"step {one.number}, {one.before or 'the end'}: {error!r}"[:600])
        await world.close()
        with keyring_of(one.folder, "") as keyring:
            found = verify_data(one.folder, keyring=keyring)
        assert found.ok, found.says()
    assert not wrong, "\n".join(wrong)
