"""One node as the plain fields of a `layer { }` message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from transpiler.dialects.caffe.dialect import CAFFE, spelled_arrays
from transpiler.dialects.caffe.fields import RANK
from transpiler.dialects.caffe.parameters import OWN_PARAMETERS
from transpiler.dialects.caffe.schema import LAYER, MESSAGES
from transpiler.dialects.rows import Array, Native, Refusal
from transpiler.emitters.caffe_blobs import AUTOMATIC
from transpiler.ir import Graph, Node, Value
from transpiler.ir.attributes import Attr
from transpiler.ops.core import Opaque
from transpiler.ops.normalization import BatchNorm

Fields = dict[str, Attr]

BOOKKEEPING = frozenset({"name", "index", "implicit"})
"""Extras that say how a node relates to its file, not what the layer's fields are."""


class NotLegal(Exception):
    """A node that no row writes reached the emitter: a fault of this program, as legalization must run first."""


def layer_name(node: Node) -> str:
    """The layer's name: the file's own, which need not be unique, else the node's."""
    own = node.native("caffe").get("name")
    return own if isinstance(own, str) else node.name


def layer_fields(node: Node, blobs: Mapping[Value, str], shared: frozenset[str]) -> Fields:
    """The fields of the node's layer. `shared` are the symbols of arrays that several nodes use."""
    spelled = CAFFE.spell(node)
    if isinstance(spelled, Refusal):
        raise NotLegal(f"{node.name}: {spelled.reason}")
    row, native = spelled
    extras = {name: value for name, value in node.native("caffe").items() if name not in BOOKKEEPING}
    tops = [blobs[value] for value in node.results if blobs[value] != AUTOMATIC]
    wiring: Fields = {"name": layer_name(node), "type": native.type}
    if node.operands:
        wiring["bottom"] = [blobs[value] for value in node.operands]
    if tops:
        wiring["top"] = tops
    arrays = spelled_arrays(node, row, native) if node.op.roles else ()
    params = _params(node, extras.get("param", ()), arrays, shared)
    if params:
        extras["param"] = params
    if not wiring["name"]:
        del wiring["name"]
    return {**wiring, **_merged(extras, _own_fields(node, native))}


def _own_fields(node: Node, native: Native) -> Fields:
    """The fields that the op gives, at their place in the layer."""
    config = {name: value for name, value in native.config.items() if name != RANK}
    if isinstance(node.op, Opaque):
        return config
    own = OWN_PARAMETERS.get(native.type)
    if own is None or not config:
        return {}
    spec = LAYER.field(own)
    message = MESSAGES.get(spec.message) if spec is not None and spec.message is not None else None
    written: Fields = {}
    for name, value in config.items():
        field = message.field(name) if message is not None else None
        if isinstance(value, bool) and field is not None and field.default_value is value:
            continue  # a flag that only told rows apart
        written[name] = value
    return {own: written} if written else {}


def _merged(kept: Mapping[str, Attr], given: Mapping[str, Attr]) -> Fields:
    """Two messages as one; where both have a field, messages are merged and the second counts otherwise."""
    made: Fields = dict(kept)
    for name, value in given.items():
        old = made.get(name)
        made[name] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return made


def shared_symbols(graphs: Sequence[Graph]) -> frozenset[str]:
    """The arrays that more than one node of a graph uses, or one node in two roles."""
    found: set[str] = set()
    for graph in graphs:
        counts = Counter(node.param(role).symbol for node in graph.nodes for role in node.op.roles)
        found.update(symbol for symbol, count in counts.items() if count > 1)
    return frozenset(found)


def _params(node: Node, written: Attr, arrays: Sequence[Array], shared: frozenset[str]) -> list[Attr]:
    """`param` messages: as the file had them, with the names that sharing needs."""
    specs = [dict(item) for item in cast("Sequence[Mapping[str, Attr]]", written or ())]
    names = [node.param(array.role).symbol for array in arrays]
    if isinstance(node.op, BatchNorm) and len(names) == 2:
        names.append(f"{names[0]}/factor")  # Caffe's third blob goes with the mean it divides
    wanted = [
        name if name in shared or (i == 2 and names[0] in shared) else None for i, name in enumerate(names)
    ]
    for i, name in enumerate(wanted):
        if name is None or (i < len(specs) and specs[i].get("name")):
            continue
        specs += [{} for _ in range(i + 1 - len(specs))]
        specs[i] = {"name": name, **specs[i]}
    return list(specs)
