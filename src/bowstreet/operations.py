"""What can be run: an operator's own operation from its configuration file, or a demo.

The demos have a city's simulated hardware, its airspace as if permitted, and calls from published rates, made denser so that
there is something to see; they say by how much.
"""

import os
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import shapely

from bowstreet.accountability.authority.policy import AccessPolicy
from bowstreet.accountability.disclosure.areas import parse_wards
from bowstreet.accountability.model import Role
from bowstreet.accountability.note import VerifierKey, read_key
from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.sign_in.model import ProviderSettings
from bowstreet.airspace import london as london_zones
from bowstreet.airspace.model import Permission
from bowstreet.airspace.zonefile import read_zones
from bowstreet.console.media_server import MediaServer, TokenSigner
from bowstreet.console.settings import EdgeSettings
from bowstreet.dispatch.policy import DEFAULT_POLICY, policy_named
from bowstreet.errors import BadInput, MalformedConfiguration, MalformedProof
from bowstreet.flight.model import Airframe, DockConfig, VehicleConfig, Wind
from bowstreet.geo import Position
from bowstreet.intake import area as areas
from bowstreet.intake.area import OperatingArea
from bowstreet.intake.model import Grade
from bowstreet.planning.demand import DemandModel, model_named
from bowstreet.process import Operation
from bowstreet.recognition.callouts.model import KNOWN_HOSTS, PushPolicy
from bowstreet.recognition.ofiq.model import OfiqSettings
from bowstreet.recognition.ports import CameraConfig
from bowstreet.runtime import config, sections
from bowstreet.simulation.city import City, islington, london
from bowstreet.simulation.kernel import OPERATOR, demo_zones
from bowstreet.simulation.street_cameras import PLACE
from bowstreet.tak.certificates import context
from bowstreet.tak.model import Kind, Partner, TlsFiles
from bowstreet.tracking.card import parse_card, verify
from bowstreet.tracking.streets import Streets, parse_streets
from bowstreet.tracking.terrain import parse_grid
from bowstreet.tracking.wire import Setup
from bowstreet.video.address import parse_address
from bowstreet.video.evidence.credentials import Certificate

DEFAULT_PORT = 8_700
# The pilot's 200 incidents a week are one in 50 minutes: too few to look at.
ISLINGTON_FACTOR = 48.0
LONDON_FACTOR = 1.0

# Short, so that a demo shows releases: ten minutes of its clock, five minutes later.
DEMO_PERIOD_H, DEMO_DELAY_H = 1.0 / 6.0, 1.0 / 12.0

Calls = tuple[str, bytes]


def demo_city(name: str, drones: int | None) -> City:
    """`islington` or `london`. No dock stands in a zone that the demo's operator has no leave for."""
    if name == "islington":
        return islington(drones)
    avoid = shapely.union_all([zone.polygon for zone in london_zones.zones()])
    return london(avoid=avoid) if drones is None else london(drones, avoid=avoid)


# A lease of the looking is seconds of the operation's clock: at a higher speed it would be over between two looks at it.
FASTEST_STREET = 3.0


def demo_operation(city: City, *, calls: Calls | None, speed: float, seed: int, port: int | None, street: str = "") -> Operation:
    """The operation of a demo city. `port` is the console's; None is headless. `street` is where its street camera sends to."""
    cameras = (CameraConfig(camera_id="upper-street", name="Upper Street (simulated)", address=street, position=PLACE),)
    demand, factor = _demand(city.name)
    note = f"from the model '{demand.name}' ({demand.source}), {factor:g} times as many, seed {seed}. {demand.caveat}"
    return Operation(
        operator_id=OPERATOR,
        operator_name="Metropolitan Police (simulated)",
        area=city.area,
        docks=city.docks,
        vehicles=city.vehicles,
        airframes=city.airframes,
        zones=demo_zones(city),
        permissions=(),
        policy=policy_named(DEFAULT_POLICY),
        edge=None if port is None else EdgeSettings(port=port),
        speed=speed,
        seed=seed,
        public_period_h=DEMO_PERIOD_H,
        public_delay_h=DEMO_DELAY_H,
        demo=city.name,
        street=street,
        cameras=cameras if street else (),
        demand=demand if calls is None else None,
        demand_factor=factor,
        demand_note=note if calls is None else f"replayed from {calls[0]}, the first one now",
        calls=calls,
    )


