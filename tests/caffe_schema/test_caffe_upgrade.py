"""Old files become today's layers: V0, V1, old inputs, old BatchNorm; and what is no net is told so."""

from __future__ import annotations

import pytest

from transpiler.diagnostics import Diagnostic, Severity, Sink
from transpiler.dialects.caffe.net_record import Generation, NetRecord
from transpiler.dialects.caffe.schema import LAYER
from transpiler.dialects.caffe.typed import from_plain, read_message, to_plain
from transpiler.dialects.caffe.upgrade import read_net
from transpiler.parsers.textproto import parse


def read(text: str) -> tuple[NetRecord, list[Diagnostic]]:
    sink = Sink()
    return read_net(parse(text), sink), sink.diagnostics


def assert_upgrades(old: str, new: str, codes: tuple[str, ...] = ()) -> None:
    """`old` is a net of the one layer whose fields in today's spelling are `new`, with these diagnostics."""
    net, found = read(old)
    assert tuple(one.code for one in found) == codes
    (layer,) = net.layers
    expected = read_message(parse(new), LAYER, Sink())
    assert from_plain(to_plain(layer.record), LAYER) == from_plain(to_plain(expected), LAYER)


# V1


def test_v1_layer() -> None:
    assert_upgrades(
        'layers { bottom: "a" top: "b" name: "c" type: CONVOLUTION blobs_lr: 1 blobs_lr: 2 weight_decay: 1 '
        "loss_weight: 3 include { phase: TRAIN } convolution_param { num_output: 4 kernel_size: 3 } }",
        'name: "c" type: "Convolution" bottom: "a" top: "b" param { lr_mult: 1 decay_mult: 1 } '
        "param { lr_mult: 2 } include { phase: TRAIN } loss_weight: 3 "
        "convolution_param { num_output: 4 kernel_size: 3 }",
    )


def test_v1_shared_parameters() -> None:
    assert_upgrades(
        'layers { type: INNER_PRODUCT param: "w" param: "b" blob_share_mode: PERMISSIVE blobs_lr: 0.5 }',
        'type: "InnerProduct" param { name: "w" share_mode: PERMISSIVE lr_mult: 0.5 } param { name: "b" }',
    )


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("DATA", "Data", "data"),
        ("IMAGE_DATA", "ImageData", "image_data"),
        ("WINDOW_DATA", "WindowData", "window_data"),
    ],
)
def test_v1_data_transformation(old: str, new: str, field: str) -> None:
    assert_upgrades(
        f'layers {{ type: {old} {field}_param {{ source: "s" scale: 0.5 mean_file: "m" crop_size: 3 '
        "mirror: true } }",
        f'type: "{new}" transform_param {{ scale: 0.5 mean_file: "m" crop_size: 3 mirror: true }} '
        f'{field}_param {{ source: "s" }}',
    )


def test_v1_transformation_of_other_layers_stays() -> None:
    assert_upgrades("layers { type: RELU data_param { scale: 2 } }", 'type: "ReLU" data_param { scale: 2 }')


def test_v1_transformation_keeps_what_is_there() -> None:
    assert_upgrades(
        "layers { type: DATA data_param { mirror: true } transform_param { scale: 2 } }",
        'type: "Data" data_param { } transform_param { scale: 2 mirror: true }',
    )


def test_v1_type_by_number_and_in_quotes() -> None:
    assert_upgrades("layers { type: 39 }", 'type: "Deconvolution"')
    assert_upgrades('layers { type: "Crop" }', 'type: "Crop"')


def test_v1_type_of_a_fork() -> None:
    codes = ("T1001", "T1015")
    assert_upgrades("layers { type: TOPK topk_param { k: 3 } }", 'type: "TOPK" topk_param { k: 3 }', codes)


def test_v1_misspelt_type() -> None:
    text = "layers { type: CONVOLUTON }"
    (found,) = read(text)[1]
    (fix,) = found.fixes
    assert text[: fix.span.start] + fix.replacement + text[fix.span.end :] == "layers { type: CONVOLUTION }"


def test_v1_with_fields_of_later_layers() -> None:
    assert_upgrades(
        "layers { type: BN bn_param { eps: 1 } prelu_param { channel_shared: true } }",
        'type: "BN" prelu_param { channel_shared: true } bn_param { eps: 1 }',
        ("T1002", "T1002", "T1015"),
    )


def test_v1_places() -> None:
    text = 'layers { name: "x" type: INNER_PRODUCT blobs_lr: 1 blobs_lr: 2 weight_decay: 3 }'
    (layer,) = read(text)[0].layers
    assert layer.generation is Generation.V1
    assert layer.span is not None
    assert layer.span.text == text.removeprefix("layers ")
    first, second = layer.record.records("param")
    spans = [layer.record.span_of("type"), second.span_of("lr_mult"), first.span_of("decay_mult")]
    assert [span.text for span in spans if span] == ["type: INNER_PRODUCT", "blobs_lr: 2", "weight_decay: 3"]


# V0


