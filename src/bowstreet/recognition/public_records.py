"""The public records of deployments: made once, from what is on record, and never changed (R15)."""

from collections.abc import Sequence

import msgspec

from bowstreet.accountability.authority import document
from bowstreet.accountability.authority.model import Authorisation
from bowstreet.accountability.disclosure import rules as disclosure
from bowstreet.accountability.disclosure.model import Held
from bowstreet.accountability.recorder import Remove, Save
from bowstreet.messages import DeploymentPublished, Message
from bowstreet.recognition import publication
from bowstreet.recognition.alerts.model import Alert
from bowstreet.recognition.model import Deployment, Opportunity, PublicRecord
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What is entered together with the deployment's last state."""

    digest: str
    saves: Sequence[Save]
    removes: Sequence[Remove]
    messages: Sequence[Message]


class PublicRecords:
    def __init__(self, clock: Clock, operator: str) -> None:
        self.operator, self._clock = operator, clock
        self.all: Collection[PublicRecord] = Collection("public-deployment", PublicRecord, id_of=lambda one: one.deployment_id)
        self._held: Collection[Held] = Collection("public-outcome-held", Held, id_of=lambda one: one.key)

    async def load(self, store: Store) -> None:
        await self.all.load(store)
        await self._held.load(store)

    def newest(self) -> list[PublicRecord]:
        return sorted(self.all.all(), key=lambda one: one.ended_at, reverse=True)

    def make(
        self, one: Deployment, alerts: Sequence[Alert], passes: Sequence[Opportunity], authority: Authorisation | None
    ) -> Made:  # fmt: skip
        """The record of a deployment whose list is destroyed. An outcome is told once at least five have it, over deployments."""
        held = {kept.key: kept for kept in self._held.all()}
        kinds = publication.outcome_kinds(alerts)
        told, rest = disclosure.tell(held, [(kind, 1) for kind in kinds.elements()])
        body = publication.record(
            one, alerts, passes, {kind: share.count for kind, share in told.items()}, operator=self.operator,
            authority_digest="" if authority is None else document.digest(authority),
        )  # fmt: skip
        text = publication.written(body)
        digest = publication.digest(text)
        kept = PublicRecord(deployment_id=one.deployment_id, ended_at=body.ended_at, digest=digest, text=text)
        saves: list[Save] = [(self.all, kept)]
        saves += [(self._held, more) for key, more in rest.items() if held.get(key) != more]
        return Made(
            digest=digest, saves=saves, removes=[(self._held, key) for key in held.keys() - rest.keys()],
            messages=[DeploymentPublished(at=self._clock.now(), deployment_id=one.deployment_id, digest=digest)],
        )  # fmt: skip