def _demand(city: str) -> tuple[DemandModel, float]:
    if city == "islington":
        return model_named("pilot-200-a-week"), ISLINGTON_FACTOR
    return model_named("immediate-2014"), LONDON_FACTOR


# --- an operator's own ----------------------------------------------------------------------------------------------------


def configured_operation(path: Path, *, calls: Calls | None, headless: bool, port: int | None) -> Operation:
    """The operation that a configuration file describes.

    Raises:
        MalformedConfiguration: names the file, the key and what to do.
    """
    told = config.load(path)
    area = areas.london() if told.area.boundary is None else areas.parse_area(_bytes(told.area.boundary))
    policy = msgspec.structs.replace(
        policy_named(told.dispatch.policy),
        flown=frozenset(map(Grade, told.dispatch.grades_flown)),
        targets={Grade(one): timedelta(seconds=getattr(told.dispatch.max_wait_s, one)) for one in told.dispatch.grades_flown},
        on_scene_s=told.dispatch.on_scene_s,
    )
    weather = told.weather
    return Operation(
        operator_id=told.operator.id,
        operator_name=told.operator.name,
        area=area,
        docks=tuple(_dock(one) for one in told.fleet.docks),
        vehicles=tuple(_vehicle(one) for one in told.fleet.vehicles),
        airframes=tuple(msgspec.convert(msgspec.structs.asdict(one), Airframe) for one in told.fleet.airframes),
        zones=tuple(london_zones.zones()) if told.airspace.builtin_zones else (),
        zone_files=_zone_files(told.airspace),
        permissions=tuple(
            Permission(operator=told.operator.id, zone_id=one.zone_id, reference=one.reference, start=one.start, end=one.end)
            for one in told.airspace.permissions
        ),
        policy=policy,
        edge=None if headless else _edge(told, port, path.parent),
        boroughs=b"" if told.area.boundary is None else _bytes(told.area.boundary),
        streets=Streets() if told.video.streets is None else parse_streets(_bytes(told.video.streets)),
        look=_look(told.tracking),
        fixed_wind=None
        if weather.source == "docks"
        else Wind(speed_mps=weather.speed_mps, from_deg=weather.from_deg, gust_mps=weather.gust_mps),
        retention_table=None if told.retention.table is None else _retention_table(told.retention.table),
        telemetry_hours=told.retention.telemetry_hours,
        provider=None if told.sign_in.oidc is None else _provider(told.sign_in.oidc, path.parent),
        access_policy=None if told.authority.policy is None else _access_policy(told.authority.policy),
        public_period_h=told.public.period_hours,
        public_delay_h=told.public.delay_hours,
        wards=None if told.public.wards is None else parse_wards(_bytes(told.public.wards), told.public.wards.name),
        cameras=tuple(_camera(one) for one in told.recognition.cameras),
        face_models=told.recognition.models,
        push=_push(told),
        ofiq=ofiq_of(told.recognition.ofiq),
        face_reports=told.recognition.reports,
        master_key=told.ledger.master_key,
        evidence_certificate=_evidence_certificate(told.evidence),
        log_origin=told.ledger.origin,
        witnesses=tuple((one.address, _witness_key(one.key)) for one in told.ledger.witnesses),
        partners=_partners(told.tak, area, path.parent),
        calls=calls,
        demand_note="" if calls is None else f"replayed from {calls[0]}, the first one now",
    )


def recognition_operation(
    config_file: Path | None,
    *,
    port: int | None = None,
    name: tuple[str, str] | None = None,
    cameras: Sequence[CameraConfig] = (),
    models: Path | None = None,
) -> Operation:
    """An operation that flies nothing, for one recognition deployment or for a person's act on its record: as it is configured,
    with these cameras in place of those, or with what comes with the product. `name` is the id and name of whose it is.

    Raises:
        MalformedConfiguration: see `configured_operation`.
    """
    if config_file is not None:
        whole = configured_operation(config_file, calls=None, headless=False, port=port)
    else:
        whole = Operation(
            operator_id="operator", operator_name="Unnamed operator", area=areas.london(), docks=(), vehicles=(), airframes=(),
            zones=(), permissions=(), policy=policy_named(DEFAULT_POLICY), edge=EdgeSettings(port=port or DEFAULT_PORT),
        )  # fmt: skip
    if name is not None and config_file is None:
        whole = msgspec.structs.replace(whole, operator_id=name[0], operator_name=name[1])
    refuses = whole.edge is not None and whole.edge.refuses_own_accounts
    return msgspec.structs.replace(
        whole, docks=(), vehicles=(), partners=(), calls=None, cameras=tuple(cameras) or whole.cameras,
        face_models=models or whole.face_models, edge=None if port is None else whole.edge, refuses_own_accounts=refuses,
    )  # fmt: skip


