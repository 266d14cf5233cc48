"""Running nets in OpenCV, whose importer reads Caffe's own files: text and weights from memory, blobs by layer.

A tensor's place is the layer that gives it and which of its tops it is.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from transpiler.verify.runtime import Receiver, Runtime, failing
from transpiler.weights.caffemodel_writing import write_net

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers
    from transpiler.weights.layer_arrays import LayerArrays


class Top(msgspec.Struct, frozen=True):
    """One top of a layer."""

    layer: str
    index: int = 0


def run(
    runtime: Runtime,
    text: str,
    weights: Sequence[LayerArrays],
    inputs: Mapping[str, Numbers],
    wanted: Sequence[Top],
    receive: Receiver[Top],
) -> None:
    """Run a net in its TEST phase. `inputs` are by blob. Raises Unusable."""
    cv2 = runtime.load()
    with _Silent(cv2):
        with failing(runtime, "load the net"):
            net = _loaded(cv2, text, weights)
        with failing(runtime, "take the inputs"):
            for blob, array in inputs.items():
                net.setInput(array.astype("float32"), blob)
        with failing(runtime, "run the net"):
            layers = list(dict.fromkeys(top.layer for top in wanted))
            found = dict(zip(layers, net.forwardAndRetrieve(layers), strict=True))
        for top in wanted:
            tops = found[top.layer]
            if top.index < len(tops):
                receive(top, tops[top.index])


def _loaded(cv2: Any, text: str, weights: Sequence[LayerArrays]) -> Any:
    import numpy as np

    model = io.BytesIO()
    write_net(model, "", weights)
    net = cv2.dnn.readNetFromCaffe(
        np.frombuffer(text.encode(), np.uint8), np.frombuffer(model.getvalue(), np.uint8)
    )
    net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
    net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
    net.enableFusion(False)
    net.enableWinograd(False)
    return net


class _Silent:
    """OpenCV writes its errors to stderr besides raising them."""

    def __init__(self, cv2: Any) -> None:
        self.logging = cv2.utils.logging

    def __enter__(self) -> None:
        self.level = self.logging.getLogLevel()
        self.logging.setLogLevel(self.logging.LOG_LEVEL_SILENT)

    def __exit__(self, *failure: object) -> None:
        self.logging.setLogLevel(self.level)
