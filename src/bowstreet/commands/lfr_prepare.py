"""From a deployment's document to authority asked for, by the services that people at the console use: plan, tell, list, submit.

What an earlier run of the same document did stands in the record, and is not done twice.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bowstreet.accountability.model import Action
from bowstreet.commands.lfr_images import give_images
from bowstreet.commands.output import read_file, say
from bowstreet.commands.person import Person
from bowstreet.errors import BadInput, NotFound, StoreUnavailable
from bowstreet.process import Process
from bowstreet.recognition.deployment_file import DeploymentFile, parse_deployment
from bowstreet.recognition.evaluation.report import digest, read_report
from bowstreet.recognition.listfile import parse_list
from bowstreet.recognition.listing import RowState
from bowstreet.recognition.model import Deployment, DeploymentState, EvidenceKind, Manifest
from bowstreet.recognition.ports import CameraConfig
from bowstreet.runtime.durable import write_whole
from bowstreet.video.address import parse_address
from bowstreet.wiring import REPORTS_FOLDER

MOST_SAID = 20


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment's document with the files that it names, each there and of its form."""

    told: DeploymentFile
    cameras: tuple[CameraConfig, ...]
    csv: bytes
    images: Path
    report: bytes
    models: Path | None


def read_document(path: Path, addresses: Mapping[str, str]) -> Document:
    """`addresses` of cameras, by id, in place of the document's; "" is the only camera's.

    Raises:
        BadInput: the document, or a file that it names, cannot be used.
    """
    told, folder = parse_deployment(read_file(path), str(path)), path.parent
    images = folder / told.list.images
    if not images.is_dir():
        raise BadInput(f"{images} is no folder", remedy="name the folder of the list's images at 'list.images'")
    report = read_file(folder / told.models.report) if told.models.report else b""
    if report:
        read_report(report)
    models = folder / told.models.folder if told.models.folder else None
    if models is not None and not models.is_dir():
        raise BadInput(f"{models} is no folder", remedy="name the folder that holds the models and their cards")
    return Document(
        told=told, cameras=_cameras(told, addresses), csv=read_file(folder / told.list.file), images=images, report=report,
        models=models,
    )  # fmt: skip


def _cameras(told: DeploymentFile, addresses: Mapping[str, str]) -> tuple[CameraConfig, ...]:
    ids = [one.camera_id for one in told.cameras]
    if "" in addresses and len(ids) > 1:
        raise BadInput("there are several cameras", remedy=f"say which: --camera {ids[0]}=ADDRESS")
    if unknown := sorted(set(addresses) - {"", *ids}):
        raise BadInput(f"there is no camera '{unknown[0]}' in the document", remedy=f"its cameras are {', '.join(ids)}")
    made = []
    for one in told.cameras:
        address = addresses.get("", "") or addresses.get(one.camera_id, "") or one.address
        if not address:
            raise BadInput(f"camera '{one.camera_id}' has no address", remedy=f"give --camera {one.camera_id}=ADDRESS")
        made.append(CameraConfig(camera_id=one.camera_id, name=one.name or one.camera_id, address=_address(address)))
    return tuple(made)


def _address(said: str) -> str:
    """As video takes it; a plain name of a file is one, and a file must be there. Raises `BadInput`."""
    if "://" not in said and not said.startswith(("file:", "file+loop:", "sdp:", "usb:")):
        said = f"file:{Path(said).absolute()}"
    opened = parse_address(said)
    if opened.file and not os.access(opened.url, os.R_OK):
        raise BadInput(f"{opened.url} cannot be read", remedy="name a video file that exists")
    return said


def keep_report(process: Process, report: bytes) -> None:
    """Put the report among those that deployments of this operation go by (R12)."""
    if not report:
        return
    folder = process.operation.face_reports or process.folder / REPORTS_FOLDER
    path = folder / f"{digest(report)[:32]}.bow"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_whole(path, report)
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written ({error.strerror})", remedy="free some space, or mend its rights"
        ) from error


