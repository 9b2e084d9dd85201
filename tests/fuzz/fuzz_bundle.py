"""A bundle from a stranger: whatever the bytes, a verdict."""

import tempfile
from pathlib import Path

from bowstreet.accountability import bundle
from tests.unit.test_bundle import KEY, ledger_of, written

SEEDS = [written(ledger_of(3)), written([])]
GENUINE = {*SEEDS}


def fuzz_one(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes(data)
        found = bundle.verify(path, keys=[KEY])
    assert found.ok is (data in GENUINE)
    assert bundle.says(found)
