"""Full-conversion legalization: rules rewrite what the target's rows refuse, until they refuse nothing more.

A node is legal if and only if the dialect spells it. A rule gives replacements for an illegal node, None when it does
not apply, or a Refusal with a better reason than the rows have. Whatever stays illegal is reported, all of it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from transpiler.diagnostics import Span
from transpiler.dialects.rows import Dialect, Refusal
from transpiler.ir import Graph, Node, Op, Value
from transpiler.ir.rewriting import Rewriter, rewrite
from transpiler.ops.core import Opaque
from transpiler.passes.manager import Context
from transpiler.passes.trail import Moved

LegalRule = Callable[[Node, Rewriter], Sequence[Value] | Refusal | None]
ROUNDS = 12
"""More rewriting steps in a row than any chain of rules needs."""


def legalize(
    graph: Graph,
    context: Context,
    dialect: Dialect,
    rules: Mapping[type[Op], Sequence[LegalRule]],
    target: str,
) -> Graph:
    """A graph in which every node is legal, or errors in the context's sink."""
    reasons: dict[str, Refusal] = {}
    moved: dict[str, Moved | None] = {}

    def rule(node: Node, rewriter: Rewriter) -> Sequence[Value] | None:
        spelled = dialect.spell(node)
        if not isinstance(spelled, Refusal):
            return None
        for candidate in rules.get(type(node.op), ()):
            try:
                made = candidate(node, rewriter)
            except ValueError as error:  # sizes that make no sense, as types (ShapeError) or as fields
                made = Refusal(str(error))
            if isinstance(made, Refusal):
                reasons[node.name] = made
            elif made is not None:
                pairs = zip(node.results, made, strict=True)
                moved.update({old.name: Moved(new.name) for old, new in pairs if old.name != new.name})
                return made
        reasons.setdefault(node.name, spelled)
        return None

    for _ in range(ROUNDS):
        reasons.clear()
        moved.clear()
        changed = rewrite(graph, rule)
        if changed is graph:
            break
        context.trail.note(dict(moved))
        graph = changed
    refused = [(node, reasons[node.name]) for node in graph.nodes if node.name in reasons]
    if refused:
        report(refused, context, target)
    return graph


def report(refused: Sequence[tuple[Node, Refusal]], context: Context, target: str) -> None:
    """One error a source layer. What is refused only for want of sizes is not said where their lack has been said."""
    told = context.sink.has_errors or any(isinstance(node.op, Opaque) for node, _ in refused)
    said: set[tuple[Span | None, str]] = set()
    for node, refusal in refused:
        layer = (node.span, node.origin.type)
        if (node.span is not None and layer in said) or (told and _reads_open_sizes(node)):
            continue
        said.add(layer)
        _report(node, refusal, context, target)


def _is_open(value: Value) -> bool:
    """Whether more than the batch size of a value is unknown."""
    return value.type.shape is None or None in value.type.shape[1:]


def _reads_open_sizes(node: Node) -> bool:
    return not isinstance(node.op, Opaque) and any(map(_is_open, node.operands))


def _report(node: Node, refusal: Refusal, context: Context, target: str) -> None:
    if isinstance(node.op, Opaque):
        where = node.op.framework
        only = (
            "and what is not understood is not written"
            if where == target.lower()
            else f"so it exists only in {where}"
        )
        kind = f"this program does not understand {node.op.type} as it stands here, {only}"
        context.sink.error("T5001", f"layer {node.origin.layer}: {kind}", node.span, help=refusal.help)
        return
    what = f"{node.origin.type or node.op.name} has no exact form in {target}"
    message = f"layer {node.origin.layer}: {what}: {refusal.reason}"
    context.sink.error("T5002", message, node.span, help=refusal.help)
