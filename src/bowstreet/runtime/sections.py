"""The configuration file's sections as values, plain, with units and datums in their names. `config` reads and checks them."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

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


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True): ...


class Operator(Section, frozen=True, kw_only=True):
    """Who runs this: shown to the public, and asked for by airspace permissions."""

    id: Id = "operator"
    name: Text = "Unnamed operator"


class Area(Section, frozen=True, kw_only=True):
    """Where incidents are taken from. Without a boundary: London's 32 boroughs and the City."""

    boundary: Path | None = None  # GeoJSON, WGS 84


class Server(Section, frozen=True, kw_only=True):
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


class MaxWait(Section, frozen=True, kw_only=True):
    """How long after the report eyes still matter, for each grade that is flown to."""

    I: Duration = 900.0  # noqa: E741 - the grade's own name
    S: Duration = 3_600.0
    E: Duration = 3_600.0
    R: Duration = 3_600.0


class Dispatch(Section, frozen=True, kw_only=True):
    policy: Text = "closest-eta"
    grades_flown: tuple[GradeCode, ...] = ("I", "S")
    on_scene_s: Duration = 120.0  # must be affordable before a drone is sent
    max_wait_s: MaxWait = MaxWait()


class ZonePermission(Section, frozen=True, kw_only=True):
    """Leave to fly in one zone, with its document's reference."""

    zone_id: Text
    reference: Text
    start: Moment | None = None
    end: Moment | None = None


class Airspace(Section, frozen=True, kw_only=True):
    files: tuple[Path, ...] = ()  # ED-269 or ED-318 JSON, GeoJSON, OpenAir, KML or KMZ
    permissions: tuple[ZonePermission, ...] = ()
    builtin_zones: bool = True


class AirframeType(Section, frozen=True, kw_only=True):
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


class Dock(Section, frozen=True, kw_only=True):
    dock_id: Id
    name: Text
    latitude_deg: Latitude
    longitude_deg: Longitude
    ground_m_amsl: Annotated[float, Meta(ge=-50.0, le=1_500.0)]
    pads: Annotated[int, Meta(ge=1, le=16)] = 1
    link: Link
    system_id: SystemId


class Vehicle(Section, frozen=True, kw_only=True):
    vehicle_id: Id
    airframe: Id
    home_dock_id: Id
    link: Link
    system_id: SystemId
    video: Annotated[str, Meta(max_length=1_000)] = ""  # such as rtsp://10.0.1.2/live (docs/configuration.md)
    field_of_view_deg: Annotated[float, Meta(ge=1.0, le=170.0)] = 60.0  # across the picture, unless the stream tells it
    zoom_most: Annotated[float, Meta(ge=1.0, le=200.0)] = 1.0  # how many times nearer its lens zooms; 1: it does not
    signing: Literal["required", "off"] | None = None  # without it: as soon as the vehicle has a key (docs/vehicles.md)


