"""A real OpenID Connect provider in a process of its own, and a person who signs in at it as a browser does."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from tools import build_console as node

HERE = Path(__file__).parents[1] / "provider"
STAMP = HERE / "node_modules" / ".bowstreet-lock"
SECRET = "a secret/of the+tests"
START_S = 30


def installed() -> list[str]:
    """The provider's command, after its packages were installed from their lock file."""
    home = node.node_home()
    wanted = node.digest((HERE / name for name in ("package.json", "package-lock.json", ".npmrc")), node.node_version(home))
    if not node.is_stamped(STAMP, wanted):
        npm = home / "lib/node_modules/npm/bin/npm-cli.js"
        command = [str(node.node_executable(home)), str(npm), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=HERE, check=True, timeout=node.INSTALL_S, stdin=subprocess.DEVNULL)
        STAMP.write_text(wanted)
    return [str(node.node_executable(home)), "provider.mjs"]


@dataclass
class Running:
    """A provider that answers at `issuer`."""

    issuer: str
    people: Path

    def has(self, **people: dict[str, Any]) -> None:
        """Who there is now, by login."""
        self.people.write_text(json.dumps(people))

    async def signs_in(self, login: str, way_there: str) -> httpx.URL:
        """Somebody follows the way there and gives their name; the address that the provider sends their browser back to."""
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(way_there)
            for _ in range(12):
                if answer.is_redirect:
                    there = urljoin(str(answer.url), answer.headers["location"])
                    if not there.startswith(self.issuer):
                        return httpx.URL(there)
                    answer = await browser.get(there)
                else:
                    answer = await self._answered(browser, answer, login)
        raise AssertionError("the provider never came to an end")

    async def _answered(self, browser: httpx.AsyncClient, page: httpx.Response, login: str) -> httpx.Response:
        action = re.search(r'action="([^"]+)"', page.text)
        prompt = re.search(r'name="prompt" value="([^"]+)"', page.text)
        assert action is not None, page.text
        assert prompt is not None, page.text
        form = {"prompt": prompt[1]} | ({"login": login, "password": "any"} if prompt[1] == "login" else {})
        return await browser.post(urljoin(str(page.url), unescape(action[1])), data=form)


@contextmanager
def running(folder: Path, port: int, redirect_uri: str) -> Iterator[Running]:
    people = folder / "people.json"
    people.write_text("{}")
    command = [*installed(), str(port), str(people), redirect_uri]
    with (
        (folder / "provider.log").open("wb") as log,
        subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            issuer = next((line.strip() for line in process.stdout if line.startswith("http")), "")
            assert issuer, (folder / "provider.log").read_text()
            yield Running(issuer=issuer, people=people)
        finally:
            process.terminate()