def _retention_table(path: Path) -> tuple[str, str]:
    text = _text(path)
    parse_table(text, path.name)
    return path.name, text


def _evidence_certificate(told: sections.Evidence) -> Certificate | None:
    if told.certificate is None or told.private_key is None:
        return None
    return Certificate.read(_bytes(told.certificate), _bytes(told.private_key))


def _access_policy(path: Path) -> AccessPolicy:
    return AccessPolicy(_text(path), path.name)


def _provider(told: sections.Oidc, folder: Path) -> ProviderSettings:
    return ProviderSettings(
        name=told.name, issuer=told.issuer, client_id=told.client_id, client_secret=_secret(told.client_secret, folder),
        roles=tuple((group, Role(role)) for group, role in told.roles.items()), scopes=told.scopes,
        groups_claim=told.groups_claim, name_claim=told.name_claim, boroughs_claim=told.boroughs_claim,
        allowed_domains=tuple(one.casefold() for one in told.allowed_domains),
    )  # fmt: skip


def _secret(source: str, folder: Path) -> str:
    kind, _, where = source.partition(":")
    said = _text(folder / where).strip() if kind == "file" else os.environ.get(where, "")
    if not said:
        raise MalformedConfiguration(f"{source} holds no secret", remedy="put the secret there, and nothing else")
    return said


def configured_partners(path: Path, area: OperatingArea) -> tuple[Partner, ...]:
    """Those that a configuration file names; whatever else it says is left. Raises `MalformedConfiguration`."""
    return _partners(config.load(path).tak, area, path.parent)


def _partners(told: sections.Tak, area: OperatingArea, folder: Path) -> tuple[Partner, ...]:
    return tuple(_partner(one, area, folder) for one in told.partners)


def _partner(told: sections.TakPartner, area: OperatingArea, folder: Path) -> Partner:
    """Raises `MalformedConfiguration` also for files that cannot be used: not first when the partner is to be reached."""
    if unknown := sorted(set(told.boroughs) - set(area.names)):
        raise MalformedConfiguration(
            f"partner '{told.name}' is limited to {', '.join(unknown)}, which is no borough here",
            remedy=f"use names such as {', '.join(area.names[:3])}",
        )
    host, _, port = told.address.partition("://")[2].rpartition(":")
    tls = None
    if told.authority is not None and told.certificate is not None and told.private_key is not None:
        tls = TlsFiles(
            authority=told.authority, certificate=told.certificate, private_key=told.private_key,
            password=_secret(told.private_key_password, folder) if told.private_key_password else "",
            server_name=told.server_name, pinned=told.certificate_sha256.replace(":", "").lower(),
        )  # fmt: skip
        context(tls)
    return Partner(
        name=told.name, host=host, port=int(port), shares=frozenset(map(Kind, told.shares)), tls=tls,
        boroughs=frozenset(told.boroughs), until=told.until, interface=told.interface, hops=told.hops,
    )  # fmt: skip


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode()
    except UnicodeDecodeError as error:
        raise MalformedConfiguration(f"{path} is not UTF-8", remedy="save it as UTF-8") from error


def _witness_key(said: str) -> VerifierKey:
    try:
        return read_key(said)
    except MalformedProof as error:
        raise MalformedConfiguration(
            f"a witness's key cannot be read: {error.message}", remedy="copy it whole from what the witness printed at start"
        ) from error


def _look(told: sections.Tracking) -> Setup:
    """How drones' pictures are looked at. Each file is read once now, so that what is wrong with it is told at the start."""
    if told.detector is not None:
        card = parse_card(_bytes(told.detector))
        verify(card, _bytes(told.detector.parent / card.file))
    for name in told.heights:
        parse_grid(_bytes(name))
    return Setup(
        card_file=None if told.detector is None else str(told.detector.absolute()),
        height_files=tuple(str(name.absolute()) for name in told.heights), tiles=told.tiles, movement=told.movement,
    )  # fmt: skip


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MalformedConfiguration(f"{path} cannot be read ({error.strerror})", remedy="name a file that exists") from error


