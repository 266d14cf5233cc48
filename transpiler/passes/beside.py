"""Adding nodes next to the one that is being rewritten."""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.ir import Node, Op, Origin, ParamUse, Value
from transpiler.ir.rewriting import Rewriter


class Beside:
    """Adds nodes named after `node`; the last step of a rewriting is `finish`, which keeps the node's own name."""

    def __init__(self, node: Node, rewriter: Rewriter) -> None:
        self.node = node
        self.rewriter = rewriter

    def add(self, what: str, op: Op, *operands: Value, params: Sequence[ParamUse] = ()) -> Value:
        """A node `NAME/what` with one result. Raises ShapeError."""
        return self.add_node(what, op, *operands, params=params).result

    def add_node(self, what: str, op: Op, *operands: Value, params: Sequence[ParamUse] = ()) -> Node:
        """A node `NAME/what` with any number of results."""
        node = self.node
        origin = Origin(f"{node.origin.layer}/{what}", node.origin.type, node.span)
        return self.rewriter.add(
            op, operands, name=f"{node.name}/{what}", origin=origin, params=params, scope=node.scope
        )

    def finish(self, op: Op, *operands: Value, params: Sequence[ParamUse] | None = None) -> tuple[Value, ...]:
        """The node itself with another op; its parameters stay unless others are given."""
        if params is None:
            kept = tuple(use for use in self.node.params if use.role in op.roles)
            return self.rewriter.swap(self.node, op, operands, params=kept)
        return self.rewriter.swap(self.node, op, operands, params=tuple(params))
