"""The configuration file: TOML, typed, read once at start. A key that is not known here is an error, not a wish.

Values are plain, with units and datums in their names; what they mean to dispatch, flight or airspace is put together in
`wiring`. Relative paths count from the file's own folder. A whole example is in `docs/configuration.md`.
"""

import difflib
import tomllib
from collections import Counter
from collections.abc import Iterable
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bowstreet.runtime.misfit import misfit, wrong
from bowstreet.runtime.sections import (
    Airspace,
    Area,
    Authority,
    Dispatch,
    Evidence,
    Fleet,
    Ledger,
    Log,
    Oidc,
    Operator,
    Public,
    Recognition,
    Retention,
    Section,
    Server,
    SignIn,
    Tak,
    TakPartner,
    Tracking,
    Video,
    Weather,
)

# A city's fleet of 300 takes some 100 kB; more than this is some other file.
MAX_BYTES = 4_000_000


class Config(Section, frozen=True, kw_only=True):
    """All of it. Every section may be left out."""

    operator: Operator = Operator()
    area: Area = Area()
    server: Server = Server()
    dispatch: Dispatch = Dispatch()
    airspace: Airspace = Airspace()
    fleet: Fleet = Fleet()
    video: Video = Video()
    tracking: Tracking = Tracking()
    weather: Weather = Weather()
    retention: Retention = Retention()
    authority: Authority = Authority()
    sign_in: SignIn = SignIn()
    public: Public = Public()
    ledger: Ledger = Ledger()
    tak: Tak = Tak()
    evidence: Evidence = Evidence()
    recognition: Recognition = Recognition()
    log: Log = Log()


