"""What of a graph is the network: which tensors are its outputs, and which nodes serve training, saving, queues."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from transpiler.diagnostics import Sink
from transpiler.dialects.tensorflow.functions import FlatNode, Tensor
from transpiler.dialects.tensorflow.graph_def import GraphDef
from transpiler.dialects.tensorflow.ops_table import (
    ALIASES,
    EXITS,
    LOSSES,
    PLACEHOLDERS,
    READERS,
    SWITCHES,
    VARIABLES,
    WHILES,
    is_training,
    purpose,
)
from transpiler.passes.lower.tensorflow_view import NOWHERE, View

_HELPERS = (
    frozenset({"Shape", "ShapeN", "Size", "Rank", "Const", "Assert", "NoOp"}) | VARIABLES | PLACEHOLDERS
)
_SIZES = frozenset({"Shape", "ShapeN", "Size", "Rank"})
_NO_TENSOR = ("DT_VARIANT", "DT_RESOURCE", "DT_STRING")
_SCOPES = ("AssertGuard", "ActivityRegularizer", "assert_broadcastable", "group_deps")


def parse_tensor(text: str) -> Tensor:
    """`node` or `node:1` as a tensor."""
    name, _, index = text.removeprefix("^").partition(":")
    return name, int(index) if index.isdecimal() and len(index) < 6 else 0


def find_outputs(graph: GraphDef, view: View, wanted: Sequence[str], sink: Sink) -> list[Tensor]:
    """The tensors a network gives: those asked for, those that the file's signature names, or those nothing reads."""
    if wanted:
        return _asked(view, wanted, sink)
    signed = _signed(graph, view)
    if signed:
        return signed
    found = _unread(view)
    if not found:
        sink.error(
            "T3012", "nothing in the graph is an output of a network", graph.span, help="name the outputs"
        )
    return found


def _asked(view: View, wanted: Sequence[str], sink: Sink) -> list[Tensor]:
    found = []
    for text in wanted:
        tensor = parse_tensor(text)
        if tensor[0] not in view.flat.nodes and tensor not in view.flat.aliases:
            sink.error("T3013", f"the graph has no tensor `{text}`", help=_nearest(view, tensor[0]))
        else:
            found.append(tensor)
    return found


def _nearest(view: View, name: str) -> str | None:
    import difflib

    close = difflib.get_close_matches(name, list(view.flat.nodes)[:20_000], 3)
    return f"did you mean {', '.join(close)}?" if close else None


def _signed(graph: GraphDef, view: View) -> list[Tensor]:
    names = [key for key in sorted(graph.signatures) if not key.startswith("__")]
    chosen = "serving_default" if "serving_default" in names else (names[0] if names else None)
    if chosen is None:
        return []
    tensors = [parse_tensor(text) for text in graph.signatures[chosen].outputs.values()]
    return [tensor for tensor in tensors if tensor[0] in view.flat.nodes or tensor in view.flat.aliases]


def _unread(view: View) -> list[Tensor]:
    nodes = view.flat.nodes
    read = {tensor[0] for node in nodes.values() for tensor in node.inputs}
    read |= {tensor[0] for tensor in view.flat.aliases.values()}
    for condition, other, then in view.flat.branches.values():
        read |= {tensor[0] for tensor in (condition, *other, *then)}
    read |= view.flat.inside
    fed = _depending(view, lambda node: _is_input(view, node), _SIZES)
    ends = [node for node in nodes.values() if node.name not in read and _may_be_output(node)]
    calls = sorted({name for name, _ in view.flat.aliases if name not in read})
    candidates = [node for node in ends if node.name in fed] or ([] if fed else ends)
    trained = any(is_training(node.op) for node in nodes.values())
    if trained:
        late = _depending(
            view,
            lambda node: (
                node.op.endswith("Grad") or node.op == "BroadcastGradientArgs" or "gradients/" in node.name
            ),
        )
        candidates = [node for node in candidates if node.name not in late]
        losses = _depending(view, lambda node: node.op in LOSSES)
        free = [node for node in candidates if node.name not in losses]
        candidates = free or candidates
    taken = {
        view.resolve(tensor) for node in nodes.values() if node.op not in ALIASES for tensor in node.inputs
    }
    tensors = [(node.name, 0) for node in candidates if not _passes_on(view, node, taken)]
    tensors += [
        tensor for tensor in view.flat.aliases if tensor[0] in calls and view.resolve(tensor)[0] in fed
    ]
    tensors = _returned(tensors) or tensors
    tensors = [tensor for tensor in tensors if not _leaves_loop(view, tensor)] or tensors
    tensors = _without_trials(view, tensors)
    real: dict[Tensor, Tensor] = {}
    for tensor in tensors:
        behind = view.resolve(tensor)
        if behind != NOWHERE and _is_value(view, behind):
            real.setdefault(behind, tensor)
    return list(real.values()) or _variables_put_out(candidates)


