"""Damaged and hostile weight files: a diagnostic or a readable file, and loading raises nothing but ValueError.

Every mutation is drawn from its own number, so that a red case can be run again.
"""

from __future__ import annotations

import json
import math
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.weights.arrays import layer
from transpiler.diagnostics import CompileError, Sink
from transpiler.diagnostics.codes import CODES
from transpiler.weights.reading import read_weights, whole_model
from transpiler.weights.writing import (
    write_caffemodel,
    write_keras_archive,
    write_keras_h5,
    write_keras_weights,
    write_npz,
)

pytest.importorskip("h5py")
ARRAYS = [np.arange(12, dtype="float32").reshape(4, 3), np.ones(3, "float32")]
LAYERS = [
    layer("dense", ARRAYS),
    layer("inner/deep", ARRAYS),
    layer("inner/normal", [np.ones(3, "float32")] * 4),
]


def dense(name: str) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": "Dense", "config": {"name": name, "units": 3}}


def normal(name: str) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": "BatchNormalization", "config": {"name": name}}


def chain(name: str, *layers: dict[str, Any]) -> dict[str, Any]:
    return {"module": "keras", "class_name": "Sequential", "config": {"name": name, "layers": list(layers)}}


CONFIG = json.dumps(chain("model", dense("dense"), chain("inner", dense("deep"), normal("normal"))))
"""The model of the files here."""


def compressed_npz(path: str) -> None:
    arrays = {f"{one.path}/{i}": array.load() for one in LAYERS for i, array in enumerate(one.arrays)}
    write: Any = np.savez_compressed  # whose annotations do not foresee a table of arrays
    write(path, **arrays)


def chunked_h5(path: str) -> None:
    import h5py

    write_keras_h5(path, CONFIG, LAYERS)
    with h5py.File(path, "a", libver="earliest") as file:
        group = file["model_weights/dense"]
        name = group.attrs["weight_names"][0].decode()
        del group[name]
        group.create_dataset(name, data=ARRAYS[0], chunks=(2, 2), compression="gzip", shuffle=True)


def newest_h5(path: str) -> None:
    import h5py

    write_keras_h5(f"{path}.old", CONFIG, LAYERS)
    with h5py.File(f"{path}.old", "r") as old, h5py.File(path, "w", libver="latest") as new:
        for key in old.attrs:
            new.attrs[key] = old.attrs[key]
        old.copy("model_weights", new)
        for i in range(20):
            new.create_group(f"more_{i}")


def packed_archive(path: str) -> None:
    write_keras_archive(f"{path}.old", CONFIG, LAYERS)
    with zipfile.ZipFile(f"{path}.old") as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


