"""schemathesis, which knows nothing of this program but its OpenAPI document, finds nothing: signed in, and as a stranger."""

import asyncio
import os
import sys
from pathlib import Path

from tests.integration.console_city import City, call, city

from bowstreet.console.limits import Limits, Rate
from bowstreet.console.server import Server
from bowstreet.console.settings import EdgeSettings

FREELY = Rate(burst=1e9, per_s=1e9)


async def _run(town: City, headers: dict[str, str], *options: str) -> tuple[int, str]:
    """The report of one run over a real socket."""
    server = Server(town.console.app, town.settings)
    await server.start()
    program = Path(sys.executable).with_name("schemathesis")
    arguments = [
        "run", f"http://127.0.0.1:{server.port}/api/v1/openapi.json", "--no-color", "--seed", "1",
        "--generation-database", "none",
        *(word for name, value in headers.items() for word in ("--header", f"{name}: {value}")), *options,
    ]  # fmt: skip
    try:
        async with asyncio.timeout(150):
            process = await asyncio.create_subprocess_exec(
                str(program),
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={
                    **os.environ,
                    "SCHEMATHESIS_HOOKS": "tests.integration.schemathesis_hooks",
                    "PYTHONPATH": os.pathsep.join(sys.path),
                },
            )
            report, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, report.decode()
    finally:
        await server.stop()


async def _busy_city() -> City:
    limits = Limits(requests=FREELY, incidents=FREELY, recorded_denials=FREELY)
    town = await city(EdgeSettings(port=0, limits=limits))
    await town.hear_all()
    return town


async def test_nothing_is_found_by_a_supervisor() -> None:
    town = await _busy_city()
    async with town.signed_in("supervisor") as client:
        await client.post("/api/v1/incidents", json=call())
        headers = {"Cookie": f"bowstreet={client.cookies['bowstreet']}", "X-Bowstreet-CSRF": client.headers["X-Bowstreet-CSRF"]}
    # Signing out, ending sessions, changing the password and disabling oneself would end the session that the run needs.
    status, report = await _run(
        town, headers, "--max-examples", "15", "--exclude-path-regex", "/session$|/session/p|/sessions/|disable|/recognition/"
    )
    assert status == 0, report


async def test_nothing_is_found_by_a_recognition_operator() -> None:
    """Of what a supervisor may not do."""
    town = await _busy_city()
    async with town.signed_in("recognition-operator") as client:
        headers = {"Cookie": f"bowstreet={client.cookies['bowstreet']}", "X-Bowstreet-CSRF": client.headers["X-Bowstreet-CSRF"]}
    try:
        status, report = await _run(town, headers, "--max-examples", "10", "--include-path-regex", "/recognition/")
    finally:
        await town.services.recognition.close_all()
    assert status == 0, report


async def test_nothing_is_found_by_a_stranger() -> None:
    town = await _busy_city()
    status, report = await _run(
        town, {"Authorization": "Bearer invented"}, "--max-examples", "5", "--phases", "examples,coverage,fuzzing"
    )
    assert status == 0, report
    assert town.services.intake.incidents.all() == []
    assert [account.name for account in town.services.accounts.all()] == ["A supervisor"]
