"""The parts of `[recognition]` that lead out of the program: push services, and the operator's OFIQ."""

from pathlib import Path

import pytest

from bowstreet.errors import MalformedConfiguration
from bowstreet.operations import configured_operation
from bowstreet.recognition.callouts.model import KNOWN_HOSTS, PushPolicy
from bowstreet.runtime import config

FILE = Path("bowstreet.toml")


def test_without_a_word_phones_are_called_by_known_push_services(tmp_path: Path) -> None:
    file = tmp_path / "bowstreet.toml"
    file.write_text("")
    operation = configured_operation(file, calls=None, headless=False, port=None)
    assert operation.push == PushPolicy(enabled=True, hosts=KNOWN_HOSTS, contact="")
    assert operation.ofiq is None
    file.write_text('[server]\nofficers = "https://eyes.example.org"\n[recognition.push]\nhosts = ["push.police.example"]\n')
    operation = configured_operation(file, calls=None, headless=False, port=None)
    assert operation.push == PushPolicy(hosts=("push.police.example",), contact="https://eyes.example.org")


def test_ofiq_is_found_from_the_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "bowstreet.toml"
    file.write_text('[recognition.ofiq]\nprogram = "bin/OFIQSampleApp"\ndata = "data"\nimages_at_once = 4\n')
    made = configured_operation(file, calls=None, headless=False, port=None).ofiq
    assert made is not None
    assert (made.program, made.data, made.images_at_once) == (tmp_path / "bin/OFIQSampleApp", tmp_path / "data", 4)


@pytest.mark.parametrize(
    "said",
    [
        'push.hosts = ["https://fcm.googleapis.com"]', 'push.hosts = ["*"]', 'push.hosts = ["*.com"]', 'push.hosts = ["10.0.0.1"]',
        'push.hosts = ["localhost"]', 'push.hosts = ["FCM.googleapis.com"]', 'push.contact = "duty@police.example"',
        'push.contact = "http://police.example"', "push.enable = true", 'ofiq.data = "data"',
        'ofiq = { program = "p", data = "d", images_at_once = 0 }', 'ofiq = { program = "p", data = "d", configuration = "../x" }',
    ],
)  # fmt: skip
def test_what_leads_elsewhere_is_refused(said: str) -> None:
    with pytest.raises(MalformedConfiguration, match="recognition"):
        config.parse(f"[recognition]\n{said}\n".encode(), FILE)
