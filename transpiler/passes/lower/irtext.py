"""IR text to graph: names become values and classes, data fields; what does not exist or agree is reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import msgspec

from transpiler.diagnostics import Fix, Sink, Span
from transpiler.ir import DType, Graph, Module, Node, Op, Origin, TensorType, Value
from transpiler.ir.rewriting import result_names
from transpiler.ir.text.printer import default_extras
from transpiler.ir.types import UNKNOWN, refines
from transpiler.passes.lower.irtext_data import lower_extras, lower_op, lower_use
from transpiler.syntax import irtext as syntax

FRAMEWORK = "ir"
"""The framework of a text that names none."""

MAX_COMPARISONS = 20_000
"""How many pairs of value names are compared in search of misspellings."""
_DTYPES = {dtype.value: dtype for dtype in DType}


def lower(tree: syntax.Module, name: str, sink: Sink) -> Module:
    """Return the module that a text describes; `name` is its name if it gives none. Errors go to the sink."""
    framework = tree.framework.text if tree.framework else FRAMEWORK
    native = framework if tree.native_names else None
    graphs: dict[str, Graph] = {}
    for graph in tree.graphs:
        phase = graph.phase.text if graph.phase else ""
        if phase in graphs:
            where = graph.phase or graph.name
            sink.error(
                "T0322", f"there are two graphs for phase {phase or 'any'}", where.span if where else None
            )
        graphs[phase] = _Graph(sink, native, name).lower(graph)
    extras = lower_extras(tree.extras, sink, default_extras(native))
    return Module(tree.name.text if tree.name else name, framework, graphs, extras)


class _Graph(msgspec.Struct):
    """The lowering of one graph: what is defined so far, and where."""

    sink: Sink
    native: str | None
    name: str
    values: dict[str, Value] = msgspec.field(default_factory=dict)
    places: dict[str, Span] = msgspec.field(default_factory=dict)
    names: dict[str, Span] = msgspec.field(default_factory=dict)
    comparisons: int = 0

    def lower(self, tree: syntax.Graph) -> Graph:
        nodes = [node for line in tree.nodes for node in self.node(line)]
        outputs = [value for name in tree.outputs for value in self.use(name)]
        name = tree.name.text if tree.name else self.name
        return Graph(name, tuple(nodes), tuple(outputs), lower_extras(tree.extras, self.sink))

    def node(self, tree: syntax.Node) -> Iterable[Node]:
        """The node of one line, or nothing if its op or an operand does not exist."""
        operands = [value for name in tree.operands for value in self.use(name)]
        op = lower_op(tree.op, tree.fields, self.sink)
        types = self.types(tree)
        whole = (
            op is not None and len(operands) == len(tree.operands) and self.fits(tree, op, operands, types)
        )
        name = self.node_name(tree)
        params = tuple(use for line in tree.params for use in lower_use(line, name, op, self.sink))
        origin = _origin(tree, name)
        from_source = (origin.layer, origin.type) != (name, tree.op.text)
        extras = lower_extras(tree.extras, self.sink, default_extras(self.native if from_source else None))
        results = self.results(tree, types)
        if op is not None and whole:
            scope = tree.scope.text if tree.scope else ""
            yield Node(name, op, tuple(operands), results, origin, params, scope, extras)

    def use(self, name: syntax.Name) -> Iterable[Value]:
        """The value of a name, or nothing and an error."""
        value = self.values.get(name.text)
        if value is not None:
            yield value
            return
        self.comparisons += len(self.values)
        few = (
            self.comparisons <= MAX_COMPARISONS
        )  # comparing takes long; a text wrong throughout needs no advice
        close = get_close_matches(name.text, list(self.values), 1) if few else []
        fixes = (Fix(f"use %{close[0]}", name.span, f"%{close[0]}"),) if close else ()
        meant = f"did you mean %{close[0]}?" if close else "a value is defined above the lines that use it"
        self.sink.error("T0315", f"the value %{name.text} is not defined", name.span, help=meant, fixes=fixes)

    def node_name(self, tree: syntax.Node) -> str:
        """The node's name: as stated, or what its results or else its op suggest."""
        if tree.name is not None:
            name, span = tree.name.text, tree.name.span
        elif tree.results:
            name, span = _common_name([result.text for result in tree.results]), tree.results[0].span
        else:
            name, span = self.unused(tree.op.text), tree.op.span
        again = tree.name is None and any(result.text in self.values for result in tree.results)
        if name in self.names and not again:  # a value that is defined twice is reported as such
            related = ((self.names[name], "the other one"),)
            self.sink.error("T0316", f"two nodes are named {name}", span, related=related)
        self.names[name] = span
        return name

    def unused(self, name: str) -> str:
        count, candidate = 0, name
        while candidate in self.names:
            count += 1
            candidate = f"{name}_{count}"
        return candidate

    def types(self, tree: syntax.Node) -> tuple[TensorType, ...]:
        """The stated types, one a result; wholly unknown where none is stated."""
        if tree.types is None:
            return (UNKNOWN,) * len(tree.results)
        if len(tree.types) != len(tree.results):
            message = f"{len(tree.types)} types are given for {len(tree.results)} results"
            self.sink.error("T0317", message, tree.types[0].span)
            return (UNKNOWN,) * len(tree.results)
        return tuple(map(self.type, tree.types))

    def type(self, tree: syntax.Type) -> TensorType:
        dtype = _DTYPES.get(tree.dtype.text)
        if dtype is None:
            known = ", ".join(_DTYPES)
            message = f"{tree.dtype.text} is no element type"
            self.sink.error("T0318", message, tree.dtype.span, help=f"the types are {known}")
            return UNKNOWN
        return TensorType(tree.dims, dtype)

    def results(self, tree: syntax.Node, types: Sequence[TensorType]) -> tuple[Value, ...]:
        """New values for a line's results."""
        natives = tree.natives
        if natives is not None and len(natives) != len(tree.results):
            message = f"{len(natives)} native names are given for {len(tree.results)} results"
            self.sink.error("T0317", message, tree.span)
            natives = None
        values = []
        for i, (name, type_) in enumerate(zip(tree.results, types, strict=True)):
            native = None if self.native is None else name.text
            if natives is not None:
                stated = natives[i]
                native = None if stated is None else stated.text
            if name.text in self.values:
                related = ((self.places[name.text], "it is defined here first"),)
                self.sink.error(
                    "T0316", f"the value %{name.text} is defined twice", name.span, related=related
                )
            value = Value(name.text, type_, native)
            self.values[name.text], self.places[name.text] = value, name.span
            values.append(value)
        return tuple(values)

    def fits(self, tree: syntax.Node, op: Op, operands: Sequence[Value], types: Sequence[TensorType]) -> bool:
        """Whether the numbers of operands and results, and the stated types, are those of the op."""
        if not op.arity.accepts(len(operands)):
            message = f"{op.name} takes {op.arity} operands, not {len(operands)}"
            self.sink.error("T0314", message, tree.op.span)
            return False
        if op.result_count != len(tree.results):
            message = f"this {op.name} has {op.result_count} results, not {len(tree.results)}"
            self.sink.error("T0317", message, tree.op.span)
            return False
        return tree.types is None or self.types_agree(tree, op, operands, types)

    def types_agree(
        self, tree: syntax.Node, op: Op, operands: Sequence[Value], types: Sequence[TensorType]
    ) -> bool:
        try:
            inferred = op.infer([value.type for value in operands])
        except ValueError as error:  # ShapeError, or lists of different lengths
            self.sink.error("T0320", f"{op.name}: {error}", tree.op.span)
            return False
        for stated, found, type_ in zip(types, inferred, tree.types or (), strict=False):
            if stated != UNKNOWN and not refines(found, stated):
                message = f"the result is declared as {stated}, but {op.name} gives {found}"
                self.sink.error("T0319", message, type_.span)
                return False
        return True


def _origin(tree: syntax.Node, name: str) -> Origin:
    if tree.origin is None:
        return Origin(name, tree.op.text, tree.span)
    layer = tree.origin.layer.text if tree.origin.layer else name
    return Origin(layer, tree.origin.type.text, tree.span)


def _common_name(results: Sequence[str]) -> str:
    """The node name from which these result names follow, or else the first of them."""
    base = results[0].removesuffix(".0") if len(results) > 1 else results[0]
    return base if result_names(base, len(results)) == tuple(results) else results[0]
