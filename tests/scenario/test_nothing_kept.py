"""R7: of who is on no list nothing is kept. A live deployment runs while known people walk past; then every file, table, log,
metric, ledger entry and answer of the API, and every page of memory of its processes, is searched for them, by a search that is
shown to find what is planted."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.processes import below
from tests.scenario.leak_search import Floats, Found, Search, pages

from bowstreet.recognition.models import shipped
from bowstreet.recognition.models.align import aligned
from bowstreet.simulation.cast import VOLUNTEER, WANTED
from bowstreet.simulation.pavement.cutout import cut_out, people
from bowstreet.simulation.pavement.paint import Painter
from bowstreet.simulation.pavement.walk import Standing

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="reading a process's memory needs Linux and root"),
]
PASSWORD = "a long enough password"
STRANGERS = tuple(one for one in people() if one not in (*WANTED, VOLUNTEER))


def as_seen() -> dict[str, Floats]:
    """A template of each stranger, from the picture that the street's camera has of them."""
    models, known = shipped.load(shipped.find()), {}
    for person_id in STRANGERS:
        painter = Painter({person_id: cut_out(person_id)})
        picture = painter.paint([Standing(person_id=person_id, ahead_m=3.4, right_m=0.1, height_m=1.72)])
        face = models.detector.detect(picture)[0]
        with models.embedder.embed(aligned(picture, face.points)) as template:
            known[person_id] = template.lend(lambda numbers: numbers.copy())
    return known


@pytest.fixture(scope="module")
def search() -> Search:
    return Search(as_seen())


@pytest.mark.requirement("R7")
def test_the_search_finds_what_is_planted(search: Search, tmp_path: Path) -> None:
    """In files at any offset, single and double, scaled as a model puts it out; a face in a picture; in another process's memory."""
    known = as_seen()
    one = known[STRANGERS[0]]
    planted = {
        "unit": one.tobytes(), "raw": (one * 11.7).astype(np.float32).tobytes(), "double": one.astype(np.float64).tobytes(),
    }  # fmt: skip
    for name, data in planted.items():
        path = tmp_path / name
        path.write_bytes(os.urandom(10_001) + data + os.urandom(5_000))
        assert {found.person_id for found in search.file(path)} == {STRANGERS[0]}, name
    noise = tmp_path / "noise"
    noise.write_bytes(os.urandom(300_000) + np.random.default_rng(1).normal(0, 0.09, 50_000).astype(np.float32).tobytes())
    assert search.file(noise) == []
    keeper = (
        "import sys, numpy; kept = numpy.frombuffer(sys.stdin.buffer.read(512), numpy.float32).copy();"
        "print('kept', flush=True); sys.stdin.close(); import time; time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", keeper], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(one.tobytes())
        process.stdin.close()
        process.stdout.readline()
        assert STRANGERS[0] in {found.person_id for found in search.pages(pages(process.pid), "keeper")}
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def program(tmp_path: Path, port: int) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    folder = tmp_path / "data"
    with (tmp_path / "log.txt").open("wb") as log:
        command = [sys.executable, "-m", "bowstreet", "up", "--demo", "--data", str(folder), "--port", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    yield folder, process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(120)


@pytest.mark.requirement("R7", "R8")
async def test_of_who_is_on_no_list_nothing_is_kept(
    search: Search, program: tuple[Path, subprocess.Popen[bytes]], port: int, tmp_path: Path
) -> None:
    folder, process = program
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        await _signed_in(client, folder)
        passed = await _walked_past(client)
        assert passed["tracks"] >= 8, passed
        views = [await _view(client, passed["deployment_id"]) for _ in range(6)]
        answers = await _answers(client)
        (worker,) = below(process.pid, "bowstreet.video.fixed_worker")
        (street,) = below(process.pid, "bowstreet.simulation.street_cameras")
        # Nobody is before the camera: what is found now was kept.
        os.kill(street, signal.SIGSTOP)
        await asyncio.sleep(3.5)
        limits = Path(f"/proc/{worker}/limits").read_text()
        held = {pid: list(pages(pid)) for pid in (worker, process.pid)}
        os.kill(street, signal.SIGCONT)
    assert all(sum(len(data) for _, data in one) > 30_000_000 for one in held.values())
    names = {worker: "worker", process.pid: "program"}
    found = [one for pid, memory in held.items() for one in search.pages(memory, names[pid])]
    assert found == []
    assert re.search(r"Max core file size\s+0\s+0", limits)
    process.send_signal(signal.SIGINT)
    process.wait(120)
    assert [one for answer in (*views, *answers) for one in _in_answer(search, answer)] == []
    files = [path for path in (*folder.rglob("*"), tmp_path / "log.txt") if path.is_file()]
    assert len(files) > 5
    assert [one for path in files for one in search.file(path)] == []


def _in_answer(search: Search, answer: tuple[str, bytes]) -> list[Found]:
    where, data = answer
    return search.templates(data, where) + search.faces(data, where)


async def _signed_in(client: httpx.AsyncClient, folder: Path) -> None:
    note = folder / "first-sign-in.txt"
    for _ in range(900):
        if note.exists() and note.read_text().strip():
            break
        await asyncio.sleep(0.1)
    token = note.read_text().strip().partition("token=")[2]
    answer = await client.post("/api/v1/setup", json={"token": token, "name": "Searcher", "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    client.headers["X-Bowstreet-CSRF"] = answer.json()["csrf"]


async def _walked_past(client: httpx.AsyncClient) -> dict[str, Any]:
    """Wait until enough people walked past the demo's camera, and one of the wanted."""
    said: dict[str, Any] = {}
    for _ in range(120):
        shown = (await client.get("/api/v1/recognition/deployments")).json()
        if shown:
            said = {**shown[0]["counts"], "deployment_id": shown[0]["deployment"]["deployment_id"]}
            if said["tracks"] >= 8 and said["alerts"]:
                return said
        await asyncio.sleep(1.0)
    return said


async def _view(client: httpx.AsyncClient, deployment_id: str) -> tuple[str, bytes]:
    await asyncio.sleep(0.6)
    where = f"/api/v1/recognition/deployments/{deployment_id}/cameras/upper-street/view"
    answer = await client.get(where)
    assert answer.status_code in (200, 204), answer.text
    return where, answer.content


async def _answers(client: httpx.AsyncClient) -> list[tuple[str, bytes]]:
    """Of every address that can be asked without naming a thing."""
    document = (await client.get("/api/v1/openapi.json")).json()
    paths = [path for path, methods in document["paths"].items() if "get" in methods and "{" not in path]
    paths = [path if path.startswith(("/api", "/public", "/log", "/metrics")) else "/api/v1" + path for path in paths]
    asked = [*paths, "/metrics", "/public", "/log/checkpoint", "/log/tile/entries/000"]
    answers = [(path, (await client.get(path)).content) for path in asked]
    assert len(answers) > 25
    return answers