def load(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        MalformedConfiguration: names the file, the key and what to do.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise wrong(path, f"cannot be read ({why})", "name a TOML file that may be read, with --config") from error
    return parse(data, path)


def parse(data: bytes, path: Path) -> Config:
    """The same, from bytes; `path` is for messages and relative paths.

    Raises:
        MalformedConfiguration: names the file, the key and what to do.
    """
    if len(data) > MAX_BYTES:
        raise wrong(path, "is too large for a configuration", f"give a TOML file below {MAX_BYTES // 1_000_000} MB")
    try:
        table = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise wrong(path, "is not UTF-8", "save it as UTF-8") from error
    except RecursionError as error:
        raise wrong(path, "is nested too deeply", "write plain tables") from error
    except ValueError as error:  # tomllib.TOMLDecodeError, and numbers too long for Python
        raise wrong(path, f"is not TOML ({error})", "mend that line; https://toml.io shows how") from error
    try:
        config = msgspec.convert(table, Config, dec_hook=partial(_path, path.parent))
    except msgspec.ValidationError as error:
        raise misfit(path, str(error), Config, "mend that value") from error
    _check(config, path)
    return config


def _path(folder: Path, type_: type[Any], value: Any) -> Path:
    if type_ is not Path:
        raise NotImplementedError(f"no conversion to {type_}")
    if not isinstance(value, str) or not value or "\x00" in value:
        raise ValueError("Expected the path of a file")
    return folder / value


def _check(config: Config, path: Path) -> None:
    """What no single value shows."""
    fleet = config.fleet
    docks, airframes = {dock.dock_id for dock in fleet.docks}, {one.name for one in fleet.airframes}
    _unique(path, "fleet.docks", "dock_id", (dock.dock_id for dock in fleet.docks))
    _unique(path, "fleet.vehicles", "vehicle_id", (vehicle.vehicle_id for vehicle in fleet.vehicles))
    _unique(path, "fleet.airframes", "name", (airframe.name for airframe in fleet.airframes))
    # A peer is known by its address and system id; two alike could not be told apart in the air.
    peers = [(dock.link, dock.system_id) for dock in fleet.docks] + [
        (vehicle.link, vehicle.system_id) for vehicle in fleet.vehicles
    ]
    _unique(path, "fleet", "link and system_id", (f"{link} {system_id}" for link, system_id in peers))
    for place, vehicle in enumerate(fleet.vehicles):
        _known(path, f"fleet.vehicles[{place}].home_dock_id", vehicle.home_dock_id, docks, "dock")
        _known(path, f"fleet.vehicles[{place}].airframe", vehicle.airframe, airframes, "airframe")
    _pads(path, fleet)
    _unique(path, "recognition.cameras", "camera_id", (camera.camera_id for camera in config.recognition.cameras))
    server = config.server
    if (server.certificate is None) != (server.private_key is None):
        raise wrong(path, "names only one of 'server.certificate' and 'server.private_key'", "name both, or neither")
    if (config.evidence.certificate is None) != (config.evidence.private_key is None):
        raise wrong(path, "names only one of 'evidence.certificate' and 'evidence.private_key'", "name both, or neither")
    if server.certificate is not None and not server.https:
        raise wrong(path, "has 'server.certificate' but not 'server.https'", "set server.https = true")
    _check_oidc(config.sign_in.oidc, path)
    _check_video(config.video, path)
    _unique(path, "tak.partners", "name", (one.name for one in config.tak.partners))
    for place, partner in enumerate(config.tak.partners):
        _check_partner(partner, f"tak.partners[{place}]", path)
    if config.weather.source == "docks" and config.weather.speed_mps:
        raise wrong(
            path, "has 'weather.speed_mps', which the docks' sensors overrule", "set weather.source = 'fixed', or leave it out"
        )
    for place, permission in enumerate(config.airspace.permissions):
        if permission.start and permission.end and permission.start >= permission.end:
            raise wrong(
                path, f"has a permission that ends before it starts at 'airspace.permissions[{place}]'", "mend start or end"
            )


def _check_partner(partner: TakPartner, key: str, path: Path) -> None:
    address = urlsplit(partner.address)
    files = (partner.authority, partner.certificate, partner.private_key)
    if not _is_port(partner.address):
        raise wrong(path, f"has an address without a port at '{key}.address'", "give a port from 1 to 65535, often 8089 or 6969")
    if address.scheme == "tls":
        if None in files:
            raise wrong(path, f"leaves out who is who at '{key}'", "give 'authority', 'certificate' and 'private_key', PEM files")
        return
    if any(one is not None for one in files):
        raise wrong(path, f"has certificates for datagrams at '{key}'", "use tls:// for a TAK server, or leave them out")
    if not partner.closed_network:
        what = f"shares in the clear at '{key}': whoever is on that network reads where drones and incidents are"
        raise wrong(path, what, "set closed_network = true if nobody is who may not know; else use a TAK server by tls://")
    for name, value in (("address", address.hostname or ""), ("interface", partner.interface)):
        try:
            IPv4Address(value or "0.0.0.0")  # noqa: S104 - an empty value stands for any
        except ValueError as error:
            raise wrong(
                path, f"needs an IPv4 address at '{key}.{name}'", "give such as 239.2.3.1, which TAK devices listen to"
            ) from error


def _is_port(address: str) -> bool:
    return 1 <= int(address.rpartition(":")[2]) <= 65_535


def _check_oidc(oidc: Oidc | None, path: Path) -> None:
    if oidc is None:
        return
    issuer = urlsplit(oidc.issuer)
    if issuer.scheme != "https" and issuer.hostname not in ("localhost", "127.0.0.1"):
        raise wrong(path, "has an issuer without https at 'sign_in.oidc.issuer'", "use https: who signs in is decided there")
    if "openid" not in oidc.scopes:
        raise wrong(
            path, "leaves 'openid' out of 'sign_in.oidc.scopes'", "add it: without it the provider says of nobody who they are"
        )


def _check_video(video: Video, path: Path) -> None:
    if not video.whep:
        if video.token_key:
            raise wrong(path, "has 'video.token_key' but not 'video.whep'", "name the media server, or leave the key out")
        return
    address = urlsplit(video.whep)
    if address.username is not None or not address.hostname or "{" in address.netloc:
        raise wrong(path, "has no usable address at 'video.whep'", "write it as https://host/{source}/whep, with no password")
    if address.scheme != "https" and address.hostname not in ("localhost", "127.0.0.1"):
        raise wrong(path, "has a media server without https at 'video.whep'", "use https: the pictures are not for everybody")
    if address.path.count("{source}") != 1 or video.whep.replace("{source}", "").count("{"):
        raise wrong(path, "does not name the source once at 'video.whep'", "write it as https://host/{source}/whep")


def _unique(path: Path, key: str, what: str, values: Iterable[str]) -> None:
    if twice := [value for value, count in Counter(values).items() if count > 1]:
        raise wrong(path, f"has '{twice[0]}' more than once at '{key}'", f"give each its own {what}")


def _known(path: Path, key: str, value: str, known: set[str], what: str) -> None:
    if value not in known:
        close = difflib.get_close_matches(value, known, n=1)
        remedy = f"did you mean '{close[0]}'?" if close else f"describe that {what} in the same file"
        raise wrong(path, f"names a {what} that it does not describe, '{value}', at '{key}'", remedy)


def _pads(path: Path, fleet: Fleet) -> None:
    homes = Counter(vehicle.home_dock_id for vehicle in fleet.vehicles)
    for place, dock in enumerate(fleet.docks):
        if homes[dock.dock_id] > dock.pads:
            what = f"gives {homes[dock.dock_id]} vehicles a home at '{dock.dock_id}', which has {dock.pads} pads"
            raise wrong(path, what, f"raise 'fleet.docks[{place}].pads', or move a vehicle")
