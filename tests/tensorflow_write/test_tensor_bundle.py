"""Checkpoints without TensorFlow: what the real one writes is read, what is written it reads, damage is noticed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from transpiler.ir import DType, LazyArray
from transpiler.weights.crc32c import crc32c, masked
from transpiler.weights.file_bytes import of_stream
from transpiler.weights.snappy import unpacked
from transpiler.weights.tensor_bundle import read_bundle, write_bundle
from transpiler.weights.tensor_table import read_table, write_table
from transpiler.weights.unreadable import Unreadable

tf = pytest.importorskip("tensorflow")
Numbers = np.ndarray[Any, np.dtype[Any]]
RNG = np.random.default_rng(0)
ARRAYS: dict[str, tuple[DType, Numbers]] = {
    **{
        f"layer{i}/kernel": (DType.FLOAT32, RNG.standard_normal((3, i + 1)).astype("float32"))
        for i in range(40)
    },
    "large": (DType.FLOAT32, RNG.standard_normal((300, 1001)).astype("float32")),
    "number": (DType.FLOAT32, np.array(3.5, "float32")),
    "nothing": (DType.FLOAT32, np.zeros((0, 3), "float32")),
    "double": (DType.FLOAT64, np.array([1e-300, 2.0])),
    "half": (DType.FLOAT16, np.array([0.5, 2.0], "float16")),
    "whole": (DType.INT64, np.array([[-1, 2**40]])),
    "flags": (DType.BOOL, np.array([True, False])),
    "bytes": (DType.UINT8, np.arange(4, dtype="uint8")),
}


def lazy(arrays: Mapping[str, tuple[DType, Numbers]]) -> dict[str, LazyArray]:
    return {name: LazyArray(a.shape, dtype, partial(np.asarray, a)) for name, (dtype, a) in arrays.items()}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "model", lazy(ARRAYS))
    return tmp_path / "model"


def test_tensorflow_reads_what_is_written(written: Path) -> None:
    reader = tf.train.load_checkpoint(str(written))
    assert reader.get_variable_to_shape_map() == {name: list(a.shape) for name, (_, a) in ARRAYS.items()}
    for name, (_, array) in ARRAYS.items():
        np.testing.assert_array_equal(reader.get_tensor(name), array)


def test_what_is_written_is_read(written: Path) -> None:
    found = read_bundle(written)
    assert {name: (one.dtype, one.shape) for name, one in found.items()} == {
        name: (dtype, array.shape) for name, (dtype, array) in ARRAYS.items()
    }
    for name, (_, array) in ARRAYS.items():
        np.testing.assert_array_equal(found[name].load(), array)


def test_what_tensorflow_writes_is_read(tmp_path: Path) -> None:
    values = {
        **{name.replace("/", "_"): array for name, (_, array) in ARRAYS.items()},
        "short": tf.constant([1.5, -2.5], tf.bfloat16),
        "complex": np.array([1 + 2j], "complex64"),
        "texts": ["abc", "", "x" * 300],
    }
    path = tf.train.Checkpoint(**{name: tf.Variable(value) for name, value in values.items()}).save(
        str(tmp_path / "theirs")
    )
    reader = tf.train.load_checkpoint(path)
    found = read_bundle(path)
    assert set(found) == set(reader.get_variable_to_shape_map())
    for name, one in found.items():
        expected = np.asarray(reader.get_tensor(name))
        assert one.shape == expected.shape
        if one.dtype is DType.BFLOAT16:
            expected = expected.astype("float32")
        assert (one.load() == expected).all()


def test_an_old_savers_checkpoint_is_read(tmp_path: Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.get_variable("w", initializer=np.ones((2, 3), "float32"), use_resource=False)
        session.run(tf.compat.v1.global_variables_initializer())
        path = tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"), global_step=3)
    np.testing.assert_array_equal(read_bundle(path)["w"].load(), np.ones((2, 3)))


def test_slices_of_a_variable_are_refused_by_name(tmp_path: Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        parts = tf.compat.v1.fixed_size_partitioner(2)
        tf.compat.v1.get_variable("w", (4, 3), partitioner=parts, initializer=tf.compat.v1.zeros_initializer)
        session.run(tf.compat.v1.global_variables_initializer())
        path = tf.compat.v1.train.Saver().save(session, str(tmp_path / "model.ckpt"))
    found = read_bundle(path)
    assert list(found) == ["w"]
    with pytest.raises(Unreadable, match="w is stored in slices"):
        found["w"].load()


def test_the_same_arrays_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "again", lazy(dict(reversed(ARRAYS.items()))))
    for ending in (".index", ".data-00000-of-00001"):
        assert Path(f"{written}{ending}").read_bytes() == Path(f"{tmp_path / 'again'}{ending}").read_bytes()


def _all_read(prefix: Path) -> None:
    for one in read_bundle(prefix).values():
        one.load()


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
def test_truncated_files_are_noticed(ending: str, written: Path) -> None:
    path = Path(f"{written}{ending}")
    whole = path.read_bytes()
    for size in (0, 1, 47, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(Unreadable):
            _all_read(written)


@pytest.mark.parametrize("ending", [".index", ".data-00000-of-00001"])
def test_changed_bytes_are_noticed(ending: str, written: Path) -> None:
    path = Path(f"{written}{ending}")
    whole = path.read_bytes()
    size = len(whole) - (48 if ending == ".index" else 0)  # the footer has free space behind its numbers
    for place in np.random.default_rng(1).integers(0, size, 25):
        changed = bytearray(whole)
        changed[place] ^= 0x41
        path.write_bytes(changed)
        with pytest.raises(Unreadable):
            _all_read(written)


def test_a_missing_file_of_elements_is_said(written: Path) -> None:
    Path(f"{written}.data-00000-of-00001").unlink()
    with pytest.raises(FileNotFoundError, match="data-00000-of-00001"):
        read_bundle(written)


def table(entries: list[tuple[bytes, bytes]]) -> bytes:
    file = io.BytesIO()
    write_table(file, entries)
    return file.getvalue()


def test_tables_of_many_blocks() -> None:
    entries = [(f"{i:06d}".encode(), bytes(100)) for i in range(5000)]
    assert list(read_table(of_stream(io.BytesIO(table(entries))))) == entries


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        (b"\x08\x01\x12\x0e\x12\x0c\x08\x80\x80\x80\x80\x80\x80\x80\x80\x40\x12\x00", "has the shape"),
        (b"\x08\x01\x12\x04\x12\x02\x08\x02\x20\x80\x80\x04\x28\x08", "goes on behind the end"),
        (b"\x08\x63", "of a type that is not read"),
        (b"\x08\x01\x18\x05", "names file 5 of 1"),
        (b"\x08\x07\x12\x04\x12\x02\x08\x7f", "127 texts in 0 bytes"),
    ],
    ids=["huge shape", "outside", "unknown type", "another file", "many texts"],
)
def test_entries_that_make_no_sense(entry: bytes, what: str, tmp_path: Path) -> None:
    entries = [(b"", b"\x08\x01\x1a\x02\x08\x01"), (b"w", entry)]
    (tmp_path / "model.index").write_bytes(table(entries))
    (tmp_path / "model.data-00000-of-00001").write_bytes(bytes(64))
    with pytest.raises(Unreadable, match=what):
        _all_read(tmp_path / "model")


def test_keys_cannot_be_blown_up() -> None:
    entries = [(b"a" * 5000, b""), (b"a" * 5000 + b"b", b"")]
    with pytest.raises(Unreadable, match="a key of the index has"):
        list(read_table(of_stream(io.BytesIO(table(entries)))))


def test_checksums() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert masked(crc32c(b"foo")) != crc32c(b"foo")
    data = np.random.default_rng(2).bytes(100_003)
    for size in (0, 511, 512, 65536, len(data)):
        assert crc32c(data[:size]) == slowly(data[:size])


def slowly(data: bytes) -> int:
    """Bit by bit, as the definition says."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_packed_blocks() -> None:
    packed = b"\x0f\x08abc\x26\x03\x00\x00"[:2] + b"abc" + b"\x2e\x03\x00"  # abc, then 12 bytes from 3 back
    assert unpacked(packed, 100) == b"abc" * 5
    for wrong in (packed[:-1], b"\x10" + packed[1:], b"\x02" + packed[1:], b"\x05\x2e\x03\x00", b"\xff" * 9):
        with pytest.raises(Unreadable):
            unpacked(wrong, 100)
    with pytest.raises(Unreadable, match="would unpack to"):
        unpacked(b"\xff\xff\xff\x7f", 100)
