"""Running graphs in real TensorFlow: imported as they are, variables assigned, tensors fetched by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from transpiler.dialects.tensorflow.read_binary import binary_kind
from transpiler.dialects.tensorflow.read_text import top_kind
from transpiler.parsers import textproto
from transpiler.verify.runtime import Receiver, Runtime, Unusable, failing

if TYPE_CHECKING:
    from transpiler.ir.arrays import Array as Numbers

_MOST_BYTES: Final = 1 << 30
"""How much one run may hand over; what is more takes further runs."""
_MOST_ASSIGNED: Final = 1 << 26
"""How many bytes of small variables are assigned at once; larger ones alone."""
_FLOAT_BYTES: Final = 4


def run(
    runtime: Runtime,
    graph: bytes | str,
    variables: Mapping[str, Callable[[], Numbers]],
    inputs: Mapping[str, Numbers],
    wanted: Mapping[str, int],
    receive: Receiver[str],
) -> None:
    """Run a GraphDef, given as text or as bytes.

    `inputs` are by tensor, `wanted` are tensors and how many elements each has (0 if unknown); variables are decoded
    a portion at a time. Raises Unusable.
    """
    tf = runtime.load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with failing(runtime, "read the graph"):
            definition = _definition(graph)
            _check_deployed(definition, wanted, variables)
        with tf.Graph().as_default() as built:
            with failing(runtime, "import the graph"):
                tf.compat.v1.import_graph_def(definition, name="")
            with tf.compat.v1.Session(graph=built) as session:
                _run(tf, runtime, session, variables, inputs, wanted, receive)


def _run(
    tf: Any,
    runtime: Runtime,
    session: Any,
    variables: Mapping[str, Callable[[], Numbers]],
    inputs: Mapping[str, Numbers],
    wanted: Mapping[str, int],
    receive: Receiver[str],
) -> None:
    with failing(runtime, "take the weights"):
        _fill(tf, session, variables)
    with failing(runtime, "take the inputs"):
        given = {_tensor(session, name): array for name, array in inputs.items()}
        given = {tensor: array.astype(tensor.dtype.as_numpy_dtype) for tensor, array in given.items()}
    with failing(runtime, "run the graph"):
        there = {name: size for name, size in wanted.items() if _is_there(session, name)}
        for names in _portions(there):
            tensors = [_tensor(session, name) for name in names]
            for name, array in zip(names, session.run(tensors, given), strict=True):
                receive(name, array)


def _definition(graph: bytes | str) -> Any:
    """The GraphDef of a file, alone or inside a MetaGraphDef or SavedModel (its first)."""
    from google.protobuf import text_format
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    kinds = {kind.__name__: kind for kind in (GraphDef, MetaGraphDef, SavedModel)}
    if isinstance(graph, bytes):
        made = kinds[binary_kind(graph) or "GraphDef"]()
        made.ParseFromString(graph)
    else:
        message = textproto.parse(graph)
        made = text_format.Parse(graph, kinds[top_kind({field.name for field in message.fields})]())
    if isinstance(made, SavedModel):
        made = made.meta_graphs[0]
    return made.graph_def if isinstance(made, MetaGraphDef) else made


_RANDOM: Final = (
    "RandomUniform",
    "RandomStandardNormal",
    "TruncatedNormal",
    "StatelessRandom",
    "RandomGamma",
)


def _check_deployed(definition: Any, wanted: Iterable[str], variables: Iterable[str]) -> None:
    """Refuse a graph that trains: it draws numbers, or normalizes by its batch and never reads what it has averaged."""
    nodes = {node.name: node for node in definition.node}
    seen: set[str] = set()
    ahead = [name.split(":")[0] for name in wanted]
    while ahead:
        name = ahead.pop()
        if name in seen or name not in nodes:
            continue
        seen.add(name)
        if nodes[name].op.startswith(_RANDOM):
            raise Unusable(f"it is a graph for training: {name} draws random numbers")
        ahead += [source.lstrip("^").split(":")[0] for source in nodes[name].input]
    unread = next((name for name in variables if name not in seen), None)
    if unread is not None and any(name.split(":")[0] not in nodes for name in wanted):
        raise Unusable("it computes inside functions, whose tensors nobody can fetch")
    if unread is not None:
        raise Unusable(f"it is a graph for training: what it computes does not depend on {unread}")


def _tensor(session: Any, name: str) -> Any:
    return session.graph.get_tensor_by_name(name if ":" in name else f"{name}:0")


def _is_there(session: Any, name: str) -> bool:
    """Whether the graph has a tensor: those inside functions nobody can fetch."""
    try:
        _tensor(session, name)
    except (KeyError, ValueError):
        return False
    return True


_VARIABLES: Final = ("VarHandleOp", "VariableV2", "Variable")


def _fill(tf: Any, session: Any, variables: Mapping[str, Callable[[], Numbers]]) -> None:
    """Give variables, new or old, their numbers, a portion at a time; others what the graph itself begins with."""
    operations = {operation.name: operation for operation in session.graph.get_operations()}
    others = [name for name, made in operations.items() if made.type in _VARIABLES and name not in variables]
    if others and "init" in operations:
        session.run("init")
    # All of the graph before anything runs: a session takes in a changed graph as a whole.
    assigning = {name: _assignment(tf, operations.get(name), name) for name in variables}
    given: dict[Any, Numbers] = {}
    assigned: list[Any] = []
    for name, (assign, value) in assigning.items():
        array = variables[name]().astype(value.dtype.as_numpy_dtype, copy=False)
        if sum(other.nbytes for other in given.values()) + array.nbytes > _MOST_ASSIGNED:
            session.run(assigned, given)
            given, assigned = {}, []
        given[value] = array
        assigned.append(assign)
    session.run(assigned, given)


def _assignment(tf: Any, variable: Any, name: str) -> tuple[Any, Any]:
    """The operation that fills a variable, and the placeholder that it takes the numbers from."""
    if variable is None or variable.type not in _VARIABLES:
        raise Unusable(f"the graph has no variable {name}")
    value = tf.compat.v1.placeholder(variable.get_attr("dtype"))
    handle = variable.outputs[0]
    if variable.type == "VarHandleOp":
        return tf.raw_ops.AssignVariableOp(resource=handle, value=value), value
    return tf.raw_ops.Assign(ref=handle, value=value).op, value


def _portions(wanted: Mapping[str, int]) -> Iterator[Sequence[str]]:
    """The tensors in portions that fit in memory."""
    portion: list[str] = []
    total = 0
    for name, size in wanted.items():
        if portion and total + size * _FLOAT_BYTES > _MOST_BYTES:
            yield portion
            portion, total = [], 0
        portion.append(name)
        total += size * _FLOAT_BYTES
    if portion:
        yield portion
