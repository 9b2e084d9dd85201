"""The configuration file: TOML, typed, read once at start. A key that is not known here is an error, not a wish.

Values are plain, with units and datums in their names; what they mean to dispatch, flight or airspace is put together in
`wiring`. Relative paths count from the file's own folder. A whole example is in `docs/configuration.md`.
"""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from bowstreet.errors import MalformedConfiguration

# A city's fleet of 300 takes some 100 kB; more than this is some other file.
MAX_BYTES = 4_000_000

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,79}$")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
# MAVLink system ids are 8 bits; 0 is broadcast.
SystemId = Annotated[int, Meta(ge=1, le=255)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Speed = Annotated[float, Meta(gt=0.0, le=100.0)]
Duration = Annotated[float, Meta(gt=0.0, le=86_400.0)]
Power = Annotated[float, Meta(gt=0.0, le=100_000.0)]
Latitude = Annotated[float, Meta(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Meta(ge=-180.0, le=180.0)]
Bearing = Annotated[float, Meta(ge=0.0, lt=360.0)]
Link = Annotated[str, Meta(pattern=r"^(udpin|udpout|tcp):[^\s:]+:[0-9]{1,5}$")]
RoleName = Literal[
    "viewer", "dispatcher", "pilot", "supervisor", "planner", "authorising-officer", "recognition-operator",
    "adjudicating-officer", "regulator",
]  # fmt: skip
GradeCode = Literal["I", "S", "E", "R"]
Moment = Annotated[datetime, Meta(tz=True)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True): ...


class Operator(_Section, frozen=True, kw_only=True):
    """Who runs this: shown to the public, and asked for by airspace permissions."""

    id: Id = "operator"
    name: Text = "Unnamed operator"


class Area(_Section, frozen=True, kw_only=True):
    """Where incidents are taken from. Without a boundary: London's 32 boroughs and the City."""

    boundary: Path | None = None  # GeoJSON, WGS 84


class Server(_Section, frozen=True, kw_only=True):
    """The console's address."""

    host: Text = "127.0.0.1"
    port: Port = 8700
    hosts: tuple[Text, ...] = ()  # names it goes by, besides loopback
    https: bool = False  # it is reached by https: by its own certificate, or a proxy's
    certificate: Path | None = None
    private_key: Path | None = None
    trusted_proxies: tuple[Text, ...] = ()
    metrics_token_file: Path | None = None
    tile_origins: tuple[Text, ...] = ()
    officers: Text = ""  # where phones reach it, such as https://eyes.example.org, when that is another name


class MaxWait(_Section, frozen=True, kw_only=True):
    """How long after the report eyes still matter, for each grade that is flown to."""

    I: Duration = 900.0  # noqa: E741 - the grade's own name
    S: Duration = 3_600.0
    E: Duration = 3_600.0
    R: Duration = 3_600.0


class Dispatch(_Section, frozen=True, kw_only=True):
    policy: Text = "closest-eta"
    grades_flown: tuple[GradeCode, ...] = ("I", "S")
    on_scene_s: Duration = 120.0  # must be affordable before a drone is sent
    max_wait_s: MaxWait = MaxWait()


class ZonePermission(_Section, frozen=True, kw_only=True):
    """Leave to fly in one zone, with its document's reference."""

    zone_id: Text
    reference: Text
    start: Moment | None = None
    end: Moment | None = None


class Airspace(_Section, frozen=True, kw_only=True):
    files: tuple[Path, ...] = ()  # ED-269 or ED-318 JSON, GeoJSON, OpenAir, KML or KMZ
    permissions: tuple[ZonePermission, ...] = ()
    builtin_zones: bool = True


class AirframeType(_Section, frozen=True, kw_only=True):
    """What a kind of drone can do; speeds are through the air."""

    name: Id
    cruise_mps: Speed
    climb_mps: Speed
    descent_mps: Speed
    battery_wh: Power
    cruise_w: Power
    hover_w: Power
    max_wind_mps: Speed
    launch_s: Duration
    charge_full_s: Duration
    reserve_fraction: Fraction = 0.25


class Dock(_Section, frozen=True, kw_only=True):
    dock_id: Id
    name: Text
    latitude_deg: Latitude
    longitude_deg: Longitude
    ground_m_amsl: Annotated[float, Meta(ge=-50.0, le=1_500.0)]
    pads: Annotated[int, Meta(ge=1, le=16)] = 1
    link: Link
    system_id: SystemId


class Vehicle(_Section, frozen=True, kw_only=True):
    vehicle_id: Id
    airframe: Id
    home_dock_id: Id
    link: Link
    system_id: SystemId
    video: Annotated[str, Meta(max_length=1_000)] = ""  # such as rtsp://10.0.1.2/live (docs/configuration.md)
    field_of_view_deg: Annotated[float, Meta(ge=1.0, le=170.0)] = 60.0  # across the picture, unless the stream tells it
    signing: Literal["required", "off"] | None = None  # without it: as soon as the vehicle has a key (docs/vehicles.md)


class Fleet(_Section, frozen=True, kw_only=True):
    ground_station_host: Text = "127.0.0.1"
    ground_station_port: Port = 14_550
    ground_station_system_id: SystemId = 255
    airframes: tuple[AirframeType, ...] = ()
    docks: tuple[Dock, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()


class Video(_Section, frozen=True, kw_only=True):
    """Live pictures (docs/video.md)."""

    streets: Path | None = None  # GeoJSON points and lines with names, WGS 84: shown where a drone looks
    whep: Annotated[str, Meta(pattern=r"^(https?://[^\s?#]{1,300})?$")] = ""  # a media server that viewers take pictures from
    token_key: Annotated[str, Meta(pattern=r"^((file|env):.{1,500})?$")] = ""  # signs what it lets viewers in by


class Weather(_Section, frozen=True, kw_only=True):
    """Where wind at transit height comes from: the docks' own sensors, or fixed figures."""

    source: Literal["docks", "fixed"] = "docks"
    speed_mps: Annotated[float, Meta(ge=0.0, le=60.0)] = 0.0
    from_deg: Bearing = 0.0
    gust_mps: Annotated[float, Meta(ge=0.0, le=80.0)] = 0.0


class Retention(_Section, frozen=True, kw_only=True):
    table: Path | None = None  # periods of personal data; without it those that come with the product (docs/retention.md)
    telemetry_hours: Annotated[float, Meta(gt=0.0, le=8_760.0)] = 24.0


class Authority(_Section, frozen=True, kw_only=True):
    """Who may do what; without a file, the policy that comes with the product (docs/authority.md)."""

    policy: Path | None = None  # Cedar, of the shipped schema
    own_accounts: Literal["mark", "refuse"] = "mark"  # when an officer's account decides for whoever made that account


class Oidc(_Section, frozen=True, kw_only=True):
    """An identity provider that people sign in at (docs/sign-in.md). Endpoints and keys come from its own discovery."""

    issuer: Annotated[str, Meta(pattern=r"^https?://[^\s?#]{1,300}$")]
    client_id: Text
    client_secret: Annotated[str, Meta(pattern=r"^(file|env):.{1,500}$")]  # file:PATH or env:NAME, never the secret itself
    roles: Annotated[dict[str, RoleName], Meta(min_length=1)]  # group = role; of several groups the first that stands here
    name: Text = "your organisation's account"  # on the button
    scopes: tuple[Text, ...] = ("openid", "profile", "email")
    groups_claim: Text = "groups"
    name_claim: Text = "name"
    boroughs_claim: Annotated[str, Meta(max_length=200)] = ""
    allowed_domains: tuple[Text, ...] = ()


class SignIn(_Section, frozen=True, kw_only=True):
    """Ways in besides the embedded accounts, which always work."""

    oidc: Oidc | None = None


class Public(_Section, frozen=True, kw_only=True):
    """The public register: what a release covers, and how long after its end it comes."""

    period_hours: Annotated[float, Meta(ge=1.0, le=744.0)] = 24.0
    delay_hours: Annotated[float, Meta(ge=0.0, le=744.0)] = 24.0
    wards: Path | None = None  # GeoJSON, WGS 84, each with a name; without it London's neighbourhoods (docs/transparency.md)


class Witness(_Section, frozen=True, kw_only=True):
    """Somebody elsewhere who signs what continues what they saw before (`bowstreet audit witness`)."""

    address: Annotated[str, Meta(pattern=r"^https?://[^\s]{1,300}$")]
    key: Annotated[str, Meta(min_length=1, max_length=600)]


class Ledger(_Section, frozen=True, kw_only=True):
    """The public log and the key under which personal data are sealed."""

    origin: Annotated[str, Meta(pattern=r"^[^\s+]{1,200}$")] = "bowstreet.invalid/operation"
    master_key: Annotated[str, Meta(max_length=500)] = ""  # file:PATH, env:NAME, pkcs11:…; "" is a file beside the data
    witnesses: tuple[Witness, ...] = ()


class TakPartner(_Section, frozen=True, kw_only=True):
    """Somebody whose TAK shows a part of the situation (docs/tak.md).

    By TLS to their TAK server (`tls://`), with this program's certificate, its key, and the authority that signed
    theirs; or by datagrams (`udp://`), which anybody on the way can read.
    """

    name: Text
    address: Annotated[str, Meta(pattern=r"^(tls|udp)://[A-Za-z0-9.\-]{1,253}:[0-9]{1,5}$")]
    shares: Annotated[tuple[Literal["drones", "incidents", "look-at", "subjects"], ...], Meta(min_length=1)]
    boroughs: tuple[Text, ...] = ()  # of which incidents are shown, with their drones; none means all
    until: Moment | None = None
    authority: Path | None = None  # PEM
    certificate: Path | None = None
    private_key: Path | None = None
    private_key_password: Annotated[str, Meta(pattern=r"^((file|env):.{1,500})?$")] = ""  # file:PATH or env:NAME
    server_name: Annotated[str, Meta(max_length=253)] = ""  # what its certificate is made out to, where that is not its address
    certificate_sha256: Annotated[str, Meta(pattern=r"^([0-9A-Fa-f:]{64,95})?$")] = ""  # believe this certificate only
    interface: Annotated[str, Meta(max_length=45)] = ""  # the address of the network interface that datagrams leave by
    hops: Annotated[int, Meta(ge=1, le=32)] = 1  # networks that multicast crosses
    closed_network: bool = False  # datagrams: you say that nobody reads there who may not


class Tak(_Section, frozen=True, kw_only=True):
    """Partners who are shown a part of the situation. None, unless named."""

    partners: Annotated[tuple[TakPartner, ...], Meta(max_length=16)] = ()


class Evidence(_Section, frozen=True, kw_only=True):
    """Who signs the C2PA manifests of exported footage; without it a certificate that is made here (docs/evidence.md)."""

    certificate: Path | None = None  # PEM, the signer's first, then those that lead to its issuer
    private_key: Path | None = None  # PEM, without a password


class Log(_Section, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class FixedCamera(_Section, frozen=True, kw_only=True):
    """A camera that recognition deployments may use: RTSP or another address that video takes, or a file."""

    camera_id: Id
    name: Text
    address: Annotated[str, Meta(min_length=1, max_length=2_000)]
    latitude_deg: Latitude | None = None  # where it usually stands
    longitude_deg: Longitude | None = None


class Recognition(_Section, frozen=True, kw_only=True):
    """Live facial recognition. Without cameras nothing of it runs."""

    cameras: tuple[FixedCamera, ...] = ()
    models: Path | None = None  # face models of the operator's own: a folder with their cards and files (docs/evaluate.md)
    reports: Path | None = None  # a folder of equitability reports ('bowstreet lfr evaluate --equitability FILE')


class Config(_Section, frozen=True, kw_only=True):
    """All of it. Every section may be left out."""

    operator: Operator = Operator()
    area: Area = Area()
    server: Server = Server()
    dispatch: Dispatch = Dispatch()
    airspace: Airspace = Airspace()
    fleet: Fleet = Fleet()
    video: Video = Video()
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
        raise _wrong(path, f"cannot be read ({why})", "name a TOML file that may be read, with --config") from error
    return parse(data, path)


def parse(data: bytes, path: Path) -> Config:
    """The same, from bytes; `path` is for messages and relative paths.

    Raises:
        MalformedConfiguration: names the file, the key and what to do.
    """
    if len(data) > MAX_BYTES:
        raise _wrong(path, "is too large for a configuration", f"give a TOML file below {MAX_BYTES // 1_000_000} MB")
    try:
        table = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        raise _wrong(path, "is not UTF-8", "save it as UTF-8") from error
    except RecursionError as error:
        raise _wrong(path, "is nested too deeply", "write plain tables") from error
    except ValueError as error:  # tomllib.TOMLDecodeError, and numbers too long for Python
        raise _wrong(path, f"is not TOML ({error})", "mend that line; https://toml.io shows how") from error
    try:
        config = msgspec.convert(table, Config, dec_hook=partial(_path, path.parent))
    except msgspec.ValidationError as error:
        raise _misfit(path, str(error)) from error
    _check(config, path)
    return config


def _path(folder: Path, type_: type[Any], value: Any) -> Path:
    if type_ is not Path:
        raise NotImplementedError(f"no conversion to {type_}")
    if not isinstance(value, str) or not value or "\x00" in value:
        raise ValueError("Expected the path of a file")
    return folder / value


def _wrong(path: Path, what: str, remedy: str) -> MalformedConfiguration:
    return MalformedConfiguration(f"{path} {what}", remedy=remedy)


_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<key>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]*)`")


def _misfit(path: Path, message: str) -> MalformedConfiguration:
    """msgspec says what and where; say it as the file's writer would, and for a misspelt key what was meant."""
    found = _AT.match(message)
    what, key = (found["what"], found["key"] or "") if found else (message, "")
    if unknown := _UNKNOWN.search(what):
        field = unknown["field"]
        allowed = _fields_at(key)
        close = difflib.get_close_matches(field, allowed, n=1)
        remedy = f"did you mean '{close[0]}'?" if close else f"the keys there are {', '.join(allowed)}"
        return _wrong(path, f"has the unknown key '{f'{key}.{field}' if key else field}'", remedy)
    return _wrong(
        path,
        f"has an unusable value at '{key or 'the top'}': {what[:1].lower()}{what[1:].replace('object', 'table')}",
        "mend that value",
    )


def _fields_at(key: str) -> list[str]:
    """The names allowed in the table at `key`, such as `fleet.docks[...]`."""
    type_: Any = Config
    for part in filter(None, re.split(r"\.|\[[^\]]*\]", key)):
        field = next(one for one in msgspec.structs.fields(type_) if one.name == part)
        inner = field.type
        while not (isinstance(inner, type) and issubclass(inner, msgspec.Struct)):
            inner = next(one for one in inner.__args__ if one is not Ellipsis)
        type_ = inner
    return [field.name for field in msgspec.structs.fields(type_)]


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
        raise _wrong(path, "names only one of 'server.certificate' and 'server.private_key'", "name both, or neither")
    if (config.evidence.certificate is None) != (config.evidence.private_key is None):
        raise _wrong(path, "names only one of 'evidence.certificate' and 'evidence.private_key'", "name both, or neither")
    if server.certificate is not None and not server.https:
        raise _wrong(path, "has 'server.certificate' but not 'server.https'", "set server.https = true")
    _check_oidc(config.sign_in.oidc, path)
    _check_video(config.video, path)
    _unique(path, "tak.partners", "name", (one.name for one in config.tak.partners))
    for place, partner in enumerate(config.tak.partners):
        _check_partner(partner, f"tak.partners[{place}]", path)
    if config.weather.source == "docks" and config.weather.speed_mps:
        raise _wrong(
            path, "has 'weather.speed_mps', which the docks' sensors overrule", "set weather.source = 'fixed', or leave it out"
        )
    for place, permission in enumerate(config.airspace.permissions):
        if permission.start and permission.end and permission.start >= permission.end:
            raise _wrong(
                path, f"has a permission that ends before it starts at 'airspace.permissions[{place}]'", "mend start or end"
            )


def _check_partner(partner: TakPartner, key: str, path: Path) -> None:
    address = urlsplit(partner.address)
    files = (partner.authority, partner.certificate, partner.private_key)
    if not _is_port(partner.address):
        raise _wrong(path, f"has an address without a port at '{key}.address'", "give a port from 1 to 65535, often 8089 or 6969")
    if address.scheme == "tls":
        if None in files:
            raise _wrong(
                path, f"leaves out who is who at '{key}'", "give 'authority', 'certificate' and 'private_key', PEM files"
            )
        return
    if any(one is not None for one in files):
        raise _wrong(path, f"has certificates for datagrams at '{key}'", "use tls:// for a TAK server, or leave them out")
    if not partner.closed_network:
        what = f"shares in the clear at '{key}': whoever is on that network reads where drones and incidents are"
        raise _wrong(path, what, "set closed_network = true if nobody is who may not know; else use a TAK server by tls://")
    for name, value in (("address", address.hostname or ""), ("interface", partner.interface)):
        try:
            IPv4Address(value or "0.0.0.0")  # noqa: S104 - an empty value stands for any
        except ValueError as error:
            raise _wrong(
                path, f"needs an IPv4 address at '{key}.{name}'", "give such as 239.2.3.1, which TAK devices listen to"
            ) from error


def _is_port(address: str) -> bool:
    return 1 <= int(address.rpartition(":")[2]) <= 65_535


def _check_oidc(oidc: Oidc | None, path: Path) -> None:
    if oidc is None:
        return
    issuer = urlsplit(oidc.issuer)
    if issuer.scheme != "https" and issuer.hostname not in ("localhost", "127.0.0.1"):
        raise _wrong(path, "has an issuer without https at 'sign_in.oidc.issuer'", "use https: who signs in is decided there")
    if "openid" not in oidc.scopes:
        raise _wrong(
            path, "leaves 'openid' out of 'sign_in.oidc.scopes'", "add it: without it the provider says of nobody who they are"
        )


def _check_video(video: Video, path: Path) -> None:
    if not video.whep:
        if video.token_key:
            raise _wrong(path, "has 'video.token_key' but not 'video.whep'", "name the media server, or leave the key out")
        return
    address = urlsplit(video.whep)
    if address.username is not None or not address.hostname or "{" in address.netloc:
        raise _wrong(path, "has no usable address at 'video.whep'", "write it as https://host/{source}/whep, with no password")
    if address.scheme != "https" and address.hostname not in ("localhost", "127.0.0.1"):
        raise _wrong(path, "has a media server without https at 'video.whep'", "use https: the pictures are not for everybody")
    if address.path.count("{source}") != 1 or video.whep.replace("{source}", "").count("{"):
        raise _wrong(path, "does not name the source once at 'video.whep'", "write it as https://host/{source}/whep")


def _unique(path: Path, key: str, what: str, values: Iterable[str]) -> None:
    if twice := [value for value, count in Counter(values).items() if count > 1]:
        raise _wrong(path, f"has '{twice[0]}' more than once at '{key}'", f"give each its own {what}")


def _known(path: Path, key: str, value: str, known: set[str], what: str) -> None:
    if value not in known:
        close = difflib.get_close_matches(value, known, n=1)
        remedy = f"did you mean '{close[0]}'?" if close else f"describe that {what} in the same file"
        raise _wrong(path, f"names a {what} that it does not describe, '{value}', at '{key}'", remedy)


def _pads(path: Path, fleet: Fleet) -> None:
    homes = Counter(vehicle.home_dock_id for vehicle in fleet.vehicles)
    for place, dock in enumerate(fleet.docks):
        if homes[dock.dock_id] > dock.pads:
            what = f"gives {homes[dock.dock_id]} vehicles a home at '{dock.dock_id}', which has {dock.pads} pads"
            raise _wrong(path, what, f"raise 'fleet.docks[{place}].pads', or move a vehicle")