FORMATS: dict[str, Callable[[str], None]] = {
    "net.caffemodel": lambda path: write_caffemodel(path, "net", LAYERS),
    "plain.npz": lambda path: write_npz(path, LAYERS),
    "packed.npz": compressed_npz,
    "model.h5": lambda path: write_keras_h5(path, CONFIG, LAYERS),
    "alone.h5": lambda path: write_keras_h5(path, CONFIG, LAYERS, whole=False),
    "chunked.h5": chunked_h5,
    "newest.h5": newest_h5,
    "model.weights.h5": lambda path: write_keras_weights(path, CONFIG, LAYERS),
    "model.keras": lambda path: write_keras_archive(path, CONFIG, LAYERS),
    "packed.keras": packed_archive,
}
COUNT = 100
NUMBERS = [b"\xff" * 8, bytes(8), (1 << 31).to_bytes(8, "little"), b"\xff\xff\xff\x7f", b"\x80" * 10, b"\x01"]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small valid file of each format."""
    found = {}
    for name, write in FORMATS.items():
        path = tmp_path_factory.mktemp("valid") / name
        write(str(path))
        found[name] = path.read_bytes()
    return found


def mutated(content: bytes, seed: int) -> bytes:
    """The content with a few bytes changed, overwritten, removed or repeated, or its end cut off."""
    rng = random.Random(seed)
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        at = rng.randrange(len(data))
        match rng.randrange(6):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                number = rng.choice(NUMBERS)
                data[at : at + len(number)] = number
            case 3:
                data[at : at + 8] = rng.randrange(len(data)).to_bytes(8, "little")
            case 4:
                del data[at : at + rng.choice([1, 2, 8])]
            case _:
                data[at:at] = data[at : at + rng.choice([1, 8, 64])]
    if rng.random() < 0.1:
        del data[rng.randrange(len(data)) :]
    return bytes(data)


def check(path: Path) -> bool:
    """Read a file and load its arrays; whether it was readable. What is wrong has a code."""
    known = {"model.weights.h5": json.loads(CONFIG), "alone.h5": json.loads(CONFIG)}
    try:
        file = read_weights(str(path), Sink(), known.get(path.name))
        whole_model(str(path))
    except CompileError as error:
        return not error.diagnostics or any(item.code not in CODES for item in error.diagnostics)
    for stored in file.layers.values():
        for one in stored:
            assert math.prod(one.array.shape) < 1 << 20
            try:
                array = one.array.load()
            except ValueError:
                continue
            assert array.shape == one.array.shape
    return True


@pytest.mark.parametrize("name", FORMATS)
def test_mutations(name: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / name
    for seed in range(COUNT):
        path.write_bytes(mutated(contents[name], seed))
        check(path)


@pytest.mark.parametrize("name", FORMATS)
def test_truncations(name: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / name
    content = contents[name]
    step = max(len(content) // 150, 1)
    for end in range(0, len(content) - 64, step):
        path.write_bytes(content[:end])
        assert not check(path) or name == "net.caffemodel", end
    path.write_bytes(content)
    assert check(path)


OTHERS = {
    "empty": b"",
    "pickle": b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93",
    "gzip": b"\x1f\x8b\x08\x00" + bytes(60),
    "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n",
    "page": b"<!DOCTYPE html><html></html>",
    "text": b'name: "net"\nlayer { name: "conv" }\n',
    "json": b'{"class_name": "Sequential"}',
    "noise": bytes(random.Random(0).randbytes(4096)),
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_other_kinds(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(OTHERS[name])
    with pytest.raises(CompileError) as error:
        read_weights(str(path), Sink())
    assert {item.code for item in error.value.diagnostics} <= {"T7001", "T7002"}
    assert whole_model(str(path)) is None


def test_no_such_file_and_a_directory(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "absent.npz", "T0001"), (tmp_path, "T0002")):
        with pytest.raises(CompileError) as error:
            read_weights(str(path), Sink())
        assert [item.code for item in error.value.diagnostics] == [code]


def test_a_group_that_holds_itself_ends(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "model.weights.h5"
    with h5py.File(path, "w") as file:
        layers = file.create_group("layers")
        file.create_group("vars").attrs["name"] = "model"
        one = layers.create_group("functional")
        one.create_group("vars").attrs["name"] = "inner"
        one["layers"] = layers
    with pytest.raises(CompileError, match="within themselves"):
        read_weights(str(path), Sink())


WRONG: list[Any] = [
    None,
    0,
    -1,
    1.5,
    True,
    "",
    "Dense",
    "model",
    [],
    {},
    [[]],
    [1, 2, 3],
    {"class_name": "Dense"},
]


def with_nonsense(document: Any, rng: random.Random) -> Any:
    """A copy of parsed JSON in which one value is another."""
    copy = json.loads(json.dumps(document))
    here = copy
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return copy
        key = rng.choice(keys)
        if not isinstance(here[key], (dict, list)) or rng.random() < 0.3:
            here[key] = rng.choice(WRONG)
            return copy
        here = here[key]


@pytest.mark.parametrize("name", ["model.weights.h5", "alone.h5"])
def test_models_that_make_no_sense(name: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(contents[name])
    for seed in range(300):
        rng = random.Random(seed)
        document = json.loads(CONFIG)
        for _ in range(rng.choice([1, 2, 4])):
            document = with_nonsense(document, rng)
        try:
            read_weights(str(path), Sink(), document)
        except CompileError as error:
            codes = {item.code for item in error.diagnostics}
        else:
            codes = set()
        assert codes <= set(CODES)
