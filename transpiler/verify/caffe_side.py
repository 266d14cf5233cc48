"""A subject in OpenCV, as the source's own net or as a converted one; and what OpenCV computes unlike Caffe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from transpiler.driver.native_arrays import native_shape
from transpiler.emitters.caffe_blobs import BlobNames
from transpiler.emitters.caffe_layer import layer_name
from transpiler.emitters.caffe_weights import weight_plan
from transpiler.ir import DType, Graph, LazyArray, Module, Node, Value
from transpiler.ops.activation import Log
from transpiler.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from transpiler.ops.core import Data, Input
from transpiler.ops.dense import Dense
from transpiler.ops.normalization import LRN
from transpiler.ops.shape import Copies
from transpiler.verify import caffe_runtime
from transpiler.verify.caffe_runtime import Top
from transpiler.verify.keras_side import Received
from transpiler.verify.runtime import Runtime
from transpiler.weights.layer_arrays import LayerArrays
from transpiler.weights.store import Store

if TYPE_CHECKING:
    from transpiler.dialects.rows import ArrayUse
    from transpiler.ir.arrays import Array as Numbers


def run_source(
    runtime: Runtime,
    text: str,
    module: Module,
    store: Store,
    inputs: Mapping[str, Numbers],
    receive: Received,
) -> None:
    """Run a net as it is. Raises Unusable."""
    graph = module.graph("")
    names = {value: value.native or value.name for value in graph.values()}
    _run(runtime, text, module, store, {v: inputs[v.name] for v in _inputs(graph)}, names, receive)


def run_target(
    runtime: Runtime,
    text: str,
    module: Module,
    store: Store,
    inputs: Mapping[Value, Numbers],
    receive: Received,
) -> None:
    """Run what is written of a legal module. `inputs` by its input values. Raises Unusable."""
    graph = next(iter(module.graphs.values()))
    _run(runtime, text, module, store, inputs, BlobNames(graph).names, receive)


def _run(
    runtime: Runtime,
    text: str,
    module: Module,
    store: Store,
    inputs: Mapping[Value, Numbers],
    blobs: Mapping[Value, str],
    receive: Received,
) -> None:
    graph = next(iter(module.graphs.values()))
    places = tops_of(graph, blobs)
    for value, array in inputs.items():
        receive(value, array)

    def take(place: Top, array: Numbers) -> None:
        for value in places[place]:
            receive(value, array)

    caffe_runtime.run(
        runtime,
        text,
        list(weights_of(module, store)),
        {blobs[value]: array for value, array in inputs.items()},
        list(places),
        take,
    )


def _inputs(graph: Graph) -> Iterator[Value]:
    for node in graph.nodes:
        if isinstance(node.op, (Input, Data)):
            yield from node.results


def tops_of(graph: Graph, blobs: Mapping[Value, str]) -> dict[Top, list[Value]]:
    """The values that each top of each layer is.

    OpenCV calls a convolution by its top, every other layer by its name, and has one top for all copies of a Split. It
    keeps only the first top of a layer that is asked for: the memory of others is used again once they are read.
    """
    found: dict[Top, list[Value]] = {}
    for node in graph.nodes:
        if isinstance(node.op, (Input, Data)):
            continue
        for i, value in enumerate(node.results):
            if (
                i
                and not isinstance(node.op, Copies)
                and value in graph.uses
                and value not in graph.output_set
            ):
                continue
            if isinstance(node.op, (Conv, DepthwiseConv)):
                place = Top(blobs[value])
            else:
                place = Top(layer_name(node), 0 if isinstance(node.op, Copies) else i)
            found.setdefault(place, []).append(value)
    return found


def written_values(written: Graph, read: Graph) -> dict[Value, Value]:
    """For each value of a net that was read, the value of the graph that it was written from."""
    blobs = BlobNames(written).names
    at = _named_tops(written, blobs)
    names = {value: value.native or value.name for value in read.values()}
    return {value: at[top] for top, value in _named_tops(read, names).items() if top in at}


def _named_tops(graph: Graph, blobs: Mapping[Value, str]) -> dict[tuple[str, str], Value]:
    """Values by their layer and blob."""
    return {
        (blobs[value] if isinstance(node.op, Input) else layer_name(node), blobs[value]): value
        for node in graph.nodes
        for value in node.results
    }


def weights_of(module: Module, store: Store) -> Iterator[LayerArrays]:
    """What a caffemodel of a net holds."""
    for plan in weight_plan(module):
        yield LayerArrays(plan.path, plan.type, tuple(_lazy(store, one) for one in plan.arrays))


def _lazy(store: Store, one: ArrayUse) -> LazyArray:
    shape = tuple(size or 0 for size in native_shape(one.spelling, one.shape))
    return LazyArray(shape, DType.FLOAT32, lambda: store.native(one.use, one.spelling, one.shape))


def unlike_caffe(graph: Graph) -> str | None:
    """Why OpenCV does not compute what Caffe computes for a net; None if it does, or refuses it by itself.

    These are the layers of which a recorded run of Caffe has other numbers than OpenCV.
    """
    for node in graph.nodes:
        reason = _unlike(node)
        if reason is not None:
            return f"OpenCV computes {node.origin.type} `{node.origin.layer}` otherwise than Caffe: {reason}"
    return None


def _unlike(node: Node) -> str | None:
    match node.op:
        case ConvTranspose() as op if any(d != 1 for d in op.dilations):
            return "it ignores the dilation of transposed convolutions"
        case Dense() if _says(node, "inner_product_param", "transpose"):
            return "it ignores that the matrix is stored transposed"
        case Log() as op if op != Log():
            return "it ignores base, scale and shift of the logarithm"
        case LRN(k=k) if k != 1:
            return "it ignores k of LRN"
        case _:
            return None


def _says(node: Node, message: str, field: str) -> bool:
    parameters = node.native("caffe").get(message)
    return isinstance(parameters, Mapping) and parameters.get(field) is True
