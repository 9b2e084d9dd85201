"""Links for officers as they are kept: sealed, found again after a restart, ended though nobody can write it down, erased in time."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import argon2
import pytest
from tests.unit.retention_world import NOW, World

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.credentials import Passwords
from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.dispatch.officers.model import LinkEnd, LinkPurpose
from bowstreet.dispatch.officers.service import OfficerLinks
from bowstreet.errors import NotSignedIn, Refused, StoreUnavailable


class Room(World):
    """A world with an account and links."""

    async def started(self) -> "Room":
        await super().started()
        cheap = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        self.accounts = Accounts(self.recorder, self.clock, self.ids, passwords=cheap, real_clock=self.clock)
        await self.accounts.load(self.store)
        if self.accounts.needs_setup:
            token = await self.accounts.new_setup_token()
            assert token is not None
            await self.accounts.set_up(token, "A supervisor", "three unrelated words", "test")
        self.links = OfficerLinks(self.recorder, self.clock, self.clock, self.ids, self.intake, self.accounts)
        await self.links.load(self.store)
        return self

    async def link(self, **more: Any) -> tuple[str, str]:
        """A link to an open incident, and its secret."""
        from tests.unit.intake_world import report

        incident = await self.intake.receive(report())
        [account] = self.accounts.all()
        link, secret = await self.links.make(
            incident.incident_id, "NI 4127", LinkPurpose.SEARCHING, account.account_id, timedelta(hours=1), **more
        )
        return link.link_id, secret

    async def close(self) -> None:
        self.accounts.close()
        await self.store.close()


async def test_who_it_is_for_lies_in_no_file_in_clear_and_a_restart_knows_the_device(tmp_path: Path) -> None:
    room = await Room(tmp_path / "data").started()
    link_id, secret = await room.link()
    _, device = await room.links.open(secret, lambda _: "")
    await room.recorder.settle()
    await room.close()
    files = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    for hidden in ("NI 4127", secret, device):
        assert hidden.encode() not in files
    room = await Room(tmp_path / "data").started()
    assert room.links.visited(link_id, device).recipient == "NI 4127"
    assert (await room.links.open(secret, lambda _: device))[1] == device
    with pytest.raises(Refused, match="another device"):
        await room.links.open(secret, lambda _: "")
    with pytest.raises(NotSignedIn):
        room.links.visited(link_id, "")
    await room.close()


async def test_a_link_is_cut_though_its_end_cannot_be_written_and_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await Room(tmp_path / "data").started()
    link_id, secret = await room.link()
    _, device = await room.links.open(secret, lambda _: "")
    cut: list[str] = []
    room.links.listen(cut.append)

    async def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    with monkeypatch.context() as patch:
        patch.setattr(room.recorder.store, "commit", full)
        with pytest.raises(StoreUnavailable):
            await room.links.revoke(link_id, "acc-1")
        assert cut == [link_id]
        assert not room.links.holds(link_id)
        with pytest.raises(Refused):
            room.links.visited(link_id, device)
        await room.links.work()  # still full: nothing is lost, nothing opens
        assert not room.links.holds(link_id)
    await room.links.work()
    assert room.links.links.get(link_id).ended is LinkEnd.REVOKED
    await room.close()


async def test_it_is_not_opened_when_the_opening_cannot_be_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await Room(tmp_path / "data").started()
    link_id, secret = await room.link()

    async def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("the disk is full", remedy="make room")

    with monkeypatch.context() as patch:
        patch.setattr(room.recorder.store, "commit", full)
        with pytest.raises(StoreUnavailable):
            await room.links.open(secret, lambda _: "")
    assert room.links.links.get(link_id).devices == (), "the first device is still to come"
    await room.close()


async def test_for_whom_it_was_is_erased_a_year_after_its_end(tmp_path: Path) -> None:
    room = await Room(tmp_path / "data").started()
    link_id, _ = await room.link()
    name, text = shipped_table()
    worker = Retention(
        room.recorder, room.clock, room.ids, room.vault, parse_table(text, name), "0" * 64, [room.links], lambda _: False
    )
    await worker.load(room.store)
    room.clock.advance_to(NOW + timedelta(days=300))
    await room.links.work()
    assert room.links.recipients() == {link_id: "officer NI 4127"}
    assert await worker.work() == 0
    room.clock.advance_to(NOW + timedelta(days=300 + 366))
    assert await worker.work() == 1
    assert room.links.recipients() == {}
    assert await room.store.get("officer-link", link_id) is None
    await room.close()
