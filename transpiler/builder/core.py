"""What every layer call does: name the layer, infer its results, note which arrays it learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

from transpiler.ir import (
    Dim,
    DType,
    Graph,
    LazyArray,
    Module,
    Node,
    Op,
    Origin,
    ParamUse,
    Shape,
    ShapeError,
    Value,
)
from transpiler.ir.rewriting import GraphBuilder, without_dead_nodes
from transpiler.ir.types import agree
from transpiler.ops.core import Constant, Input
from transpiler.ops.spatial import DataFormat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

FRAMEWORK: Final = "python"
"""Where networks written here come from: no target's own framework, so that every target gets its own form."""


class NetworkError(ValueError):
    """A layer that makes no sense in this network; the message names the layer, the traceback shows the call."""


class Named(TypedDict, total=False):
    """What every layer call understands."""

    name: str | None
    """The layer's name, unique in the network; default: that of its op, numbered."""


class Learned(Named, total=False):
    """What calls of layers with learned arrays understand."""

    shared: str | None
    """The name of an earlier layer of the same kind whose arrays this one uses, if any."""
    arrays: Mapping[str, ArrayLike]
    """Role (`kernel`, `bias`, …) -> numbers in canonical order (convolution kernels: out, in / groups, space)."""


class Core:
    """A graph that grows by one layer a call. `Network` adds a method for each kind of layer."""

    def __init__(self, name: str, *, data_format: str = "channels_first") -> None:
        """`data_format`: where feature maps keep their channels, `channels_first` or `channels_last`."""
        self.name = name
        self.data_format = DataFormat(data_format)
        self._graph = GraphBuilder()
        self._layers: dict[str, Node] = {}
        self._values: set[Value] = set()
        self._arrays: dict[str, LazyArray] = {}

    def input(
        self, name: str, shape: Sequence[Dim], *, batch: Dim = None, dtype: DType | str = DType.FLOAT32
    ) -> Value:
        """A tensor that the caller provides. `shape` is without the batch; None in it is an unknown size."""
        try:
            op = Input(shape=(batch, *shape), dtype=DType(dtype))
        except ValueError as error:
            raise NetworkError(f"input {name}: {error}") from error
        (value,) = self.apply(op, name=name)
        return value

    def constant(self, array: ArrayLike, **layer: Unpack[Named]) -> Value:
        """A tensor of fixed numbers."""
        import numpy as np

        numbers = np.asarray(array)
        dtype = _DTYPES.get(numbers.dtype.name, DType.FLOAT32)
        flat = tuple(float(number) for number in numbers.reshape(-1))
        op = Constant(
            shape=numbers.shape, values=flat, dtype=DType.FLOAT32 if dtype is DType.FLOAT64 else dtype
        )
        return self.layer(op, **layer)

    def layer(self, op: Op, *operands: Value, **layer: Unpack[Learned]) -> Value:
        """Any op of `transpiler.ops` with one result."""
        if op.result_count != 1:
            raise NetworkError(f"{op.name} gives {op.result_count} results: use `apply`")
        (value,) = self.apply(op, *operands, **layer)
        return value

    def apply(self, op: Op, *operands: Value, **layer: Unpack[Learned]) -> tuple[Value, ...]:
        """Any op of `transpiler.ops`, with all its results. Raises NetworkError when it does not fit its operands."""
        name = self._named(op, layer.get("name"))
        for value in operands:
            if value not in self._values:
                raise NetworkError(f"layer {name}: {value.name} is not a value of this network")
        if not op.arity.accepts(len(operands)):
            raise NetworkError(f"layer {name}: {op.name} takes {op.arity} tensors, not {len(operands)}")
        try:
            uses = self._uses(name, op, operands, layer.get("shared"))
            if not uses:
                self._keep(name, op, operands, layer.get("arrays", {}))
            elif layer.get("arrays"):
                raise NetworkError(f"layer {name}: its arrays are those of {layer['shared']}")
            node = self._graph.add(op, operands, name=name, origin=Origin(name, op.name), params=uses)
        except ShapeError as error:
            shapes = ", ".join(str(value.type) for value in operands)
            raise NetworkError(f"layer {name}: {error} (its inputs are {shapes or 'none'})") from error
        self._layers[node.name] = node
        self._values.update(node.results)
        return node.results

    def module(self, *outputs: Value) -> Module:
        """The network that computes `outputs`; layers and inputs that none of them needs are left out."""
        if not outputs:
            raise NetworkError("a network has at least one output")
        for value in outputs:
            if value not in self._values:
                raise NetworkError(f"{value.name} is not a value of this network")
        whole = Graph(self.name, tuple(self._graph.nodes), outputs)
        graph = without_dead_nodes(whole, lambda _: False)
        symbols = {node.param(role).symbol for node in graph.nodes for role in node.op.roles}
        arrays = {symbol: array for symbol, array in self._arrays.items() if symbol in symbols}
        return Module(self.name, FRAMEWORK, {"": graph}, constants=arrays)

    def channel_axis(self, x: Value) -> int:
        """The axis of the channels of a feature map; of a batch of vectors, their axis."""
        return self.data_format.axis(_rank(x))

    def _named(self, op: Op, name: str | None) -> str:
        """The layer's name: the given one, which must be new, or one made of the op's."""
        if name is None:
            number = 1
            while f"{op.name}_{number}" in self._layers:
                number += 1
            return f"{op.name}_{number}"
        if not name:
            raise NetworkError("a layer's name has at least one letter")
        if name in self._layers:
            raise NetworkError(f"two layers are named {name}")
        return name

    def _uses(self, name: str, op: Op, operands: Sequence[Value], shared: str | None) -> tuple[ParamUse, ...]:
        """Whose arrays fill the op's roles, where they are another layer's. Raises ShapeError."""
        if shared is None:
            return ()
        owner = self._layers.get(shared)
        if owner is None:
            raise NetworkError(f"layer {name}: there is no layer {shared} to share arrays with")
        own = op.params([value.type for value in operands])
        theirs = owner.op.params([value.type for value in owner.operands])
        for role, spec in own.items():
            if role not in theirs or not _agree(spec.shape, theirs[role].shape):
                found = f"of shape {list(theirs[role].shape)}" if role in theirs else "that does not exist"
                raise NetworkError(f"layer {name}: it needs {role} {list(spec.shape)} of {shared}, {found}")
        return tuple(ParamUse(role, owner.param(role).symbol) for role in op.roles)

    def _keep(self, name: str, op: Op, operands: Sequence[Value], given: Mapping[str, ArrayLike]) -> None:
        """Take the given arrays over. Raises NetworkError when the op has no such role or another shape."""
        if not given:
            return
        import numpy as np

        specs = op.params([value.type for value in operands])
        for role, numbers in given.items():
            if role not in specs:
                known = ", ".join(op.roles) or "none"
                raise NetworkError(f"layer {name}: {op.name} has no array {role!r}; it has {known}")
            array = np.array(numbers)
            if not _agree(array.shape, specs[role].shape):
                raise NetworkError(
                    f"layer {name}: its {role} is {list(specs[role].shape)}, not {list(array.shape)}"
                )
            self._arrays[f"{name}/{role}"] = _held(array)


def _rank(x: Value) -> int:
    if x.type.rank is None:
        raise NetworkError(f"the number of axes of {x.name} is unknown")
    return x.type.rank


def _agree(left: Shape, right: Shape) -> bool:
    return len(left) == len(right) and all(map(agree, left, right))


def _held(array: NDArray[np.generic]) -> LazyArray:
    """An array in memory as one that is loaded; it can no longer be changed."""
    array.setflags(write=False)
    return LazyArray(array.shape, _DTYPES.get(array.dtype.name), lambda: array)


_DTYPES: Final[dict[str, DType]] = {
    "float16": DType.FLOAT16,
    "float32": DType.FLOAT32,
    "float64": DType.FLOAT64,
    "int8": DType.INT8,
    "int16": DType.INT16,
    "int32": DType.INT32,
    "int64": DType.INT64,
    "uint8": DType.UINT8,
    "bool": DType.BOOL,
}
"""numpy's names of the graph's element types."""
