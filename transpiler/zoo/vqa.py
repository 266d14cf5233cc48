"""Visual question answering."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module, Value
from transpiler.zoo.entry import Entry


def vqa(words: int = 12_602, steps: int = 26) -> Module:
    """A question through two LSTMs, a picture's features through a dense layer, their product to 1000 answers.

    `words`: the size of the vocabulary; `steps`: the number of words of a question.
    """
    net = Network("vqa")
    question = net.input("question", (steps,))
    features = net.input("features", (4096,))
    x = net.tanh(net.embedding(question, words, 300, name="embedding"), name="embedding_tanh")
    x, hidden1, cell1 = net.lstm_with_states(x, 512, sequences=True, name="lstm1")
    _, hidden2, cell2 = net.lstm_with_states(x, 512, name="lstm2")
    x = net.concat(cell1, hidden1, cell2, hidden2, name="question_states")
    x = net.multiply(
        _tanh(net, x, 1024, "question_embedding"), _tanh(net, features, 1024, "image_embedding"), name="fused"
    )
    for number in (1, 2):
        x = net.dropout(_tanh(net, x, 1000, f"fc{number}"), 0.5, name=f"drop{number}")
    return net.module(net.softmax(net.dense(x, 1000, name="scores"), name="answer"))


def _tanh(net: Network, x: Value, units: int, name: str) -> Value:
    return net.tanh(net.dense(x, units, name=name), name=f"{name}_tanh")


VQA = Entry(
    name="vqa",
    title="VQA",
    publication="S. Antol et al.: VQA: Visual Question Answering. ICCV 2015",
    variant="The publication's deeper LSTM Q + norm I: questions of 26 words, VGG-16's fc7 features, which "
    "the caller normalizes to length 1",
    parameters=16_865_328,
    build=vqa,
)
