"""An operation whose calls to phones go to `push_peer`, and alerts for it that rest on no face."""

import ssl
from datetime import timedelta
from typing import Any

from tests.integration.console_city import City, city
from tests.integration.push_peer import HOSTS
from tests.unit.recognition_world import HIGHBURY, PROBE, THRESHOLD, ZONE

from bowstreet.recognition.alerts.model import Alert, Look, Raised, Sighting
from bowstreet.recognition.callouts.model import Attempt, Call, PushAddress, PushPolicy
from bowstreet.recognition.callouts.push_service import PushServices
from bowstreet.recognition.callouts.server_key import own_key
from bowstreet.recognition.listing import Person
from bowstreet.recognition.model import Category, DeploymentUse, LocationBasis, PlacedCamera, Plan, Risk
from bowstreet.runtime.clock import SystemClock

POLICY = PushPolicy(contact="mailto:duty@example.org")


class Late:
    """The real sender, made once the operation has its key: the operation is made with this in its place."""

    def __init__(self) -> None:
        self.made: PushServices

    async def send(self, call: Call, to: PushAddress, lasts_s: float) -> Attempt:
        return await self.made.send(call, to, lasts_s)

    async def close(self) -> None:
        await self.made.close()


async def town_with(port: int, tls: ssl.SSLContext, policy: PushPolicy = POLICY, **more: Any) -> City:
    """Every allowed name leads to this port of this machine, whose certificate `tls` believes."""

    async def dial(host: str, at: int) -> tuple[str, int]:
        assert host in HOSTS
        assert at == 443
        return "127.0.0.1", port

    late = Late()
    made = await city(push=policy, sender=late, **more)
    late.made = PushServices(policy, await own_key(made.recorder, policy.contact), SystemClock(), dial=dial, tls=tls)
    return made


async def shut(made: City) -> None:
    await made.services.callouts.close()
    await made.services.recognition.close_all()
    made.services.accounts.close()


async def raised_alert(town: City, track: str = "1", borough: str = "Islington") -> Alert:
    """One is raised. No face is needed for it: what it rests on is tested elsewhere."""
    recognition, now = town.services.recognition, town.clock.now()
    plan = Plan(
        use_case=DeploymentUse.WANTED, location_basis=LocationBasis.CRIME_HOTSPOT, zone=ZONE, boroughs=(), threshold=THRESHOLD,
        starts_at=now, ends_at=now + timedelta(hours=4), model_sha256="", cameras=(PlacedCamera(camera_id="north", position=HIGHBURY),),
    )  # fmt: skip
    deployment = await recognition.planning.plan(plan, "acc-operator")
    person = Person(
        person_id="per-1", reference="P-1042", name="Somebody Listed", category=Category.WANTED_BY_COURT, risk=Risk.NONE_KNOWN
    )
    look = Look(at=now, person_id="per-1", score=0.71, quality=0.8)
    sighting = Sighting(
        deployment_id=deployment.deployment_id, camera_id="north", track_id=track, looks=(look, look), probe=PROBE
    )
    raised = Raised(person_id="per-1", best=look, agreeing=2)
    return await recognition.alerts.open(sighting, raised, person, deployment, borough)
