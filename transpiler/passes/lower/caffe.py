"""Lowering of Caffe: a net's text as a module, one graph a phase where its rules tell the phases apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from transpiler.diagnostics import Diagnostic, Sink
from transpiler.dialects.caffe.net_record import LayerRecord, NetRecord
from transpiler.dialects.caffe.net_state import NetState, Phase, active
from transpiler.dialects.caffe.typed import to_plain
from transpiler.dialects.caffe.upgrade import read_net
from transpiler.ir import Graph, Module, Shape
from transpiler.ir.attributes import Attr
from transpiler.passes.lower.caffe_forks import with_fork_rounding
from transpiler.passes.lower.caffe_graph import GraphLowering, IndexedLayer
from transpiler.syntax.textproto import Message

_NO_SHAPES: Mapping[str, Shape] = {}


def lower(
    message: Message,
    name: str,
    sink: Sink,
    *,
    input_shapes: Mapping[str, Shape] = _NO_SHAPES,
    level: int | None = None,
    stages: Iterable[str] = (),
) -> Module:
    """The module that a net's text means; whatever is wrong goes to the sink.

    `name` serves a net without one. `input_shapes` (by top or layer name) are those that the user will bind: windows
    with a lone `kernel_size` need the number of axes they slide over. `level` and `stages` are the state that include
    and exclude rules are held against, besides the phase.
    """
    net = with_fork_rounding(read_net(message, sink))
    stages = tuple(stages)
    states = [NetState.of(net, phase, level, stages) for phase in (Phase.TRAIN, Phase.TEST)]
    members = {state.phase.value: _members(net, state) for state in states}
    extras = _net_extras(net)
    used = {i for chosen in members.values() for i in chosen}
    inactive = [i for i in range(len(net.layers)) if i not in used]
    if inactive:
        extras["inactive"] = [_inactive(net.layers[i], i) for i in inactive]
        _report_inactive([net.layers[i] for i in inactive], len(inactive) == len(net.layers), sink)
    graphs = _lower_graphs(net, members, bool(inactive), sink, input_shapes)
    return Module(net.name or name, "caffe", graphs, {"caffe": extras})


def _members(net: NetRecord, state: NetState) -> tuple[int, ...]:
    return tuple(i for i, layer in enumerate(net.layers) if active(layer, state))


def _lower_graphs(
    net: NetRecord,
    members: Mapping[str, Sequence[int]],
    numbered: bool,
    sink: Sink,
    input_shapes: Mapping[str, Shape],
) -> dict[str, Graph]:
    train, test = members.values()
    phases = {"": train} if train == test else members
    producers = {top: layer for layer in reversed(net.layers) for top in layer.tops}
    numbered = numbered or len(phases) > 1
    graphs: dict[str, Graph] = {}
    seen: set[Diagnostic] = set()
    for phase, chosen in phases.items():
        own = Sink()
        lowering = GraphLowering(own, producers, input_shapes)
        layers = [IndexedLayer(net.layers[i], i if numbered else None) for i in chosen]
        graphs[phase] = lowering.run(phase, layers)
        for found in own.diagnostics:
            if found not in seen:
                seen.add(found)
                sink.add(found)
    return graphs


def _net_extras(net: NetRecord) -> dict[str, Attr]:
    fields = cast("dict[str, Attr]", to_plain(net.record))
    kept = {name: value for name, value in fields.items() if name != "name"}
    return {"net": kept} if kept else {}


def _inactive(layer: LayerRecord, index: int) -> Attr:
    return {"index": index, "layer": cast("dict[str, Attr]", to_plain(layer.record))}


def _report_inactive(layers: Sequence[LayerRecord], all_of_them: bool, sink: Sink) -> None:
    first = layers[0]
    names = ", ".join(f"`{layer.name}`" for layer in layers[:5]) + (", …" if len(layers) > 5 else "")
    if all_of_them:
        sink.warning(
            "T1035",
            "the rules of this net leave no layer in either phase",
            first.span,
            help="give its stages",
        )
    else:
        text = f"the rules leave {len(layers)} layers out of both phases: {names}"
        sink.note("T1036", text, first.span, notes=("They are kept, and written back to Caffe text.",))
