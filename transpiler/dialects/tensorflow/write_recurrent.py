"""Recurrent layers as loops, where the number of steps is open or too large to write them out one by one."""

from __future__ import annotations

from transpiler.dialects.tensorflow.write_loop import Array, Loop
from transpiler.dialects.tensorflow.write_shapes import cut, size_of
from transpiler.dialects.tensorflow.write_steps import Input, Refused, Result, Steps, Tensor, ints, scalar
from transpiler.dialects.tensorflow.write_template import Dims
from transpiler.ops.recurrent import GRU, LSTM, SimpleRNN

MOST_STEPS = 512
"""Up to so many steps are written out one by one, which legalization does."""

Layer = SimpleRNN | LSTM | GRU


def recurrent(op: Layer, s: Steps) -> Result:
    """A loop over the steps of x, whose product with the kernel is taken for all steps at once."""
    _check(op, s)
    x = s.x if op.time_major else s.op("Transpose", s.x, ints("perm", (1, 0, 2)), name="time_major")
    count, batch = size_of(s, x, 0), size_of(s, x, 1)
    indices = s.op("Range", scalar("start", 0), count, scalar("delta", 1))
    steps = Array(s, count, "steps")
    steps.scatter(indices, _projected(op, s, x))
    outputs = Array(s, count, "outputs")
    states = _initial(op, s, batch)
    loop = Loop(s)
    start = s.op("ZerosLike", count, name="while/time")
    time, flow, *current = loop.start([start, outputs.flow, *states], count)
    index = time
    if op.go_backwards:
        last = loop.op("Sub", loop.outside(count), scalar("one", 1))
        index = loop.op("Sub", last, time)
    after = _advance(op, s, loop, steps.read(loop, index), current)
    flow = outputs.write(loop, time, after[0], flow) if op.return_sequences else loop.op("Identity", flow)
    following = loop.op("AddV2", time, scalar("next", 1))
    _, flow, *final = loop.finish([following, flow, *after])
    finals = final if op.return_state else []
    if not op.return_sequences:
        return _shaped(s, [final[0], *finals])
    joined = outputs.gather(indices, flow)
    if not op.time_major:
        joined = s.op("Transpose", joined, ints("perm", (1, 0, 2)), name="sequence")
    return _shaped(s, [joined, *finals])


def _shaped(s: Steps, results: list[Tensor]) -> tuple[Tensor, ...]:
    """Say the shapes of what leaves the loop, which TensorFlow does not infer around one."""
    rows = zip(results, s.results, strict=True)
    return tuple(s.op("EnsureShape", result, shape=Dims(type_.shape)) for result, type_ in rows)


def _check(op: Layer, s: Steps) -> None:
    shape = s.shape()
    count = op.steps(shape)[1]
    if count is not None and count <= MOST_STEPS:
        raise Refused("its steps can be written out one by one")
    if op.stateful:
        raise Refused("it keeps its state from one run to the next")
    if op.masked:
        raise Refused("it skips masked steps, and their number is unknown", "give --input-shape")


def _projected(op: Layer, s: Steps, x: Tensor) -> Tensor:
    y = s.op("BatchMatMulV2", x, s.param("kernel", (1, 0)), name="MatMul", adj_x=False, adj_y=False)
    return s.op("BiasAdd", y, _bias(op, s, 0), data_format="NHWC") if op.bias else y


def _bias(op: Layer, s: Steps, row: int) -> Input:
    """The bias, or one of the two that a GRU has whose reset gate comes after the product."""
    bias = s.param("bias")
    if not (isinstance(op, GRU) and op.reset_after):
        return bias
    return cut(s, bias, (row, 0), (row + 1, 0), (1, 1), (2, 2, 1))


def _initial(op: Layer, s: Steps, batch: Tensor) -> list[Tensor]:
    if len(s.operands) > 1:
        return list(s.operands[1:])
    shape = s.op("Pack", batch, scalar("units", op.units), name="zeros/shape", axis=0)
    zeros = s.op("Fill", shape, scalar("value", 0.0, s.real), name="zeros")
    return [zeros] * op.states


def _advance(op: Layer, s: Steps, loop: Loop, x: Tensor, states: list[Tensor]) -> list[Tensor]:
    """One step: the new states, the output first."""
    kernel = s.param("recurrent_kernel", (1, 0))
    match op:
        case SimpleRNN():
            return [loop.apply(op.activation, loop.op("AddV2", x, _product(loop, states[0], kernel)))]
        case LSTM():
            return _lstm(op, loop, loop.op("AddV2", x, _product(loop, states[0], kernel)), states[1])
        case GRU():
            return [_gru(op, s, loop, x, states[0], kernel)]


def _product(loop: Loop, h: Tensor, kernel: Input) -> Tensor:
    return loop.op("MatMul", h, kernel, transpose_a=False, transpose_b=False)


def _parts(loop: Loop, x: Tensor, count: int) -> tuple[Tensor, ...]:
    return loop.many("Split", scalar("split_dim", 1), x, count=count, num_split=count)


def _lstm(op: LSTM, loop: Loop, gates: Tensor, cell: Tensor) -> list[Tensor]:
    i, f, g, o = _parts(loop, gates, 4)
    kept = loop.op("Mul", loop.apply(op.recurrent_activation, f), cell)
    fresh = loop.op("Mul", loop.apply(op.recurrent_activation, i), loop.apply(op.activation, g))
    c = loop.op("AddV2", kept, fresh)
    return [loop.op("Mul", loop.apply(op.recurrent_activation, o), loop.apply(op.activation, c)), c]


def _gru(op: GRU, s: Steps, loop: Loop, x: Tensor, h: Tensor, kernel: Input) -> Tensor:
    xz, xr, xh = _parts(loop, x, 3)
    if op.reset_after:
        product = _product(loop, h, kernel)
        if op.bias:
            product = loop.op("BiasAdd", product, loop.outside(_bias(op, s, 1)), data_format="NHWC")
        hz, hr, hh = _parts(loop, product, 3)
    else:
        sizes = ints("size_splits", (2 * op.units, op.units))
        gates, rest = s.many(
            "SplitV", kernel, sizes, scalar("split_dim", 1), count=2, num_split=2, name="gates"
        )
        hz, hr = _parts(loop, _product(loop, h, loop.outside(gates)), 2)
    z = loop.apply(op.recurrent_activation, loop.op("AddV2", xz, hz))
    r = loop.apply(op.recurrent_activation, loop.op("AddV2", xr, hr))
    share = (
        loop.op("Mul", r, hh) if op.reset_after else _product(loop, loop.op("Mul", r, h), loop.outside(rest))
    )
    candidate = loop.apply(op.activation, loop.op("AddV2", xh, share))
    one = scalar("one", 1.0, s.real)
    return loop.op("AddV2", loop.op("Mul", z, h), loop.op("Mul", loop.op("Sub", one, z), candidate))
