"""C2PA manifests beside exported videos: made with the operator's certificate or our own, read by the library, and of no use for
another video."""

import asyncio
import json
import struct
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.unit.evidence_world import World, as_file, pictures

from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import MalformedConfiguration, MalformedProof
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import SystemClock
from bowstreet.runtime.memory import MemoryStore
from bowstreet.video.evidence import credentials, verify
from bowstreet.video.evidence.asking import Job, Made, Seen
from bowstreet.video.evidence.credentials import SELF_MADE, C2paCredentials, Certificate, PrivateKey, look, self_made
from bowstreet.video.evidence.kept import own_certificate
from bowstreet.video.evidence.source import FolderSource


def own() -> Certificate:
    seed = bytes(range(32))
    return Certificate(self_made(seed, "Test Police", SystemClock()), ed25519.Ed25519PrivateKey.from_private_bytes(seed))


def issued(key: PrivateKey) -> tuple[bytes, bytes, bytes]:
    """A chain by an issuer of the test's own, the key, and the issuer's certificate; all PEM."""
    issuer, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    names = [
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Force"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
        for name in ("Evidence unit", "Root of the test")
    ]
    made = []
    for name, public, authority in ((names[0], key.public_key(), False), (names[1], issuer.public_key(), True)):
        one = (
            x509.CertificateBuilder().subject_name(name).issuer_name(names[1]).public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not authority, key_cert_sign=authority, content_commitment=False, key_encipherment=False,
                    data_encipherment=False, key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
        )  # fmt: skip
        if not authority:
            one = one.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        made.append(one.sign(issuer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    return b"".join(made), secret, made[1]


async def exported(folder: Path, certificate: Certificate, *, restarts: int = 0) -> tuple[Path, str]:
    world = await World(folder, C2paCredentials(certificate, "1.2.3", simulated=True)).open()
    recording_id = await world.record(24, restarts=restarts)
    bundle = await world.export()
    as_file(bundle, folder / "one.zip")
    await asyncio.to_thread(bundle.into_folder, folder / "unpacked")
    return folder, recording_id


async def test_the_library_itself_reads_the_manifest_and_the_video_is_as_received(tmp_path: Path) -> None:
    folder, recording_id = await exported(tmp_path, own(), restarts=1)
    found = await asyncio.to_thread(verify.verify, folder / "one.zip", credential=look)
    assert found.ok, found.what
    assert sorted(found.credentials) == [f"{recording_id}/video-1.mp4", f"{recording_id}/video-2.mp4"]
    assert all(SELF_MADE in said and "no trust list" in said for said in found.credentials.values())
    film, manifest = (folder / "unpacked" / recording_id / f"video-2.{kind}" for kind in ("mp4", "c2pa"))
    with film.open("rb") as file, c2pa.Reader("video/mp4", file, manifest.read_bytes()) as reader:
        assert reader.get_validation_state() == "Valid"
        active = reader.get_active_manifest()
    assert active is not None
    ours = next(one["data"] for one in active["assertions"] if one["label"] == "org.bowstreet.evidence")
    assert ours["recording_id"] == recording_id
    assert ours["sha256"] == json.loads((folder / "unpacked/recordings.json").read_text())["recordings"][0]["files"][3]["sha256"]
    actions = next(one["data"] for one in active["assertions"] if one["label"].startswith("c2pa.actions"))
    assert actions["actions"][0]["digitalSourceType"].endswith("virtualRecording")


async def test_a_flipped_byte_of_the_video_or_the_manifest_is_found_by_the_library_alone(tmp_path: Path) -> None:
    folder, recording_id = await exported(tmp_path, own())
    source = FolderSource(folder / "unpacked")
    video, manifest = f"{recording_id}/video-1.mp4", f"{recording_id}/video-1.c2pa"
    film, beside = folder / "unpacked" / video, folder / "unpacked" / manifest
    whole, signed = film.read_bytes(), beside.read_bytes()
    assert "fits it" in await asyncio.to_thread(look, source, video, manifest)
    for place in (60, 400, len(whole) // 2, len(whole) - 1):
        film.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(MalformedProof, match="does not fit"):
            await asyncio.to_thread(look, source, video, manifest)
    film.write_bytes(whole)
    # Its end is padding, which no signature covers; the bundle's own SHA-256 does.
    for place in (100, 700, 1_500):
        beside.write_bytes(signed[:place] + bytes([signed[place] ^ 1]) + signed[place + 1 :])
        with pytest.raises(MalformedProof, match="does not fit"):
            await asyncio.to_thread(look, source, video, manifest)
    beside.write_bytes(b"")
    with pytest.raises(MalformedProof):
        await asyncio.to_thread(look, source, video, manifest)


@pytest.mark.parametrize("kind", ["P-256", "P-384", "Ed25519", "RSA"])
async def test_an_operators_certificate_is_used_and_trusted_where_its_issuer_is(tmp_path: Path, kind: str) -> None:
    made: dict[str, PrivateKey] = {
        "P-256": ec.generate_private_key(ec.SECP256R1()), "P-384": ec.generate_private_key(ec.SECP384R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate(), "RSA": rsa.generate_private_key(65537, 2048),
    }  # fmt: skip
    chain, key, root = issued(made[kind])
    folder, recording_id = await exported(tmp_path, Certificate.read(chain, key))
    names = f"{recording_id}/video-1.mp4", f"{recording_id}/video-1.c2pa"
    said = await asyncio.to_thread(look, FolderSource(folder / "unpacked"), *names, anchors=root.decode())
    assert "'Evidence unit'" in said
    assert "on the trust list" in said
    said = await asyncio.to_thread(look, FolderSource(folder / "unpacked"), *names)
    assert "on no trust list" in said


def test_a_certificate_and_a_key_that_do_not_belong_together_are_refused() -> None:
    chain, _, _ = issued(ec.generate_private_key(ec.SECP256R1()))
    _, other, _ = issued(ec.generate_private_key(ec.SECP256R1()))
    for one, two in ((chain, other), (b"no PEM", other), (chain, b"no PEM")):
        with pytest.raises(MalformedConfiguration):
            Certificate.read(one, two)


async def test_our_own_certificate_is_made_once_and_kept() -> None:
    acts = Recorder(MemoryStore(), InlineBus(), SystemClock())
    await acts.open()
    first, second = [await own_certificate(acts, "Test Police", SystemClock()) for _ in range(2)]
    assert first.chain == second.chain
    assert first.says == SELF_MADE


def test_a_video_that_the_workers_memory_would_not_hold_gets_a_manifest_that_fits_it() -> None:
    """It is hashed piece by piece: 1.25 GiB, of which two copies would not fit into the 2 GiB that the worker may have."""
    header, fragments = pictures(4)
    films = header.data + b"".join(one.data for one in fragments)
    octets = 5 * 1024**3 // 4
    large = struct.pack(">I4sQ", 1, b"mdat", octets - len(films))
    begin = films + large

    def give(at: int, count: int) -> bytes:
        count = max(0, min(count, octets - at))
        return begin[at : at + count].ljust(count, b"\x55")

    certificate = own()
    created = {"action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"}
    told = {"format": "video/mp4", "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}]}
    job = Job(octets=octets, definition=json.dumps(told), algorithm=certificate.algorithm, chain=certificate.chain)
    made = credentials._run(job, give, certificate.sign)
    assert isinstance(made, Made), made
    seen = credentials._run(Job(octets=octets, manifest=made.manifest), give, None)
    assert isinstance(seen, Seen)
    assert seen.state == "Valid"


async def test_a_video_of_too_many_fragments_is_exported_without_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(credentials, "MOST_SIGNED_FRAGMENTS", 10)
    folder, _ = await exported(tmp_path, own())
    found = await asyncio.to_thread(verify.verify, folder / "one.zip", credential=look)
    assert (found.ok, found.credentials) == (True, {})


async def test_an_export_without_a_worker_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_NICE", (sys.executable, "-c", "raise SystemExit(1)"))
    folder, recording_id = await exported(tmp_path, own())
    found = await asyncio.to_thread(verify.verify, folder / "one.zip", credential=look)
    assert found.ok
    assert found.credentials == {}
    assert not (folder / "unpacked" / recording_id / "video-1.c2pa").exists()
