"""What a fork's field means: nothing where BVLC Caffe runs the net, what the fork gives it where only the fork does.

`ceil_mode: false` is such a field. Readers that let unknown fields pass give a net of BVLC layers BVLC's rounding, and
say so; a net with layers that BVLC Caffe lacks can only have been written for the fork, so the field counts.
"""

from __future__ import annotations

import msgspec

from transpiler.dialects.caffe.net_record import LayerRecord, NetRecord
from transpiler.dialects.caffe.registry import BVLC_TYPES
from transpiler.syntax.symbol import Symbol


def with_fork_rounding(net: NetRecord) -> NetRecord:
    """The net with `ceil_mode: false` spelled as `round_mode: FLOOR`, if some of its layers exist only in forks."""
    if all(layer.type in BVLC_TYPES for layer in net.layers):
        return net
    return msgspec.structs.replace(net, layers=tuple(map(_rounded_down, net.layers)))


def _rounded_down(layer: LayerRecord) -> LayerRecord:
    if layer.type != "Pooling" or not layer.record.has("pooling_param"):
        return layer
    pooling = layer.record.record("pooling_param")
    if pooling.has("round_mode") or not pooling.has("ceil_mode") or pooling.flag("ceil_mode"):
        return layer
    down = pooling.with_value("round_mode", Symbol("FLOOR"), (pooling.span_of("ceil_mode"),))
    places = (layer.record.span_of("pooling_param"),)
    return layer.with_record(layer.record.with_value("pooling_param", down, places))
