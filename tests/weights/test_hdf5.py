"""Our reader of HDF5 against h5py: everything that a file of weights may be made of, by old and new libraries."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transpiler.weights.file_bytes import opened
from transpiler.weights.hdf5 import Group, open_hdf5
from transpiler.weights.unreadable import Unreadable

h5py = pytest.importorskip("h5py")
VERSIONS = ["earliest", "v108", "v110", "latest"]
RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((37, 101)).astype("float32")


def new_file(path: Path, version: str = "earliest") -> Any:
    return h5py.File(path, "w", libver=version if version in ("earliest", "latest") else (version, "latest"))


def assert_equal(mine: Group, real: Any) -> None:
    """Every link, attribute and array of two groups."""
    assert set(mine.links) == set(real)
    for name in real.attrs:
        found, expected = mine.attribute(name), real.attrs[name]
        if isinstance(expected, np.ndarray) and expected.dtype.kind in "OS":
            expected = [one.decode() if isinstance(one, bytes) else one for one in expected]
        expected = expected.decode() if isinstance(expected, bytes) else expected
        assert np.array_equal(found, expected), name
    for name in real:
        if isinstance(real[name], h5py.Group):
            assert_equal(mine.child(name), real[name])
            continue
        array = mine.child(name).array()
        assert array.shape == real[name].shape
        assert np.array_equal(array.load(), real[name][()])


def check(path: Path) -> None:
    with h5py.File(path, "r") as real:
        assert_equal(open_hdf5(opened(path)), real)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("count", [1, 9, 300, 2000])
def test_groups_of_any_size(tmp_path: Path, version: str, count: int) -> None:
    path = tmp_path / "file.h5"
    with new_file(path, version) as file:
        for i in range(count):
            file.create_group(f"layer_number_{i}/inside")
        file["layer_number_0/inside/x"] = MATRIX
    check(path)


@pytest.mark.parametrize("version", VERSIONS)
def test_attributes(tmp_path: Path, version: str) -> None:
    path = tmp_path / "file.h5"
    with new_file(path, version) as file:
        file.attrs["fixed"] = [f"layer_{i}".encode() for i in range(1500)]
        file.attrs.create("varying", ["ä" * i for i in range(200)], dtype=h5py.string_dtype())
        file.attrs["text"] = "a text " * 20_000
        file.attrs["bytes"] = np.bytes_(b"2.1.0")
        file.attrs["numbers"] = np.arange(5)
        file.attrs["none"] = np.zeros(0)
        for i in range(30):
            file.attrs[f"more_{i}"] = i
    check(path)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dtype", ["f2", "f4", ">f4", "f8", "i1", "u1", ">i2", "i4", "i8"])
def test_elements(tmp_path: Path, version: str, dtype: str) -> None:
    path = tmp_path / "file.h5"
    with new_file(path, version) as file:
        file["matrix"] = (MATRIX * 50).astype(dtype)
        file["scalar"] = np.array(7, dtype)
        file["empty"] = np.zeros((0, 3), dtype)
    check(path)


@pytest.mark.parametrize(
    "settings",
    [
        {"chunks": (2, 3)},
        {"compression": "gzip"},
        {"compression": "gzip", "compression_opts": 9, "shuffle": True},
        {"chunks": (5, 50), "fletcher32": True, "shuffle": True},
        {"chunks": (1, 1)},
        {"maxshape": (None, None)},
        {"chunks": (40, 200), "maxshape": (None, None)},
    ],
    ids=" ".join,
)
def test_chunks(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = tmp_path / "file.h5"
    with new_file(path) as file:
        file.create_dataset("matrix", data=MATRIX, **settings)
    check(path)


def test_bfloat16_is_widened_exactly(tmp_path: Path) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    path = tmp_path / "file.h5"
    halves = MATRIX.astype(ml_dtypes.bfloat16)
    with new_file(path) as file:
        file.create_dataset("matrix", data=halves).attrs["dtype"] = "bfloat16"
    array = open_hdf5(opened(path)).child("matrix").array().load()
    assert np.array_equal(array, halves.astype("float32"))


def refused(tmp_path: Path, make: Any) -> str:
    """What is said of the array "x" in a file."""
    path = tmp_path / "file.h5"
    with new_file(path) as file:
        make(file)
    with pytest.raises(Unreadable) as error:
        open_hdf5(opened(path)).child("x").array()
    return f"{error.value.code} {error.value}"


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("x", layout)


def external(file: Any) -> None:
    file.create_dataset("x", (4,), "f4", external=[("/etc/passwd", 0, 16)])


REFUSED = {
    "external link": (
        lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")),
        "T7003 x is a link to another place or file, and those are never followed",
    ),
    "soft link": (
        lambda file: file.__setitem__("x", h5py.SoftLink("/y")),
        "T7003 x is a link to another place or file, and those are never followed",
    ),
    "external storage": (external, "T7003 the numbers of x lie in another file, which is never opened"),
    "texts": (
        lambda file: file.create_dataset("x", data=["a", "b"]),
        "T7004 an array of texts is not read here: weights are numbers",
    ),
    "complex": (
        lambda file: file.create_dataset("x", data=np.ones(2, "c8")),
        "T7004 an array of records is not read here: weights are numbers",
    ),
    "never written": (
        lambda file: file.create_dataset("x", (1 << 40,), "f4"),
        "T7002 x was never written: the file has no numbers for it",
    ),
    "chunks never written": (
        lambda file: file.create_dataset("x", (1 << 40,), "f4", chunks=(1 << 20,)),
        "T7002 x was never written: the file has no numbers for it",
    ),
    "unknown filter": (
        lambda file: file.create_dataset("x", data=MATRIX, compression="lzf"),
        "T7004 an array of the file is compressed by the filter 32000; gzip and shuffle are read here",
    ),
    "null": (lambda file: file.create_dataset("x", data=h5py.Empty("f4")), "T7005 x holds nothing at all"),
    "group": (lambda file: file.create_group("x"), "T7002 x is no array"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(tmp_path: Path, case: str) -> None:
    make, expected = REFUSED[case]
    assert refused(tmp_path, make) == expected


def test_an_array_put_together_of_others_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, virtual).startswith("T7003 x is put together of other arrays")


def bomb(file: Any) -> None:
    """Eight compressed chunks of 64 MiB zeros each."""
    packed = zlib.compress(bytes(1 << 26))
    array = file.create_dataset("x", (8, 1 << 24), "f4", chunks=(1, 1 << 24), compression="gzip")
    for i in range(8):
        array.id.write_direct_chunk((i, 0), packed)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, bomb)
    assert said.startswith("T7003 x would take 536870912 bytes, but the file holds only")


def test_groups_that_lie_within_themselves(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    with new_file(path) as file:
        layers = file.create_group("a/layers")
        layers["again"] = file["a"]
    here = open_hdf5(opened(path))
    assert here.child("a/layers/again/layers/again").address == here.child("a").address