def test_v0_convolution() -> None:
    assert_upgrades(
        'layers { layer { name: "c" type: "conv" num_output: 2 kernelsize: 3 stride: 2 pad: 1 group: 2 '
        'biasterm: false weight_filler { type: "xavier" } blobs_lr: 1. blobs_lr: 2. weight_decay: 0 } '
        'bottom: "a" top: "b" }',
        'name: "c" type: "Convolution" bottom: "a" top: "b" param { lr_mult: 1 decay_mult: 0 } '
        "param { lr_mult: 2 } convolution_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 group: 2 "
        "bias_term: false "
        'weight_filler { type: "xavier" } }',
    )


def test_v0_pooling() -> None:
    assert_upgrades(
        'layers { layer { type: "pool" pool: AVE kernelsize: 3 stride: 2 } }',
        'type: "Pooling" pooling_param { pool: AVE kernel_size: 3 stride: 2 }',
    )


def test_v0_data() -> None:
    assert_upgrades(
        'layers { layer { type: "images" source: "s" batchsize: 2 scale: 0.5 meanfile: "m" cropsize: 4 '
        "mirror: true shuffle_images: true new_height: 5 new_width: 6 rand_skip: 7 } top: 'd' }",
        'type: "ImageData" top: "d" transform_param { scale: 0.5 mean_file: "m" crop_size: 4 mirror: true } '
        'image_data_param { source: "s" batch_size: 2 shuffle: true new_height: 5 new_width: 6 '
        "rand_skip: 7 }",
    )


def test_v0_other_types() -> None:
    assert_upgrades(
        'layers { layer { type: "lrn" local_size: 3 alpha: 1 beta: 2 k: 3 } }',
        'type: "LRN" lrn_param { local_size: 3 alpha: 1 beta: 2 k: 3 }',
    )
    assert_upgrades(
        'layers { layer { type: "dropout" dropout_ratio: 0.2 } }',
        'type: "Dropout" dropout_param { dropout_ratio: 0.2 }',
    )
    assert_upgrades(
        'layers { layer { type: "concat" concat_dim: 0 } }', 'type: "Concat" concat_param { concat_dim: 0 }'
    )
    assert_upgrades(
        'layers { layer { type: "window_data" det_fg_threshold: 0.3 det_crop_mode: "square" } }',
        'type: "WindowData" window_data_param { fg_threshold: 0.3 crop_mode: "square" }',
    )
    assert_upgrades(
        'layers { layer { type: "hdf5_output" hdf5_output_param { file_name: "f" } } }',
        'type: "HDF5Output" hdf5_output_param { file_name: "f" }',
    )


def test_v0_fields_that_mean_nothing_are_dropped_with_a_warning() -> None:
    assert_upgrades('layers { layer { type: "relu" num_output: 3 } }', 'type: "ReLU"', ("T1016",))
    assert_upgrades('layers { layer { type: "relu" } loss_weight: 1 }', 'type: "ReLU"', ("T1016",))


def test_v0_unknown_type_keeps_its_fields() -> None:
    assert_upgrades(
        'layers { layer { name: "l" type: "locally_connected" num_output: 3 foo: 1 blobs_lr: 2 } top: "a" }',
        'name: "l" type: "locally_connected" top: "a" param { lr_mult: 2 } num_output: 3 foo: 1',
        ("T1001", "T1015"),
    )


def test_v0_padding_folds_into_its_reader() -> None:
    net, found = read(
        'layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "a" top: "p" }'
        'layers { layer { name: "c" type: "conv" kernelsize: 5 } bottom: "p" top: "c" }'
        'layers { layer { name: "q" type: "pool" kernelsize: 3 pad: 9 } bottom: "p" top: "q" }'
        'layers { layer { name: "r" type: "relu" } bottom: "c" top: "p" }'
        'layers { layer { name: "s" type: "relu" } bottom: "p" top: "s" }'
    )
    assert found == []
    assert [layer.name for layer in net.layers] == ["c", "q", "r", "s"]
    assert [layer.bottoms for layer in net.layers] == [("a",), ("a",), ("c",), ("p",)]
    conv = net.layers[0].record.record("convolution_param")
    assert conv.integers("pad") == (2,)
    assert net.layers[1].record.record("pooling_param").integer("pad") == 2
    place = conv.span_of("pad")
    assert place is not None
    assert place.text == "pad: 2"


@pytest.mark.parametrize(
    "reader",
    [
        'layers { layer { type: "relu" } bottom: "p" }',
        'layers { layer { type: "conv" } bottom: "p" bottom: "a" }',
        'layers { layer { type: "padding" pad: 1 } bottom: "p" top: "z" }',
        'layers { layer { type: "padding" pad: 1 } bottom: "a" bottom: "b" top: "z" }',
    ],
)
def test_v0_padding_that_cannot_be_folded(reader: str) -> None:
    _, found = read('layers { layer { type: "padding" pad: 2 } bottom: "a" top: "p" }' + reader)
    assert [(one.code, one.severity) for one in found] == [("T1017", Severity.ERROR)]


# mixtures


