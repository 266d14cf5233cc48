"""Caffe's weight files of all generations, as protobuf's own library writes and reads them, and as OpenCV does."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.weights.arrays import assert_same, layer, read
from transpiler.diagnostics import CompileError, Sink
from transpiler.dialects.caffe.descriptor import message_class, net_parameter_class
from transpiler.weights.caffemodel_writing import varint
from transpiler.weights.reading import read_weights
from transpiler.weights.writing import write_caffemodel

pytest.importorskip("google.protobuf")
RNG = np.random.default_rng(0)
KERNEL = RNG.standard_normal((4, 3, 2, 2)).astype("float32")
BIAS = RNG.standard_normal(4).astype("float32")
EXPECTED = {"conv": [KERNEL, BIAS]}


def blob(array: Any, *, legacy: bool = False, double: bool = False) -> Any:
    """A BlobProto of an array."""
    made = message_class("BlobProto")()
    if legacy:
        made.num, made.channels, made.height, made.width = (1,) * (4 - array.ndim) + array.shape
    else:
        made.shape.dim.extend(array.shape)
    (made.double_data if double else made.data).extend(array.reshape(-1).tolist())
    return made


def stored(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(content)
    return path


def fault(path: Path) -> str:
    """The code and text of the one error that reading a file gives."""
    with pytest.raises(CompileError) as error:
        read_weights(str(path), Sink())
    (found,) = error.value.diagnostics
    return f"{found.code} {found.message}"


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def one_blob(content: bytes) -> bytes:
    """A net whose layer "fc" has one blob of these bytes."""
    return field(100, field(1, b"fc") + field(7, content))


@pytest.mark.parametrize("double", [False, True])
def test_today(tmp_path: Path, double: bool) -> None:
    net = net_parameter_class()(name="net")
    net.layer.add(name="data", type="Input")
    made = net.layer.add(name="conv", type="Convolution", bottom=["data"], top=["conv"])
    made.blobs.extend([blob(KERNEL, double=double), blob(BIAS, double=double)])
    found = read(stored(tmp_path, net.SerializeToString()))
    assert found["conv"][0].dtype == (np.float64 if double else np.float32)
    assert_same(found, EXPECTED)


@pytest.mark.parametrize("legacy", [False, True])
def test_v1(tmp_path: Path, legacy: bool) -> None:
    net = net_parameter_class()(name="net")
    made = net.layers.add(name="conv", type=4, blobs_lr=[1, 2], weight_decay=[1, 0])
    made.blobs.extend([blob(KERNEL, legacy=legacy), blob(BIAS, legacy=legacy)])
    bias = BIAS.reshape(1, 1, 1, 4) if legacy else BIAS
    assert_same(read(stored(tmp_path, net.SerializeToString())), {"conv": [KERNEL, bias]})


def test_v0(tmp_path: Path) -> None:
    net = net_parameter_class()(name="net")
    made = net.layers.add(bottom=["data"], top=["conv"]).layer
    made.name, made.type = "conv", "conv"
    made.blobs.extend([blob(KERNEL, legacy=True), blob(BIAS, legacy=True)])
    expected = {"conv": [KERNEL, BIAS.reshape(1, 1, 1, 4)]}
    assert_same(read(stored(tmp_path, net.SerializeToString())), expected)


@pytest.mark.parametrize("element", ["<f", "<d"])
def test_numbers_that_are_not_packed(tmp_path: Path, element: str) -> None:
    tag = b"\x2d" if element == "<f" else b"\x41"
    numbers = np.arange(70_000).astype(element)
    content = b"".join(tag + struct.pack(element, number) for number in numbers)
    path = stored(tmp_path, one_blob(content + field(7, field(1, varint(7) + varint(10_000)))))
    assert_same(read(path), {"fc": [numbers.reshape(7, 10_000)]})


def test_numbers_in_several_pieces(tmp_path: Path) -> None:
    pieces = [field(5, BIAS[:1].tobytes()), b"\x2d" + BIAS[1:2].tobytes(), field(5, BIAS[2:].tobytes())]
    path = stored(tmp_path, one_blob(b"".join(pieces) + field(7, b"\x08\x02\x08\x02")))
    assert_same(read(path), {"fc": [BIAS.reshape(2, 2)]})


def test_raw_numbers_of_nvidias_fork(tmp_path: Path) -> None:
    halves = BIAS.astype("float16")
    path = stored(tmp_path, one_blob(b"\x50\x02" + field(12, halves.tobytes()) + field(7, field(1, b"\x04"))))
    assert_same(read(path), {"fc": [halves]})


def test_groups_and_unknown_fields_are_stepped_over(tmp_path: Path) -> None:
    group = b"\xa3\x3f\x08\x01\xab\x3f\xac\x3f\xa4\x3f"
    path = stored(tmp_path, group + one_blob(group + field(5, BIAS.tobytes()) + field(7, field(1, b"\x04"))))
    assert_same(read(path), {"fc": [BIAS]})


def test_of_a_layer_that_occurs_twice_the_later_one_counts(tmp_path: Path) -> None:
    net = net_parameter_class()()
    for array in (BIAS, BIAS * 2):
        net.layer.add(name="fc").blobs.extend([blob(array)])
    sink = Sink()
    file = read_weights(str(stored(tmp_path, net.SerializeToString())), sink)
    assert [item.code for item in sink.diagnostics] == ["T7007"]
    assert np.array_equal(file.layers["fc"][0].array.load(), BIAS * 2)


SENSELESS = {
    "shape": (
        field(5, bytes(8)) + field(7, field(1, b"\x03")),
        "T7005 its shape [3] has 3 elements, but the file holds 2 for it",
    ),
    "no shape": (field(5, bytes(8)), "T7005 it says no shape for its 2 numbers"),
    "no numbers": (
        field(7, field(1, b"\x03")),
        "T7005 its shape [3] has 3 elements, but the file holds 0 for it",
    ),
    "bytes": (field(5, bytes(7)), "T7002 the numbers take 7 bytes, which is no multiple of 4"),
    "huge": (
        field(7, field(1, varint(1 << 40) * 2)),
        f"T7005 its shape [{1 << 40}, {1 << 40}] has {1 << 80} elements, but the file holds 0 for it",
    ),
    "negative": (field(7, field(1, b"\xff" * 9 + b"\x01")), "T7005 its shape [-1] is impossible"),
    "quantized": (
        b"\x50\x03" + field(12, bytes(8)),
        "T7004 its numbers are quantized, which is not read here",
    ),
    "type": (b"\x28\x01", "T7002 the numbers are written as another type"),
}


@pytest.mark.parametrize("case", SENSELESS)
def test_a_blob_that_makes_no_sense(tmp_path: Path, case: str) -> None:
    content, expected = SENSELESS[case]
    assert fault(stored(tmp_path, one_blob(content))).replace("blob 0 of layer 'fc': ", "") == expected


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_a_file_that_ends_too_early(tmp_path: Path, cut: int) -> None:
    whole = one_blob(field(5, BIAS.tobytes()) + field(7, field(1, b"\x04")))
    path = stored(tmp_path, whole[: max(len(whole) - cut, 1)])
    assert fault(path).startswith(("T7002", "T7005", "T7001"))


def test_written_is_what_protobuf_reads(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    normal = layer("bn/x", [BIAS.astype("float64"), np.ones(1, "float32")], "BatchNorm")
    weights = [layer("conv", [KERNEL, BIAS], "Convolution"), normal]
    write_caffemodel(str(path), "net", weights)
    net = net_parameter_class()()
    net.ParseFromString(path.read_bytes())
    assert net.name == "net"
    assert [(one.name, one.type) for one in net.layer] == [("conv", "Convolution"), ("bn/x", "BatchNorm")]
    assert list(net.layer[0].blobs[0].shape.dim) == [4, 3, 2, 2]
    assert np.array_equal(np.float32(net.layer[0].blobs[0].data), KERNEL.reshape(-1))
    assert np.array_equal(net.layer[1].blobs[0].double_data, BIAS.astype("float64"))
    assert_same(read(path), {"conv": [KERNEL, BIAS], "bn/x": [BIAS, np.ones(1)]})


def test_written_is_what_opencv_reads(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    text = tmp_path / "net.prototxt"
    text.write_text(
        'name: "net" input: "data" input_shape { dim: 1 dim: 3 dim: 5 dim: 5 }'
        'layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"'
        " convolution_param { num_output: 4 kernel_size: 2 } }"
    )
    path = tmp_path / "net.caffemodel"
    write_caffemodel(str(path), "net", [layer("conv", [KERNEL, BIAS], "Convolution")])
    net = cv2.dnn.readNetFromCaffe(str(text), str(path))
    assert np.array_equal(net.getParam("conv", 0), KERNEL)
    assert np.array_equal(net.getParam("conv", 1).reshape(-1), BIAS)


def test_an_array_that_is_no_float_is_written_where_that_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "net.caffemodel"
    write_caffemodel(str(path), "net", [layer("fc", [np.arange(5), BIAS.astype("float16")])])
    assert_same(read(path), {"fc": [np.arange(5), BIAS.astype("float16")]})
    with pytest.raises(ValueError, match="too large to be written as a float"):
        write_caffemodel(str(path), "net", [layer("fc", [np.array([(1 << 24) + 1])])])


def test_more_than_protobuf_reads_is_not_written(tmp_path: Path) -> None:
    from transpiler.ir import DType, LazyArray
    from transpiler.weights.layer_arrays import LayerArrays

    def never() -> Any:
        raise AssertionError("decoded before its size was looked at")

    huge = LazyArray((1 << 15, 1 << 15), DType.FLOAT32, never)
    with pytest.raises(ValueError, match="has at most 2147483647"):
        write_caffemodel(
            str(tmp_path / "net.caffemodel"), "net", [LayerArrays("fc", "InnerProduct", (huge,))]
        )
    assert list(tmp_path.iterdir()) == []
