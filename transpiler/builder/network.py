"""The class that people use."""

from __future__ import annotations

from transpiler.builder.common import CommonLayers
from transpiler.builder.recurrent import RecurrentLayers
from transpiler.builder.vision import VisionLayers


class Network(VisionLayers, CommonLayers, RecurrentLayers):
    """A network written in Python, one call a layer. Each call takes values and gives the layer's result.

    >>> net = Network("digits")
    >>> x = net.input("image", (1, 28, 28))
    >>> x = net.conv(x, 20, 5, name="conv1")
    >>> x = net.max_pool(net.relu(x), 2, 2)
    >>> x = net.dense(x, 10, name="scores")
    >>> digits = net.module(net.softmax(x, name="digits"))

    Shapes are inferred on the way, so what makes no sense is an error of the call that says it:

    >>> print(x.type)
    f32[?, 10]
    >>> net.conv(x, 20, 5)
    Traceback (most recent call last):
    transpiler.builder.core.NetworkError: scores is no feature map (batch, channels, space): f32[?, 10]

    The module goes where a file goes:

    >>> import transpiler
    >>> transpiler.inspect(digits).param_count
    29330
    >>> print(transpiler.convert(digits, to="caffe").text.partition("layer")[0])
    name: "digits"
    <BLANKLINE>

    Layers share arrays by name, and are given numbers by role:

    >>> pair = Network("pair")
    >>> a, b = pair.input("a", (2,)), pair.input("b", (2,))
    >>> x = pair.dense(a, 3, name="tower", arrays={"bias": [0.0, 0.0, 1.0]})
    >>> y = pair.dense(b, 3, name="twin", shared="tower")
    >>> transpiler.inspect(pair.module(x, y)).param_count
    9
    """
