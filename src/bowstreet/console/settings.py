"""What the edge is told at start: where it listens, whom it trusts, what it allows."""

from dataclasses import dataclass, field
from pathlib import Path

from bowstreet.console.limits import Limits
from bowstreet.console.media_server import MediaServer

STATIC = Path(__file__).parent / "static"
DEFAULT_PORT = 8700


@dataclass(frozen=True, kw_only=True)
class EdgeSettings:
    """Settings of the HTTP edge.

    Args:
        hosts: names that browsers may ask for besides loopback ones, lower case, without port.
        https: whether the console is reached over https (by its own certificate or behind a proxy that ends TLS).
        trusted_proxies: addresses whose X-Forwarded-For and X-Forwarded-Proto are believed.
        metrics_token: lets a Prometheus that is not on this machine read /metrics.
        tile_origins: origins of an operator's own map tiles, such as `https://tiles.example.org`.
        media_server: where viewers take pictures from, when that is not here.
        static: where the built console is.
        officers: where officers' phones reach this console, such as `https://eyes.example.org`, when it is elsewhere.
        refuses_own_accounts: whether an account does not give authority that its maker asked for; else it is marked.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    hosts: frozenset[str] = frozenset()
    https: bool = False
    certificate: Path | None = None
    private_key: Path | None = None
    trusted_proxies: frozenset[str] = frozenset()
    metrics_token: str = ""
    tile_origins: tuple[str, ...] = ()
    media_server: MediaServer | None = None
    static: Path = STATIC
    officers: str = ""
    refuses_own_accounts: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.certificate is not None:
            object.__setattr__(self, "https", True)

    def address(self, port: int) -> str:
        """Where people reach the console that listens on `port`: by its name, through the proxy if one ends TLS for it."""
        anywhere = self.host in ("0.0.0.0", "::")  # noqa: S104 - read here, bound elsewhere
        here = "127.0.0.1" if anywhere else f"[{self.host}]" if ":" in self.host else self.host
        if not self.https:
            return f"http://{here}:{port}"
        name = min(self.hosts, default=here)
        return f"https://{name}" if self.certificate is None else f"https://{name}:{port}"

    @property
    def visit_cookie(self) -> str:
        """The cookie that holds a sign-in under way to its browser."""
        return "__Host-bowstreet-visit" if self.https else "bowstreet-visit"

    @property
    def cookie(self) -> str:
        """The session cookie's name. `__Host-` binds it to this host and https; browsers refuse that prefix over http."""
        return "__Host-bowstreet" if self.https else "bowstreet"
