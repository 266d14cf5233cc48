"""Picture captioning by a long-term recurrent convolutional network."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.alexnet import caffenet_scores
from transpiler.zoo.entry import Entry


def captioner(net: Network, words: Value, cont: Value, features: Value, vocabulary: int = 8_801) -> Value:
    """The next word's probabilities [T, N, vocabulary] from words [T, N] and a picture's features [N, 1000].

    `cont` [T, N] is 0 where a sentence begins, else 1.
    """
    x = net.embedding(words, vocabulary, 1000, name="embedding")
    x = net.time_major_lstm(x, cont, 1000, name="lstm1")
    x = net.time_major_lstm(x, cont, 1000, static=features, name="lstm2")
    x = net.dense(x, vocabulary, axis=2, name="predict")
    return net.softmax(x, axis=2, name="probs")


def lrcn(steps: int = 20, streams: int = 1) -> Module:
    """CaffeNet sees the picture; two LSTMs write the caption, of which the second one is fed what was seen."""
    net = Network("lrcn")
    image = net.input("data", (3, 227, 227), batch=streams)
    words = net.input("input_sentence", (streams,), batch=steps)
    cont = net.input("cont_sentence", (streams,), batch=steps)
    return net.module(captioner(net, words, cont, caffenet_scores(net, image)))


LRCN = Entry(
    name="lrcn",
    title="COCO captioning (LRCN)",
    publication="J. Donahue et al.: Long-term Recurrent Convolutional Networks for Visual Recognition and "
    "Description. CVPR 2015",
    variant="The factored two-layer form (LRCN-2f) with CaffeNet, as the authors released it for Caffe: time "
    "first, captions of 20 words, one picture at a time",
    parameters=98_584_025,
    build=lrcn,
)
