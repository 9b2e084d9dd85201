"""`bowstreet airspace`: read zone files as an operation would, before it does."""

import argparse
import sys

from bowstreet.commands.output import read_file, write_json
from bowstreet.errors import BadInput
from bowstreet.runtime.clock import SystemClock


def check(arguments: argparse.Namespace) -> int:
    """Exit status 1, and each zone that is not understood named, when there is one."""
    from bowstreet.airspace.export import write_zones
    from bowstreet.airspace.zonefile import read_zones

    found = [(path, read_zones(read_file(path), path.name)) for path in arguments.files]
    zones = [zone for _, read in found for zone in read.zones]
    if arguments.out is not None:
        written = write_zones(zones, issued=SystemClock().now(), provider="bowstreet airspace check")
        try:
            arguments.out.write_bytes(written)
        except OSError as error:
            raise BadInput(
                f"{arguments.out} cannot be written ({error.strerror})", remedy="name a file in a folder that exists"
            ) from error
    files = [
        {
            "file": str(path),
            "zones": [{"zone_id": one.zone_id, "name": one.name, "restriction": one.restriction.value} for one in read.zones],
            "rejected": [{"where": where, "why": why} for where, why in read.rejected],
        }
        for path, read in found
    ]
    write_json(arguments.json, {"files": files})
    if arguments.json != "-":
        for path, read in found:
            sys.stdout.write(f"{path}: {len(read.zones)} zones, {len(read.rejected)} not understood\n")
            sys.stdout.writelines(f"  {where}: {why}\n" for where, why in read.rejected)
    return 1 if any(read.rejected for _, read in found) else 0
