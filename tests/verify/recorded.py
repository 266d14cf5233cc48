"""What a real Caffe computed, against what our conversions compute in their frameworks: blob by blob."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from transpiler.diagnostics import Sink
from transpiler.driver.binding import bind
from transpiler.driver.native_arrays import native_shape
from transpiler.driver.options import Options
from transpiler.driver.targets import TARGETS
from transpiler.emitters.caffe_weights import weight_plan
from transpiler.ir import DType, LazyArray, Value
from transpiler.ops.core import Data, Input
from transpiler.verify.comparison import difference
from transpiler.verify.inputs import inputs_of
from transpiler.verify.runs import run_converted
from transpiler.verify.subject import Subject, converted, read_subject
from transpiler.weights.stored import Stored, WeightFile

Numbers = np.ndarray[Any, np.dtype[Any]]
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
KIT = Path(__file__).resolve().parents[1] / "data" / "oracle" / "caffe_layers"
NETS = SHARED / "oracle" / "caffe_nets"
CORPUS = SHARED / "corpus" / "caffe"


class Recording(msgspec.Struct, frozen=True):
    """A net and the file of arrays that Caffe gave: `out/BLOB`, `shape/BLOB`, perhaps `in/BLOB` and `w/LAYER/INDEX`."""

    net: Path
    arrays: Path

    @property
    def name(self) -> str:
        return self.arrays.stem

    def part(self, prefix: str) -> dict[str, Numbers]:
        """The arrays of one kind, by what follows the prefix."""
        with np.load(self.arrays) as stored:
            return {key[len(prefix) :]: stored[key] for key in stored.files if key.startswith(prefix)}


class Compared(msgspec.Struct, frozen=True):
    """Relative differences by blob, inputs left out, and the blobs that the conversion does not compute apart."""

    differences: Mapping[str, float]
    fused: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many blobs Caffe computed."""
        return len(self.differences) + len(self.fused)

    @property
    def worst(self) -> tuple[str, float]:
        """The blob that is farthest off; infinitely far where nothing was compared."""
        return max(self.differences.items(), key=lambda item: item[1], default=("nothing", math.inf))


def kit() -> list[Recording]:
    """The 97 small nets, with their weights and inputs."""
    return [Recording(path, path.with_suffix(".npz")) for path in sorted(KIT.glob("*.prototxt"))]


def nets() -> list[Recording]:
    """The whole nets of the corpus, which run with seeded numbers; none where the corpus is absent."""
    return [Recording(CORPUS / f"{path.stem}.prototxt", path) for path in sorted(NETS.glob("*.npz"))]


def subject_of(recording: Recording) -> Subject:
    """The net with the very numbers that Caffe ran it with."""
    shapes = recording.part("shape/")
    sink = Sink()
    bare = read_subject(recording.net, Options(), 0, sink)
    wanted = {
        value.native or value.name: tuple(int(size) for size in shapes[value.native or value.name])
        for node in bare.graph.nodes
        if isinstance(node.op, (Input, Data))
        for value in node.results
        if (value.native or value.name) in shapes
    }
    subject = read_subject(recording.net, Options(input_shapes=wanted), 0, sink)
    stored = recording.part("w/")
    layers = _stored(stored) if stored else _seeded(subject)
    store = bind(subject.module, WeightFile(recording.name, "caffe", layers), sink)
    sink.raise_if_errors()
    given = recording.part("in/")
    inputs = {
        value.name: np.asarray(given[value.native or value.name])
        if stored
        else _rng(value.native or value.name, 0).standard_normal(wanted[value.native or value.name])
        for node in subject.graph.nodes
        if isinstance(node.op, (Input, Data))
        for value in node.results
        if (value.native or value.name) in (given if stored else wanted)
    }
    return subject.with_numbers(store, {name: array.astype(np.float32) for name, array in inputs.items()})


