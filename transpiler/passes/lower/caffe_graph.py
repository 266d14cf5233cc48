"""The layers of one phase as a graph: blobs become values, and changing a blob in place makes a new value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from transpiler.diagnostics import Fix, Sink, Span
from transpiler.dialects.caffe.net_record import LayerRecord
from transpiler.ir import Extras, Graph, Origin, Shape, ShapeError, TensorType, Value
from transpiler.ir.inference import infer_types
from transpiler.ir.rewriting import GraphBuilder
from transpiler.ir.types import UNKNOWN
from transpiler.ops.core import Data, Input
from transpiler.passes.lower.caffe_layer import AUTOMATIC, LayerReader, LoweredLayer, uses

MAX_COMPARISONS: Final = 20_000
"""How many pairs of blob names are compared in search of misspellings."""


class IndexedLayer(msgspec.Struct, frozen=True):
    """A layer and, where layers of several phases must find each other again, its place in the file."""

    layer: LayerRecord
    index: int | None = None


class GraphLowering(GraphBuilder):
    """Lowers the layers of one phase in file order.

    Types are inferred on the way because Caffe's windows take their number of axes from the bottom; they are not
    recorded: that is the work of `infer_shapes`, which knows what the user said of the inputs.
    """

    def __init__(
        self, sink: Sink, elsewhere: Mapping[str, LayerRecord], input_shapes: Mapping[str, Shape]
    ) -> None:
        super().__init__()
        self.sink = sink
        self.reader = LayerReader(sink)
        self.elsewhere = elsewhere
        self.input_shapes = input_shapes
        self.blobs: dict[str, Value] = {}
        self.types: dict[Value, TensorType] = {}
        self.used: set[Value] = set()
        self.makers: dict[str, LayerRecord] = {}
        self.layer_names: dict[str, LayerRecord] = {}
        self.comparisons = 0

    def run(self, name: str, layers: Sequence[IndexedLayer]) -> Graph:
        for item in layers:
            self._layer(item)
        current = set(self.blobs.values())
        sources = {
            value for node in self.nodes if isinstance(node.op, (Input, Data)) for value in node.results
        }
        outputs = tuple(
            value
            for node in self.nodes
            for value in node.results
            if value not in self.used
            and value not in sources
            and (value in current or value.native == AUTOMATIC)
        )
        return Graph(name, tuple(self.nodes), outputs)

    def _layer(self, item: IndexedLayer) -> None:
        layer = item.layer
        self._check_name(layer)
        operands = [self._blob(layer, i, name) for i, name in enumerate(layer.bottoms)]
        self.used.update(operands)
        if layer.type == "Input" and layer.tops and not operands:
            self._inputs(item)
            return
        lowered = self.reader.lower(layer, [self.types[value] for value in operands])
        name = layer.name or next(iter(lowered.tops), "") or layer.type.lower() or "layer"
        self._add(item, lowered, name, operands)

    def _inputs(self, item: IndexedLayer) -> None:
        """An Input layer gives an input for each of its tops, named by the blob."""
        layer = item.layer
        parameters = layer.record.record("input_param")
        shapes = parameters.records("shape")
        if len(shapes) not in (0, 1, len(layer.tops)):
            text = f"layer `{layer.name}` has {len(shapes)} shapes for {len(layer.tops)} tops: give one or as many"
            self.sink.error("T1018", text, layer.record.span_of("input_param"))
        for i, top in enumerate(layer.tops):
            shape = shapes[i : i + 1] if len(shapes) == len(layer.tops) else shapes[:1]
            record = layer.record.with_value("top", (top,), (layer.record.span_of("top", i),))
            if shape:
                record = record.with_value(
                    "input_param", parameters.with_value("shape", shape), (shape[0].span,)
                )
            self._add(item, self.reader.lower(layer.with_record(record), ()), top, ())

    def _add(self, item: IndexedLayer, lowered: LoweredLayer, name: str, operands: Sequence[Value]) -> None:
        layer = item.layer
        for position, top in enumerate(lowered.tops):
            if top in self.blobs:
                self._check_top(layer, position, top)
        origin = Origin(layer.name, layer.type, layer.span)
        node = self.add(lowered.op, operands, name=name, origin=origin, natives=lowered.tops, infer=False)
        fields = dict(lowered.fields)
        if node.name != layer.name:
            fields["name"] = layer.name
        if item.index is not None:
            fields["index"] = item.index
        self.nodes[-1] = node.evolve(params=uses(lowered, node.name), extras={"caffe": fields})
        self.types.update(zip(node.results, self._infer(layer, lowered, operands), strict=True))
        for top, value in zip(lowered.tops, node.results, strict=True):
            if top != AUTOMATIC:
                self.blobs[top] = value
                self.makers[top] = layer

    def _infer(
        self, layer: LayerRecord, lowered: LoweredLayer, operands: Sequence[Value]
    ) -> tuple[TensorType, ...]:
        """The result types as far as the file and the given input shapes tell; a misfit is reported by a later pass."""
        try:
            types = infer_types(lowered.op, tuple([self.types[value] for value in operands]))
        except ShapeError:
            return (UNKNOWN,) * lowered.op.result_count
        if operands:
            return types
        given = [self.input_shapes.get(top) or self.input_shapes.get(layer.name) for top in lowered.tops]
        return tuple(TensorType(shape) if shape else type_ for shape, type_ in zip(given, types, strict=True))

    def _blob(self, layer: LayerRecord, position: int, name: str) -> Value:
        if name not in self.blobs:
            self._implicit_input(layer, position, name)
        return self.blobs[name]

    def _implicit_input(self, layer: LayerRecord, position: int, name: str) -> None:
        """A blob that nothing produces becomes an input of the graph, so that the rest can still be read.

        Files without their data layers are common, and so are slips that nobody noticed: they stay readable, and other
        targets ask for the input's shape. A bottom without a name is an error.
        """
        span = layer.record.span_of("bottom", position)
        close = self._similar(name)
        fixes = (Fix(f"write `{close[0]}`", span, f'"{close[0]}"'),) if close and span is not None else ()
        maker = self.elsewhere.get(name)
        related = (
            ((maker.span, "a layer of another phase, or further down, produces it"),)
            if maker and maker.span
            else ()
        )
        report = self.sink.warning if name else self.sink.error
        taken = ": it is taken as an input" if name else ""
        report(
            "T1030",
            f"layer `{layer.name}` reads the blob `{name}`, which no layer before it produces{taken}",
            span,
            notes=("Caffe itself refuses such a net: unknown bottom blob.",),
            related=related,
            help=f"did you mean `{close[0]}`?" if close else None,
            fixes=fixes,
        )
        origin = Origin(name, "Input", span)
        extras: Extras = {"caffe": {"implicit": True}}
        node = self.add(Input(), name=name, origin=origin, natives=(name,), extras=extras, infer=False)
        shape = self.input_shapes.get(name)
        self.types[node.result] = TensorType(shape) if shape else UNKNOWN
        self.blobs[name] = node.result
        self.makers[name] = layer

    def _similar(self, name: str) -> list[str]:
        """The blob that is perhaps meant. Comparing takes long: in a file that is wrong throughout it is given up."""
        from difflib import get_close_matches

        self.comparisons += len(self.blobs)
        if self.comparisons > MAX_COMPARISONS:
            return []
        return get_close_matches(name, self.blobs, n=1, cutoff=0.7)

    def _check_name(self, layer: LayerRecord) -> None:
        first = self.layer_names.setdefault(layer.name, layer)
        if first is layer or not layer.name:
            return
        self.sink.warning(
            "T1034",
            f"two layers are named `{layer.name}`: Caffe loads the parameters of both from one place",
            layer.record.span_of("name"),
            related=_related(first.record.span_of("name"), "the first of them"),
        )

    def _check_top(self, layer: LayerRecord, position: int, top: str) -> None:
        if top in layer.bottoms or top == AUTOMATIC:
            return
        self.sink.warning(
            "T1031",
            f"the blob `{top}` is produced a second time by layer `{layer.name}`, which does not change it in place",
            layer.record.span_of("top", position),
            related=_related(self.makers[top].span, "produced here first"),
            notes=("Layers further down read the later one. Caffe itself refuses such a net.",),
        )


def _related(span: Span | None, text: str) -> tuple[tuple[Span, str], ...]:
    return ((span, text),) if span is not None else ()