def test_generations_mix_in_the_order_written() -> None:
    net, found = read(
        'layer { name: "a" type: "Input" } layers { name: "b" type: RELU } layer { name: "c" type: "ReLU" }'
        'layers { layer { name: "d" type: "relu" } }'
    )
    assert [layer.name for layer in net.layers] == ["a", "b", "c", "d"]
    assert [layer.generation.name for layer in net.layers] == ["V2", "V1", "V2", "V0"]
    assert [one.code for one in found] == ["T1014"]


# inputs


def input_shapes(net: NetRecord) -> list[tuple[int, ...]]:
    return [shape.integers("dim") for shape in net.layers[0].record.record("input_param").records("shape")]


def test_input_dim() -> None:
    net, found = read('input: "a" input: "b"' + "".join(f" input_dim: {dim}" for dim in range(8)))
    assert found == []
    (layer,) = net.layers
    assert (layer.name, layer.type, layer.tops) == ("input", "Input", ("a", "b"))
    assert input_shapes(net) == [(0, 1, 2, 3), (4, 5, 6, 7)]
    assert net.inputs == ("a", "b")
    assert to_plain(net.record) == {}


def test_input_shape_goes_before_input_dim() -> None:
    net, _ = read('input: "a"' + " input_dim: 1" * 4 + " input_shape { dim: 2 dim: 3 }")
    assert input_shapes(net) == [(2, 3)]


def test_input_layer_comes_first() -> None:
    net, _ = read('layer { type: "ReLU" } input: "a" input_shape { dim: 1 }')
    assert [layer.type for layer in net.layers] == ["Input", "ReLU"]


def test_input_without_shape() -> None:
    net, found = read('input: "a"')
    assert [one.code for one in found] == ["T1019"]
    assert net.layers[0].tops == ("a",)
    assert input_shapes(net) == []


def test_input_shapes_by_order_where_caffe_fails() -> None:
    net, found = read('input: "a" input_dim: 1 input_dim: 2 input_dim: 3 input: "b" input_shape { dim: 4 }')
    assert [(one.code, one.severity) for one in found] == [("T1018", Severity.WARNING)]
    assert input_shapes(net) == [(1, 2, 3), (4,)]


@pytest.mark.parametrize("text", ['input: "a" input: "b" input_shape { dim: 1 }', 'input_dim: 1 input: "a"'])
def test_too_few_input_shapes(text: str) -> None:
    _, found = read(text)
    assert [(one.code, one.severity) for one in found] == [("T1018", Severity.ERROR)]


def test_left_over_input_dims() -> None:
    net, found = read('input: "a" input_dim: 1 input_dim: 2 input_dim: 3 input_dim: 4 input_dim: 5')
    assert [(one.code, one.severity) for one in found] == [("T1018", Severity.WARNING)]
    assert input_shapes(net) == [(1, 2, 3, 4)]


# batch normalization


def test_old_batch_norm_is_frozen() -> None:
    assert_upgrades(
        'layer { type: "BatchNorm" param { lr_mult: 1 name: "m" } param { } param { decay_mult: 1 } }',
        'type: "BatchNorm" param { name: "m" lr_mult: 0 decay_mult: 0 } param { lr_mult: 0 decay_mult: 0 } '
        "param { lr_mult: 0 decay_mult: 0 }",
    )
    assert_upgrades(
        'layer { type: "BatchNorm" param { lr_mult: 1 } }', 'type: "BatchNorm" param { lr_mult: 1 }'
    )


# what is no net


def test_solver_names_its_net() -> None:
    net, (found,) = read('base_lr: 0.1 train_net: "a.prototxt" test_net: "b.prototxt" max_iter: 3')
    assert net.layers == ()
    assert (found.code, found.severity) == ("T1010", Severity.ERROR)
    assert found.help == "the network is in `a.prototxt` and `b.prototxt`"
    assert found.span is not None
    assert found.span.text == 'train_net: "a.prototxt"'


def test_solver_with_an_inline_net() -> None:
    _, (found,) = read('base_lr: 0.1\nnet_param { layer { type: "ReLU" } }')
    assert found.code == "T1010"
    assert found.notes == ("The network stands inline in `net_param` (line 2).",)


@pytest.mark.parametrize("text", ["", 'name: "x"', "item { id: 1 }"])
def test_no_network(text: str) -> None:
    assert read(text)[1][-1].code == "T1011"


def test_layer_without_type() -> None:
    _, (found,) = read('layer { name: "x" }')
    assert (found.code, found.severity) == ("T1012", Severity.ERROR)


def test_layer_that_is_no_message() -> None:
    assert [one.code for one in read('layer: "x" layer { type: "ReLU" }')[1]] == ["T1003"]
    assert [one.code for one in read('layers { type: RELU layer: "x" }')[1]] == ["T1003"]


def test_net_fields() -> None:
    net, found = read('name: "n" force_backward: true state { level: 2 } layer { type: "ReLU" }')
    assert found == []
    assert net.name == "n"
    assert net.record.flag("force_backward")
    assert net.state is not None
    assert net.state.integer("level") == 2
