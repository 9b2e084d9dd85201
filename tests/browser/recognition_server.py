"""The console over a real operation with recognition, in a process of its own; sightings come by its standard input.

    python -m tests.browser.recognition_server [PORT CERTIFICATE]

The first line it prints is its address. A line `alert NAME` lets the synthetic person of that name pass a camera; `waits` raises an alert
that rests on nobody, and is answered with its id; `ofiq FOLDER` has images measured by `tests.ofiq_peer`; `look` lets time be looked at. Each is answered with one line. Calls to phones go to the
push service at that port.
"""

import asyncio
import ssl
import sys
from pathlib import Path

from bowstreet.accountability.model import Role
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings
from bowstreet.recognition.alerts.model import Look, Sighting
from bowstreet.recognition.listing import ReadFace
from bowstreet.recognition.model import Counts, DeploymentState
from bowstreet.recognition.ofiq.program import Ofiq
from bowstreet.runtime.clock import SystemClock
from tests.integration.console_city import PASSWORD, City, city
from tests.integration.push_world import raised_alert, town_with
from tests.integration.test_ofiq import settings
from tests.unit.recognition_world import photo

PEOPLE = {
    "Olga Operator": Role.RECOGNITION_OPERATOR,
    "Sam Superintendent": Role.AUTHORISING_OFFICER,
    "Connie Constable": Role.ADJUDICATING_OFFICER,
    "Second Constable": Role.ADJUDICATING_OFFICER,
    "Rana Regulator": Role.REGULATOR,
}


async def pass_by(town: City, name: str, number: int) -> str:
    """Somebody on the list walks past: the pipeline's part."""
    service, now = town.services.recognition, town.clock.now()
    running = next(one for one in service.all() if one.state is DeploymentState.RUNNING)
    assert running.manifest is not None
    entries = service.enrolment.open(running.manifest).entries()
    person = next(one.person.person_id for one in entries if one.person.reference == name)
    seen = await service.enrolment.reader.read(photo(name, "amateur_selfie"))
    assert isinstance(seen, ReadFace)
    looks = tuple(Look(at=now, person_id=person, score=score, quality=0.74) for score in (0.61, 0.68, 0.66))
    service.count(running.deployment_id, Counts(frames=900, analysed=860, dropped=40, tracks=37))
    made = await service.submit(
        Sighting(deployment_id=running.deployment_id, camera_id="north", track_id=str(number), looks=looks, probe=seen.image)
    )
    return type(made).__name__


async def main() -> None:
    if len(sys.argv) > 2:
        tls = ssl.create_default_context(cafile=sys.argv[2])
        town = await town_with(int(sys.argv[1]), tls, settings=EdgeSettings(port=0), clock=SystemClock())
    else:
        town = await city(EdgeSettings(port=0), clock=SystemClock())
    for name, role in PEOPLE.items():
        await town.services.accounts.create(town.people["supervisor"], name, role, PASSWORD)
    server = Server(town.console.app, EdgeSettings(port=0))
    await server.start()
    feeding = asyncio.ensure_future(town.console.run())
    print(f"http://127.0.0.1:{server.port}", flush=True)
    loop, number = asyncio.get_running_loop(), 0
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        verb, _, name = line.partition(" ")
        if verb == "alert":
            number += 1
            print(await pass_by(town, name, number), flush=True)
        elif verb == "ofiq":
            town.services.recognition.enrolment._measure = Ofiq(settings(Path(name)))
            print("measured", flush=True)
        elif verb == "waits":
            number += 1
            print((await raised_alert(town, str(number))).alert_id, flush=True)
        else:
            await town.services.recognition.look()
            print("looked", flush=True)
    feeding.cancel()
    town.console.feed.close()
    town.console.alert_feed.close()
    await town.services.callouts.close()
    await town.services.recognition.close_all()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
