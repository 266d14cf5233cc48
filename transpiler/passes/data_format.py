"""Data-format conversion: every spatial op works in the target's format, and transposes stay only where they must.

One walk in order. Each source value is known in one or more layouts; an op that does not care (activations, joins,
elementwise ops) takes its operands as they lie and adjusts its axes, a dense layer after a flatten takes the new order
by recording it on its kernel, and only an op that needs the source's order gets a transpose. Inputs change with the
ops that read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from transpiler.ir import Graph, Node, Op, Origin, ParamUse, Value
from transpiler.ir.inference import infer_types, types_of
from transpiler.ir.rewriting import GraphBuilder
from transpiler.ops.core import Input
from transpiler.ops.normalization import LRN, Region
from transpiler.ops.recurrent_stack import ConvLSTM
from transpiler.ops.shape import Concat, Flatten, Reshape, Slice, Transpose
from transpiler.ops.spatial import DataFormat
from transpiler.passes.layout_rules import Plan, is_transparent, plan
from transpiler.passes.layouts import Flattened, Layout, Permuted, converted, simplified
from transpiler.passes.manager import CHANNELS_FIRST, CHANNELS_LAST, SHAPED, Context, Pass
from transpiler.passes.trail import Moved


class _Groups:
    """Disjoint sets of values that share a layout because ops between them do not care (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[Value, Value] = {}
        self._marked: set[Value] = set()

    def find(self, value: Value) -> Value:
        root = value
        while self._parent.get(root, root) is not root:
            root = self._parent[root]
        while self._parent.get(value, value) is not root:
            self._parent[value], value = root, self._parent[value]
        return root

    def join(self, left: Value, right: Value) -> None:
        a, b = self.find(left), self.find(right)
        if a is not b:
            self._parent[b] = a
            if b in self._marked:
                self._marked.add(a)

    def mark(self, value: Value) -> None:
        self._marked.add(self.find(value))

    def marked(self, value: Value) -> bool:
        return self.find(value) in self._marked


def _wanting(graph: Graph, target: DataFormat) -> _Groups:
    """Which values touch an op of the other format, directly or through ops that do not care."""
    groups = _Groups()
    for node in graph.nodes:
        rank = node.operands[0].type.rank if node.operands else None
        if getattr(node.op, "data_format", target) is not target and not isinstance(node.op, ConvLSTM):
            for value in (*node.operands[:1], *node.results):
                if value.type.rank == rank:
                    groups.mark(value)
        elif _is_spatial(node.op, rank, target):
            groups.mark(node.operands[0])
        if is_transparent(node.op) and node.operands:
            for value in (*node.operands[1:], *node.results):
                if value.type.rank == rank:
                    groups.join(node.operands[0], value)
    return groups


def _is_spatial(op: Op, rank: int | None, target: DataFormat) -> bool:
    """An op that works on space by the position of its channel axis, which is not the target's."""
    if not isinstance(op, LRN) or op.region is not Region.WITHIN or rank is None:
        return False
    return op.axis % rank != target.axis(rank)


class _Converter(GraphBuilder):
    def __init__(self, graph: Graph, target: DataFormat) -> None:
        super().__init__(node.name for node in graph.nodes)
        self.graph = graph
        self.target = target
        self.wanting = _wanting(graph, target)
        self.known: dict[Value, dict[Layout, Value]] = {}
        self.preferred: dict[Value, Layout] = {}
        self.changed = False
        self.moved: dict[str, Moved | None] = {}

    def layout(self, source: Value) -> Layout:
        """The layout in which a source value was first produced."""
        return self.preferred[source]

    def define(self, source: Value, made: Value, layout: Layout) -> None:
        layout = simplified(layout, source.type.shape)
        self.known.setdefault(source, {})[layout] = made
        self.preferred.setdefault(source, layout)
        if layout is not None or made.name != source.name:
            self.moved.setdefault(source.name, Moved(made.name, layout))
        self.changed = self.changed or made is not source

    def value(self, source: Value, layout: Layout) -> Value:
        """A source value in the wanted layout, converting it (once) if need be."""
        layout = simplified(layout, source.type.shape)
        versions = self.known[source]
        if layout not in versions:
            if layout is not None and self.preferred[source] is not None:
                self.value(source, None)
            versions[layout] = self._convert(source, layout)
            self.changed = True
        return versions[layout]

    def _convert(self, source: Value, wanted: Layout) -> Value:
        origin = self.graph.producers[source].origin
        have = self.preferred[source]
        if wanted is None:
            made = self.known[source][have]
            match have:
                case Permuted():
                    return self._transpose(made, have.inverse, source.name, origin)
                case Flattened():
                    return self._unflatten(made, have, source.name, origin)
                case None:
                    return made
        if not isinstance(wanted, Permuted):
            raise TypeError("a flattened order is never asked for")
        return self._transpose(self.known[source][None], wanted.axes, source.name, origin)

    def _put(self, op: Op, operands: Sequence[Value], name: str, origin: Origin) -> Value:
        return self.add(op, operands, name=name, origin=origin).result

    def _transpose(self, value: Value, axes: tuple[int, ...], name: str, origin: Origin) -> Value:
        return self._put(Transpose(axes=axes), (value,), f"{name}/transpose", origin)

    def _unflatten(self, value: Value, layout: Flattened, name: str, origin: Origin) -> Value:
        """Back to the source's order: each block viewed with its axes, transposed, flattened, all joined."""
        parts = []
        start = 0
        rank = value.type.rank or 0
        for dims, axes in layout.blocks:
            size = 1
            for dim in dims:
                size *= dim
            part = value
            if len(layout.blocks) > 1:
                cut = Slice(axes=(layout.axis,), begins=(start,), ends=(start + size,))
                part = self._put(cut, (part,), f"{name}/part", origin)
            moved = Permuted(axes)
            if not moved.trivial:
                view = Reshape(target=tuple(dims[axis] for axis in axes), axis=layout.axis, num_axes=1)
                part = self._put(view, (part,), f"{name}/view", origin)
                before, k = tuple(range(layout.axis)), len(dims)
                after = tuple(range(layout.axis + k, rank + k - 1))
                order = (*before, *(layout.axis + i for i in moved.inverse), *after)
                part = self._put(Transpose(axes=order), (part,), f"{name}/transpose", origin)
                flat = Flatten(axis=layout.axis, end_axis=layout.axis + k - 1)
                part = self._put(flat, (part,), f"{name}/flatten", origin)
            parts.append(part)
            start += size
        if len(parts) == 1:
            return parts[0]
        return self._put(Concat(axis=layout.axis), parts, f"{name}/join", origin)

    def run(self) -> Graph:
        for node in self.graph.nodes:
            self._node(node)
        outputs = tuple(self._output(value) for value in self.graph.outputs)
        if not self.changed:
            return self.graph
        return msgspec.structs.replace(self.graph, nodes=tuple(self.nodes), outputs=outputs)

    def _output(self, source: Value) -> Value:
        """Outputs stay as the ops made them, if that is the target's own format."""
        layout = self.layout(source)
        if isinstance(layout, Permuted) and layout != converted(len(layout.axes), self.target):
            layout = None
        return self.value(source, layout if isinstance(layout, Permuted) else None)

    def _node(self, node: Node) -> None:
        if isinstance(node.op, Input):
            self._input(node, node.op)
            return
        wanted = any(self.wanting.marked(value) for value in node.results)
        made = plan(node, [self.preferred[value] for value in node.operands], self.target, wanted)
        operands = tuple(
            [self.value(v, layout) for v, layout in zip(node.operands, made.operands, strict=True)]
        )
        if made.forward is not None:  # the node itself dissolves into a layout
            self.define(node.results[0], operands[0], made.forward.layout)
            self.changed = True
            return
        self._keep(node, made, operands)

    def _keep(self, node: Node, made: Plan, operands: tuple[Value, ...]) -> None:
        if made.op == node.op and operands == node.operands and not made.params:
            self.nodes.append(node)
            results = node.results
        else:
            types = infer_types(made.op, types_of(operands))
            results = tuple([value.typed(type_) for value, type_ in zip(node.results, types, strict=True)])
            params = _recorded(node, made.params)
            self.nodes.append(node.evolve(op=made.op, operands=operands, results=results, params=params))
            self.changed = True
        for old, new, layout in zip(node.results, results, made.results, strict=True):
            self.define(old, new, layout)

    def _input(self, node: Node, op: Input) -> None:
        value = node.result
        rank = value.type.rank
        if op.shape is None or rank is None or rank < 3 or not self.wanting.marked(value):
            self.nodes.append(node)
            self.define(value, value, None)
            return
        layout = converted(rank, self.target)
        changed = Input(shape=layout.shape(op.shape), dtype=op.dtype)
        made = value.typed(changed.infer(())[0])
        self.nodes.append(node.evolve(op=changed, results=(made,)))
        self.define(value, made, layout)


def _recorded(node: Node, changes: Mapping[str, tuple[object, ...]]) -> tuple[ParamUse, ...]:
    """The node's parameter uses with further layout steps."""
    if not changes:
        return node.params
    uses = {use.role: use for use in node.params}
    for role, steps in changes.items():
        uses[role] = node.param(role).then(*steps)  # type: ignore[arg-type]  # steps are Relayouts
    return tuple(uses[role] for role in node.op.roles if role in uses)


def to_format(target: DataFormat) -> Pass:
    """The pass that brings a graph to one data format."""
    provided = CHANNELS_LAST if target is DataFormat.CHANNELS_LAST else CHANNELS_FIRST
    other = CHANNELS_FIRST if provided == CHANNELS_LAST else CHANNELS_LAST

    def convert(graph: Graph, context: Context) -> Graph:
        converter = _Converter(graph, target)
        made = converter.run()
        context.trail.note(converter.moved)
        return made

    return Pass(
        f"data_format[{target.value}]",
        convert,
        requires=frozenset({SHAPED}),
        provides=frozenset({provided}),
        breaks=frozenset({other}),
    )
