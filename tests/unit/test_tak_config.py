"""Partners in the configuration: off unless named, each mistake refused before anything starts, and what the doctor says of them."""

from pathlib import Path

import pytest
from tests.integration.tak_world import Authority, Taky, free_port

from bowstreet.cli import main
from bowstreet.errors import MalformedConfiguration
from bowstreet.intake.area import london
from bowstreet.operations import configured_operation, configured_partners
from bowstreet.process import Operation
from bowstreet.tak.model import Kind

GOOD = """
[server]
port = 18_797
[[tak.partners]]
name = "fire brigade"
address = "tls://127.0.0.1:8089"
shares = ["drones", "incidents"]
boroughs = ["Islington"]
authority = "authority.pem"
certificate = "bowstreet.crt"
private_key = "bowstreet.key"
[[tak.partners]]
name = "mesh"
address = "udp://239.2.3.1:6969"
shares = ["drones", "look-at"]
closed_network = true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Authority(tmp_path).issue("bowstreet")
    return tmp_path


def read(folder: Path, text: str) -> Operation:
    (folder / "city.toml").write_text(text)
    return configured_operation(folder / "city.toml", calls=None, headless=False, port=None)


def test_nothing_is_shared_unless_somebody_is_named(folder: Path) -> None:
    assert read(folder, "").partners == ()


def test_partners_are_read_with_what_they_see(folder: Path) -> None:
    brigade, mesh = read(folder, GOOD).partners
    assert (brigade.address, brigade.shares) == ("tls://127.0.0.1:8089", {Kind.DRONES, Kind.INCIDENTS})
    assert brigade.boroughs == {"Islington"}
    assert brigade.tls is not None
    assert brigade.tls.certificate == folder / "bowstreet.crt"
    assert (mesh.address, mesh.tls, mesh.hops) == ("udp://239.2.3.1:6969", None, 1)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"tls://127.0.0.1:8089"', '"http://127.0.0.1"', "tak.partners[0].address"),
        ("127.0.0.1:8089", "127.0.0.1:99999", "without a port"),
        ('"incidents"]', '"faces"]', "tak.partners[0].shares[1]"),
        ('shares = ["drones", "look-at"]', "shares = []", "tak.partners[1].shares"),
        ('["Islington"]', '["Isslington"]', "no borough here"),
        ('authority = "authority.pem"', "", "who is who"),
        ("authority.pem", "none.pem", "none.pem cannot be read"),
        ('"bowstreet.crt"', '"bowstreet.key"', "holds no certificate"),
        ('"bowstreet.key"', '"authority.pem"', "is no key of"),
        ("closed_network = true", "", "shares in the clear"),
        ("239.2.3.1", "mesh.example.org", "needs an IPv4 address at 'tak.partners[1].address'"),
        ("closed_network = true", "closed_network = true\ninterface = 'eth0'", "tak.partners[1].interface"),
        ("closed_network = true", "closed_network = true\ncertificate = 'bowstreet.crt'", "certificates for datagrams"),
        ('name = "mesh"', 'name = "fire brigade"', "more than once"),
        ('private_key = "bowstreet.key"', 'private_key = "bowstreet.key"\nprivate_key_password = "hush"', "private_key_password"),
        ('private_key = "bowstreet.key"', 'private_key = "bowstreet.key"\ncertificate_sha256 = "12"', "certificate_sha256"),
    ],
)  # fmt: skip
def test_each_mistake_is_refused_before_anything_starts(folder: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(MalformedConfiguration) as caught:
        read(folder, GOOD.replace(old, new, 1))
    assert says in str(caught.value)
    assert caught.value.remedy


def test_a_key_may_have_a_passphrase(folder: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key((folder / "bowstreet.key").read_bytes(), None)
    (folder / "bowstreet.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush")))
    with pytest.raises(MalformedConfiguration, match="is no key of"):
        read(folder, GOOD)
    (folder / "passphrase.txt").write_text("hush\n")
    told = GOOD.replace('"bowstreet.key"', '"bowstreet.key"\nprivate_key_password = "file:passphrase.txt"')
    partner = read(folder, told).partners[0]
    assert partner.tls is not None
    assert partner.tls.password == "hush"


async def test_the_doctor_reaches_partners_and_says_when_a_certificate_ends(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    authority = Authority(folder / "known")
    server = Taky(folder, authority, free_port())
    certificate, key = authority.issue("bowstreet", days=9)
    text = GOOD.replace("8089", str(server.port)).replace('"authority.pem"', f'"{authority.file}"')
    text = text.replace('"bowstreet.crt"', f'"{certificate}"').replace('"bowstreet.key"', f'"{key}"')
    (folder / "city.toml").write_text(text)
    asked = ["doctor", "--config", str(folder / "city.toml"), "--data", str(folder / "data")]
    await asyncio.to_thread(main, asked)
    assert "FAIL  partners: fire brigade: tls://127.0.0.1" in (said := capsys.readouterr().out), said
    await server.start()
    await asyncio.to_thread(main, asked)
    said = capsys.readouterr().out
    assert "ok    partners: fire brigade at tls://127.0.0.1" in said
    assert "ends in 8 days" in said
    assert "mesh at udp://239.2.3.1:6969 can be sent to" in said
    await server.stop()


def test_a_demo_is_shared_with_partners_of_a_file_and_an_operation_names_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "city.toml").write_text(GOOD)
    named = configured_partners(folder / "city.toml", london())
    assert [one.name for one in named] == ["fire brigade", "mesh"]
    assert main(["up", "--config", str(folder / "city.toml"), "--partners", str(folder / "city.toml")]) == 2
    assert "--partners is for a demo" in capsys.readouterr().err
