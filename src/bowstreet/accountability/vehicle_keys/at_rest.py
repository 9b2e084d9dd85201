"""Which vehicles have keys, read from a data directory while nobody runs it, or while somebody does."""

from pathlib import Path

import msgspec

from bowstreet.accountability.vehicle_keys.model import VehicleKey
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.sqlite import SqliteReader


def vehicles_with_keys(folder: Path) -> tuple[set[str], set[str]]:
    """Vehicles that have a key that holds, and those that have or ever had one. Raises `StoreUnavailable`."""
    record = folder / RECORD_FILE
    if not record.exists():
        return set(), set()
    with SqliteReader(record) as reader:
        keys = [msgspec.json.decode(one.body, type=VehicleKey) for one in reader.records("vehicle-key")]
    return {one.vehicle_id for one in keys if not one.state.is_final}, {one.vehicle_id for one in keys}
