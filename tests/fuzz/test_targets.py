"""Every fuzz target survives arbitrary bytes, and mutations of the seeds it declares. Longer runs: `make fuzz`."""

import importlib
import random
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TARGETS = sorted(path.stem for path in Path(__file__).parent.glob("fuzz_*.py"))


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"tests.fuzz.{name}")


def _mutated(seed: bytes, rng: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.randint(1, 8)):
        match rng.randrange(4) if data else 0:
            case 0:
                data.insert(rng.randint(0, len(data)), rng.randrange(256))
            case 1:
                data[rng.randrange(len(data))] = rng.randrange(256)
            case 2:
                del data[rng.randrange(len(data)) :]
            case _:
                start = rng.randrange(len(data))
                data[start:start] = data[start : start + rng.randint(1, 64)]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.one_of(st.binary(max_size=2_000), st.text(max_size=600).map(str.encode)))
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    _load(name).fuzz_one(data)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_seeds(name: str) -> None:
    module = _load(name)
    seeds: list[bytes] = getattr(module, "SEEDS", [])
    if not seeds:
        pytest.skip(f"{name} declares no SEEDS")
    rng = random.Random(20261123)
    for _ in range(200):
        module.fuzz_one(_mutated(rng.choice(seeds), rng))
