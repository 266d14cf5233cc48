"""Joining a model and a weight file: which stored array fills which learned array of the graph, in canonical order.

Everything that does not fit is said at once: layers without numbers, arrays of another shape or that no layer wants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from transpiler.diagnostics import Sink
from transpiler.dialects.rows import Array, ArrayUse, Refusal, array_uses
from transpiler.driver.nesting import Nesting
from transpiler.ir import LazyArray, Module, Node, ShapeError
from transpiler.ops.normalization import BatchNorm
from transpiler.weights.store import Store
from transpiler.weights.stored import Stored, WeightFile

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

_MOST_NAMED: Final = 8
_FACTOR: Final = 2
"""The place of the number that Caffe divides a BatchNorm's mean and variance by."""


class LearnedLayer(msgspec.Struct, frozen=True):
    """A layer of the source and the arrays it learns, in its framework's order."""

    name: str
    node: Node
    wanted: tuple[tuple[Node, ArrayUse], ...]


def bind(module: Module, file: WeightFile, sink: Sink) -> Store:
    """The numbers of a file by symbol. `module` is shaped and in its source's own layout; errors go to the sink.

    Of arrays that several layers share, what the file writes last stands, as in the frameworks themselves.
    """
    found: dict[str, LazyArray] = dict(module.constants)
    bound = _bind_variables if file.variables else _bind_layers
    bound(module, file, found, sink)
    return Store(found)


def held(module: Module) -> Store:
    """The numbers that a source itself holds, as constants or in a file beside it, by symbol."""
    found: dict[str, LazyArray] = {}
    for layer in learned_layers(module):
        for node, wanted in layer.wanted:
            symbol = wanted.use.symbol
            if symbol in module.constants:
                found[symbol] = _canonical(module.constants[symbol], node, wanted)
    return Store({**module.variables, **module.constants, **found})


def is_complete(module: Module, store: Store) -> bool:
    """Whether there are numbers for every learned array of a module."""
    uses = (
        node.param(role) for graph in module.graphs.values() for node in graph.nodes for role in node.op.roles
    )
    return all(map(store.has, uses))


def _bind_layers(module: Module, file: WeightFile, found: dict[str, LazyArray], sink: Sink) -> None:
    missing: list[LearnedLayer] = []
    names: set[str] = set()
    for layer in learned_layers(module):
        names.add(layer.name)
        stored = file.layers.get(layer.name)
        if stored is None:
            if any(wanted.use.symbol not in found for _, wanted in layer.wanted):
                missing.append(layer)
            continue
        for (node, wanted), one in zip(layer.wanted, _matched(layer, stored, file, sink), strict=True):
            if one is not None and _fits(one, node, wanted, sink):
                factor = stored[_FACTOR] if isinstance(node.op, BatchNorm) and len(stored) > _FACTOR else None
                scaled = one if factor is None or module.framework != "caffe" else _divided(one, factor)
                found[wanted.use.symbol] = _canonical(scaled.array, node, wanted)
    for layer in missing:
        if any(wanted.use.symbol not in found for _, wanted in layer.wanted):
            sink.error(
                "T7101",
                f"{layer.node.origin.type} `{layer.name}` has no weights in {file.name}",
                layer.node.span,
                help=f"the file has: {_listed(file.layers)}",
            )
    extra = [name for name, arrays in file.layers.items() if arrays and name not in names]
    if extra:
        sink.warning(
            "T7102",
            f"{file.name} has weights for {len(extra)} layer(s) that the model does not have or that learn "
            f"nothing: {_listed(extra)}",
        )


def _bind_variables(module: Module, file: WeightFile, found: dict[str, LazyArray], sink: Sink) -> None:
    used: set[str] = set()
    for layer in learned_layers(module):
        for node, wanted in layer.wanted:
            stored = file.variables.get(wanted.use.symbol)
            if stored is not None:
                used.add(wanted.use.symbol)
                if _fits(stored, node, wanted, sink):
                    found[wanted.use.symbol] = _canonical(stored.array, node, wanted)
            elif wanted.use.symbol in module.constants:
                found[wanted.use.symbol] = _canonical(module.constants[wanted.use.symbol], node, wanted)
            else:
                sink.error(
                    "T7101",
                    f"{node.origin.type} `{layer.name}`: {file.name} has no variable `{wanted.use.symbol}`",
                    node.span,
                    help=f"the file has: {_listed(file.variables)}",
                )
    # Parts of joined arrays keep their own names too, as the source's graph has them.
    found.update({name: one.array for name, one in file.variables.items() if name not in used})


def learned_layers(module: Module) -> Iterator[LearnedLayer]:
    """The layers of all graphs that learn something; each array once in a layer."""
    for graph in module.graphs.values():
        nesting = Nesting(graph, module.framework == "caffe")
        layers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            if node.op.roles:
                path = nesting.path(node)
                name = nesting.own_name(node)
                layers.setdefault(f"{path}/{name}" if path else name, []).append(node)
        for name, nodes in layers.items():
            wanted: dict[str, tuple[Node, ArrayUse]] = {}
            for node in nodes:
                for one in _spelled(node, module.framework):
                    if one.use.constant is None:
                        wanted.setdefault(one.use.symbol, (node, one))
            yield LearnedLayer(name, nodes[0], tuple(wanted.values()))