class Fleet(Section, frozen=True, kw_only=True):
    ground_station_host: Text = "127.0.0.1"
    ground_station_port: Port = 14_550
    ground_station_system_id: SystemId = 255
    airframes: tuple[AirframeType, ...] = ()
    docks: tuple[Dock, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()


class Video(Section, frozen=True, kw_only=True):
    """Live pictures (docs/video.md)."""

    streets: Path | None = None  # GeoJSON points and lines with names, WGS 84: shown where a drone looks
    whep: Annotated[str, Meta(pattern=r"^(https?://[^\s?#]{1,300})?$")] = ""  # a media server that viewers take pictures from
    token_key: Annotated[str, Meta(pattern=r"^((file|env):.{1,500})?$")] = ""  # signs what it lets viewers in by


class Tracking(Section, frozen=True, kw_only=True):
    """How drones' pictures are looked at (docs/tracking.md)."""

    detector: Path | None = None  # the card (TOML) of a detector of one's own; its file is beside it
    heights: Annotated[tuple[Path, ...], Meta(max_length=20)] = ()  # of the ground: Arc/Info ASCII grids on the National Grid
    tiles: Annotated[int, Meta(ge=0, le=4)] = 0  # so many by so many parts are looked at closer, one a look
    movement: bool = True  # what no detector finds is told by its movement, while a drone hovers


class Weather(Section, frozen=True, kw_only=True):
    """Where wind at transit height comes from: the docks' own sensors, or fixed figures."""

    source: Literal["docks", "fixed"] = "docks"
    speed_mps: Annotated[float, Meta(ge=0.0, le=60.0)] = 0.0
    from_deg: Bearing = 0.0
    gust_mps: Annotated[float, Meta(ge=0.0, le=80.0)] = 0.0


class Retention(Section, frozen=True, kw_only=True):
    table: Path | None = None  # periods of personal data; without it those that come with the product (docs/retention.md)
    telemetry_hours: Annotated[float, Meta(gt=0.0, le=8_760.0)] = 24.0


class Authority(Section, frozen=True, kw_only=True):
    """Who may do what; without a file, the policy that comes with the product (docs/authority.md)."""

    policy: Path | None = None  # Cedar, of the shipped schema
    own_accounts: Literal["mark", "refuse"] = "mark"  # when an officer's account decides for whoever made that account


class Oidc(Section, frozen=True, kw_only=True):
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


class SignIn(Section, frozen=True, kw_only=True):
    """Ways in besides the embedded accounts, which always work."""

    oidc: Oidc | None = None


class Public(Section, frozen=True, kw_only=True):
    """The public register: what a release covers, and how long after its end it comes."""

    period_hours: Annotated[float, Meta(ge=1.0, le=744.0)] = 24.0
    delay_hours: Annotated[float, Meta(ge=0.0, le=744.0)] = 24.0
    wards: Path | None = None  # GeoJSON, WGS 84, each with a name; without it London's neighbourhoods (docs/transparency.md)


class Witness(Section, frozen=True, kw_only=True):
    """Somebody elsewhere who signs what continues what they saw before (`bowstreet audit witness`)."""

    address: Annotated[str, Meta(pattern=r"^https?://[^\s]{1,300}$")]
    key: Annotated[str, Meta(min_length=1, max_length=600)]


class Ledger(Section, frozen=True, kw_only=True):
    """The public log and the key under which personal data are sealed."""

    origin: Annotated[str, Meta(pattern=r"^[^\s+]{1,200}$")] = "bowstreet.invalid/operation"
    master_key: Annotated[str, Meta(max_length=500)] = ""  # file:PATH, env:NAME, pkcs11:…; "" is a file beside the data
    witnesses: tuple[Witness, ...] = ()


class TakPartner(Section, frozen=True, kw_only=True):
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


class Tak(Section, frozen=True, kw_only=True):
    """Partners who are shown a part of the situation. None, unless named."""

    partners: Annotated[tuple[TakPartner, ...], Meta(max_length=16)] = ()


class Evidence(Section, frozen=True, kw_only=True):
    """Who signs the C2PA manifests of exported footage; without it a certificate that is made here (docs/evidence.md)."""

    certificate: Path | None = None  # PEM, the signer's first, then those that lead to its issuer
    private_key: Path | None = None  # PEM, without a password


class Log(Section, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class FixedCamera(Section, frozen=True, kw_only=True):
    """A camera that recognition deployments may use: RTSP or another address that video takes, or a file."""

    camera_id: Id
    name: Text
    address: Annotated[str, Meta(min_length=1, max_length=2_000)]
    latitude_deg: Latitude | None = None  # where it usually stands
    longitude_deg: Longitude | None = None


class Push(Section, frozen=True, kw_only=True):
    """Calling officers' phones by their browsers' push services when an alert waits (docs/recognition.md)."""

    enabled: bool = True
    # Names, or *.name for all below one; none means those of the known browsers.
    hosts: tuple[Annotated[str, Meta(pattern=r"^(\*\.)?([a-z0-9\-]{1,63}\.)+[a-z][a-z0-9\-]{0,62}$")], ...] = ()
    # Whom a push service may write to; without it `server.officers`, if that is https.
    contact: Annotated[str, Meta(max_length=300, pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://\S+)?$")] = ""


class Ofiq(Section, frozen=True, kw_only=True):
    """The operator's own OFIQ, the reference implementation of ISO/IEC 29794-5, which measures images for lists beside."""

    program: Path  # OFIQSampleApp
    data: Path  # the folder with its configuration and models
    configuration: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,120}$")] = "ofiq_config.jaxn"
    images_at_once: Annotated[int, Meta(ge=1, le=64)] = 16  # loading its models takes seconds each time
    seconds_each: Annotated[float, Meta(ge=1.0, le=600.0)] = 20.0


class Recognition(Section, frozen=True, kw_only=True):
    """Live facial recognition. Without cameras nothing of it runs."""

    cameras: tuple[FixedCamera, ...] = ()
    models: Path | None = None  # face models of the operator's own: a folder with their cards and files (docs/evaluate.md)
    push: Push = Push()
    ofiq: Ofiq | None = None
    reports: Path | None = None  # a folder of equitability reports ('bowstreet lfr evaluate --equitability FILE')
