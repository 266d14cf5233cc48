"""Every network of `tf_keras.applications`, as a TF 1 graph and as a concrete function, against its own JSON.

usage: python -m tests.tensorflow.applications [--forms FOLDER] [NAME…]

Building all of them takes an hour; with `--forms` each is built once and its forms are kept in that folder.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path
from typing import Any

import msgspec

from tests.tensorflow.graphs import read_bytes
from tests.tensorflow.same_net import alike, count_parameters, difference, keras_graph


class Forms(msgspec.Struct, frozen=True):
    """One network in the forms that TensorFlow gives it."""

    json: str
    graph: bytes
    """As Keras builds it in a TF 1 graph, with its learning phase."""
    function: bytes
    """Traced for inference, with shapes."""
    total: int
    outputs: tuple[str, ...] = ()
    """The tensors of the graph that the model puts out; without them, what nothing reads."""


def names() -> list[str]:
    import tf_keras

    members = vars(tf_keras.applications).items()
    return sorted(name for name, member in members if inspect.isfunction(member))


def forms(build: Any) -> Forms:
    """A network without weights in all its forms; `build` makes it."""
    import tensorflow as tf
    import tf_keras

    with tf.Graph().as_default() as graph:
        made_there = build()
        total = made_there.count_params()
        outputs = tuple(tensor.name for tensor in made_there.outputs)
        data = graph.as_graph_def().SerializeToString()
    tf_keras.backend.clear_session()
    model = build()
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name=tensor.name) for tensor in model.inputs]
    traced = tf.function(lambda *x: model(x[0] if len(x) == 1 else x, training=False))
    function = traced.get_concrete_function(*specs).graph.as_graph_def(add_shapes=True).SerializeToString()
    made = Forms(model.to_json(), data, function, total, outputs)
    tf_keras.backend.clear_session()
    return made


def kept_forms(name: str, folder: Path | None) -> Forms:
    """The forms of a network by name, from the folder if they lie there, else built and put there."""
    import tf_keras

    def build() -> Any:
        return getattr(tf_keras.applications, name)(weights=None)

    if folder is None:
        return forms(build)
    files = [folder / f"{name}.{suffix}" for suffix in ("json", "v1.pb", "fns.pb", "total")]
    if not all(path.is_file() and path.stat().st_size for path in files):
        made = forms(build)
        files[0].write_text(made.json)
        files[1].write_bytes(made.graph)
        files[2].write_bytes(made.function)
        files[3].write_text(str(made.total))
        return made
    return Forms(
        files[0].read_text(), files[1].read_bytes(), files[2].read_bytes(), int(files[3].read_text())
    )


def differences(made: Forms) -> list[str]:
    """What differs between the raised graphs and the JSON's network; nothing when they are the same."""
    keras = keras_graph(made.json)
    found = []
    for data, traced in ((made.graph, False), (made.function, True)):
        what = "concrete function" if traced else "graph"
        graph = read_bytes(data, outputs=() if traced else made.outputs)
        problem = difference(graph, keras, traced=traced)
        if problem is not None:
            found.append(f"{what}: {problem}")
        expected = count_parameters(alike(keras, traced=True)) if traced else made.total
        total = count_parameters(alike(graph, traced=traced))
        if total != expected:
            found.append(f"{what}: {total} parameters, expected {expected}")
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tensorflow.applications", description=__doc__)
    parser.add_argument("--forms", type=Path, metavar="FOLDER", help="where built networks are kept")
    parser.add_argument("names", nargs="*", metavar="NAME")
    asked = parser.parse_args(arguments)
    same = 0
    chosen = asked.names or names()
    for name in chosen:
        problems = differences(kept_forms(name, asked.forms))
        same += not problems
        sys.stdout.write(f"{name}: {'; '.join(problems)[:300] or 'same'}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{same} of {len(chosen)} are the same network in both forms\n")
    return 0 if same == len(chosen) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
