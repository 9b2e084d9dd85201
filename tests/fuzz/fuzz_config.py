"""Configuration files: whatever the bytes, a configuration or a clear error."""

from pathlib import Path

from bowstreet.errors import MalformedConfiguration
from bowstreet.runtime import config

SEEDS = [
    (Path(__file__).parents[2] / "docs/configuration.md").read_bytes().partition(b"```toml\n")[2].partition(b"```")[0],
    b"[server]\nport = 8700\n[dispatch]\ngrades_flown = ['I', 'S']\nmax_wait_s = {I = 900.0}\n",
    b"[[fleet.vehicles]]\nvehicle_id = 'a'\nairframe = 'b'\nhome_dock_id = 'c'\nlink = 'udpin:127.0.0.1:1'\nsystem_id = 1\n",
]


def fuzz_one(data: bytes) -> None:
    try:
        config.parse(data, Path("fuzz.toml"))
    except MalformedConfiguration as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
