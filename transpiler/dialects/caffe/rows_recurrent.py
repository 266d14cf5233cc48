"""Rows of Caffe's recurrent layers. Facts: recurrent_layer.cpp, lstm_layer.cpp, rnn_layer.cpp of BVLC Caffe 1.0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transpiler.dialects.caffe.fields import forks_only, needed
from transpiler.dialects.rows import Link, Native, Row
from transpiler.ops.caffe_recurrent import (
    ContinuationFlags,
    LSTMUnit,
    TimeMajorLSTM,
    TimeMajorRecurrent,
    TimeMajorRNN,
)

_UNITS = needed("units", "num_output")
_EXPOSED = Link("expose_hidden", "expose_hidden", False)


def _static(op: type[TimeMajorRecurrent]) -> Callable[[Native], dict[str, Any]]:
    """A bottom beyond data, flags and exposed states is the static input."""

    def get(native: Native) -> dict[str, Any]:
        states = op.states if native.config.get("expose_hidden") else 0
        return {"static": native.operands > 2 + states}

    return get


ROWS = (
    Row("LSTM", TimeMajorLSTM, (_UNITS, _EXPOSED), get=_static(TimeMajorLSTM)),
    Row("RNN", TimeMajorRNN, (_UNITS, _EXPOSED), get=_static(TimeMajorRNN)),
    Row("LSTMUnit", LSTMUnit),
    Row(
        "ContinuationIndicator",
        ContinuationFlags,
        (needed("steps", "time_step"), Link("axis", "axis", 0), Link("batch", "batch_size", 0)),
        guard=forks_only("ContinuationIndicator"),
    ),
)
