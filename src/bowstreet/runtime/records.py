"""A write-through cache of one kind of record: services read it without waiting, and change it through the recorder."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from bowstreet.errors import NotFound, StoreUnavailable
from bowstreet.runtime.ports import Record, Store

T = TypeVar("T")


class Undo(NamedTuple):
    """What stood in a collection before a change, so that a change that could not be recorded leaves no trace."""

    collection: "Collection[Any]"
    id: str
    value: Any
    version: int


class Collection(Generic[T]):
    """All records of one kind that this process works with, by id.

    A change shows here as soon as `Recorder.record` is called, so that two tasks of one process never decide on the same
    stale value; it reaches the bus, and so the world, only once it is durable, and is taken back when it cannot be.

    Args:
        kind: the records' kind in the store.
        type_: what a body decodes to.
        id_of: the id of a value.
        state_of: the state of a value, indexed; without it all are in the state "".
    """

    def __init__(
        self, kind: str, type_: type[T], *, id_of: Callable[[T], str], state_of: Callable[[T], str] | None = None
    ) -> None:
        self.kind = kind
        self._id_of = id_of
        self._state_of = state_of
        self._values: dict[str, T] = {}
        self._versions: dict[str, int] = {}
        self._states: dict[str, set[str]] = {}
        self._state_by_id: dict[str, str] = {}
        self._encode = msgspec.json.Encoder().encode
        self._decoder = msgspec.json.Decoder(type_)
        self._store: Store | None = None

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._values

    async def load(self, store: Store, states: Sequence[str] | None = None) -> None:
        """Fill from the store: all, or only those in `states`. The rest stay reachable by `fetch`."""
        self._store = store
        for record in await store.find(self.kind, states):
            self._put(record.id, self._decoded(record), record.version)

    async def fetch(self, id_: str) -> T:
        """The record with this id, from the store when it is not held here; then it is held.

        Raises:
            NotFound: when there is none.
        """
        if id_ not in self._values and self._store is not None:
            record = await self._store.get(self.kind, id_)
            if record is not None and id_ not in self._values:
                self._put(id_, self._decoded(record), record.version)
        return self.get(id_)

    async def stored(self, *states: str) -> list[T]:
        """All of the kind in the store, held here or not, in any of `states` when given; in order of id. Nothing is taken up."""
        if self._store is None:
            return self.in_states(*states) if states else self.all()
        return [self._decoded(record) for record in await self._store.find(self.kind, states or None)]

    def get(self, id_: str) -> T:
        """Raises `NotFound` when it is not held."""
        try:
            return self._values[id_]
        except KeyError:
            raise NotFound(f"there is no {self.kind} '{id_}'", remedy=f"ask for the list of {self.kind}s") from None

    def find(self, id_: str) -> T | None:
        return self._values.get(id_)

    def all(self) -> list[T]:
        """All that are held, in order of id."""
        return [self._values[id_] for id_ in sorted(self._values)]

    def in_states(self, *states: str) -> list[T]:
        """Those in any of `states`, in order of id."""
        if len(states) == 1:
            ids: Iterable[str] = self._states.get(states[0], ())
        else:
            ids = [id_ for state in set(states) for id_ in self._states.get(state, ())]
        return [self._values[id_] for id_ in sorted(ids)]

    def forget(self, id_: str) -> None:
        """Let go of a value that is finished with, to keep memory flat. The record stays in the store."""
        if self._values.pop(id_, None) is not None:
            self._states[self._state_by_id.pop(id_)].discard(id_)
            del self._versions[id_]

    # --- for the recorder only --------------------------------------------------------------------------------------

    def stage(self, value: T) -> tuple[Record, Undo]:
        """Take in a new value; gives the record to commit, and the way back."""
        id_ = self._id_of(value)
        version = self._versions.get(id_, 0)
        undo = Undo(self, id_, self._values.get(id_), version)
        state = self._put(id_, value, version + 1)
        return Record(kind=self.kind, id=id_, version=version + 1, state=state, body=self._encode(value)), undo

    def stage_removal(self, id_: str) -> Undo:
        undo = Undo(self, id_, self.get(id_), self._versions[id_])
        self.forget(id_)
        return undo

    def stage_erasure(self, id_: str) -> Undo:
        """As a removal; what is not held here may lie in the store all the same, and is deleted there."""
        undo = Undo(self, id_, self._values.get(id_), self._versions.get(id_, 0))
        self.forget(id_)
        return undo

    def restore(self, undo: Undo) -> None:
        if undo.value is None:
            self.forget(undo.id)
        else:
            self._put(undo.id, undo.value, undo.version)

    def _state(self, value: T) -> str:
        return str(self._state_of(value)) if self._state_of else ""

    def _put(self, id_: str, value: T, version: int) -> str:
        state = self._state(value)
        self._values[id_] = value
        self._versions[id_] = version
        before = self._state_by_id.get(id_)
        if before != state:
            if before is not None:
                self._states[before].discard(id_)
            self._state_by_id[id_] = state
            self._states.setdefault(state, set()).add(id_)
        return state

    def _decoded(self, record: Record) -> T:
        try:
            return self._decoder.decode(record.body)
        except msgspec.DecodeError as error:
            raise StoreUnavailable(
                f"the stored {self.kind} '{record.id}' cannot be read ({error})",
                remedy="start the version of the program that wrote it, or restore a backup",
            ) from error
