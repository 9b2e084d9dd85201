"""A model file, run by OpenVINO on the processor: about half of onnxruntime's time on the machines measured (ADR 0031)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bowstreet.errors import MalformedConfiguration
from bowstreet.recognition.models.card import Card, check_outputs, verify
from bowstreet.recognition.models.onnx import plain
from bowstreet.runtime.inference import openvino

Numbers = npt.NDArray[np.float32]


class Compiled:
    """One model, one thread, one request: a worker uses it from one thread. Who has more cores starts more workers."""

    def __init__(self, card: Card, data: bytes, shape: Sequence[int], threads: int = 1) -> None:
        """`shape` of the input, batch first; -1 is any.

        Raises:
            Refused: the bytes are not the card's file, or the model has a head that its card does not read.
            MalformedConfiguration: the runtime cannot use it.
        """
        verify(card, data)
        core = openvino().Core()
        settings = {
            "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": card.precision,
        }  # fmt: skip
        try:
            model = core.read_model(model=plain(data))
            self.outputs: list[str] = [output.get_any_name() for output in model.outputs]
            check_outputs(card, self.outputs)
            if len(model.inputs) != 1:
                raise MalformedConfiguration(f"the model {card.file} has {len(model.inputs)} inputs", remedy="name another model")
            model.reshape(list(shape))
            compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise MalformedConfiguration(
                f"the model {card.file} cannot be used: {str(error).strip().splitlines()[-1][:200]}",
                remedy="name a model in ONNX that OpenVINO reads",
            ) from None
        self._request: Any = compiled.create_infer_request()

    def __call__(self, fed: Numbers) -> list[Numbers]:
        """The outputs, as views of the runtime's own memory: used, and overwritten if need be, before the next call."""
        self._request.infer([fed])
        return [self._request.get_output_tensor(place).data for place in range(len(self.outputs))]


def read_file(folders: Sequence[Path], name: str) -> bytes:
    """The first of the folders that has it.

    Raises:
        MalformedConfiguration: none has.
    """
    for folder in folders:
        try:
            return (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise MalformedConfiguration(
                f"the model file {folder / name} cannot be read ({error.strerror})", remedy="mend its permissions"
            ) from None
    raise MalformedConfiguration(
        f"the model file {name} is missing", remedy="run make models, or put it into the folder that [recognition] models names"
    )