def _spelled(node: Node, framework: str) -> tuple[ArrayUse, ...]:
    """A node's arrays in the order and layout of the framework that it was read from."""
    try:
        return array_uses(node, _arrays(node, framework))
    except (ShapeError, ValueError):
        return ()


def _arrays(node: Node, framework: str) -> tuple[Array, ...]:
    own = tuple(Array(role) for role in node.op.roles)
    if framework == "caffe":
        from transpiler.dialects.caffe.dialect import native_arrays

        return native_arrays(node) or own
    if framework == "keras":
        from transpiler.dialects.keras.dialect import KERAS3, spell_as_written

        spelled = spell_as_written(KERAS3, node)
        return own if isinstance(spelled, Refusal) else spelled[0].arrays(node.op, spelled[1].config)
    if framework == "tensorflow":
        from transpiler.dialects.tensorflow.write_rows import stored_arrays

        return stored_arrays(node)
    return own


def _matched(
    layer: LearnedLayer, stored: Sequence[Stored], file: WeightFile, sink: Sink
) -> Sequence[Stored | None]:
    """For each array that a layer wants the stored one: by its role where the file says it, else by its place."""
    by_role = {one.role: one for one in stored if one.role is not None}
    if by_role:
        picked = [by_role.get(wanted.spelling.role) for _, wanted in layer.wanted]
        absent = [
            wanted.spelling.role for (_, wanted), one in zip(layer.wanted, picked, strict=True) if not one
        ]
    else:
        picked = [stored[i] if i < len(stored) else None for i in range(len(layer.wanted))]
        absent = [wanted.spelling.role for _, wanted in layer.wanted[len(stored) :]]
        spare = len(stored) - len(layer.wanted)
        if spare > (1 if isinstance(layer.node.op, BatchNorm) else 0):
            sink.error(
                "T7103",
                f"{layer.node.origin.type} `{layer.name}` has {len(layer.wanted)} array(s), {file.name} stores "
                f"{len(stored)} for it: {', '.join(str(list(one.array.shape)) for one in stored)}",
                layer.node.span,
            )
    if absent:
        sink.error(
            "T7101",
            f"{layer.node.origin.type} `{layer.name}`: {file.name} does not have its {', '.join(absent)}",
            layer.node.span,
        )
    return picked


def _fits(one: Stored, node: Node, wanted: ArrayUse, sink: Sink) -> bool:
    """Whether a stored array has the shape that the layer says, up to sizes of 1 in front (old Caffe writes four)."""
    from transpiler.driver.native_arrays import native_shape

    shape = tuple(size or 0 for size in native_shape(wanted.spelling, wanted.shape))
    have = one.array.shape
    if _bare(have) == _bare(shape) or (_is_vector(have) and _is_vector(shape) and _same_count(have, shape)):
        return True
    sink.error(
        "T7103",
        f"{node.origin.type} `{node.origin.layer}`: the stored {wanted.spelling.role} ({one.key}) has the shape "
        f"{list(have)}, the layer's has {list(shape)}",
        node.span,
    )
    return False


def _bare(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape without the sizes of 1 in front."""
    sizes = tuple(shape)
    while sizes and sizes[0] == 1:
        sizes = sizes[1:]
    return sizes


def _is_vector(shape: Sequence[int]) -> bool:
    return sum(size != 1 for size in shape) <= 1


def _same_count(left: Sequence[int], right: Sequence[int]) -> bool:
    return math.prod(left) == math.prod(right)


def _canonical(array: LazyArray, node: Node, wanted: ArrayUse) -> LazyArray:
    """A stored array as the op declares it."""
    from transpiler.driver.native_arrays import native_shape
    from transpiler.weights.relayout import from_native

    native = tuple(size or 0 for size in native_shape(wanted.spelling, wanted.shape))
    transposed = (
        node.native("tensorflow").get("kernel_transposed") is True and wanted.spelling.role == "kernel"
    )

    def load() -> Numbers:
        numbers = array.load()
        if transposed:
            numbers = numbers.T
        if [size for size in numbers.shape if size != 1] != [size for size in native if size != 1]:
            raise ValueError(f"{wanted.use.symbol} has the shape {list(numbers.shape)}, not {list(native)}")
        return from_native(numbers.reshape(native), wanted.spelling, wanted.shape)

    return LazyArray(wanted.shape, array.dtype, load)


def _divided(one: Stored, factor: Stored) -> Stored:
    """A sum that Caffe's BatchNorm stores, divided by how much it has summed; nothing yet is 0, as in Caffe."""

    def load() -> Numbers:
        numbers = one.array.load()
        count = float(factor.array.load().reshape(-1)[0])
        return numbers / numbers.dtype.type(count) if count else numbers * 0

    return msgspec.structs.replace(one, array=msgspec.structs.replace(one.array, load=load))


def _listed(names: Mapping[str, object] | Sequence[str]) -> str:
    found = list(names)
    more = f", … ({len(found)} in all)" if len(found) > _MOST_NAMED else ""
    return ", ".join(found[:_MOST_NAMED]) + more if found else "nothing"
