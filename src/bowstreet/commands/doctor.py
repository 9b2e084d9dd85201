"""`bowstreet doctor`: what must hold before an operation starts, each with what to do."""

import argparse
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bowstreet import __version__
from bowstreet.accountability.sign_in.model import ProviderSettings
from bowstreet.commands.output import DEFAULT_DATA, port_of, write_json
from bowstreet.console.settings import EdgeSettings
from bowstreet.errors import BowstreetError, MeasureUnavailable, StoreUnavailable
from bowstreet.flight.model import VehicleConfig
from bowstreet.operations import DEFAULT_PORT, configured_operation
from bowstreet.recognition.ofiq.model import OfiqSettings
from bowstreet.runtime.clock import SystemClock
from bowstreet.tak.model import Partner

SHOWN = 5  # of the vehicles that a line names
# To get a certificate from a partner takes some days.
WARNED_BEFORE = timedelta(days=30)


def doctor(arguments: argparse.Namespace) -> int:
    """Each check with what to do. Exit status 1 when one fails."""
    edge = EdgeSettings(port=port_of(arguments) or DEFAULT_PORT)

    provider: ProviderSettings | None = None
    vehicles: list[VehicleConfig] = []
    partners: list[Partner] = []
    ofiq: OfiqSettings | None = None

    def check_config() -> str:
        nonlocal edge
        if arguments.config is None:
            return "none given; the demo needs none"
        operation = configured_operation(arguments.config, calls=None, headless=False, port=port_of(arguments))
        edge = operation.edge or edge
        nonlocal provider, ofiq
        provider, ofiq = operation.provider, operation.ofiq
        vehicles.extend(operation.vehicles)
        partners.extend(operation.partners)
        return f"{len(operation.vehicles)} vehicles, {len(operation.docks)} docks, {len(operation.zone_files)} files of zones"

    checks: list[tuple[str, Callable[[], str]]] = [
        ("configuration", check_config),
        ("data directory", lambda: _check_data(arguments.data or DEFAULT_DATA)),
        ("vehicle links", lambda: _check_links(vehicles, arguments.data or DEFAULT_DATA)),
        ("port", lambda: _check_port(edge)),
        ("clock", _check_clock),
        ("web console", _check_console),
        ("face models", lambda: _check_faces(arguments.config)),
        ("OFIQ", lambda: _check_ofiq(ofiq)),
        ("identity provider", lambda: _check_provider(provider)),
        ("partners", lambda: _check_partners(partners)),
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


def _check_links(vehicles: list[VehicleConfig], folder: Path) -> str:
    """Which vehicles anybody could speak for who reaches their link. To be known; it stops nothing."""
    from bowstreet.accountability.vehicle_keys.at_rest import vehicles_with_keys

    if not vehicles:
        return "the demo's vehicles sign"
    keyed, ever = vehicles_with_keys(folder)
    unsigned = [one.vehicle_id for one in vehicles if one.signing == "off" or not (one.signing or one.vehicle_id in ever)]
    keyless = [one.vehicle_id for one in vehicles if one.signing != "off" and one.vehicle_id not in keyed | set(unsigned)]
    said = [f"unsigned link of {len(unsigned)} vehicles ({', '.join(unsigned[:SHOWN])}): make them keys"] if unsigned else []
    if keyless:
        said.append(f"{len(keyless)} vehicles must sign and have no key yet ({', '.join(keyless[:SHOWN])})")
    return "; ".join(said) or "every vehicle signs"


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


def _check_ofiq(settings: OfiqSettings | None) -> str:
    """That it runs, and writes what can be read: of a grey picture, in which it finds nobody."""
    import asyncio

    import cv2
    import numpy as np

    from bowstreet.recognition.ofiq.program import Ofiq

    if settings is None:
        return "none configured; images are measured here alone"
    _, grey = cv2.imencode(".png", np.full((480, 360, 3), 128, dtype=np.uint8))
    [said] = asyncio.run(Ofiq(settings).assess([grey.tobytes()]))
    if not said.components:
        raise MeasureUnavailable(
            "OFIQ could not read a plain PNG", remedy="build it with OpenCV's image codecs, as its BUILD.md does"
        )
    return f"{settings.program} answers with {1 + len(said.components)} measures"


def _check_partners(partners: list[Partner]) -> str:
    """That each can be reached, and is who they should be; no event is sent."""
    import asyncio

    from bowstreet.tak.certificates import ends_at
    from bowstreet.tak.events import Origin
    from bowstreet.tak.service import way_to

    async def reach(partner: Partner) -> None:
        way = way_to(partner, Origin(name="doctor"), SystemClock())
        try:
            await way.open()
        finally:
            await way.close()

    said = []
    for one in partners:
        asyncio.run(reach(one))
        soon = "" if one.tls is None else _expiry(one.name, ends_at(one.tls.certificate) - SystemClock().now())
        said.append(f"{one.name} at {one.address} {'answers' if one.tls else 'can be sent to'}{soon}")
    return "; ".join(said) or "nothing is shared with anybody"


def _expiry(name: str, left: timedelta) -> str:
    return f", but the certificate that {name} knows you by ends in {left.days} days" if left < WARNED_BEFORE else ""


def _check_console() -> str:
    from bowstreet.console.settings import STATIC

    if not (STATIC / "index.html").exists():
        raise StoreUnavailable("the web console is not built", remedy="run make console")
    return "built"


def _check_faces(configuration: Path | None) -> str:
    """That the files are there and are those on their cards; they are not loaded."""
    from bowstreet.recognition.models import shipped
    from bowstreet.recognition.models.card import verify
    from bowstreet.recognition.models.runtime import read_file
    from bowstreet.runtime.config import load

    files = shipped.find(load(configuration).recognition.models if configuration is not None else None)
    for card in (files.detector, files.embedder):
        verify(card, read_file(files.folders, card.file))
    return f"{files.detector.name}; {files.embedder.name}"
