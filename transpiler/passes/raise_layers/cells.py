"""One step of a recurrent layer, recognised by what it computes: LSTM, GRU (both forms) and the simple cell.

A step is found at the value of its new state. What it adds up in its gates is read by `linear`; here is only how the
gates are put together. Formulas are those of `transpiler.ops.recurrent`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec

from transpiler.ir import Node, Op, Value
from transpiler.ops import activation as act
from transpiler.ops.core import Opaque
from transpiler.ops.elementwise import Add, Multiply
from transpiler.ops.shape import Split
from transpiler.passes.raise_layers.linear import Form, Linear, Piece, Product

FUNCTIONS = (
    act.Tanh,
    act.Sigmoid,
    act.HardSigmoid,
    act.Relu,
    act.Elu,
    act.Selu,
    act.Softplus,
    act.Softsign,
    act.Swish,
    act.Gelu,
    act.Exp,
    act.Clip,
)
"""Functions of one element that gates and states go through."""


class Kind(enum.Enum):
    """Which layer a step belongs to."""

    LSTM = "lstm"
    GRU = "gru"
    GRU_RESET_AFTER = "gru with the reset gate after the product"
    SIMPLE = "simple"


class Step(msgspec.Struct, frozen=True):
    """A step: the forms of its gates in the layer's own order, and the states that it reads.

    `old` is the old state as far as the formula itself names it (not that of the simple cell, nor an LSTM's output);
    `cell` and `old_cell` are an LSTM's inner state after and before. `inner`: the product that a reset gate multiplies.
    """

    kind: Kind
    new: Value
    gates: tuple[Form, ...]
    activation: Op
    recurrent_activation: Op | None = None
    old: Value | None = None
    cell: Value | None = None
    old_cell: Value | None = None
    inner: Form | None = None


class _Gate(msgspec.Struct, frozen=True):
    function: Op
    form: Form
    value: Value


class Cells:
    """Finds steps in a graph."""

    def __init__(self, linear: Linear) -> None:
        self.linear = linear

    def steps(self, new: Value) -> Iterator[Step]:
        """Every way in which a value is the new state of a step; what the gates read is not looked at."""
        node = self.linear.producer(new)
        if node is None:
            return
        if isinstance(node.op, Multiply):
            yield from self._lstm(new, node)
        elif isinstance(node.op, Add) and not node.op.coefficients:
            yield from self._gru(new, node)
        elif isinstance(node.op, Opaque):
            yield from _block(new, node, self.linear)
        if isinstance(node.op, FUNCTIONS):
            yield Step(Kind.SIMPLE, new, (self.linear.form(node.operands[0]),), node.op)

    def _lstm(self, new: Value, node: Node) -> Iterator[Step]:
        """o * f(c) with c = f * c + i * f(g)."""
        for left, right in _orders(node):
            output, top = self._gate(left), self.linear.producer(right)
            if output is None or top is None or not isinstance(top.op, FUNCTIONS):
                continue
            cell = top.operands[0]
            total = self.linear.producer(cell)
            if total is None or not isinstance(total.op, Add) or total.op.coefficients:
                continue
            for kept, fresh in _orders(total):
                for forget, old in self._factors(kept, output.function):
                    for write, value in self._factors(fresh, output.function):
                        candidate = self._gate(value)
                        if candidate is not None and candidate.function == top.op:
                            gates = (write.form, forget.form, candidate.form, output.form)
                            yield Step(
                                Kind.LSTM,
                                new,
                                gates,
                                top.op,
                                output.function,
                                cell=cell,
                                old_cell=old,
                            )

    def _factors(self, value: Value, function: Op) -> Iterator[tuple[_Gate, Value]]:
        """A gate with this function, and what it multiplies."""
        node = self.linear.producer(value)
        if node is not None and isinstance(node.op, Multiply):
            for left, right in _orders(node):
                gate = self._gate(left)
                if gate is not None and gate.function == function:
                    yield gate, right

    def _gru(self, new: Value, node: Node) -> Iterator[Step]:
        """z * h + (1 - z) * candidate."""
        for kept, fresh in _orders(node):
            one, two = self.linear.producer(kept), self.linear.producer(fresh)
            if (
                one is None
                or two is None
                or not isinstance(one.op, Multiply)
                or not isinstance(two.op, Multiply)
            ):
                continue
            for share, old in _orders(one):
                for rest, value in _orders(two):
                    gate, other = self._gate(share), self.linear.producer(rest)
                    if gate is None or other is None or other.op != act.Affine(scale=-1.0, shift=1.0):
                        continue
                    candidate = self._gate(value) if other.operands[0] is share else None
                    if candidate is not None:
                        yield from self._candidates(new, gate, old, candidate)

    def _candidates(self, new: Value, update: _Gate, old: Value, candidate: _Gate) -> Iterator[Step]:
        """Where the reset gate stands: it multiplies the state before the product, or the product."""
        form = candidate.form
        for i, product in enumerate(form.products):
            reset = self._reset(product.x, old, update.function)
            if reset is not None:
                products = (
                    *form.products[:i],
                    msgspec.structs.replace(product, x=old),
                    *form.products[i + 1 :],
                )
                gates = (update.form, reset.form, msgspec.structs.replace(form, products=products))
                yield Step(Kind.GRU, new, gates, candidate.function, update.function, old=old)
        for i, part in enumerate(form.parts):
            node = self.linear.producer(part.x)
            if part.start or node is None or not isinstance(node.op, Multiply):
                continue
            for left, right in _orders(node):
                reset, inner = self._gate(left), self.linear.form(right)
                if reset is None or reset.function != update.function:
                    continue
                if part.stop not in (None, inner.width) or not inner.products or inner.parts:
                    continue
                if all(one.x is old for one in inner.products):
                    rest = msgspec.structs.replace(form, parts=(*form.parts[:i], *form.parts[i + 1 :]))
                    yield Step(
                        Kind.GRU_RESET_AFTER,
                        new,
                        (update.form, reset.form, rest),
                        candidate.function,
                        update.function,
                        old=old,
                        inner=inner,
                    )

    def _reset(self, value: Value, old: Value, function: Op) -> _Gate | None:
        """The gate of gate * old."""
        return next((gate for gate, other in self._factors(value, function) if other is old), None)

    def _gate(self, value: Value) -> _Gate | None:
        """A function of a form; one that was applied before the columns were parted is applied to each part."""
        node = self.linear.producer(value)
        if node is None:
            return None
        if isinstance(node.op, FUNCTIONS):
            return _Gate(node.op, self.linear.form(node.operands[0]), value)
        if not isinstance(node.op, Split):
            return None
        whole = self.linear.producer(node.operands[0])
        part = self.linear.form(value).parts
        if whole is None or not isinstance(whole.op, FUNCTIONS) or len(part) != 1 or part[0].stop is None:
            return None
        try:
            form = self.linear.form(whole.operands[0]).cut(part[0].start, part[0].stop)
        except ValueError:
            return None
        return _Gate(whole.op, form, value) if part[0].x is node.operands[0] else None


def _orders(node: Node) -> tuple[tuple[Value, Value], ...]:
    """The two operands in both orders."""
    if len(node.operands) != 2:
        return ()
    a, b = node.operands
    return ((a, b), (b, a))


_LSTM_RESULTS = ("i", "cs", "f", "o", "ci", "co", "h")
_GRU_RESULTS = ("r", "u", "c", "h")


def _block(new: Value, node: Node, linear: Linear) -> Iterator[Step]:
    """TensorFlow's ops for a whole step. Gates of the matrices: i, candidate, f, o; and r, u."""
    assert isinstance(node.op, Opaque)
    operands, fields = node.operands, node.op.attributes
    if node.op.type == "LSTMBlockCell" and len(operands) == 8 and len(node.results) == len(_LSTM_RESULTS):
        clip = fields.get("cell_clip", 3.0)
        matrix, vector = linear.piece(operands[3]), linear.piece(operands[7])
        if (
            new is not node.results[6]
            or fields.get("use_peephole", False)
            or matrix is None
            or vector is None
        ):
            return
        if not isinstance(clip, (int, float)) or clip > 0:
            return
        shift = fields.get("forget_bias", 1.0)
        forms = _forms((operands[0], operands[2]), matrix, vector, 4)
        if forms is None or not isinstance(shift, (int, float)):
            return
        forget = msgspec.structs.replace(forms[2], shift=float(shift))
        yield Step(
            Kind.LSTM,
            new,
            (forms[0], forget, forms[1], forms[3]),
            act.Tanh(),
            act.Sigmoid(),
            old=operands[2],
            cell=node.results[1],
            old_cell=operands[1],
        )
    if node.op.type == "GRUBlockCell" and len(operands) == 6 and len(node.results) == len(_GRU_RESULTS):
        pieces = [linear.piece(value) for value in operands[2:]]
        known = [piece for piece in pieces if piece is not None]
        if new is not node.results[3] or len(known) < len(pieces):
            return
        pair = _forms(operands[:2], known[0], known[2], 2)
        single = _forms(operands[:2], known[1], known[3], 1)
        if pair is not None and single is not None:
            gates = (pair[1], pair[0], single[0])
            yield Step(Kind.GRU, new, gates, act.Tanh(), act.Sigmoid(), old=operands[1])


def _forms(sources: tuple[Value, ...], matrix: Piece, vector: Piece, count: int) -> list[Form] | None:
    """The forms of gates of equal width whose matrix has the rows of x and then those of the state."""
    if len(matrix.axes) != 2 or len(vector.axes) != 1 or matrix.sizes[1] % count:
        return None
    units = matrix.sizes[1] // count
    inputs = matrix.sizes[0] - units
    x, h = sources
    try:
        whole = Form(
            (Product(x, matrix.cut(0, 0, inputs)), Product(h, matrix.cut(0, inputs, inputs + units))),
            (),
            (vector,),
        )
        return [whole.cut(i * units, (i + 1) * units) for i in range(count)]
    except ValueError:
        return None
