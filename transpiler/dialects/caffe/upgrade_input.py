"""Old-style inputs (`input` with `input_dim` or `input_shape`) to an Input layer, as Caffe upgrades them.

Source: `UpgradeNetInput` of BVLC Caffe 1.0, with two differences. Where the file gives no shapes, Caffe drops
the inputs, as in a weight file; here they become an Input layer without shapes, so that a user may give them.
Where Caffe's way of counting leaves an input without a shape, at which Caffe crashes, each input takes the
sizes that are written behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from transpiler.diagnostics import Sink, Span
from transpiler.dialects.caffe.net_record import LayerRecord
from transpiler.dialects.caffe.record import Record, Value
from transpiler.dialects.caffe.schema import LAYER, MESSAGES

__all__ = ["input_layer"]

_DIMS_PER_INPUT = 4
_RULE = "every `input` needs one `input_shape`, or four `input_dim`"


def input_layer(net: Record, order: Sequence[str], sink: Sink) -> LayerRecord:
    """The Input layer, named `input`, of a net with old-style inputs.

    `order` gives the names of the net's fields about inputs as they follow each other in the file.
    """
    names = net.texts("input")
    shapes = _shapes(net, order, sink)
    span = net.span_of("input", 0)
    places: dict[str, tuple[Span | None, ...]] = {"top": net.places.get("input", ())}
    values: dict[str, Value] = {"name": "input", "type": "Input", "top": names}
    if shapes:
        at = tuple(shape.span for shape in shapes)
        parameters = Record(MESSAGES["InputParameter"], {"shape": shapes}, span=at[0], places={"shape": at})
        values["input_param"] = parameters
        places["input_param"] = at[:1]
    return LayerRecord.of(Record(LAYER, values, span=span, places=places))


def _shapes(net: Record, order: Sequence[str], sink: Sink) -> tuple[Record, ...]:
    """One `BlobShape` an input; `input_shape` goes before `input_dim`, as in Caffe."""
    count = len(net.texts("input"))
    shapes = net.records("input_shape") or _shapes_of_dims(net)
    if not shapes and not net.has("input_dim"):
        text = "the inputs have no shape: neither `input_shape` nor `input_dim` is given"
        sink.warning("T1019", text, net.span_of("input", 0), help="give the shape on the command line")
        return ()
    place = net.span_of("input_shape") if net.has("input_shape") else net.span_of("input_dim")
    if len(shapes) < count:
        return _shapes_by_order(net, order, place, sink)
    if len(shapes) > count or len(net.integers("input_dim")) % _DIMS_PER_INPUT:
        text = f"there are more sizes than {count} inputs need; Caffe ignores those left over"
        sink.warning("T1018", text, place, help=_RULE)
    return shapes[:count]


def _shapes_of_dims(net: Record) -> tuple[Record, ...]:
    """A shape for every four `input_dim` of the file, which Caffe counts off in order."""
    dims = net.integers("input_dim")
    starts = range(0, len(dims) - _DIMS_PER_INPUT + 1, _DIMS_PER_INPUT)
    return tuple(_shape_of_dims(net, dims, range(start, start + _DIMS_PER_INPUT)) for start in starts)


def _shape_of_dims(net: Record, dims: Sequence[int], indices: Sequence[int]) -> Record:
    places = tuple(net.span_of("input_dim", index) for index in indices)
    values: dict[str, Value] = {"dim": tuple(dims[index] for index in indices)}
    return Record(MESSAGES["BlobShape"], values, span=places[0], places={"dim": places})


def _shapes_by_order(net: Record, order: Sequence[str], place: Span | None, sink: Sink) -> tuple[Record, ...]:
    """For each input the sizes written behind it; nothing, and an error, where an input has none."""
    shapes = [_shape_behind(net, order, index) for index, name in enumerate(order) if name == "input"]
    found = tuple(shape for shape in shapes if shape is not None)
    if len(found) == len(shapes) == len(net.texts("input")):
        text = "the sizes do not count up to a shape for each input; each takes those written behind it"
        sink.warning("T1018", text, place, help=_RULE, notes=("Caffe itself fails on this file.",))
        return found
    sink.error("T1018", f"there are {len(shapes)} inputs but not a shape for each", place, help=_RULE)
    return ()


def _shape_behind(net: Record, order: Sequence[str], index: int) -> Record | None:
    """The shape that the fields behind the input at `index`, up to the next input, give."""
    end = next((later for later in range(index + 1, len(order)) if order[later] == "input"), len(order))
    between = order[index + 1 : end]
    whole, dims = order[:index].count("input_shape"), order[:index].count("input_dim")
    shapes = net.records("input_shape")
    if "input_shape" in between:
        return shapes[whole] if whole < len(shapes) else None
    sizes = net.integers("input_dim")
    indices = range(dims, min(dims + between.count("input_dim"), len(sizes)))
    return _shape_of_dims(net, sizes, indices) if indices else None
