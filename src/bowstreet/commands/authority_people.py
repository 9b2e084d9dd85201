"""`bowstreet authority account|decide`: a person's act on a data directory that no program runs on, at its terminal."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from bowstreet.accountability.authority.policy import What
from bowstreet.accountability.model import Action, Role
from bowstreet.commands import authority_decision
from bowstreet.commands.output import DEFAULT_DATA, say
from bowstreet.commands.person import HERE, asked
from bowstreet.commands.terminal import Terminal
from bowstreet.errors import BadInput, Refused
from bowstreet.operations import recognition_operation
from bowstreet.process import Process
from bowstreet.runtime import logs
from bowstreet.wiring import start

Act = Callable[[Process, Terminal], Awaitable[int]]


def account(arguments: argparse.Namespace) -> int:
    """Make an account: the first is a supervisor's, every other one is made by a supervisor who signs in."""
    return _on_record(arguments, lambda process, terminal: _account(arguments, process, terminal), "accounts")


def decide(arguments: argparse.Namespace) -> int:
    """Give or refuse authority. Exit status 1 when it is refused."""
    return _on_record(arguments, lambda process, terminal: _decide(arguments, process, terminal), "recognition")


def _on_record(arguments: argparse.Namespace, act: Act, *roles: str) -> int:
    logs.configure("warning", "console")
    return asyncio.run(_acted(arguments.data or DEFAULT_DATA, arguments.config, act, roles))


async def _acted(folder: Path, config: Path | None, act: Act, roles: tuple[str, ...]) -> int:
    process, terminal = Process(recognition_operation(config), folder), Terminal()
    try:
        await start(process, *roles)
        # What an earlier run left undelivered is heard first.
        await process.recorder.recover()
        await process.accounts.declare_policy()
        done = await act(process, terminal)
        await process.checkpoint()
        return done
    finally:
        terminal.close()
        await process.stop()


async def _account(arguments: argparse.Namespace, process: Process, terminal: Terminal) -> int:
    accounts, role = process.accounts, Role(arguments.role)
    if accounts.needs_setup:
        if role is not Role.SUPERVISOR:
            raise Refused("the first account is a supervisor's, who makes the others", remedy="give --role supervisor")
        password = await _new_password(terminal, arguments.name)
        token = await accounts.new_setup_token()
        opened = await accounts.set_up(token or "", arguments.name, password, HERE)
        await accounts.sign_out(opened.token)
        say(f"'{arguments.name}' is a supervisor here")
        return 0
    if arguments.by is None:
        raise BadInput("a supervisor makes accounts", remedy="say who, with --by NAME")
    supervisor = await asked(accounts, terminal, arguments.by, "supervisor")
    try:
        identity = await supervisor.may(Action.MANAGE_ACCOUNTS, What())
        password = await _new_password(terminal, arguments.name)
        await accounts.create(identity, arguments.name, role, password, tuple(arguments.borough))
    finally:
        await supervisor.leave()
    say(f"'{arguments.name}' is {role.value} here")
    return 0


async def _new_password(terminal: Terminal, name: str) -> str:
    password = await terminal.secret(f"New password of '{name}' (15 characters at least): ")
    if password != await terminal.secret("The same again: "):
        raise BadInput("the two are not the same", remedy="try again")
    return password


async def _decide(arguments: argparse.Namespace, process: Process, terminal: Terminal) -> int:
    waits = authority_decision.waiting(process)
    if arguments.authorisation is None:
        if len(waits) != 1:
            ids = ", ".join(one.authorisation_id for one in waits) or "none"
            raise BadInput(f"{len(waits)} requests wait for a decision: {ids}", remedy="name one of them")
        arguments.authorisation = waits[0].authorisation_id
    asked_for = process.authorities.get(arguments.authorisation)
    authority_decision.show(process, asked_for)
    officer = await asked(process.accounts, terminal, arguments.officer, "authorising officer")
    try:
        made = await authority_decision.decide(process, terminal, officer, asked_for.authorisation_id)
    finally:
        await officer.leave()
    return 0 if made.state == "in-force" else 1
