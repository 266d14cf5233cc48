"""Networks over characters and words: translation, text generation, sentiment."""

from __future__ import annotations

from transpiler.builder import Network
from transpiler.ir import Module
from transpiler.zoo.entry import Entry


def seq2seq(source: int = 71, target: int = 93) -> Module:
    """An LSTM reads a sentence; its last states begin another, which writes the translation letter by letter.

    `source`, `target`: how many characters either language has; they come as one-hot vectors, any number of them.
    """
    net = Network("seq2seq_translation")
    read = net.input("encoder_input", (None, source))
    written = net.input("decoder_input", (None, target))
    _, hidden, cell = net.lstm_with_states(read, 256, name="encoder")
    x = net.lstm(written, 256, sequences=True, initial=(hidden, cell), name="decoder")
    return net.module(net.softmax(net.dense(x, target, axis=-1, name="scores"), name="letter"))


def text_generation(characters: int = 47) -> Module:
    """Two LSTMs over the last 100 characters, and the probabilities of the next one."""
    net = Network("text_generation")
    x = net.input("text", (100, 1))
    x = net.dropout(net.lstm(x, 256, sequences=True, name="lstm1"), 0.2, name="drop1")
    x = net.dropout(net.lstm(x, 256, name="lstm2"), 0.2, name="drop2")
    return net.module(net.softmax(net.dense(x, characters, name="scores"), name="letter"))


def imdb_cnn_lstm() -> Module:
    """Words, a convolution over five of them at a time, pooling, an LSTM, one number: whether the review praises."""
    net = Network("imdb_cnn_lstm", data_format="channels_last")
    x = net.embedding(net.input("words", (100,)), 20_000, 128, name="embedding")
    x = net.dropout(x, 0.25, name="drop")
    x = net.relu(net.conv(x, 64, 5, name="conv"), name="relu")
    x = net.lstm(net.max_pool(x, 4, 4, name="pool"), 70, name="lstm")
    return net.module(net.sigmoid(net.dense(x, 1, name="score"), name="sentiment"))


SEQ2SEQ = Entry(
    name="seq2seq",
    title="Seq2Seq translation",
    publication="I. Sutskever, O. Vinyals, Q. Le: Sequence to Sequence Learning with Neural Networks. NIPS "
    "2014",
    variant="The form by characters, English to French, of F. Chollet: A Ten-Minute Introduction to "
    "Sequence-to-Sequence Learning in Keras, 2017",
    parameters=718_173,
    build=seq2seq,
)
TEXT_GENERATION = Entry(
    name="text_generation",
    title="Text generation",
    publication="A. Graves: Generating Sequences with Recurrent Neural Networks. arXiv:1308.0850, 2013",
    variant="The form by characters of J. Brownlee: Text Generation with LSTM Recurrent Neural Networks in "
    "Python with Keras, 2016, for the 47 characters of Alice in Wonderland in lower case",
    parameters=801_583,
    build=text_generation,
)
IMDB_CNN_LSTM = Entry(
    name="imdb_cnn_lstm",
    title="IMDB CNN-LSTM",
    publication="F. Chollet et al.: Keras, example imdb_cnn_lstm, 2015; data: A. Maas et al.: Learning Word "
    "Vectors for Sentiment Analysis. ACL 2011",
    variant="As the example has it: 20,000 words, reviews of 100 words",
    parameters=2_638_895,
    build=imdb_cnn_lstm,
)