def _dock(one: sections.Dock) -> DockConfig:
    return DockConfig(
        dock_id=one.dock_id, name=one.name, position=Position(latitude_deg=one.latitude_deg, longitude_deg=one.longitude_deg),
        ground_m_amsl=one.ground_m_amsl, pads=one.pads, link=one.link, system_id=one.system_id,
    )  # fmt: skip


def _vehicle(one: sections.Vehicle) -> VehicleConfig:
    if one.video:
        parse_address(one.video)
    return VehicleConfig(
        vehicle_id=one.vehicle_id, link=one.link, system_id=one.system_id, airframe=one.airframe, home_dock_id=one.home_dock_id,
        video_address=one.video, field_of_view_deg=one.field_of_view_deg, zoom_most=one.zoom_most, signing=one.signing or "",
    )  # fmt: skip


def _camera(one: sections.FixedCamera) -> CameraConfig:
    parse_address(one.address)
    known = one.latitude_deg is not None and one.longitude_deg is not None
    position = Position(latitude_deg=one.latitude_deg or 0.0, longitude_deg=one.longitude_deg or 0.0) if known else None
    return CameraConfig(camera_id=one.camera_id, name=one.name, address=one.address, position=position)


def _push(told: config.Config) -> PushPolicy:
    push, officers = told.recognition.push, told.server.officers
    contact = push.contact or (officers if officers.startswith("https://") else "")
    return PushPolicy(enabled=push.enabled, hosts=push.hosts or KNOWN_HOSTS, contact=contact)


def ofiq_of(told: sections.Ofiq | None) -> OfiqSettings | None:
    if told is None:
        return None
    return OfiqSettings(
        program=told.program, data=told.data, configuration=told.configuration, images_at_once=told.images_at_once,
        seconds_each=told.seconds_each,
    )  # fmt: skip


def _zone_files(told: sections.Airspace) -> tuple[tuple[str, bytes], ...]:
    """The configured files of zones, each read once to see that all in it is understood."""
    files = [(path, _bytes(path)) for path in told.files]
    if len({path.name for path, _ in files}) < len(files):
        raise MalformedConfiguration(
            "two airspace files have the same name", remedy="give each series of files a name of its own"
        )
    for path, data in files:
        read = read_zones(data, path.name)
        if read.rejected:
            where, why = read.rejected[0]
            raise MalformedConfiguration(
                f"{path}: {len(read.rejected)} zones cannot be understood, the first at {where}: {why}",
                remedy="mend the file: a zone that is not understood is not flown round",
            )
    return tuple((path.name, data) for path, data in files)


_SITE = re.compile(r"https?://(?P<name>[A-Za-z0-9.-]+)(:[0-9]{1,5})?/?")


def _name_in(address: str) -> str:
    """The name in the address of the officers' page. Raises `BadInput` for one that is no address of a site."""
    found = _SITE.fullmatch(address)
    if found is None:
        raise BadInput(f"server.officers is '{address}'", remedy="give scheme and name only, such as https://eyes.example.org")
    return found["name"].lower()


def _media_server(told: sections.Video, folder: Path) -> MediaServer | None:
    if not told.whep:
        return None
    return MediaServer(told.whep, TokenSigner(_secret(told.token_key, folder)) if told.token_key else None)


def _edge(whole: config.Config, port: int | None, folder: Path) -> EdgeSettings:
    told = whole.server
    token = ""
    if told.metrics_token_file is not None:
        token = _bytes(told.metrics_token_file).decode("utf-8", "replace").strip()
        if len(token) < 16:
            raise BadInput(f"the metrics token in {told.metrics_token_file} is short", remedy="use at least 16 random characters")
    names = set(told.hosts)
    if told.officers:
        names.add(_name_in(told.officers))
    return EdgeSettings(
        host=told.host, port=port or told.port, hosts=frozenset(names), officers=told.officers.rstrip("/"), https=told.https,
        certificate=told.certificate, private_key=told.private_key, trusted_proxies=frozenset(told.trusted_proxies),
        metrics_token=token, tile_origins=told.tile_origins, refuses_own_accounts=whole.authority.own_accounts == "refuse",
        media_server=_media_server(whole.video, folder),
    )  # fmt: skip
