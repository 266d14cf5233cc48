"""The page of networks that tables call impossible: every command on it runs, and real frameworks load the results."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.tensorflow_write.running import tf
from transpiler.cli import main

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
PAGE = ROOT / "docs" / "paper-nets.md"
COMMANDS = [
    tuple(shlex.split(line)[1:])
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("    transpiler ")
]
PAIRS = [(COMMANDS[i], COMMANDS[i + 1]) for i in range(0, len(COMMANDS), 2)]


class Net(msgspec.Struct, frozen=True):
    """What both results must have: the output's shape, how many learned numbers; and some of TensorFlow's ops."""

    shape: tuple[int | None, ...]
    parameters: int
    ops: frozenset[str]


def net(shape: tuple[int, ...], parameters: int, ops: str) -> Net:
    return Net((None, *shape), parameters, frozenset(ops.split()))


NETS = {
    "googlenet": net((1000,), 6_998_552, "LRN MaxPool AvgPool ConcatV2"),
    "alexnet": net((1000,), 60_965_224, "LRN Split ConcatV2"),
    "densenet": net((10,), 1_037_818, "FusedBatchNormV3 ConcatV2"),
    "squeezenet": net((1, 1, 1000), 1_235_496, "ConcatV2 Softmax"),
    "all_cnn": net((1, 1, 10), 1_369_738, "Conv2D Softmax"),
    "fcn32s": net((500, 500, 60), 149_251_964, "Conv2DBackpropInput StridedSlice"),
    "fcn32s_nyud": net((480, 640, 40), 275_402_448, "Conv2DBackpropInput StridedSlice"),
    "pix2pix": net((500, 500, 20), 134_473_084, "Conv2DBackpropInput StridedSlice"),
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here"),
]


def run(command: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run a command of the page from the project's root, its result in another folder."""
    monkeypatch.chdir(ROOT)
    *rest, name = command
    assert rest[0] == "convert"
    assert rest[-1] == "-o"
    assert main([*rest, str(folder / name)]) == 0
    return folder / name


def results(target: str) -> list[Any]:
    return [pytest.param(one, id=Path(one[-1]).stem) for one in COMMANDS if target in one]


def test_the_page_has_both_targets_of_every_network() -> None:
    assert [Path(one[-1]).stem for one, _ in PAIRS] == list(NETS)
    for keras, tensorflow in PAIRS:
        assert keras[:-3] == tensorflow[:-3]
        assert (keras[-3], tensorflow[-3]) == ("keras", "tensorflow")


@pytest.mark.parametrize("command", results("tensorflow"))
def test_tensorflow_imports_the_result(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.protobuf import text_format

    path = run(command, tmp_path, monkeypatch)
    expected = NETS[path.stem]
    graph_def = tf.compat.v1.GraphDef()
    text_format.Parse(path.read_text(), graph_def)
    with tf.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(graph_def, name="")
    operations = graph.get_operations()
    assert expected.ops <= {node.type for node in operations}
    variables = [node.get_attr("shape").dim for node in operations if node.type == "VarHandleOp"]
    assert sum(math.prod(dim.size for dim in shape) for shape in variables) == expected.parameters
    (output,) = [
        node for node in operations if node.outputs and not any(tensor.consumers() for tensor in node.outputs)
    ]
    assert tuple(output.outputs[0].shape) == expected.shape


@pytest.mark.parametrize("command", results("keras"))
def test_keras_loads_the_result(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras = pytest.importorskip("keras")
    path = run(command, tmp_path, monkeypatch)
    model = keras.models.model_from_json(path.read_text())
    assert [tuple(y.shape) for y in model.outputs] == [NETS[path.stem].shape]
    assert model.count_params() == NETS[path.stem].parameters
    keras.backend.clear_session()
