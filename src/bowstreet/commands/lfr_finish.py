"""`bowstreet lfr run --finish`: what was left by a kill or a pause is closed, its list destroyed, its record published."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

from bowstreet.accountability.model import Action
from bowstreet.commands.lfr_prepare import standing
from bowstreet.commands.lfr_watch import LOOK_EVERY_S
from bowstreet.commands.output import DEFAULT_DATA, read_file, say, write_json
from bowstreet.commands.person import about, asked
from bowstreet.commands.terminal import Terminal
from bowstreet.errors import BadInput
from bowstreet.operations import recognition_operation
from bowstreet.process import Process
from bowstreet.recognition.deployment_file import DeploymentFile, parse_deployment
from bowstreet.recognition.model import Deployment, DeploymentState
from bowstreet.wiring import start

# From the close to the record: some looks of the program.
DESTROY_S = 60.0


def finish(arguments: argparse.Namespace) -> int:
    """Exit status 1 when a list still stands, because an officer has not said yet what came of an alert."""
    folder: Path = arguments.data or DEFAULT_DATA
    told = None if arguments.document is None else parse_deployment(read_file(arguments.document), str(arguments.document))
    process = Process(recognition_operation(arguments.config), folder)
    said = asyncio.run(_finished(process, told, arguments))
    write_json(arguments.json, said)
    for one in said["published"]:
        say(f"{one}: its list is destroyed, its record published")
    for one in said["waiting"]:
        say(f"{one}: its list still stands, because an alert waits for its outcome; it is destroyed within a day of the end")
    if not said["published"] and not said["waiting"]:
        say("there is nothing to finish")
    return 1 if said["waiting"] else 0


async def _finished(process: Process, told: DeploymentFile | None, arguments: argparse.Namespace) -> dict[str, Any]:
    """The deployment of a document, whether or not it has begun; without one, whatever has run and is not over."""
    terminal = Terminal()
    try:
        await start(process)
        named = [] if told is None else [one for one in [standing(process, told)] if one is not None]
        left = named or [one for one in process.recognition.all() if one.state in _LEFT]
        if stopped := [one for one in left if not one.state.is_over]:
            await _close(process, terminal, stopped, told, arguments)
        await destroyed(process, left)
        over = {one.deployment_id: process.recognition.get(one.deployment_id).state for one in left}
        await process.checkpoint(keep=True)
    finally:
        terminal.close()
        await process.stop()
    return {
        "published": [one for one, state in over.items() if state is DeploymentState.PUBLISHED],
        "waiting": [one for one, state in over.items() if state is not DeploymentState.PUBLISHED],
    }


_LEFT = (DeploymentState.STOPPED, DeploymentState.CLOSED, DeploymentState.DESTROYED)


async def _close(
    process: Process, terminal: Terminal, stopped: list[Deployment], told: DeploymentFile | None, arguments: argparse.Namespace
) -> None:
    name = arguments.operator or (None if told is None else told.people.operator)
    if name is None:
        raise BadInput(f"{stopped[0].deployment_id} is to be closed by a person", remedy="say who, with --operator NAME")
    operator = await asked(process.accounts, terminal, name, "recognition operator", arguments.operator_password)
    try:
        for one in stopped:
            await operator.may(Action.END_DEPLOYMENT, about(one.deployment_id), places=one.plan.boroughs)
            await process.recognition.close(one.deployment_id, operator.account_id, one.why or "given up by a person")
    finally:
        await operator.leave()


async def destroyed(process: Process, closed: list[Deployment]) -> None:
    """Look until their lists are destroyed and their records out, but for those of which an alert is open."""
    recognition, clock = process.recognition, process.real_clock
    give_up_s = clock.monotonic_s() + DESTROY_S
    while clock.monotonic_s() < give_up_s:
        await recognition.look()
        if all(
            recognition.get(one.deployment_id).state is DeploymentState.PUBLISHED or recognition.alerts.open_of(one.deployment_id)
            for one in closed
        ):
            return
        await clock.sleep(LOOK_EVERY_S)
