"""How far the record goes and who vouches for it, over HTTP: what a regulator asks first."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from bowstreet.accountability import checkpoint as checkpoints
from bowstreet.accountability.model import Action
from bowstreet.accountability.note import VerifierKey
from bowstreet.accountability.transparency_log import TransparencyLog
from bowstreet.console import contracts as c
from bowstreet.console.access import Asker
from bowstreet.console.desk import Desk


class WitnessView(msgspec.Struct, frozen=True, kw_only=True):
    """One that is asked to sign. `signed_at`: when it signed the latest checkpoint, by its own clock; None when it has not."""

    name: str
    key: str
    signed_at: datetime | None


class CheckpointView(msgspec.Struct, frozen=True, kw_only=True):
    """The latest that was signed and published, as a whole at /log/checkpoint. The root is hex."""

    size: int
    root: str
    note: str
    witnesses: tuple[WitnessView, ...]


class RecordView(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger as it stands, its log's name and key, its latest checkpoint, and what is in force by it."""

    origin: str
    key: str
    size: int
    root: str
    checkpoint: CheckpointView | None
    policy: str
    policy_digest: str
    retention: str
    retention_digest: str


def router(desk: Desk) -> APIRouter:
    routes = APIRouter(tags=["record"])
    services = desk.services

    @routes.get("/record", **c.route(RecordView))
    async def record(who: Annotated[Asker, desk.access.needs(Action.SEE)]) -> Response:
        """How many entries the ledger has, what is signed of it, and by whom."""
        log, policy, kept = services.log, services.accounts.policy, services.retention
        view = RecordView(
            origin=log.key.name, key=log.key.write(), size=services.recorder.size, root=services.recorder.root.hex(),
            checkpoint=_checkpoint(log), policy=policy.name, policy_digest=policy.version,
            retention=kept.table.version, retention_digest=kept.version,
        )  # fmt: skip
        return c.json(view)

    return routes


def _checkpoint(log: TransparencyLog) -> CheckpointView | None:
    note = log.note
    if note is None:
        return None

    def signed(key: VerifierKey) -> WitnessView:
        by = checkpoints.cosigned_by(note, key)
        return WitnessView(name=key.name, key=key.write(), signed_at=None if by is None else by.at)

    stands = checkpoints.read_text(note.text)
    return CheckpointView(
        size=stands.size, root=stands.root.hex(), note=note.write().decode(),
        witnesses=tuple(signed(key) for key in log.witness_keys),
    )  # fmt: skip
