"""Every layer class of Keras 3 in a few configurations: how to make it, and what to call it on.

`layers` is the module keras.layers, passed in so that nothing is imported with this table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

Make = Callable[[Any], Any]


class Case(msgspec.Struct, frozen=True):
    """A layer called on inputs of these shapes (without the batch). `integers`: inputs are indices below 5."""

    name: str
    make: Make
    shapes: tuple[tuple[int | None, ...], ...]
    call: Callable[[Any, list[Any]], Any] | None = None
    integers: bool = False
    tolerance: float = 1e-5
    runs: bool = True
    """Whether TensorFlow on a CPU can compute it."""


def one(name: str, make: Make, *shape: int | None, **more: Any) -> Case:
    return Case(name, make, (shape,), **more)


def several(name: str, make: Make, *shapes: tuple[int | None, ...], **more: Any) -> Case:
    return Case(name, make, shapes, **more)


def _made(name: str, *args: Any, **more: Any) -> Make:
    return lambda k: getattr(k, name)(*args, **more)


# ruff: noqa: E501 - one case a line reads best

CORE = [
    one("Dense", lambda k: k.Dense(3), 4),
    one("Dense relu", lambda k: k.Dense(3, activation="relu", use_bias=False), 5, 4),
    one("Dense softmax", lambda k: k.Dense(3, activation="softmax", kernel_regularizer="l2", kernel_constraint="non_neg"), 4),
    one("Dense old hard sigmoid", lambda k: k.Dense(3, activation=old_hard_sigmoid(k)), 4),
    one("EinsumDense", lambda k: k.EinsumDense("abc,cd->abd", output_shape=(None, 6), bias_axes="d"), 5, 4),
    one("EinsumDense dots", lambda k: k.EinsumDense("...x,xy->...y", output_shape=6, activation="relu"), 5, 4),
    one("EinsumDense two", lambda k: k.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"), 5, 4),
    one("EinsumDense outer bias", lambda k: k.EinsumDense("ab,bcd->acd", output_shape=(2, 3), bias_axes="c"), 4),
    one("Embedding", lambda k: k.Embedding(5, 3), 4, integers=True),
    one("Embedding mask", lambda k: k.Embedding(5, 3, mask_zero=True), 4, integers=True),
    one("ReversibleEmbedding", lambda k: k.ReversibleEmbedding(5, 3), 4, integers=True),
    one(
        "ReversibleEmbedding untied",
        lambda k: k.ReversibleEmbedding(5, 3, tie_weights=False, logit_soft_cap=2.0),
        4,
        3,
        call=lambda layer, x: layer(x[0], reverse=True),
    ),
    one("Masking", lambda k: k.Masking(0.5), 4, 3),
    one("Identity", lambda k: k.Identity(), 4, 3),
    *[
        one(f"Activation {name}", _made("Activation", name), 4, 6)
        for name in (
            "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "glu", "softplus", "softsign", "sigmoid",
            "tanh", "hard_sigmoid", "silu", "hard_silu", "mish", "softmax", "log_softmax", "exponential", "hard_tanh",
            "hard_shrink", "soft_shrink", "tanh_shrink", "log_sigmoid", "sparse_plus", "sparse_sigmoid", "squareplus",
            "sparsemax",
        )
    ],
    one("Activation old hard sigmoid", lambda k: k.Activation(old_hard_sigmoid(k)), 4),
]  # fmt: skip


def old_hard_sigmoid(layers: Any) -> Any:
    return layers.Pipeline([layers.Rescaling(0.2, 0.5), layers.ReLU(1.0)])


CONVOLUTION = [
    one("Conv1D", lambda k: k.Conv1D(4, 3), 9, 3),
    one("Conv1D same", lambda k: k.Conv1D(4, 3, strides=2, padding="same", activation="relu"), 9, 3),
    one("Conv1D causal", lambda k: k.Conv1D(4, 3, padding="causal", dilation_rate=2), 9, 3),
    one("Conv1D causal strides", lambda k: k.Conv1D(4, 3, padding="causal", strides=2), 9, 3),
    one("Conv2D", lambda k: k.Conv2D(4, (3, 2)), 9, 8, 3),
    one("Conv2D same", lambda k: k.Conv2D(4, 3, strides=(2, 1), padding="same", use_bias=False), 9, 8, 3),
    one("Conv2D dilated", lambda k: k.Conv2D(4, 3, dilation_rate=(2, 1), activation="silu"), 9, 8, 3),
    one("Conv2D groups", lambda k: k.Conv2D(6, 3, groups=3), 9, 8, 3, runs=False),
    one("Conv2D first", lambda k: k.Conv2D(4, 3, data_format="channels_first"), 3, 9, 8, runs=False),
    one("Conv3D", lambda k: k.Conv3D(4, (3, 2, 1), padding="same", strides=2), 5, 6, 7, 2),
    one("Conv1DTranspose", lambda k: k.Conv1DTranspose(4, 3, strides=2), 5, 3),
    one("Conv1DTranspose same", lambda k: k.Conv1DTranspose(4, 3, strides=2, padding="same"), 5, 3),
    one("Conv2DTranspose", lambda k: k.Conv2DTranspose(4, (3, 1), strides=2), 4, 5, 3),
    one(
        "Conv2DTranspose same",
        lambda k: k.Conv2DTranspose(4, (5, 4), strides=2, padding="same", activation="tanh"),
        4,
        5,
        3,
    ),
    one(
        "Conv2DTranspose extra",
        lambda k: k.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=0),
        4,
        5,
        3,
    ),
    one(
        "Conv2DTranspose extra 1",
        lambda k: k.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1),
        4,
        5,
        3,
    ),
    one(
        "Conv2DTranspose valid extra",
        lambda k: k.Conv2DTranspose(4, 3, strides=2, output_padding=(1, 0)),
        4,
        5,
        3,
    ),
    one("Conv2DTranspose small", lambda k: k.Conv2DTranspose(4, 1, strides=3), 4, 5, 3),
    one(
        "Conv3DTranspose",
        lambda k: k.Conv3DTranspose(2, 2, strides=2, padding="same", use_bias=False),
        3,
        4,
        2,
        3,
    ),
    one("DepthwiseConv1D", lambda k: k.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), 9, 3),
    one(
        "DepthwiseConv2D",
        lambda k: k.DepthwiseConv2D((3, 2), depth_multiplier=2, strides=2, activation="relu"),
        9,
        8,
        3,
    ),
    one("DepthwiseConv2D same", lambda k: k.DepthwiseConv2D(3, padding="same", use_bias=False), 9, 8, 3),
    one("SeparableConv1D", lambda k: k.SeparableConv1D(4, 3, depth_multiplier=2, activation="relu"), 9, 3),
    one(
        "SeparableConv2D",
        lambda k: k.SeparableConv2D(4, (3, 2), padding="same", strides=2, depth_multiplier=3),
        9,
        8,
        3,
    ),
    one("SeparableConv2D plain", lambda k: k.SeparableConv2D(4, 3, use_bias=False, dilation_rate=2), 9, 8, 3),
]

POOLING = [
    one("MaxPooling1D", lambda k: k.MaxPooling1D(), 9, 3),
    one("MaxPooling2D", lambda k: k.MaxPooling2D((3, 2), strides=2, padding="same"), 9, 8, 3),
    one("MaxPooling2D default", lambda k: k.MaxPooling2D(), 9, 8, 3),
    one("MaxPooling2D first", lambda k: k.MaxPooling2D(3, strides=(2, 1), data_format="channels_first"), 3, 9, 8, runs=False),
    one("MaxPooling3D", lambda k: k.MaxPooling3D(2, padding="same"), 5, 6, 7, 2),
    one("AveragePooling1D", lambda k: k.AveragePooling1D(3, padding="same"), 9, 3),
    one("AveragePooling2D", lambda k: k.AveragePooling2D(3, strides=1, padding="same"), 9, 8, 3),
    one("AveragePooling3D", lambda k: k.AveragePooling3D((2, 1, 3)), 5, 6, 7, 2),
    *[
        one(f"Global{kind}Pooling{n}D{' kept' if keep else ''}",
            _made(f"Global{kind}Pooling{n}D", keepdims=keep), *(5, 6, 7)[:n], 2)
        for kind in ("Max", "Average") for n in (1, 2, 3) for keep in (False, True)
    ],
    one("GlobalMaxPooling2D first", lambda k: k.GlobalMaxPooling2D(data_format="channels_first"), 2, 5, 6),
    *[
        one(f"Adaptive{kind}Pooling{n}D",
            _made(f"Adaptive{kind}Pooling{n}D", (3, 2, 4)[:n] if n > 1 else 3), *(5, 6, 7)[:n], 2)
        for kind in ("Max", "Average") for n in (1, 2, 3)
    ],
]  # fmt: skip

NORMALIZATION = [
    one("BatchNormalization", lambda k: k.BatchNormalization(), 4, 5, 3),
    one(
        "BatchNormalization axis", lambda k: k.BatchNormalization(axis=1, epsilon=1e-5, momentum=0.9), 4, 5, 3
    ),
    one("BatchNormalization bare", lambda k: k.BatchNormalization(center=False, scale=False), 4),
    one("LayerNormalization", lambda k: k.LayerNormalization(), 4, 3),
    one("LayerNormalization axes", lambda k: k.LayerNormalization(axis=[1, 2], epsilon=1e-6), 4, 3),
    one("LayerNormalization bare", lambda k: k.LayerNormalization(center=False), 4, 3),
    one("RMSNormalization", lambda k: k.RMSNormalization(), 4, 3),
    one("GroupNormalization", lambda k: k.GroupNormalization(groups=2), 4, 5, 6),
    one("GroupNormalization one each", lambda k: k.GroupNormalization(groups=-1, scale=False), 4, 5, 6),
    one("UnitNormalization", lambda k: k.UnitNormalization(), 4, 3),
    one("UnitNormalization axes", lambda k: k.UnitNormalization(axis=[1, 2]), 4, 3),
    one("SpectralNormalization", lambda k: k.SpectralNormalization(k.Dense(3)), 4),
    one(
        "SpectralNormalization conv",
        lambda k: k.SpectralNormalization(k.Conv2D(3, 2), power_iterations=2),
        4,
        5,
        2,
    ),
]

REGULARIZATION = [
    one("Dropout", lambda k: k.Dropout(0.3, seed=7), 4),
    one("Dropout noise shape", lambda k: k.Dropout(0.3, noise_shape=(None, 1, 3)), 4, 3),
    one("SpatialDropout1D", lambda k: k.SpatialDropout1D(0.3), 4, 3),
    one("SpatialDropout2D", lambda k: k.SpatialDropout2D(0.3, data_format="channels_first"), 4, 3, 2),
    one("SpatialDropout3D", lambda k: k.SpatialDropout3D(0.3), 4, 3, 2, 2),
    one("GaussianNoise", lambda k: k.GaussianNoise(0.3), 4),
    one("GaussianDropout", lambda k: k.GaussianDropout(0.3), 4),
    one("AlphaDropout", lambda k: k.AlphaDropout(0.3), 4),
    one("ActivityRegularization", lambda k: k.ActivityRegularization(l1=0.1, l2=0.2), 4),
]

ACTIVATION = [
    one("ReLU", lambda k: k.ReLU(), 4),
    one("ReLU three", lambda k: k.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.5), 4),
    one("LeakyReLU", lambda k: k.LeakyReLU(), 4),
    one("LeakyReLU slope", lambda k: k.LeakyReLU(negative_slope=0.1), 4),
    one("PReLU", lambda k: k.PReLU(), 4, 5, 3),
    one("PReLU shared", lambda k: k.PReLU(shared_axes=[1, 2]), 4, 5, 3),
    one("ELU", lambda k: k.ELU(alpha=0.5), 4),
    one("Softmax", lambda k: k.Softmax(), 4, 3),
    one("Softmax axis", lambda k: k.Softmax(axis=1), 4, 3),
    one("Softmax axes", lambda k: k.Softmax(axis=(1, 2)), 4, 3),
]

MERGING = [
    several("Add", lambda k: k.Add(), (4, 3), (4, 3), (4, 3)),
    several("Add ranks", lambda k: k.Add(), (4, 5, 3), (3,)),
    several("Add broadcast", lambda k: k.Add(), (4, 3), (1, 3)),
    several("Subtract", lambda k: k.Subtract(), (4,), (4,)),
    several("Multiply", lambda k: k.Multiply(), (4, 3), (4, 1)),
    several("Average", lambda k: k.Average(), (4,), (4,)),
    several("Maximum", lambda k: k.Maximum(), (4,), (4,)),
    several("Minimum", lambda k: k.Minimum(), (4,), (4,)),
    several("Concatenate", lambda k: k.Concatenate(), (4, 3), (4, 2)),
    several("Concatenate axis", lambda k: k.Concatenate(axis=1), (4, 3), (2, 3), (1, 3)),
    several("Dot", lambda k: k.Dot(axes=1), (4,), (4,)),
    several("Dot axes", lambda k: k.Dot(axes=(2, 1)), (4, 3), (3, 5)),
    several("Dot normalize", lambda k: k.Dot(axes=-1, normalize=True), (4,), (4,)),
]

RESHAPING = [
    one("Flatten", lambda k: k.Flatten(), 4, 5, 3),
    one("Flatten first", lambda k: k.Flatten(data_format="channels_first"), 3, 4, 5),
    one("Reshape", lambda k: k.Reshape((5, 4)), 4, 5),
    one("Reshape infer", lambda k: k.Reshape((2, -1)), 4, 5),
    one("Permute", lambda k: k.Permute((2, 3, 1)), 4, 5, 3),
    one("RepeatVector", lambda k: k.RepeatVector(3), 4),
    one("Cropping1D", lambda k: k.Cropping1D((1, 2)), 9, 3),
    one("Cropping2D", lambda k: k.Cropping2D(((1, 2), (0, 3))), 9, 8, 3),
    one("Cropping3D", lambda k: k.Cropping3D(1), 5, 6, 7, 2),
    one("ZeroPadding1D", lambda k: k.ZeroPadding1D(2), 9, 3),
    one("ZeroPadding2D", lambda k: k.ZeroPadding2D(((1, 2), (0, 3))), 4, 5, 3),
    one("ZeroPadding2D first", lambda k: k.ZeroPadding2D(1, data_format="channels_first"), 3, 4, 5),
    one("ZeroPadding3D", lambda k: k.ZeroPadding3D((1, 2, 0)), 2, 3, 4, 2),
    one("UpSampling1D", lambda k: k.UpSampling1D(3), 4, 3),
    one("UpSampling2D", lambda k: k.UpSampling2D((2, 3)), 4, 5, 3),
    one("UpSampling2D bilinear", lambda k: k.UpSampling2D(2, interpolation="bilinear"), 4, 5, 3),
    one("UpSampling3D", lambda k: k.UpSampling3D(2), 2, 3, 4, 2),
]


def _state(layer: Any, inputs: list[Any]) -> Any:
    return layer(inputs[0], initial_state=inputs[1:])


RECURRENT = [
    one("SimpleRNN", lambda k: k.SimpleRNN(3), 4, 2),
    one(
        "SimpleRNN relu",
        lambda k: k.SimpleRNN(3, activation="relu", use_bias=False, return_sequences=True),
        4,
        2,
    ),
    one("LSTM", lambda k: k.LSTM(3), 4, 2),
    one(
        "LSTM sequences",
        lambda k: k.LSTM(3, return_sequences=True, go_backwards=True, dropout=0.2, unroll=True),
        4,
        2,
    ),
    one("LSTM state", lambda k: k.LSTM(3, return_state=True, unit_forget_bias=False), None, 2),
    one("LSTM old", lambda k: k.LSTM(3, recurrent_activation=old_hard_sigmoid(k)), 4, 2),
    one("LSTM hard", lambda k: k.LSTM(3, recurrent_activation="hard_sigmoid", activation="softsign"), 4, 2),
    several(
        "LSTM initial",
        lambda k: k.LSTM(3, return_state=True, return_sequences=True),
        (4, 2),
        (3,),
        (3,),
        call=_state,
    ),
    one("GRU", lambda k: k.GRU(3), 4, 2),
    one("GRU before", lambda k: k.GRU(3, reset_after=False, return_state=True), 4, 2),
    one("GRU no bias", lambda k: k.GRU(3, use_bias=False, return_sequences=True), 4, 2),
    several("GRU initial", lambda k: k.GRU(3), (4, 2), (3,), call=_state),
    one("ConvLSTM1D", lambda k: k.ConvLSTM1D(2, 3, padding="same"), 4, 5, 3),
    one("ConvLSTM2D", lambda k: k.ConvLSTM2D(2, (3, 2), strides=2, return_sequences=True), 3, 6, 7, 2),
    one("ConvLSTM2D state", lambda k: k.ConvLSTM2D(2, 3, return_state=True, use_bias=False), 3, 6, 7, 2),
    one("ConvLSTM3D", lambda k: k.ConvLSTM3D(2, 2, padding="same"), 2, 3, 4, 3, 2),
    one("RNN", lambda k: k.RNN(k.LSTMCell(3), return_sequences=True), 4, 2),
    one("RNN gru", lambda k: k.RNN(k.GRUCell(3, reset_after=False), return_state=True), 4, 2),
    one("RNN simple", lambda k: k.RNN(k.SimpleRNNCell(3, activation="relu")), 4, 2),
    one("RNN stack", lambda k: k.RNN([k.LSTMCell(3), k.GRUCell(2)], return_sequences=True), 4, 2),
    one("RNN stack of one", lambda k: k.RNN([k.LSTMCell(3)]), 4, 2),
]

WRAPPERS = [
    one("TimeDistributed", lambda k: k.TimeDistributed(k.Dense(3, activation="relu")), 4, 2),
    one("TimeDistributed conv", lambda k: k.TimeDistributed(k.Conv2D(3, 2, padding="same")), 2, 4, 5, 2),
    one("TimeDistributed flatten", lambda k: k.TimeDistributed(k.Flatten()), 2, 4, 5),
    one("TimeDistributed normal", lambda k: k.TimeDistributed(k.BatchNormalization()), 2, 4, 5),
    one("Bidirectional", lambda k: k.Bidirectional(k.LSTM(3)), 4, 2),
    one("Bidirectional sum", lambda k: k.Bidirectional(k.GRU(3, return_sequences=True), merge_mode="sum"), 4, 2),
    one("Bidirectional none", lambda k: k.Bidirectional(k.SimpleRNN(3), merge_mode=None), 4, 2),
    one("Bidirectional state", lambda k: k.Bidirectional(k.LSTM(3, return_state=True)), 4, 2),
    one("Bidirectional other", lambda k: k.Bidirectional(
        k.LSTM(3, return_sequences=True), backward_layer=k.GRU(2, return_sequences=True, go_backwards=True)), 4, 2),
    several("Bidirectional initial", lambda k: k.Bidirectional(k.GRU(3)), (4, 2), (3,), (3,), call=_state),
    one("Bidirectional cells", lambda k: k.Bidirectional(k.RNN(k.LSTMCell(3))), 4, 2),
]  # fmt: skip


def _attend(**more: Any) -> Callable[[Any, list[Any]], Any]:
    return lambda layer, inputs: layer(*inputs, **more)


ATTENTION = [
    several("Attention", lambda k: k.Attention(), (4, 3), (5, 3)),
    several("Attention key", lambda k: k.Attention(use_scale=True, dropout=0.1), (4, 3), (5, 2), (5, 3)),
    several("Attention concat", lambda k: k.Attention(score_mode="concat"), (4, 3), (5, 3)),
    several("Attention causal", lambda k: k.Attention(), (4, 3), (4, 3),
            call=lambda layer, x: layer(x, use_causal_mask=True, return_attention_scores=True)),
    several("AdditiveAttention", lambda k: k.AdditiveAttention(), (4, 3), (5, 3)),
    several("AdditiveAttention plain", lambda k: k.AdditiveAttention(use_scale=False), (4, 3), (5, 3)),
    several("MultiHeadAttention", lambda k: k.MultiHeadAttention(2, 3), (4, 5), (6, 7), call=_attend()),
    several("MultiHeadAttention key", lambda k: k.MultiHeadAttention(2, 3, value_dim=4, output_shape=6, use_bias=False),
            (4, 5), (6, 7), (6, 3), call=_attend()),
    several("MultiHeadAttention causal", lambda k: k.MultiHeadAttention(2, 3), (4, 5), (4, 5),
            call=_attend(use_causal_mask=True, return_attention_scores=True)),
    several("MultiHeadAttention axes", lambda k: k.MultiHeadAttention(2, 3, attention_axes=(2,)), (4, 5, 3), (4, 5, 3),
            call=_attend()),
    several("MultiHeadAttention gate", lambda k: k.MultiHeadAttention(2, 3, use_gate=True), (4, 5), (4, 5), call=_attend()),
    several("GroupQueryAttention", lambda k: k.GroupQueryAttention(3, 4, 2), (4, 5), (6, 5), call=_attend()),
    several("GroupQueryAttention gate", lambda k: k.GroupQueryAttention(3, 4, 2, use_gate=True, use_bias=False),
            (4, 5), (6, 5), call=_attend()),
]  # fmt: skip

PREPROCESSING = [
    one("Rescaling", lambda k: k.Rescaling(1 / 255, offset=-0.5), 4, 5, 3),
    one("Rescaling list", lambda k: k.Rescaling([0.1, 0.2, 0.3], offset=[1.0, 2.0, 3.0]), 4, 5, 3),
    one("Normalization", lambda k: k.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0]), 4, 3),
    one(
        "Normalization scalar",
        lambda k: k.Normalization(axis=None, mean=1.0, variance=4.0, invert=True),
        4,
        3,
    ),
    one("Normalization adapted", lambda k: k.Normalization(axis=1), 4, 3),
    one("Resizing", lambda k: k.Resizing(6, 7), 4, 5, 3),
    one(
        "Resizing nearest",
        lambda k: k.Resizing(3, 7, interpolation="nearest", crop_to_aspect_ratio=True),
        4,
        5,
        3,
    ),
    one("CenterCrop", lambda k: k.CenterCrop(3, 2), 4, 5, 3),
    one("RandomCrop", lambda k: k.RandomCrop(3, 2), 4, 5, 3, runs=False),  # Keras 3.15 crops in training only
    one("RandomFlip", lambda k: k.RandomFlip("horizontal"), 4, 5, 3),
    one("RandomRotation", lambda k: k.RandomRotation(0.2), 4, 5, 3),
    one("RandomTranslation", lambda k: k.RandomTranslation(0.2, 0.1), 4, 5, 3),
    one("RandomZoom", lambda k: k.RandomZoom(0.2), 4, 5, 3),
    one("RandomContrast", lambda k: k.RandomContrast(0.2), 4, 5, 3),
    one("RandomBrightness", lambda k: k.RandomBrightness(0.2), 4, 5, 3),
    one("AugMix", lambda k: k.AugMix(), 4, 5, 3),
    one("CutMix", lambda k: k.CutMix(), 4, 5, 3),
    one("MixUp", lambda k: k.MixUp(), 4, 5, 3),
    one("RandAugment", lambda k: k.RandAugment(), 4, 5, 3),
    one("Solarization", lambda k: k.Solarization(), 4, 5, 3),
    one("RandomErasing", lambda k: k.RandomErasing(), 4, 5, 3),
    one("RandomInvert", lambda k: k.RandomInvert(), 4, 5, 3),
    one("RandomGrayscale", lambda k: k.RandomGrayscale(), 4, 5, 3),
]

FAMILIES = {
    "core": CORE,
    "convolution": CONVOLUTION,
    "pooling": POOLING,
    "normalization": NORMALIZATION,
    "regularization": REGULARIZATION,
    "activation": ACTIVATION,
    "merging": MERGING,
    "reshaping": RESHAPING,
    "recurrent": RECURRENT,
    "wrappers": WRAPPERS,
    "attention": ATTENTION,
    "preprocessing": PREPROCESSING,
}
CASES = [case for cases in FAMILIES.values() for case in cases]
