"""Describing a shaped graph at source level: nodes of one source layer become one entry again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from transpiler.driver.caffe_blobs import copy_names, frozen_arrays
from transpiler.driver.description import Description, LayerDescription, ValueDescription
from transpiler.driver.native_arrays import native_arrays, param_specs
from transpiler.driver.nesting import Nesting
from transpiler.driver.source_layers import SourceLayer, source_layers
from transpiler.ir import Module, Node, Shape, Value
from transpiler.ir.types import product


def describe(module: Module, phase: str) -> Description:
    """Describe one phase's graph, whose shapes are inferred; without diagnostics."""
    graph = module.graph(phase)
    describer = _Describer(module.framework, Nesting(graph, module.framework == "caffe"))
    return Description(
        name=module.name,
        framework=module.framework,
        phase=phase if module.framework == "caffe" else None,
        param_count=describer.count(graph.nodes),
        trainable_param_count=describer.count(graph.nodes, trainable=True),
        inputs=tuple(describer.value(value) for value in graph.inputs),
        outputs=tuple(describer.value(value) for value in graph.outputs),
        layers=tuple(map(describer.layer, source_layers(graph, describer.nesting))),
    )


class _Describer(msgspec.Struct, frozen=True):
    """Describes the parts of one graph in the words of its framework."""

    framework: str
    nesting: Nesting

    def layer(self, layer: SourceLayer) -> LayerDescription:
        span = layer.span
        return LayerDescription(
            name=layer.name,
            native_type=layer.native_type,
            op=layer.op,
            inputs=tuple(self.nesting.value_name(value, layer.path) for value in layer.inputs),
            outputs=tuple(self._outputs(layer)),
            params={} if layer.inner is not None else self._params(layer.nodes),
            param_count=self.count(layer.nodes),
            line=None if span is None else span.line,
            column=None if span is None else span.column,
            layers=None if layer.inner is None else tuple(map(self.layer, layer.inner)),
        )

    def value(self, value: Value, path: str = "") -> ValueDescription:
        """A value as a layer in the model at `path` names it."""
        name = self.nesting.value_name(value, path)
        return ValueDescription(name, value.type.shape, value.type.dtype.name.lower())

    def count(self, nodes: Iterable[Node], *, trainable: bool = False) -> int | None:
        """The number of learned numbers, those of a shared array once; None if it depends on an unknown size."""
        found: dict[str, Shape] = {}
        for node in nodes:
            roles = self._trainable(node) if trainable else param_specs(node).keys()
            for role, spec in param_specs(node).items():
                use = node.param(role)
                if role in roles and use.constant is None:
                    found.setdefault(use.symbol, spec.shape)
        counts = [product(shape) for shape in found.values()]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def _outputs(self, layer: SourceLayer) -> Iterator[ValueDescription]:
        for top, value in enumerate(layer.outputs):
            made = self.value(value, layer.path)
            yield made
            if self.framework == "caffe":
                for name in copy_names(self.nesting.graph, layer.name, top, value):
                    yield msgspec.structs.replace(made, name=name, is_copy=True)

    def _params(self, nodes: Sequence[Node]) -> dict[str, Shape | None]:
        """Role -> native shape. A role that two nodes of a layer have is told apart by the node's part in the layer."""
        found: dict[str, Shape | None] = {}
        symbols: set[str] = set()
        for node in nodes:
            part = node.name.rpartition("/")[2]
            for role, shape in native_arrays(node, self.framework).items():
                symbol = node.param(role).symbol
                if symbol not in symbols:
                    found[f"{part}/{role}" if role in found else role] = shape
                symbols.add(symbol)
        return found

    def _trainable(self, node: Node) -> set[str]:
        """The roles that training changes: by the op's nature, and unless the source freezes them."""
        if self.nesting.is_frozen(node):
            return set()
        frozen = frozen_arrays(node)
        places = enumerate(native_arrays(node, self.framework)) if frozen else ()
        stopped = {role for i, role in places if i in frozen}
        return {role for role, spec in param_specs(node).items() if spec.trainable and role not in stopped}