def standing(process: Process, told: DeploymentFile) -> Deployment | None:
    """The newest deployment of this very plan that is not over."""
    found = [one for one in process.recognition.all() if not one.state.is_over and told.plans(one.plan)]
    return max(found, key=lambda one: one.planned_at, default=None)


async def prepare(process: Process, document: Document, operator: Person, *, leave_out: bool) -> Deployment:
    """Plan what the document says, enter that the public was told, import the list; gives it as it stands then.

    Raises:
        BadInput: the plan could never be started, or lines of the list cannot be used.
        NotPermitted, Refused: see `recognition.planning`.
    """
    planning, told = process.recognition.planning, document.told
    one = standing(process, told)
    if one is not None and one.state is not DeploymentState.PLANNED:
        return one
    places = planning.boroughs_of(told.plan())
    await operator.may(Action.PLAN_DEPLOYMENT, places=places or ("",))
    if one is None:
        one = await planning.plan(told.plan(), operator.account_id)
    else:  # what a report covers may be another than when it was planned
        one = await planning.replan(one.deployment_id, told.plan(), operator.account_id)
    one = await _told(process, one, told, operator)
    if one.manifest is None:
        await _listed(process, one, document, operator, leave_out=leave_out)
    else:
        await _as_it_says_now(process, one, one.manifest, document, operator)
    return process.recognition.get(one.deployment_id)


async def _told(process: Process, one: Deployment, told: DeploymentFile, operator: Person) -> Deployment:
    """The notice and the signs, once each (R15)."""
    planning, every = process.recognition.planning, tuple(camera.camera_id for camera in told.cameras)
    said = [(EvidenceKind.NOTICE, told.notice.published_at, told.notice.reference, ())]
    said += [(EvidenceKind.SIGN, sign.put_up_at, sign.reference, sign.cameras or every) for sign in told.signs]  # type: ignore[misc]
    known = {(evidence.kind, evidence.reference, evidence.camera_ids) for evidence in one.evidence}
    for kind, since, reference, cameras in said:
        if (kind, reference, cameras) not in known:
            one = await planning.tell(one.deployment_id, kind, since, reference, cameras, operator.account_id)
    return one


async def _listed(process: Process, one: Deployment, document: Document, operator: Person, *, leave_out: bool) -> None:
    planning, enrolment = process.recognition.planning, process.recognition.enrolment
    made = await planning.begin_import(one.deployment_id, document.csv, operator.account_id)
    try:
        await give_images(enrolment, made, document.images)
        bad = made.bad()
        for row in bad[:MOST_SAID]:
            say(f"line {row.line}: {row.why}")
        if bad and not leave_out:
            raise BadInput(
                f"{len(bad):,} lines of the list cannot be used, the first is line {bad[0].line}",
                remedy="mend them, or go on without them with --leave-out",
            )
    except BaseException:
        with contextlib.suppress(NotFound):  # a full disk has ended it already
            await enrolment.give_up(made)
        raise
    remarked = await planning.finish_import(one.deployment_id, made.import_id, operator.account_id, leave_out=leave_out)
    for row in [row for row in remarked if row.state is RowState.READY][:MOST_SAID]:
        say(f"line {row.line}: {'; '.join(row.remarks)}")


async def _as_it_says_now(process: Process, one: Deployment, manifest: Manifest, document: Document, operator: Person) -> None:
    """A list that stands, held against the file of today: nobody stays on it whom the file names no more."""
    rows, _ = parse_list(document.csv, document.told.use_case, process.clock.now().date())
    named = {row.reference for row in rows}
    listed = {entry.person.person_id: entry.person.reference for entry in process.recognition.enrolment.open(manifest).entries()}
    for person_id in [person_id for person_id, reference in listed.items() if reference not in named]:
        await process.recognition.planning.take_off(one.deployment_id, person_id, operator.account_id)
        say("somebody whom the list's file names no more is taken off the list")
    if missing := len(named - set(listed.values())):
        say(f"{missing:,} whom the list's file names are not on the list that stands: to list them, run it with another window")
