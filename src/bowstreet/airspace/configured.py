"""The zone files of a configuration, in the record: entered, and withdrawn when they are configured no more."""

import hashlib
from collections.abc import Iterable

from bowstreet.airspace.service import AirspaceService

CONFIGURATION = "configuration"


async def take_zone_files(airspace: AirspaceService, files: Iterable[tuple[str, bytes]]) -> None:
    """Enter the configured files of zones into the record; those that are configured no more are withdrawn.

    Raises:
        MalformedZone, Conflict: a file that cannot be used; an operation must not start without it.
    """
    files = tuple(files)
    for name, data in files:
        await airspace.import_file(data, name, version=hashlib.sha256(data).hexdigest()[:12], by=CONFIGURATION)
    for source in airspace.register.sources:
        if source.by == CONFIGURATION and source.source not in {name for name, _ in files}:
            await airspace.register.withdraw(source.source, CONFIGURATION)
