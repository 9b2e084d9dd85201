"""The demo's callers: the demand model's calls, handed in as time passes."""

import structlog

from bowstreet.errors import Refused, StoreUnavailable
from bowstreet.intake.model import CallReport
from bowstreet.intake.service import IntakeService
from bowstreet.planning.demand import DemandModel
from bowstreet.runtime.ports import Clock

log = structlog.get_logger(__name__)

# A caller who is not taken rings again; a disk that is full is not emptied sooner.
RING_AGAIN_S = 5.0


async def call_in(intake: IntakeService, model: DemandModel, clock: Clock, *, seed: int, factor: float) -> None:
    """Every call of the model from now on, until it has no more. After a restart they go on from then."""
    for call in model.calls(clock.now(), seed, factor):
        while (wait_s := (call.reported_at - clock.now()).total_seconds()) > 0:
            await clock.sleep(wait_s)
        await _offered(intake, call, clock)


async def _offered(intake: IntakeService, call: CallReport, clock: Clock) -> None:
    while True:
        try:
            await intake.receive(call)
            return
        except Refused as error:
            log.warning("a call of the demo was refused", why=str(error))
            return
        except StoreUnavailable:
            await clock.sleep(RING_AGAIN_S)
