"""`bowstreet lfr enrol`: a list and its images, checked as an import checks them, before they are given to a deployment."""

import argparse
import asyncio
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bowstreet.accountability.keys import new_key
from bowstreet.commands.lfr_images import give_images
from bowstreet.commands.output import expect_writable, read_file, say, write_json
from bowstreet.errors import BadInput
from bowstreet.operations import ofiq_of
from bowstreet.recognition.enrol import Enrolment
from bowstreet.recognition.listing import RowResult, RowState
from bowstreet.recognition.model import Deployment, DeploymentUse, LocationBasis, Plan
from bowstreet.recognition.models import shipped
from bowstreet.recognition.ofiq.program import Ofiq
from bowstreet.recognition.portraits.reader import PortraitReader
from bowstreet.recognition.ports import ImageMeasure
from bowstreet.runtime import config
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.ids import RandomIds

SHOWN = 40


class _Keys:
    """Keys that are gone with this process: what is checked is kept nowhere."""

    def __init__(self) -> None:
        self._made: dict[str, AESGCM] = {}

    async def keys_for(self, subjects: Iterable[str]) -> dict[str, AESGCM]:
        return {one: self._made.setdefault(one, AESGCM(new_key())) for one in subjects}

    def find(self, subject: str) -> AESGCM | None:
        return self._made.get(subject)

    async def destroy(self, subjects: Iterable[str]) -> int:
        return sum(self._made.pop(one, None) is not None for one in subjects)


def enrol(arguments: argparse.Namespace) -> int:
    """Exit status 1 when a line cannot be used. Nothing of the list is kept."""
    expect_writable(arguments.json)
    data = read_file(arguments.listed)
    if not arguments.images.is_dir():
        raise BadInput(f"{arguments.images} is no folder", remedy="name the folder that holds the images")
    results = asyncio.run(_checked(data, arguments, _configured(arguments)))
    bad = [one for one in results if one.state is not RowState.READY]
    write_json(arguments.json, msgspec.to_builtins(results))
    for one in [*bad, *(one for one in results if one.state is RowState.READY and one.remarks)][:SHOWN]:
        said = one.why or "; ".join(one.remarks)
        say(f"line {one.line}: {said}")
    say(f"{len(results) - len(bad):,} of {len(results):,} lines can be used; nothing was kept")
    return 1 if bad else 0


class _Means(NamedTuple):
    """What images are measured with: the operator's own, where a configuration names them."""

    models: Path | None
    measure: ImageMeasure | None


def _configured(arguments: argparse.Namespace) -> _Means:
    if arguments.config is None:
        return _Means(arguments.models, None)
    told = config.load(arguments.config).recognition
    ofiq = ofiq_of(told.ofiq)
    return _Means(arguments.models or told.models, None if ofiq is None else Ofiq(ofiq))


async def _checked(data: bytes, arguments: argparse.Namespace, means: _Means) -> list[RowResult]:
    clock = SystemClock()
    threshold = arguments.threshold or shipped.find(means.models).embedder.threshold
    with tempfile.TemporaryDirectory(prefix="bowstreet-enrol-") as folder:
        reader = PortraitReader(means.models)
        enrolment = Enrolment(clock, RandomIds(clock), _Keys(), reader, Path(folder), means.measure)
        try:
            made = await enrolment.begin(_anywhere(arguments.use_case, threshold, clock), data, "check")
            await give_images(enrolment, made, arguments.images)
            if any(one.state is RowState.READY for one in made.results.values()):
                await enrolment.finish(made, leave_out=True)
            return [one for _, one in sorted(made.results.items())]
        finally:
            await reader.close()


def _anywhere(use_case: str, threshold: float, clock: SystemClock) -> Deployment:
    """A deployment that only says what the list is for."""
    now: Any = clock.now()
    plan = Plan(
        use_case=DeploymentUse(use_case), location_basis=LocationBasis.EXPECTED, zone=(), boroughs=(), starts_at=now,
        ends_at=now + timedelta(hours=1), cameras=(), threshold=threshold, model_sha256="",
    )  # fmt: skip
    return Deployment(deployment_id="dep-check", plan=plan, planned_by="check", planned_at=now)
