"""Keeps the demo's street camera running: a program of its own, as a real camera is."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Awaitable, Callable

# Half of what the camera could give: a demo shares two cores with drones, browsers and whoever looks.
RATE_HZ, EVERY_S = 12.5, 4.0
AGAIN_S = 2.0


def free_address() -> str:
    """Where nobody listens now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return f"udp://127.0.0.1:{one.getsockname()[1]}"


async def run_street(address: str, seed: int, passed: Callable[[str], Awaitable[None]]) -> None:
    """Until cancelled; started again when it ends. `passed` is told of everybody who has walked past."""
    while True:
        program = await asyncio.create_subprocess_exec(
            "nice", "-n", "10", sys.executable, "-m", "bowstreet.simulation.street_cameras", "--to", address, "--with-input",
            "--rate", str(RATE_HZ), "--every", str(EVERY_S), "--seed", str(seed), "--tell-passes",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            assert program.stdout is not None
            async for line in program.stdout:
                await passed(line.decode("ascii", "replace").strip())
            await program.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                program.kill()
        await asyncio.sleep(AGAIN_S)
