"""A denoising autoencoder."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module
from transpiler.zoo.entry import Entry


def denoising_autoencoder() -> Module:
    """A digit with noise, made small by convolutions with pooling, and large again without the noise."""
    net = Network("denoising_autoencoder", data_format="channels_last")
    x = net.gaussian_noise(net.input("image", (28, 28, 1)), 0.2, name="noise")
    for number, filters in ((1, 16), (2, 8), (3, 8)):
        x = net.relu(net.conv(x, filters, 3, padding="same", name=f"conv{number}"), name=f"relu{number}")
        x = net.max_pool(x, 2, 2, "same", name=f"pool{number}")
    for number, filters in ((4, 8), (5, 8), (6, 16)):
        padding = "same" if number < 6 else "valid"  # from 16 to 14, so that 28 is reached
        x = net.relu(net.conv(x, filters, 3, padding=padding, name=f"conv{number}"), name=f"relu{number}")
        x = net.upsample(x, 2, name=f"up{number}")
    x = net.conv(x, 1, 3, padding="same", name="conv7")
    return net.module(net.sigmoid(x, name="picture"))


DENOISING_AUTOENCODER = Entry(
    name="denoising_autoencoder",
    title="Denoising autoencoder",
    publication="P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol: Extracting and Composing Robust "
    "Features with Denoising Autoencoders. ICML 2008",
    variant="The convolutional form for MNIST of F. Chollet: Building Autoencoders in Keras, 2016, with "
    "Gaussian noise",
    parameters=4_385,
    build=denoising_autoencoder,
)
