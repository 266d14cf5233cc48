"""Every network of `tf_keras.applications`, as a TF 1 graph and as a concrete function, against its own JSON.

usage: python -m tests.tensorflow.applications [NAME…]     (all of them take half an hour)
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

import attrs

from tests.tensorflow.graphs import read_bytes
from tests.tensorflow.same_net import alike, count_parameters, difference, keras_graph


@attrs.frozen
class Forms:
    """One network in the forms that TensorFlow gives it."""

    json: str
    graph: bytes
    """As Keras builds it in a TF 1 graph, with its learning phase."""
    function: bytes
    """Traced for inference, with shapes."""
    total: int


def names() -> list[str]:
    import tf_keras

    members = vars(tf_keras.applications).items()
    return sorted(name for name, member in members if inspect.isfunction(member))


def forms(build: Any) -> Forms:
    """A network without weights in all its forms; `build` makes it."""
    import tensorflow as tf
    import tf_keras

    with tf.Graph().as_default() as graph:
        total = build().count_params()
        data = graph.as_graph_def().SerializeToString()
    tf_keras.backend.clear_session()
    model = build()
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name) for tensor in model.inputs]
    traced = tf.function(lambda *x: model(x[0] if len(x) == 1 else x, training=False))
    function = traced.get_concrete_function(*specs).graph.as_graph_def(add_shapes=True).SerializeToString()
    tf_keras.backend.clear_session()
    return Forms(model.to_json(), data, function, total)


def differences(made: Forms) -> list[str]:
    """What differs between the raised graphs and the JSON's network; nothing when they are the same."""
    keras = keras_graph(made.json)
    found = []
    for data, traced in ((made.graph, False), (made.function, True)):
        what = "concrete function" if traced else "graph"
        graph = read_bytes(data)
        problem = difference(graph, keras, traced=traced)
        if problem is not None:
            found.append(f"{what}: {problem}")
        expected = count_parameters(alike(keras, traced=True)) if traced else made.total
        total = count_parameters(alike(graph, traced=traced))
        if total != expected:
            found.append(f"{what}: {total} parameters, expected {expected}")
    return found


def main(wanted: list[str]) -> int:
    import tf_keras

    same = 0
    chosen = wanted or names()
    for name in chosen:
        build = getattr(tf_keras.applications, name)
        problems = differences(forms(lambda build=build: build(weights=None)))
        same += not problems
        sys.stdout.write(f"{name}: {'; '.join(problems)[:300] or 'same'}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{same} of {len(chosen)} are the same network in both forms\n")
    return 0 if same == len(chosen) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
