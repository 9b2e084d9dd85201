"""A real TAK server (`taky`), an independent TAK client (`pytak`), an authority that signs for both, and something to share."""

import asyncio
import configparser
import contextlib
import signal
import socket
import sys
import warnings
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bowstreet.accountability.recorder import Recorder
from bowstreet.geo import Position
from bowstreet.messages import Message, PartnerShown, SharingChanged, SharingCounted
from bowstreet.runtime import logs
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.ids import RandomIds
from bowstreet.runtime.memory import MemoryStore
from bowstreet.tak.events import Origin
from bowstreet.tak.model import DroneSeen, IncidentSeen, Item, Kind, Partner, Situation, SubjectSeen, TlsFiles
from bowstreet.tak.service import PartnerSharing
from bowstreet.tracking.model import Ellipse, Shape

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it asks for a package that enrolment needs
    import pytak

PLACE = Position(latitude_deg=51.5416, longitude_deg=-0.1027)
ORIGIN = Origin(name="bowstreet.invalid/test operator")


# --- who is who -----------------------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(_pem(self._signed(self._name, self._key.public_key(), authority=True)))

    def issue(self, name: str, *, address: str = "", days: int = 30) -> tuple[Path, Path]:
        """Files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, secret = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(_pem(self._signed(subject, key.public_key(), address=address, days=days)))
        secret.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return certificate, secret

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool = False, address: str = "", days: int = 30
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=40)).not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )  # fmt: skip
        if address:
            made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        return made.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


# --- the server -----------------------------------------------------------------------------------------------------------


class Taky:
    """The real server, as a program of its own, that asks for certificates."""

    def __init__(self, folder: Path, authority: Authority, port: int, *, address: str = "127.0.0.1") -> None:
        self._folder, self.port = folder / f"taky-{port}", port
        self._folder.mkdir(parents=True, exist_ok=True)
        certificate, key = authority.issue(f"server-{port}", address=address)
        self.certificate = certificate
        settings = f"""
            [taky]
            hostname=127.0.0.1
            bind_ip=127.0.0.1
            root_dir={self._folder}
            [cot_server]
            port={port}
            [ssl]
            enabled=true
            client_cert_required=true
            ca={authority.file}
            cert={certificate}
            key={key}
            cert_db={self._folder / "certificates.txt"}
        """
        (self._folder / "taky.conf").write_text("\n".join(line.strip() for line in settings.splitlines()))
        self._program: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        (self._folder / "taky-mgmt.sock").unlink(missing_ok=True)  # of one that was killed
        with (self._folder / "log").open("ab") as log:
            self._program = await asyncio.create_subprocess_exec(
                sys.executable, "-W", "ignore", "-m", "taky.cot", "-c", str(self._folder / "taky.conf"), stdout=log, stderr=log
            )
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._program.returncode is None, (self._folder / "log").read_text()
            await asyncio.sleep(0.05)
        raise AssertionError("the server does not come up")

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._program is not None and self._program.returncode is None:
            self._program.send_signal(how)
            await self._program.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- a partner's device ---------------------------------------------------------------------------------------------------


class Device:
    """What an independent client receives."""

    def __init__(self) -> None:
        self.events: list[ET.Element] = []

    @contextlib.asynccontextmanager
    async def listening(self, url: str, tls: TlsFiles | None = None) -> AsyncIterator["Device"]:
        settings = configparser.ConfigParser()
        settings["device"] = {"COT_URL": url}
        if tls is not None:
            settings["device"].update({
                "PYTAK_TLS_CLIENT_CERT": str(tls.certificate), "PYTAK_TLS_CLIENT_KEY": str(tls.private_key),
                "PYTAK_TLS_CLIENT_CAFILE": str(tls.authority),
            })  # fmt: skip
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it sets options of TLS that have been superseded
            reader, writer = await pytak.protocol_factory(settings["device"])
        worker = pytak.RXWorker(queue, settings["device"], reader)
        tasks = [asyncio.ensure_future(worker.run()), asyncio.ensure_future(self._take(queue))]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if writer is not None:
                writer.close()
            if hasattr(reader, "close"):
                reader.close()

    async def _take(self, queue: "asyncio.Queue[bytes]") -> None:
        while True:
            self.events.append(ET.fromstring((await queue.get()).decode().lstrip("\x00\n")))

    def of(self, type_: str) -> list[ET.Element]:
        return [one for one in self.events if one.get("type") == type_]

    def about(self, uid: str) -> list[ET.Element]:
        return [one for one in self.events if one.get("uid") == uid]


async def until(what: str, is_so: Callable[[], Any], limit_s: float = 30.0) -> Any:
    for _ in range(int(limit_s / 0.05)):
        if answer := is_so():
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"not in {limit_s:g} s: {what}")


# --- what is shared -------------------------------------------------------------------------------------------------------


class Operation:
    """Sharing over a real recorder; what happens is said by the test."""

    def __init__(self, *partners: Partner) -> None:
        logs.configure("critical", "console")
        self.store, self.clock = MemoryStore(), SystemClock()
        self.bus = InlineBus()
        self.recorder = Recorder(self.store, self.bus, self.clock)
        self.said: list[Message] = []
        for kind in (SharingChanged, PartnerShown, SharingCounted):
            self.bus.subscribe(kind, self._hear)
        self.situation = Situation()
        self.sharing = PartnerSharing(
            partners, lambda: self.situation, self.recorder, self.clock, self.clock, RandomIds(self.clock), ORIGIN
        )

    async def _hear(self, message: Message) -> None:
        self.said.append(message)

    def of(self, kind: type[Message]) -> list[Any]:
        return [one for one in self.said if isinstance(one, kind)]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Operation"]:
        await self.sharing.load(self.store)
        task = asyncio.ensure_future(self.sharing.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def now(self) -> datetime:
        return self.clock.now()


def partner(**changes: Any) -> Partner:
    told: dict[str, Any] = {"name": "fire brigade", "host": "127.0.0.1", "port": 8_089, "shares": frozenset(Kind)}
    return Partner(**(told | changes))


def drone(at: datetime, vehicle_id: str = "drone-1", **changes: Any) -> DroneSeen:
    told: dict[str, Any] = {
        "vehicle_id": vehicle_id, "incident_id": "inc-1", "borough": "Islington", "taken_at": at, "position": PLACE,
        "altitude_m_amsl": 98.0, "phase": "outbound", "ground_speed_mps": 14.9, "course_deg": 31.0, "charge_fraction": 0.83,
    }  # fmt: skip
    return DroneSeen(**(told | changes))


def incident(at: datetime, incident_id: str = "inc-1", **changes: Any) -> IncidentSeen:
    told: dict[str, Any] = {
        "incident_id": incident_id, "borough": "Islington", "position": PLACE, "grade": "I", "category": "robbery",
        "state": "assigned", "changed_at": at,
    }  # fmt: skip
    return IncidentSeen(**(told | changes))


def subject(at: datetime, **changes: Any) -> SubjectSeen:
    told: dict[str, Any] = {
        "follow_id": "fol-1", "vehicle_id": "drone-1", "incident_id": "inc-1", "borough": "Islington", "taken_at": at,
        "position": PLACE, "ellipse": Ellipse(semi_major_m=7.5, semi_minor_m=3.0, bearing_deg=40.0), "shape": Shape.PERSON,
        "quality": "good", "unseen_s": 0.0,
    }  # fmt: skip
    return SubjectSeen(**(told | changes))


def all_of(now: datetime, *items: Item) -> Situation:
    return Situation(items=items or (incident(now), drone(now), subject(now)))
