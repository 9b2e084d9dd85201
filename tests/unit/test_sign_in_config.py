"""An identity provider in the configuration: what is refused before anything starts, and what the doctor says of it."""

from pathlib import Path

import pytest

from bowstreet.accountability.model import Role
from bowstreet.cli import main
from bowstreet.errors import MalformedConfiguration
from bowstreet.operations import configured_operation

GOOD = """
[server]
port = 18799
[sign_in.oidc]
issuer = "https://login.example/realms/police"
client_id = "bowstreet"
client_secret = "file:secret.txt"
allowed_domains = ["Force.Example"]
[sign_in.oidc.roles]
bow-supervisors = "supervisor"
bow-pilots = "pilot"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("hush\n")
    return tmp_path


def read(folder: Path, text: str) -> object:
    (folder / "city.toml").write_text(text)
    return configured_operation(folder / "city.toml", calls=None, headless=False, port=None).provider


def test_it_is_read_with_its_secret_and_the_order_of_its_roles(folder: Path) -> None:
    (folder / "city.toml").write_text(GOOD)
    told = configured_operation(folder / "city.toml", calls=None, headless=False, port=None).provider
    assert told is not None
    assert told.client_secret == "hush"
    assert told.roles == (("bow-supervisors", Role.SUPERVISOR), ("bow-pilots", Role.PILOT))
    assert told.allowed_domains == ("force.example",)


def test_the_secret_may_be_in_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = GOOD.replace("file:secret.txt", "env:BOWSTREET_TEST_SECRET")
    with pytest.raises(MalformedConfiguration, match="holds no secret"):
        read(folder, text)
    monkeypatch.setenv("BOWSTREET_TEST_SECRET", "hush")
    assert getattr(read(folder, text), "client_secret", "") == "hush"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("https://login", "http://login", "issuer without https"),
        ('"https://login.example/realms/police"', '"ftp://x"', "sign_in.oidc.issuer"),
        ("file:secret.txt", "hush", "sign_in.oidc.client_secret"),
        ("file:secret.txt", "file:none.txt", "cannot be read"),
        ('= "pilot"', '= "cad"', "sign_in.oidc.roles"),
        ('= "pilot"', '= "chief"', "sign_in.oidc.roles"),
        ('bow-supervisors = "supervisor"\nbow-pilots = "pilot"', "", "sign_in.oidc.roles"),
        ("client_id", 'scopes = ["profile"]\nclient_id', "openid"),
        ("client_id", "clientid", "clientid"),
    ],
)
def test_what_cannot_be_right_is_refused(folder: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(MalformedConfiguration) as refused:
        read(folder, GOOD.replace(old, new))
    assert says in str(refused.value)
    assert "hush" not in str(refused.value) or new == "hush"


def test_the_doctor_says_when_the_issuer_does_not_answer(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "city.toml").write_text(GOOD.replace("https://login.example/realms/police", "http://127.0.0.1:9"))
    assert main(["doctor", "--config", str(folder / "city.toml"), "--data", str(folder / "data")]) == 1
    assert "FAIL  identity provider: the identity provider does not answer (ConnectError)" in capsys.readouterr().out
