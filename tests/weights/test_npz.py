"""Archives of NumPy arrays: which keys are weights, in which order, and what is never opened."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.weights.arrays import assert_same, layer, read
from transpiler.diagnostics import CompileError, Sink
from transpiler.weights.reading import read_weights
from transpiler.weights.writing import write_npz

A, B, C = np.arange(6.0).reshape(2, 3), np.array([1, 2], "float32"), np.array([[3]], "int8")


def archive(tmp_path: Path, **members: bytes) -> Path:
    """An archive of any bytes; `__` in a name stands for `/`."""
    path = tmp_path / "weights.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f"{name.replace('__', '/')}.npy", content)
    return path


def save(path: Path, arrays: dict[str, Any]) -> None:
    write: Any = np.savez  # whose annotations do not foresee a table of arrays
    write(path, **arrays)


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(descr: str, shape: str) -> bytes:
    """The beginning of a .npy file that says this, and 8 bytes of data."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)


def fault(path: Path) -> str:
    with pytest.raises(CompileError) as error:
        read_weights(str(path), Sink())
    (found,) = error.value.diagnostics
    return f"{found.code} {found.message}"


@pytest.mark.parametrize("function", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("prefix", ["", "w/"])
def test_by_index(tmp_path: Path, function: Any, prefix: str) -> None:
    path = tmp_path / "weights.npz"
    function(path, **{f"{prefix}block/conv/1": B, f"{prefix}block/conv/0": A, f"{prefix}fc/0": C})
    assert_same(read(path), {"block/conv": [A, B], "fc": [C]})


def test_ten_arrays_in_the_order_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    save(path, {f"layer/{i}": np.array([i]) for i in (10, 2, 1, 0, 3, 4, 5, 6, 7, 8, 9)})
    assert [array[0] for array in read(path)["layer"]] == list(range(11))


def test_by_role(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    save(path, {"fc/kernel": A, "fc/bias": B})
    stored = read_weights(str(path), Sink()).layers["fc"]
    assert [(one.key, one.role) for one in stored] == [("fc/kernel", "kernel"), ("fc/bias", "bias")]


def test_where_keys_carry_the_prefix_the_others_are_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    save(path, {"in/data": A, "w/fc/0": B, "out/fc": C})
    assert_same(read(path), {"fc": [B]})


def test_a_layer_may_be_called_w(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    save(path, {"w/0": A, "fc/0": B})
    assert_same(read(path), {"w": [A], "fc": [B]})


def test_other_keys_are_ignored_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    save(path, {"fc/0": B, "epoch": C})
    sink = Sink()
    read_weights(str(path), sink)
    assert [(item.code, item.message) for item in sink.diagnostics] == [
        ("T7008", "'epoch': not the key of a weight, ignored")
    ]


@pytest.mark.parametrize(
    "array", [A, A.T, A.astype(">f4"), np.float16(2.5), np.zeros((0, 3)), np.array([True])]
)
def test_elements_of_any_kind_of_number(tmp_path: Path, array: Any) -> None:
    path = tmp_path / "weights.npz"
    save(path, {"fc/0": array})
    (found,) = read_weights(str(path), Sink()).layers["fc"]
    assert found.array.shape == np.shape(array)
    assert np.array_equal(found.array.load(), array)


FAULTS = {
    "no key": ({"arr_0": npy(A)}, "T7006 no key of the archive names a layer and one of its arrays"),
    "gap": ({"fc__0": npy(A), "fc__2": npy(B)}, "T7006 layer 'fc' has 2 arrays, but none with the index 1"),
    "mixed": ({"fc__0": npy(A), "fc__bias": npy(B)}, "T7006 layer 'fc' has arrays by index and arrays by role"),
    "no array": ({"fc__0": b"hello, this is text"}, "T7002 fc/0.npy is no NumPy array"),
    "pickle": (
        {"fc__0": header("'|O'", "(1,)")},
        "T7004 fc/0.npy holds pickled objects, which could run programs and are never opened",
    ),
    "texts": ({"fc__0": npy(np.array(["ab"]))}, "T7004 fc/0.npy holds elements of the type <U2: weights are numbers"),
    "records": (
        {"fc__0": header("[('a', '<f4')]", "(1,)")},
        "T7004 fc/0.npy holds elements of the type [('a', '<f4')]: weights are numbers",
    ),
    "shape": (
        {"fc__0": header("'<f4'", "(3,)")},
        "T7005 fc/0.npy has the shape [3], which takes 12 bytes, not 8",
    ),
    "negative": (
        {"fc__0": header("'<f4'", "(-2,)")},
        "T7005 fc/0.npy claims the shape (-2,), which is impossible",
    ),
    "huge": (
        {"fc__0": header("'<f4'", "(1 << 62,)".replace("1 << 62", str(1 << 62)))},
        f"T7003 fc/0.npy claims the shape ({1 << 62},)",
    ),
    "code": ({"fc__0": header("__import__('os')", "(2,)")}, "T7002 fc/0.npy does not say what array it is"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_refused(tmp_path: Path, case: str) -> None:
    members, expected = FAULTS[case]
    assert fault(archive(tmp_path, **members)) == expected


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, made.open("fc/0.npy", "w") as stream:
        text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (536870912,)}\n"
        stream.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
        for _ in range(512):
            stream.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    assert fault(path).startswith("T7003 fc/0.npy would take 5368")


def test_a_changed_array_is_noticed_when_it_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    save(path, {"fc/0": B})
    content = bytearray(path.read_bytes())
    content[content.index(B.tobytes())] ^= 1
    path.write_bytes(content)
    (found,) = read_weights(str(path), Sink()).layers["fc"]
    with pytest.raises(ValueError, match="checksum differs"):
        found.array.load()


def test_written_is_what_numpy_reads(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    write_npz(str(path), [layer("a/b", [A, B]), layer("c", [C, np.float32(7), A.T])])
    with np.load(path, allow_pickle=False) as found:
        assert sorted(found.files) == ["a/b/0", "a/b/1", "c/0", "c/1", "c/2"]
        assert np.array_equal(found["a/b/0"], A)
        assert np.array_equal(found["c/2"], A.T)
    assert_same(read(path), {"a/b": [A, B], "c": [C, np.float32(7), A.T]})


def test_large_arrays_in_any_order_of_axes(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    large = np.arange(3_000_000, dtype="float32").reshape(3, 1000, 1000)
    write_npz(
        str(path), [layer("a", [large.transpose(2, 0, 1), large[:, ::2], large[:1].transpose(0, 2, 1)])]
    )
    found = read(path)["a"]
    assert np.array_equal(found[0], large.transpose(2, 0, 1))
    assert np.array_equal(found[1], large[:, ::2])
    assert np.array_equal(found[2], large[:1].transpose(0, 2, 1))
