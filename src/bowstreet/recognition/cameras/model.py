"""What the program tells a camera's worker, and what comes back. Frozen values; none of them can hold a template."""

import msgspec


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Once, at the start of a worker. `descriptor` is the list's memory (`shared_list`), `models` the operator's folder or "".
    With other models than `model_sha256` it does not look."""

    descriptor: int
    model_sha256: str
    models: str = ""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A worker may look until `until_us` (Unix time, microseconds) and at nothing that was taken later, unless it is told anew.

    `view_hz`: how often the operators' view is drawn; 0 while nobody watches.
    """

    until_us: int
    threshold: float
    view_hz: float = 0.0


class SeenLook(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison: whom on the list the face is most like, how much (cosine), and how good the picture was (0 to 1)."""

    at_us: int
    person_id: str
    score: float
    quality: float


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A pass whose face reached the threshold. `probe` is a JPEG of that face; every other face in it is made unknowable."""

    track_id: str
    looks: tuple[SeenLook, ...]
    probe: bytes


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Of one picture. `view` is a JPEG for operators: every face that raised no alert is made unknowable (R8)."""

    new_faces: int = 0
    refused: int = 0
    seen: tuple[Seen, ...] = ()
    view: bytes = b""

    @property
    def says_nothing(self) -> bool:
        return not (self.new_faces or self.refused or self.seen or self.view)