def _variables_put_out(candidates: Sequence[FlatNode]) -> list[Tensor]:
    """Where nothing is computed: variables that are put out under names of their own."""
    names = [node.name for node in candidates if node.op == "Identity" and not node.name.endswith("/read")]
    return [(name, 0) for name in names]


def _passes_on(view: View, node: FlatNode, taken: set[Tensor]) -> bool:
    """Whether a node inside a scope only repeats what others read: a trace of a library's own steps."""
    if _OUTPUT.search(node.name):
        return False
    return node.op in ALIASES and "/" in node.name and view.resolve((node.name, 0)) in taken


_OUTPUT = re.compile(r"(^|/)outputs?(_\d+)?$")
"""How people, and this program, name what only puts a tensor out."""
_RETURNED = re.compile(r"Identity(_\d+)?")


def _returned(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Those that a traced function returns, which its tracing names so."""
    return [tensor for tensor in tensors if _RETURNED.fullmatch(tensor[0])]


def _without_trials(view: View, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Without what a layer with a loop leaves behind in its scope: a step that was made to learn its shape, and its
    last output where others read the sequence.
    """
    dropped: set[Tensor] = set()
    for name in [name for name, node in view.flat.nodes.items() if node.op in WHILES][:_MOST_LOOPS]:
        scope = f"{name.rpartition('/')[0]}/"
        inner = [tensor for tensor in tensors if tensor[0].startswith(scope)] if scope != "/" else []
        if not inner:
            continue
        behind = _depending(view, partial(_is_named, name))
        leaves = any(not reached.startswith(scope) for reached in behind)
        others = {tensor for tensor in tensors if view.resolve(tensor)[0] in behind or tensor[0] in behind}
        if leaves:
            dropped.update(inner)
        elif others:
            dropped.update(tensor for tensor in inner if tensor not in others)
    return [tensor for tensor in tensors if tensor not in dropped] or list(tensors)


_MOST_LOOPS = 64


def _is_named(name: str, node: FlatNode) -> bool:
    return node.name == name


def _leaves_loop(view: View, tensor: Tensor) -> bool:
    """Whether a tensor is what a library's loop or branch leaves behind: counters, states, pivots."""
    node = view.flat.nodes.get(tensor[0])
    if node is None or node.op in EXITS or node.op in WHILES:
        return node is not None
    source = view.flat.nodes.get(view.resolve(tensor)[0])
    if node.op not in ALIASES or source is None:
        return False
    return source.op in SWITCHES or (source.op in WHILES and node.name.startswith(f"{source.name}/"))


def _is_value(view: View, tensor: Tensor) -> bool:
    node = view.flat.nodes.get(tensor[0])
    return node is not None and node.op not in _HELPERS - {"Const"} and not node.op.startswith("Optional")


def _is_input(view: View, node: FlatNode) -> bool:
    if node.op in READERS:
        return True
    if node.op not in PLACEHOLDERS or node.get("dtype") == "DT_RESOURCE":
        return False
    return view.number((node.name, 0)) is None


def _may_be_output(node: FlatNode) -> bool:
    if purpose(node.op) is not None or node.op in _HELPERS or any(scope in node.name for scope in _SCOPES):
        return False
    return all(str(node.get(key, "")).removesuffix("_REF") not in _NO_TENSOR for key in ("T", "dtype"))


def _depending(view: View, pick: Callable[[FlatNode], bool], ends: frozenset[str] = frozenset()) -> set[str]:
    """The names of nodes that read, directly or not, from the nodes that `pick` picks, and those themselves.

    What is only computed from ops of the types `ends` does not count.
    """
    readers: dict[str, list[str]] = {}
    for node in view.flat.nodes.values():
        for tensor in node.inputs:
            readers.setdefault(tensor[0], []).append(node.name)
            readers.setdefault(view.resolve(tensor)[0], []).append(node.name)
    for (name, _), tensor in view.flat.aliases.items():
        readers.setdefault(tensor[0], []).append(name)
    queue = [node.name for node in view.flat.nodes.values() if pick(node)]
    seen: set[str] = set()
    while queue:
        name = queue.pop()
        reached = view.flat.nodes.get(name)
        if name not in seen and (reached is None or reached.op not in ends):
            seen.add(name)
            queue.extend(readers.get(name, ()))
    return seen


def note_pruned(nodes: Iterable[FlatNode], kept: set[str], sink: Sink) -> None:
    """One note on what was left out, with counts by what it serves."""
    counts: Counter[str] = Counter()
    for node in nodes:
        if node.name not in kept:
            serves = purpose(node.op)
            if serves is not None:
                counts[serves] += 1
            elif node.op not in ALIASES and node.op not in VARIABLES:
                counts["their operands"] += 1
    if any(name != "their operands" for name in counts):
        listed = ", ".join(f"{counts[name]} of {name}" for name in sorted(counts) if name != "their operands")
        rest = (
            f", and {counts['their operands']} nodes that only these need" if counts["their operands"] else ""
        )
        sink.note("T3020", f"nodes that are no part of the network are left out: {listed}{rest}")
