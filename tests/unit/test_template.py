"""A template has no way out of the program, and is gone when it is overwritten."""

import contextlib
import copy
import ctypes
import dataclasses
import gc
import io
import json
import marshal
import mmap
import os
import pickle
import shelve
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bowstreet.errors import BadInput, Conflict
from bowstreet.recognition import template as module
from bowstreet.recognition.reference import Reference, keep
from bowstreet.recognition.template import DIMENSIONS, Template

WINDOW_BYTES = 1 << 20


def vector(seed: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)


@pytest.mark.parametrize(
    "way_out",
    [
        pickle.dumps,
        lambda it: pickle.dumps([it], protocol=0),
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        marshal.dumps,
        bytes,
        list,
        tuple,
        iter,
        memoryview,
        np.asarray,
        lambda it: np.array([it], dtype=np.float32),
        lambda it: np.save(io.BytesIO(), it),
        lambda it: np.savez(io.BytesIO(), it=it),
        lambda it: np.dot(it, it),
        vars,
        dataclasses.asdict,
        lambda it: it[0],
        len,
        float,
        lambda it: it.__getstate__(),
        lambda it: it.tobytes(),
        lambda it: setattr(it, "more", 1),
        lambda it: type("Kind", (Template,), {}),
    ],
)
def test_each_way_out_is_refused(way_out: Any) -> None:
    it = Template(vector())
    with pytest.raises((TypeError, AttributeError, msgspec.MsgspecError, ValueError)):
        way_out(it)
    assert not it.overwritten


def test_it_is_not_shelved_and_not_sent_to_a_process(tmp_path: Path) -> None:
    it = Template(vector())
    with shelve.open(str(tmp_path / "shelf")) as shelf, pytest.raises(TypeError):
        shelf["it"] = it
    with ProcessPoolExecutor(1) as pool, pytest.raises(TypeError):
        pool.submit(id, it).result()


def test_it_shows_nothing() -> None:
    it = Template(vector())
    assert {repr(it), str(it), f"{it}", f"{it:>1}", f"{it!r}"} == {"<Template>"}


def test_the_source_is_overwritten_and_the_length_is_one() -> None:
    source = vector()
    before = source.copy()
    it = Template(source)
    assert not source.any()
    held = it.lend(lambda numbers: numbers.copy())
    np.testing.assert_allclose(held, before / np.linalg.norm(before), rtol=1e-6)
    assert it.similarity(it) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    "wrong", [np.zeros(128), np.full(128, np.nan), np.full(128, np.inf), np.ones(63), np.ones(1_025), np.ones((1, 128))]
)
def test_what_is_no_template_is_refused_and_still_overwritten(wrong: Any) -> None:
    source = wrong.astype(np.float32)
    with pytest.raises(BadInput):
        Template(source)
    assert not source.any()


def pages_hold(upside_down: bytes) -> int:
    """How often these bytes, the right way up, lie in this process's own writable memory, as a core dump would find them.

    What is read passes through one window that is left out of the search, and the needle is wiped: a search that left copies of
    what it found would find them the next time.
    """
    needle = bytearray(reversed(upside_down))
    overlap = len(needle) - 1
    found = 0
    with (
        mmap.mmap(-1, WINDOW_BYTES) as window, Path("/proc/self/maps").open() as maps,
        Path("/proc/self/mem").open("rb", buffering=0) as memory, memoryview(window) as view,
    ):  # fmt: skip
        own = ctypes.addressof(ctypes.c_char.from_buffer(window))
        for line in maps.read().splitlines():
            span, rights, *rest = line.split()
            if "w" not in rights or (rest[3:] and rest[3].startswith("/dev")):
                continue
            low, high = (int(end, 16) for end in span.split("-"))
            for start, end in [(low, high)] if not low <= own < high else [(low, own), (own + WINDOW_BYTES, high)]:
                for at in range(start, max(start, end - overlap), WINDOW_BYTES - overlap):
                    with contextlib.suppress(OSError, OverflowError, ValueError):
                        memory.seek(at)
                        got = memory.readinto(view[: min(WINDOW_BYTES, end - at)])
                        place = -1
                        while (place := window.find(needle, place + 1, got)) >= 0:
                            found += 1
    needle[:] = bytes(len(needle))
    return found


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc")
def test_after_overwriting_no_page_of_the_process_holds_it() -> None:
    it = Template(vector(41))
    # The needle is never the right way up in Python's memory but while it is searched for; half of it, so that it is no template.
    upside_down = it.lend(lambda numbers: numbers[5:13].view(np.uint8)[::-1].tobytes())
    assert pages_hold(upside_down) == 2, "one that was kept would be found beside the needle"
    it.overwrite()
    gc.collect()
    assert it.overwritten
    assert pages_hold(upside_down) == 1, "only the needle itself"


def test_it_is_of_no_use_after_overwriting_and_its_place_is_used_again() -> None:
    first = Template(vector(1))
    first.overwrite()
    first.overwrite()
    with pytest.raises(Conflict, match="overwritten"):
        first.lend(lambda numbers: numbers.sum())
    free = len(module._SLOTS[DIMENSIONS]._free)
    second = Template(vector(2))
    assert len(module._SLOTS[DIMENSIONS]._free) == free - 1
    second.overwrite()
    assert len(module._SLOTS[DIMENSIONS]._free) == free


def test_leaving_a_block_and_being_forgotten_overwrite_it() -> None:
    Template(vector(9)).overwrite()
    free = len(module._SLOTS[DIMENSIONS]._free)
    with Template(vector(1)) as it:
        pass
    assert it.overwritten
    forgotten = Template(vector(2))
    del forgotten
    gc.collect()
    assert len(module._SLOTS[DIMENSIONS]._free) == free
    assert not any(np.frombuffer(slot.view(), np.uint8).any() for slot in module._SLOTS[DIMENSIONS]._free)


def test_a_view_that_is_kept_is_an_error_and_reads_zeros() -> None:
    it, kept = Template(vector()), []
    with pytest.raises(BufferError):
        it.lend(lambda numbers: kept.append(numbers[3:9]))
    assert it.overwritten
    assert not kept[0].any()
    with pytest.raises(ValueError, match="read-only"):
        Template(vector()).lend(lambda numbers: numbers.fill(1.0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_zeros() -> None:
    it = Template(vector())
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writer, b"1" if it.lend(lambda numbers: bool(numbers.any())) else b"0")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b"0"
    assert it.lend(lambda numbers: bool(numbers.any()))


@given(arrays(np.float32, DIMENSIONS, elements=st.floats(-100, 100, width=32)).filter(lambda it: np.abs(it).max() > 1e-3))
def test_a_reference_is_the_template_and_survives_its_bytes(numbers: Any) -> None:
    with Template(numbers) as it:
        kept = keep("p1", it)
        again = Reference(person_id="p1", vector=kept.vector)
        assert it.lend(lambda held: bool((held == again.numbers()).all()))
    assert "vector" not in repr(kept)


@pytest.mark.parametrize("damaged", [b"", bytes(512), b"\xff" * 512, bytes(511)])
def test_a_damaged_reference_is_refused(damaged: bytes) -> None:
    with pytest.raises(BadInput, match="enrol the person again"):
        Reference(person_id="p1", vector=damaged)
