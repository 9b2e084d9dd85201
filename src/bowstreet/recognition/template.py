"""A template: what a model makes of one face, and nothing that could carry it away.

A template that raises no alert is overwritten at once (ACCOUNTABILITY R7). So it lies in one buffer of our own, and Python's ways
of writing, sending, copying or showing an object are refused. Who needs the numbers borrows them for one call (`lend`). What
may be kept is another type, `reference.Reference`, of people on a list only.
"""

import weakref
from collections.abc import Callable
from typing import Any, Final, NoReturn, Self, TypeVar, final

import numpy as np
import numpy.typing as npt

from bowstreet.errors import BadInput
from bowstreet.recognition.memory import Slot, Slots, overwritten

Vector = npt.NDArray[np.float32]
# Of the model that ships; another may make templates of other lengths.
DIMENSIONS: Final = 128
LEAST, MOST = 64, 1_024
_REFUSED = "a template cannot be copied, shown, sent or written"
_SLOTS = {DIMENSIONS: Slots(size=DIMENSIONS * 4)}
T = TypeVar("T")


@final
class Template:
    """Unit length, float32, as many numbers as the model makes. Use it as a context manager, or call `overwrite` when done."""

    __slots__ = ("__slot", "__weakref__")

    def __init__(self, vector: Vector) -> None:
        """Takes the numbers over: normalised into the template's own buffer, then overwritten where they came from.

        Raises:
            BadInput: they are no finite numbers with a length.
        """
        self.__slot: Slot | None = None
        try:
            if vector.ndim != 1 or not LEAST <= vector.size <= MOST:
                raise BadInput(f"a template has {LEAST} to {MOST} numbers, not {vector.shape}", remedy="use another model")
            # In single precision: a double of the numbers would be a copy, and stay in freed memory.
            length = float(np.dot(vector, vector)) ** 0.5
            if not 1e-12 < length < float("inf"):
                raise BadInput("the model's answer is no template: it has no length", remedy="check the model's file and card")
            slot = _SLOTS.setdefault(vector.size, Slots(size=vector.size * 4)).take()
            self.__slot = slot
            held = np.frombuffer(slot.view(), dtype=np.float32)
            np.divide(vector, length, out=held)
        finally:
            if vector.flags.writeable:
                vector.fill(0.0)

    @property
    def overwritten(self) -> bool:
        return self.__slot is None

    def lend(self, use: Callable[[Vector], T]) -> T:
        """What `use` makes of the numbers, lent read-only and for this call: a view that outlives it is an error.

        Raises:
            Conflict: the template was overwritten.
            BufferError: `use` kept what it was lent. The template is overwritten then, so that what was kept is zeros.
        """
        slot = self.__slot
        if slot is None:
            raise overwritten()
        lent = np.frombuffer(slot.view().toreadonly(), dtype=np.float32)
        # NumPy's views of a view refer to the first one, so this is alive as long as any of them.
        kept = weakref.ref(lent)
        result = use(lent)
        del lent
        if kept() is not None:
            # The place is never given back: another face's template must not appear in what was kept.
            slot.overwrite()
            self.__slot = None
            raise BufferError("what a template lends must not be kept")
        return result

    def similarity(self, other: "Template") -> float:
        """The cosine of the angle between the two: 1 is alike, about 0 are strangers."""
        return self.lend(lambda mine: other.lend(lambda theirs: float(np.dot(mine, theirs))))

    def overwrite(self) -> None:
        """Once more does nothing."""
        slot, self.__slot = self.__slot, None
        if slot is not None:
            _SLOTS[slot.size // 4].give_back(slot)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.overwrite()

    def __del__(self) -> None:
        # Not for use to rely on; for what was forgotten.
        if getattr(self, "_Template__slot", None) is not None:
            self.overwrite()

    def __repr__(self) -> str:
        return "<Template>"

    def __format__(self, spec: str) -> str:
        return "<Template>"

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(_REFUSED)

    # pickle (and with it multiprocessing, shelve, numpy's object arrays), copy, and what json and others would find.
    __reduce__ = __reduce_ex__ = __getstate__ = __setstate__ = _refuse
    __copy__ = __deepcopy__ = __replace__ = _refuse
    __array__ = __bytes__ = __buffer__ = __iter__ = __getitem__ = __len__ = _refuse
    __float__ = __index__ = __int__ = _refuse

    def __init_subclass__(cls, **_: Any) -> NoReturn:
        raise TypeError("a template has no kinds")
