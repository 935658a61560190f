"""Models of one sample, compiled for the cores of this machine, that compute the samples of a batch side by side."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

PRECISIONS = {False: "f32", True: "bf16"}
DEVICE = "CPU"


def settings(bf16: bool, streams: int) -> dict[str, Any]:
    """OpenVINO's properties: `streams` inferences at a time, a thread for each."""
    return {"INFERENCE_PRECISION_HINT": PRECISIONS[bf16], "NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams}


class Compiled:
    """A compiled model. Any number of threads may call it at the same time.

    Args:
        model: openvino.CompiledModel, of one sample.  samples: threads for the samples of a batch.
    """

    def __init__(self, model: Any, samples: ThreadPoolExecutor):
        self._model, self._samples = model, samples
        self._inputs = [value.get_any_name() for value in model.inputs]
        self._outputs = [value.get_any_name() for value in model.outputs]
        self._requests = threading.local()  # a request computes one sample at a time

    def __call__(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors (B, ...) by the names of the inputs -> float32 (B, ...) by those of the outputs, on the CPU."""
        arrays = {name: np.ascontiguousarray(given[name].detach().float().cpu().numpy()) for name in self._inputs}
        count = len(arrays[self._inputs[0]])
        samples = [{name: array[i : i + 1] for name, array in arrays.items()} for i in range(count)]
        made = [self._sample(samples[0])] if count == 1 else list(self._samples.map(self._sample, samples))
        together = (np.concatenate(of_one) if count > 1 else of_one[0] for of_one in zip(*made))
        return {name: torch.from_numpy(array) for name, array in zip(self._outputs, together)}

    def _sample(self, given: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs in order, (1, ...)."""
        request = vars(self._requests).get("request")
        if request is None:
            request = self._requests.request = self._model.create_infer_request()
        made = request.infer(given, share_inputs=True)
        return [made[i] for i in range(len(self._outputs))]