def compare(recording: Recording, target: str) -> Compared:
    """Every recorded blob that the conversion computes too. Raises CompileError where there is no exact form."""
    subject = subject_of(recording)
    recorded, shapes = recording.part("out/"), recording.part("shape/")
    last = {value.native: value for value in subject.graph.values() if value.native in recorded}
    wanted = set(last.values()) - set(inputs_of(subject.graph))
    found: dict[str, float] = {}

    def receive(value: Value, array: Numbers) -> None:
        if value in wanted:
            blob = value.native or ""
            sizes = tuple(map(int, shapes[blob])) if blob in shapes else recorded[blob].shape
            relative = distance(recorded[blob], sizes, array)
            found[blob] = max(relative, found.get(blob, 0.0))

    made = converted(subject, TARGETS[target], Sink())
    run_converted(subject, made, receive)
    for value in subject.graph.outputs:
        # Nothing passes by being absent, but losses are not part of the result.
        if value in wanted and made.trail.follow(value.name) is not None:
            found.setdefault(value.native or "", math.inf)
    computed = [value.native or "" for value in last.values() if value in wanted]
    return Compared(found, tuple(blob for blob in computed if blob not in found))


def distance(recorded: Numbers, shape: Sequence[int], found: Numbers) -> float:
    """max |found - recorded| / max |recorded|; infinite for another shape. Of long blobs some elements are recorded."""
    if found.shape != tuple(shape):
        return math.inf
    if recorded.shape != found.shape:
        found = found.reshape(-1)[:: found.size // recorded.size][: recorded.size]
    return difference(recorded, np.asarray(found)).relative


def _stored(arrays: Mapping[str, Numbers]) -> dict[str, tuple[Stored, ...]]:
    found: dict[str, dict[int, Numbers]] = {}
    for key, array in arrays.items():
        layer, _, index = key.rpartition("/")
        found.setdefault(layer, {})[int(index)] = array
    return {
        layer: tuple(Stored(f"{layer}/{i}", _lazy(by_index[i])) for i in sorted(by_index))
        for layer, by_index in found.items()
    }


def _lazy(array: Numbers) -> LazyArray:
    return LazyArray(array.shape, DType.FLOAT32, lambda: array)


def _seeded(subject: Subject) -> dict[str, tuple[Stored, ...]]:
    """The numbers that the recorded nets were run with, by layer, type and place."""
    found: dict[str, tuple[Stored, ...]] = {}
    for plan in weight_plan(subject.module):
        shapes = [tuple(n or 0 for n in native_shape(one.spelling, one.shape)) for one in plan.arrays]
        found[plan.path] = tuple(
            Stored(f"{plan.path}/{j}", _drawn(plan.path, plan.type, j, shape))
            for j, shape in enumerate(shapes)
        )
    return found


def _drawn(layer: str, type_: str, j: int, shape: tuple[int, ...]) -> LazyArray:
    return LazyArray(shape, DType.FLOAT32, lambda: _numbers(layer, type_, j, shape).astype(np.float32))


def _rng(name: str, j: int) -> np.random.Generator:
    return np.random.default_rng([0, zlib.crc32(name.encode()), j])


def _numbers(layer: str, type_: str, j: int, shape: tuple[int, ...]) -> Numbers:
    rng = _rng(layer, j)
    made: Numbers
    match type_:
        case "BatchNorm" if j == 0:
            made = 0.1 * rng.standard_normal(shape)
        case "BatchNorm":
            made = rng.uniform(0.5, 1.5, shape) if j == 1 else np.ones(shape)
        case "Scale" if j == 0:
            made = rng.uniform(0.5, 1.5, shape)
        case "PReLU":
            made = rng.uniform(0, 0.5, shape)
        case "Scale" | "Bias":
            made = 0.1 * rng.standard_normal(shape)
        case "Convolution" | "Deconvolution" | "InnerProduct" | "Embed" if j > 0:
            made = 0.1 * rng.standard_normal(shape)
        case _:
            made = rng.standard_normal(shape) * math.sqrt(2 / max(math.prod(shape[1:]), 1))
    return made
