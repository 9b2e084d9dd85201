"""`bowstreet doctor`: what must hold before an operation starts, each with what to do."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bowstreet import __version__
from bowstreet.accountability.sign_in.model import ProviderSettings
from bowstreet.commands.output import DEFAULT_DATA, port_of, write_json
from bowstreet.console.settings import EdgeSettings
from bowstreet.errors import BowstreetError, StoreUnavailable
from bowstreet.operations import DEFAULT_PORT, configured_operation
from bowstreet.runtime.clock import SystemClock


def doctor(arguments: argparse.Namespace) -> int:
    """Each check with what to do. Exit status 1 when one fails."""
    edge = EdgeSettings(port=port_of(arguments) or DEFAULT_PORT)

    provider: ProviderSettings | None = None

    def check_config() -> str:
        nonlocal edge
        if arguments.config is None:
            return "none given; the demo needs none"
        operation = configured_operation(arguments.config, calls=None, headless=False, port=port_of(arguments))
        edge = operation.edge or edge
        nonlocal provider
        provider = operation.provider
        return f"{len(operation.vehicles)} vehicles, {len(operation.docks)} docks, {len(operation.zone_files)} files of zones"

    checks: list[tuple[str, Callable[[], str]]] = [
        ("configuration", check_config),
        ("data directory", lambda: _check_data(arguments.data or DEFAULT_DATA)),
        ("port", lambda: _check_port(edge)),
        ("clock", _check_clock),
        ("web console", _check_console),
        ("identity provider", lambda: _check_provider(provider)),
    ]
    found: list[dict[str, Any]] = []
    for name, check in checks:
        try:
            found.append({"check": name, "ok": True, "says": check()})
        except BowstreetError as error:
            found.append({"check": name, "ok": False, "says": str(error)})
    write_json(arguments.json, {"checks": found, "version": __version__})
    if arguments.json != "-":
        for one in found:
            sys.stdout.write(f"{'ok  ' if one['ok'] else 'FAIL'}  {one['check']}: {one['says']}\n")
    return 0 if all(one["ok"] for one in found) else 1


def _check_data(folder: Path) -> str:
    import shutil

    from bowstreet.runtime.directory import DataDirectory

    held = DataDirectory(folder)
    held.release()
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < 1.0:
        raise StoreUnavailable(
            f"only {free_gb:.1f} GB are free at {folder}", remedy="free some space: launches stop when it is full"
        )
    return f"{folder.resolve()}, {free_gb:.0f} GB free"


def _check_port(edge: EdgeSettings) -> str:
    from bowstreet.console.server import listening

    listening(edge.host, edge.port).close()
    return f"{edge.port} of {edge.host} is free"


def _check_clock() -> str:
    now = SystemClock().now()
    if now.year < 2026:
        raise StoreUnavailable(f"the clock says {now:%Y-%m-%d}", remedy="set it, and run NTP: the ledger's times rest on it")
    return f"{now:%Y-%m-%d %H:%M:%S} UTC"


def _check_provider(settings: ProviderSettings | None) -> str:
    """That its discovery can be read from here, and is the configured issuer's."""
    import asyncio

    from bowstreet.accountability.sign_in.provider import Provider

    if settings is None:
        return "none configured; people sign in here"
    asyncio.run(Provider(settings, SystemClock()).discovered())
    return f"{settings.issuer} answers"


def _check_console() -> str:
    from bowstreet.console.settings import STATIC

    if not (STATIC / "index.html").exists():
        raise StoreUnavailable("the web console is not built", remedy="run make console")
    return "built"
