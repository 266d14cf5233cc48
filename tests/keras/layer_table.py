"""Every layer class of Keras 3 in a few configurations: how to make it, and what to call it on.

`layers` is the module keras.layers, passed in so that nothing is imported with this table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

Make = Callable[[Any], Any]


@attrs.frozen
class Case:
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


CORE = [
    one("Dense", lambda L: L.Dense(3), 4),
    one("Dense relu", lambda L: L.Dense(3, activation="relu", use_bias=False), 5, 4),
    one("Dense softmax", lambda L: L.Dense(3, activation="softmax", kernel_regularizer="l2", kernel_constraint="non_neg"), 4),
    one("Dense old hard sigmoid", lambda L: L.Dense(3, activation=old_hard_sigmoid(L)), 4),
    one("EinsumDense", lambda L: L.EinsumDense("abc,cd->abd", output_shape=(None, 6), bias_axes="d"), 5, 4),
    one("EinsumDense dots", lambda L: L.EinsumDense("...x,xy->...y", output_shape=6, activation="relu"), 5, 4),
    one("EinsumDense two", lambda L: L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"), 5, 4),
    one("EinsumDense outer bias", lambda L: L.EinsumDense("ab,bcd->acd", output_shape=(2, 3), bias_axes="c"), 4),
    one("Embedding", lambda L: L.Embedding(5, 3), 4, integers=True),
    one("Embedding mask", lambda L: L.Embedding(5, 3, mask_zero=True), 4, integers=True),
    one("Masking", lambda L: L.Masking(0.5), 4, 3),
    one("Identity", lambda L: L.Identity(), 4, 3),
    *[
        one(f"Activation {name}", lambda L, name=name: L.Activation(name), 4, 6)
        for name in (
            "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "glu", "softplus", "softsign", "sigmoid",
            "tanh", "hard_sigmoid", "silu", "hard_silu", "mish", "softmax", "log_softmax", "exponential", "hard_tanh",
            "hard_shrink", "soft_shrink", "tanh_shrink", "log_sigmoid", "sparse_plus", "sparse_sigmoid", "squareplus",
            "sparsemax",
        )
    ],
    one("Activation old hard sigmoid", lambda L: L.Activation(old_hard_sigmoid(L)), 4),
]  # fmt: skip


def old_hard_sigmoid(layers: Any) -> Any:
    return layers.Pipeline([layers.Rescaling(0.2, 0.5), layers.ReLU(1.0)])


CONVOLUTION = [
    one("Conv1D", lambda L: L.Conv1D(4, 3), 9, 3),
    one("Conv1D same", lambda L: L.Conv1D(4, 3, strides=2, padding="same", activation="relu"), 9, 3),
    one("Conv1D causal", lambda L: L.Conv1D(4, 3, padding="causal", dilation_rate=2), 9, 3),
    one("Conv1D causal strides", lambda L: L.Conv1D(4, 3, padding="causal", strides=2), 9, 3),
    one("Conv2D", lambda L: L.Conv2D(4, (3, 2)), 9, 8, 3),
    one("Conv2D same", lambda L: L.Conv2D(4, 3, strides=(2, 1), padding="same", use_bias=False), 9, 8, 3),
    one("Conv2D dilated", lambda L: L.Conv2D(4, 3, dilation_rate=(2, 1), activation="silu"), 9, 8, 3),
    one("Conv2D groups", lambda L: L.Conv2D(6, 3, groups=3), 9, 8, 3, runs=False),
    one("Conv2D first", lambda L: L.Conv2D(4, 3, data_format="channels_first"), 3, 9, 8, runs=False),
    one("Conv3D", lambda L: L.Conv3D(4, (3, 2, 1), padding="same", strides=2), 5, 6, 7, 2),
    one("Conv1DTranspose", lambda L: L.Conv1DTranspose(4, 3, strides=2), 5, 3),
    one("Conv1DTranspose same", lambda L: L.Conv1DTranspose(4, 3, strides=2, padding="same"), 5, 3),
    one("Conv2DTranspose", lambda L: L.Conv2DTranspose(4, (3, 1), strides=2), 4, 5, 3),
    one("Conv2DTranspose same", lambda L: L.Conv2DTranspose(4, (5, 4), strides=2, padding="same", activation="tanh"), 4, 5, 3),
    one("Conv2DTranspose extra", lambda L: L.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=0), 4, 5, 3),
    one("Conv2DTranspose extra 1", lambda L: L.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1), 4, 5, 3),
    one("Conv2DTranspose valid extra", lambda L: L.Conv2DTranspose(4, 3, strides=2, output_padding=(1, 0)), 4, 5, 3),
    one("Conv2DTranspose small", lambda L: L.Conv2DTranspose(4, 1, strides=3), 4, 5, 3),
    one("Conv3DTranspose", lambda L: L.Conv3DTranspose(2, 2, strides=2, padding="same", use_bias=False), 3, 4, 2, 3),
    one("DepthwiseConv1D", lambda L: L.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), 9, 3),
    one("DepthwiseConv2D", lambda L: L.DepthwiseConv2D((3, 2), depth_multiplier=2, strides=2, activation="relu"), 9, 8, 3),
    one("DepthwiseConv2D same", lambda L: L.DepthwiseConv2D(3, padding="same", use_bias=False), 9, 8, 3),
    one("SeparableConv1D", lambda L: L.SeparableConv1D(4, 3, depth_multiplier=2, activation="relu"), 9, 3),
    one("SeparableConv2D", lambda L: L.SeparableConv2D(4, (3, 2), padding="same", strides=2, depth_multiplier=3), 9, 8, 3),
    one("SeparableConv2D plain", lambda L: L.SeparableConv2D(4, 3, use_bias=False, dilation_rate=2), 9, 8, 3),
]

POOLING = [
    one("MaxPooling1D", lambda L: L.MaxPooling1D(), 9, 3),
    one("MaxPooling2D", lambda L: L.MaxPooling2D((3, 2), strides=2, padding="same"), 9, 8, 3),
    one("MaxPooling2D default", lambda L: L.MaxPooling2D(), 9, 8, 3),
    one("MaxPooling2D first", lambda L: L.MaxPooling2D(3, strides=(2, 1), data_format="channels_first"), 3, 9, 8, runs=False),
    one("MaxPooling3D", lambda L: L.MaxPooling3D(2, padding="same"), 5, 6, 7, 2),
    one("AveragePooling1D", lambda L: L.AveragePooling1D(3, padding="same"), 9, 3),
    one("AveragePooling2D", lambda L: L.AveragePooling2D(3, strides=1, padding="same"), 9, 8, 3),
    one("AveragePooling3D", lambda L: L.AveragePooling3D((2, 1, 3)), 5, 6, 7, 2),
    *[
        one(f"Global{kind}Pooling{n}D{' kept' if keep else ''}",
            lambda L, kind=kind, n=n, keep=keep: getattr(L, f"Global{kind}Pooling{n}D")(keepdims=keep), *(5, 6, 7)[:n], 2)
        for kind in ("Max", "Average") for n in (1, 2, 3) for keep in (False, True)
    ],
    one("GlobalMaxPooling2D first", lambda L: L.GlobalMaxPooling2D(data_format="channels_first"), 2, 5, 6),
    *[
        one(f"Adaptive{kind}Pooling{n}D",
            lambda L, kind=kind, n=n: getattr(L, f"Adaptive{kind}Pooling{n}D")((3, 2, 4)[:n] if n > 1 else 3), *(5, 6, 7)[:n], 2)
        for kind in ("Max", "Average") for n in (1, 2, 3)
    ],
]  # fmt: skip

NORMALIZATION = [
    one("BatchNormalization", lambda L: L.BatchNormalization(), 4, 5, 3),
    one("BatchNormalization axis", lambda L: L.BatchNormalization(axis=1, epsilon=1e-5, momentum=0.9), 4, 5, 3),
    one("BatchNormalization bare", lambda L: L.BatchNormalization(center=False, scale=False), 4),
    one("LayerNormalization", lambda L: L.LayerNormalization(), 4, 3),
    one("LayerNormalization axes", lambda L: L.LayerNormalization(axis=[1, 2], epsilon=1e-6), 4, 3),
    one("LayerNormalization bare", lambda L: L.LayerNormalization(center=False), 4, 3),
    one("RMSNormalization", lambda L: L.RMSNormalization(), 4, 3),
    one("GroupNormalization", lambda L: L.GroupNormalization(groups=2), 4, 5, 6),
    one("GroupNormalization one each", lambda L: L.GroupNormalization(groups=-1, scale=False), 4, 5, 6),
    one("UnitNormalization", lambda L: L.UnitNormalization(), 4, 3),
    one("UnitNormalization axes", lambda L: L.UnitNormalization(axis=[1, 2]), 4, 3),
    one("SpectralNormalization", lambda L: L.SpectralNormalization(L.Dense(3)), 4),
    one("SpectralNormalization conv", lambda L: L.SpectralNormalization(L.Conv2D(3, 2), power_iterations=2), 4, 5, 2),
]

REGULARIZATION = [
    one("Dropout", lambda L: L.Dropout(0.3, seed=7), 4),
    one("Dropout noise shape", lambda L: L.Dropout(0.3, noise_shape=(None, 1, 3)), 4, 3),
    one("SpatialDropout1D", lambda L: L.SpatialDropout1D(0.3), 4, 3),
    one("SpatialDropout2D", lambda L: L.SpatialDropout2D(0.3, data_format="channels_first"), 4, 3, 2),
    one("SpatialDropout3D", lambda L: L.SpatialDropout3D(0.3), 4, 3, 2, 2),
    one("GaussianNoise", lambda L: L.GaussianNoise(0.3), 4),
    one("GaussianDropout", lambda L: L.GaussianDropout(0.3), 4),
    one("AlphaDropout", lambda L: L.AlphaDropout(0.3), 4),
    one("ActivityRegularization", lambda L: L.ActivityRegularization(l1=0.1, l2=0.2), 4),
]

ACTIVATION = [
    one("ReLU", lambda L: L.ReLU(), 4),
    one("ReLU three", lambda L: L.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.5), 4),
    one("LeakyReLU", lambda L: L.LeakyReLU(), 4),
    one("LeakyReLU slope", lambda L: L.LeakyReLU(negative_slope=0.1), 4),
    one("PReLU", lambda L: L.PReLU(), 4, 5, 3),
    one("PReLU shared", lambda L: L.PReLU(shared_axes=[1, 2]), 4, 5, 3),
    one("ELU", lambda L: L.ELU(alpha=0.5), 4),
    one("Softmax", lambda L: L.Softmax(), 4, 3),
    one("Softmax axis", lambda L: L.Softmax(axis=1), 4, 3),
    one("Softmax axes", lambda L: L.Softmax(axis=(1, 2)), 4, 3),
]

MERGING = [
    several("Add", lambda L: L.Add(), (4, 3), (4, 3), (4, 3)),
    several("Add ranks", lambda L: L.Add(), (4, 5, 3), (3,)),
    several("Add broadcast", lambda L: L.Add(), (4, 3), (1, 3)),
    several("Subtract", lambda L: L.Subtract(), (4,), (4,)),
    several("Multiply", lambda L: L.Multiply(), (4, 3), (4, 1)),
    several("Average", lambda L: L.Average(), (4,), (4,)),
    several("Maximum", lambda L: L.Maximum(), (4,), (4,)),
    several("Minimum", lambda L: L.Minimum(), (4,), (4,)),
    several("Concatenate", lambda L: L.Concatenate(), (4, 3), (4, 2)),
    several("Concatenate axis", lambda L: L.Concatenate(axis=1), (4, 3), (2, 3), (1, 3)),
    several("Dot", lambda L: L.Dot(axes=1), (4,), (4,)),
    several("Dot axes", lambda L: L.Dot(axes=(2, 1)), (4, 3), (3, 5)),
    several("Dot normalize", lambda L: L.Dot(axes=-1, normalize=True), (4,), (4,)),
]

RESHAPING = [
    one("Flatten", lambda L: L.Flatten(), 4, 5, 3),
    one("Flatten first", lambda L: L.Flatten(data_format="channels_first"), 3, 4, 5),
    one("Reshape", lambda L: L.Reshape((5, 4)), 4, 5),
    one("Reshape infer", lambda L: L.Reshape((2, -1)), 4, 5),
    one("Permute", lambda L: L.Permute((2, 3, 1)), 4, 5, 3),
    one("RepeatVector", lambda L: L.RepeatVector(3), 4),
    one("Cropping1D", lambda L: L.Cropping1D((1, 2)), 9, 3),
    one("Cropping2D", lambda L: L.Cropping2D(((1, 2), (0, 3))), 9, 8, 3),
    one("Cropping3D", lambda L: L.Cropping3D(1), 5, 6, 7, 2),
    one("ZeroPadding1D", lambda L: L.ZeroPadding1D(2), 9, 3),
    one("ZeroPadding2D", lambda L: L.ZeroPadding2D(((1, 2), (0, 3))), 4, 5, 3),
    one("ZeroPadding2D first", lambda L: L.ZeroPadding2D(1, data_format="channels_first"), 3, 4, 5),
    one("ZeroPadding3D", lambda L: L.ZeroPadding3D((1, 2, 0)), 2, 3, 4, 2),
    one("UpSampling1D", lambda L: L.UpSampling1D(3), 4, 3),
    one("UpSampling2D", lambda L: L.UpSampling2D((2, 3)), 4, 5, 3),
    one("UpSampling2D bilinear", lambda L: L.UpSampling2D(2, interpolation="bilinear"), 4, 5, 3),
    one("UpSampling3D", lambda L: L.UpSampling3D(2), 2, 3, 4, 2),
]


def _state(layer: Any, inputs: list[Any]) -> Any:
    return layer(inputs[0], initial_state=inputs[1:])


RECURRENT = [
    one("SimpleRNN", lambda L: L.SimpleRNN(3), 4, 2),
    one("SimpleRNN relu", lambda L: L.SimpleRNN(3, activation="relu", use_bias=False, return_sequences=True), 4, 2),
    one("LSTM", lambda L: L.LSTM(3), 4, 2),
    one("LSTM sequences", lambda L: L.LSTM(3, return_sequences=True, go_backwards=True, dropout=0.2, unroll=True), 4, 2),
    one("LSTM state", lambda L: L.LSTM(3, return_state=True, unit_forget_bias=False), None, 2),
    one("LSTM old", lambda L: L.LSTM(3, recurrent_activation=old_hard_sigmoid(L)), 4, 2),
    one("LSTM hard", lambda L: L.LSTM(3, recurrent_activation="hard_sigmoid", activation="softsign"), 4, 2),
    several("LSTM initial", lambda L: L.LSTM(3, return_state=True, return_sequences=True), (4, 2), (3,), (3,), call=_state),
    one("GRU", lambda L: L.GRU(3), 4, 2),
    one("GRU before", lambda L: L.GRU(3, reset_after=False, return_state=True), 4, 2),
    one("GRU no bias", lambda L: L.GRU(3, use_bias=False, return_sequences=True), 4, 2),
    several("GRU initial", lambda L: L.GRU(3), (4, 2), (3,), call=_state),
    one("ConvLSTM1D", lambda L: L.ConvLSTM1D(2, 3, padding="same"), 4, 5, 3),
    one("ConvLSTM2D", lambda L: L.ConvLSTM2D(2, (3, 2), strides=2, return_sequences=True), 3, 6, 7, 2),
    one("ConvLSTM2D state", lambda L: L.ConvLSTM2D(2, 3, return_state=True, use_bias=False), 3, 6, 7, 2),
    one("ConvLSTM3D", lambda L: L.ConvLSTM3D(2, 2, padding="same"), 2, 3, 4, 3, 2),
    one("RNN", lambda L: L.RNN(L.LSTMCell(3), return_sequences=True), 4, 2),
    one("RNN gru", lambda L: L.RNN(L.GRUCell(3, reset_after=False), return_state=True), 4, 2),
    one("RNN simple", lambda L: L.RNN(L.SimpleRNNCell(3, activation="relu")), 4, 2),
    one("RNN stack", lambda L: L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True), 4, 2),
    one("RNN stack of one", lambda L: L.RNN([L.LSTMCell(3)]), 4, 2),
]

WRAPPERS = [
    one("TimeDistributed", lambda L: L.TimeDistributed(L.Dense(3, activation="relu")), 4, 2),
    one("TimeDistributed conv", lambda L: L.TimeDistributed(L.Conv2D(3, 2, padding="same")), 2, 4, 5, 2),
    one("TimeDistributed flatten", lambda L: L.TimeDistributed(L.Flatten()), 2, 4, 5),
    one("TimeDistributed normal", lambda L: L.TimeDistributed(L.BatchNormalization()), 2, 4, 5),
    one("Bidirectional", lambda L: L.Bidirectional(L.LSTM(3)), 4, 2),
    one("Bidirectional sum", lambda L: L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="sum"), 4, 2),
    one("Bidirectional none", lambda L: L.Bidirectional(L.SimpleRNN(3), merge_mode=None), 4, 2),
    one("Bidirectional state", lambda L: L.Bidirectional(L.LSTM(3, return_state=True)), 4, 2),
    one("Bidirectional other", lambda L: L.Bidirectional(
        L.LSTM(3, return_sequences=True), backward_layer=L.GRU(2, return_sequences=True, go_backwards=True)), 4, 2),
    several("Bidirectional initial", lambda L: L.Bidirectional(L.GRU(3)), (4, 2), (3,), (3,), call=_state),
    one("Bidirectional cells", lambda L: L.Bidirectional(L.RNN(L.LSTMCell(3))), 4, 2),
]  # fmt: skip


def _attend(**more: Any) -> Callable[[Any, list[Any]], Any]:
    return lambda layer, inputs: layer(*inputs, **more)


ATTENTION = [
    several("Attention", lambda L: L.Attention(), (4, 3), (5, 3)),
    several("Attention key", lambda L: L.Attention(use_scale=True, dropout=0.1), (4, 3), (5, 2), (5, 3)),
    several("Attention concat", lambda L: L.Attention(score_mode="concat"), (4, 3), (5, 3)),
    several("Attention causal", lambda L: L.Attention(), (4, 3), (4, 3),
            call=lambda layer, x: layer(x, use_causal_mask=True, return_attention_scores=True)),
    several("AdditiveAttention", lambda L: L.AdditiveAttention(), (4, 3), (5, 3)),
    several("AdditiveAttention plain", lambda L: L.AdditiveAttention(use_scale=False), (4, 3), (5, 3)),
    several("MultiHeadAttention", lambda L: L.MultiHeadAttention(2, 3), (4, 5), (6, 7), call=_attend()),
    several("MultiHeadAttention key", lambda L: L.MultiHeadAttention(2, 3, value_dim=4, output_shape=6, use_bias=False),
            (4, 5), (6, 7), (6, 3), call=_attend()),
    several("MultiHeadAttention causal", lambda L: L.MultiHeadAttention(2, 3), (4, 5), (4, 5),
            call=_attend(use_causal_mask=True, return_attention_scores=True)),
    several("MultiHeadAttention axes", lambda L: L.MultiHeadAttention(2, 3, attention_axes=(2,)), (4, 5, 3), (4, 5, 3),
            call=_attend()),
    several("MultiHeadAttention gate", lambda L: L.MultiHeadAttention(2, 3, use_gate=True), (4, 5), (4, 5), call=_attend()),
    several("GroupQueryAttention", lambda L: L.GroupQueryAttention(3, 4, 2), (4, 5), (6, 5), call=_attend()),
    several("GroupQueryAttention gate", lambda L: L.GroupQueryAttention(3, 4, 2, use_gate=True, use_bias=False),
            (4, 5), (6, 5), call=_attend()),
]  # fmt: skip

PREPROCESSING = [
    one("Rescaling", lambda L: L.Rescaling(1 / 255, offset=-0.5), 4, 5, 3),
    one("Rescaling list", lambda L: L.Rescaling([0.1, 0.2, 0.3], offset=[1.0, 2.0, 3.0]), 4, 5, 3),
    one("Normalization", lambda L: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0]), 4, 3),
    one("Normalization scalar", lambda L: L.Normalization(axis=None, mean=1.0, variance=4.0, invert=True), 4, 3),
    one("Normalization adapted", lambda L: L.Normalization(axis=1), 4, 3),
    one("Resizing", lambda L: L.Resizing(6, 7), 4, 5, 3),
    one("Resizing nearest", lambda L: L.Resizing(3, 7, interpolation="nearest", crop_to_aspect_ratio=True), 4, 5, 3),
    one("CenterCrop", lambda L: L.CenterCrop(3, 2), 4, 5, 3),
    one("RandomCrop", lambda L: L.RandomCrop(3, 2), 4, 5, 3, runs=False),  # Keras 3.15 crops in training only
    one("RandomFlip", lambda L: L.RandomFlip("horizontal"), 4, 5, 3),
    one("RandomRotation", lambda L: L.RandomRotation(0.2), 4, 5, 3),
    one("RandomTranslation", lambda L: L.RandomTranslation(0.2, 0.1), 4, 5, 3),
    one("RandomZoom", lambda L: L.RandomZoom(0.2), 4, 5, 3),
    one("RandomContrast", lambda L: L.RandomContrast(0.2), 4, 5, 3),
    one("RandomBrightness", lambda L: L.RandomBrightness(0.2), 4, 5, 3),
    one("RandomErasing", lambda L: L.RandomErasing(), 4, 5, 3),
    one("RandomInvert", lambda L: L.RandomInvert(), 4, 5, 3),
    one("RandomGrayscale", lambda L: L.RandomGrayscale(), 4, 5, 3),
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
