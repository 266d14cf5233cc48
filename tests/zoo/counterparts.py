"""Files from the wild that describe networks of the zoo, and in what each differs from ours, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from tests.zoo.structure import Difference
from transpiler.builder import Network
from transpiler.ir import Module, Shape
from transpiler.zoo import build
from transpiler.zoo.densenet import densenet_cifar
from transpiler.zoo.fcn import fcn32s
from transpiler.zoo.lrcn import captioner
from transpiler.zoo.sequences import seq2seq, text_generation
from transpiler.zoo.squeezenet import squeezenet
from transpiler.zoo.unet import unet


class Counterpart(msgspec.Struct, frozen=True):
    """A file of the corpus, and the same network of the zoo."""

    file: str
    network: str | Callable[[], Module]
    """A network's name in the zoo, or what builds another form of one."""
    differences: tuple[Difference, ...] = ()
    input_shapes: Mapping[str, Shape] = msgspec.field(default_factory=dict)
    """Of inputs that the file leaves open, or states for another size."""

    def module(self) -> Module:
        return build(self.network) if isinstance(self.network, str) else self.network()

    def __str__(self) -> str:
        return self.file.rpartition("/")[2].rpartition(".")[0]


def _captioner() -> Module:
    """The part of LRCN behind the picture: one step of a thousand captions."""
    net = Network("captioner")
    words, cont = net.input("words", (1000,), batch=1), net.input("cont", (1000,), batch=1)
    features = net.input("features", (1000,), batch=1000)
    return net.module(captioner(net, words, cont, features))


_FACTOR = "TensorFlow's form of the network learns no factor in normalization"
_COUNTED = "Caffe's average pooling counts padding, TensorFlow's does not"
_DROPOUT = "the file is for use, not for training"
_OLD_GATES = "Keras 2 used another function for gates by default; here it is the sigmoid of the publication"

COUNTERPARTS = (
    Counterpart(
        "caffe/soeaver_inception_v3.prototxt",
        "inception_v3",
        (
            Difference("batch_norm.scale: theirs True, ours False", 94, _FACTOR),
            Difference("average_pool.count_padding: theirs True, ours False", 8, _COUNTED),
            Difference(
                "only theirs: max_pool (kernel=(3, 3), strides=(1, 1), padding=[[1, 1], [1, 1]])",
                1,
                "the file's last module pools maxima; the authors' code takes the mean everywhere",
            ),
            Difference(
                "only ours: average_pool (kernel=(3, 3), strides=(1, 1), padding=[[1, 1], [1, 1]])",
                1,
                "the mean in its place",
            ),
        ),
    ),
    Counterpart(
        "keras/fabrik_v3.json",
        "inception_v3",
        (Difference("only ours: dropout (rate=0.2)", 1, _DROPOUT),),
    ),
    Counterpart(
        "caffe/soeaver_inception_v4.prototxt",
        "inception_v4",
        (
            Difference("batch_norm.scale: theirs True, ours False", 149, _FACTOR),
            Difference("average_pool.count_padding: theirs True, ours False", 14, _COUNTED),
        ),
    ),
    Counterpart(
        "keras/fabrik_v4.json",
        "inception_v4",
        (
            Difference(
                "dense.units: theirs 1001, ours 1000", 1, "the authors' weights have a class for nothing"
            ),
            Difference("gives another shape", 2, "the scores of 1001 classes"),
        ),
    ),
    Counterpart("caffe/fabrik_resnet101.prototxt", "resnet101", input_shapes={"data": (1, 3, 224, 224)}),
    Counterpart(
        "caffe/fabrik_hist_resnet50.prototxt",
        "resnet50",
        (
            Difference(
                "conv.bias: theirs True, ours False",
                1,
                "the authors' file has one before the first normalization",
            ),
        ),
    ),
    Counterpart(
        "keras/fabrik_resnet50.json",
        "resnet50",
        (
            Difference("conv.bias: theirs True, ours False", 53, "of no effect before normalization"),
            Difference("batch_norm.epsilon: theirs 0.001, ours 1e-05", 53, "Keras's default"),
            Difference(
                "max_pool.padding: theirs valid, ours [[0, 1], [0, 1]]",
                1,
                "in Caffe the last window hangs over the end, and 112 become 56",
            ),
            Difference("gives another shape", 33, "55 in place of 56 until the next stride"),
        ),
    ),
    Counterpart("caffe/fabrik_vgg16.prototxt", "vgg16"),
    Counterpart("caffe/netscope_ethereon_vgg16.prototxt", "vgg16"),
    Counterpart(
        "keras/fabrik_vgg16.json",
        "vgg16",
        (Difference("only ours: dropout", 2, _DROPOUT),),
    ),
    Counterpart("caffe/bvlc_bvlc_googlenet_deploy.prototxt", "googlenet"),
    Counterpart("caffe/fabrik_GoogleNet.prototxt", "googlenet"),
    Counterpart(  # the file is version 1.1; the zoo has 1.0 from the same function
        "caffe/fabrik_Squeezenet.prototxt",
        partial(squeezenet, "1.1"),
        input_shapes={"data": (1, 3, 227, 227)},
    ),
    Counterpart("caffe/fabrik_All_CNN.prototxt", "all_cnn", input_shapes={"data": (1, 3, 32, 32)}),
    Counterpart(
        "caffe/fabrik_densenet.prototxt", densenet_cifar
    ),  # of DenseNets, the corpus has only this one
    Counterpart(
        "caffe/bvlc_bvlc_alexnet_deploy.prototxt",
        "alexnet",
        (
            Difference(
                "lrn.alpha: theirs 0.0001, ours 0.0005", 2, "Caffe divides it by the number of neighbours"
            ),
            Difference("lrn.k: theirs 1.0, ours 2.0", 2, "Caffe had no k when the file was written"),
        ),
    ),
    Counterpart(
        "caffe/fabrik_yolo_net.prototxt",
        "yolo_v1",
        (Difference("only ours: dropout", 1, _DROPOUT),),
    ),
    Counterpart(  # the file is for the 60 classes of PASCAL-Context
        "caffe/fabrik_fcn.prototxt",
        partial(fcn32s, 60),
        (Difference("only theirs: softmax (axis=1)", 1, "it is part of the file's loss"),),
        {"data": (1, 3, 500, 500), "label": (1, 1, 500, 500)},
    ),
    Counterpart(
        "keras/fabrik_VQA2.json",
        "vqa",
        (
            Difference("only ours: tanh", 2, "behind the embedding, and behind the first hidden layer"),
            Difference(
                "only theirs: lstm (units=512, recurrent_activation=HardSigmoid(slope=0.2, offset=0.5), "
                "return_sequences=True)",
                1,
                _OLD_GATES,
            ),
            Difference(
                "only theirs: lstm (units=512, recurrent_activation=HardSigmoid(slope=0.2, offset=0.5))",
                1,
                "as before; and the question is all states of both layers in the publication, the last output here",
            ),
            Difference(
                "only ours: lstm (units=512, return_sequences=True, return_state=True)", 1, "that layer"
            ),
            Difference("only ours: lstm (units=512, return_state=True)", 1, "that layer"),
            Difference("only ours: concat", 1, "of the states"),
            Difference("dense reads other layers", 1, "those states"),
            Difference("only ours: dense (units=1000)", 1, "the publication has two hidden layers"),
            Difference("only theirs: dropout", 3, "the file drops between the LSTMs too"),
            Difference("only ours: dropout", 1, "behind the second hidden layer"),
            Difference("dropout.rate: theirs 1.0, ours 0.5", 1, "nothing would be left: a slip in the file"),
        ),
    ),
    Counterpart("caffe/bvlc_mnist_lenet.prototxt", "lenet"),
    Counterpart("caffe/bvlc_cifar10_cifar10_quick.prototxt", "cifar10_quick"),
    Counterpart("caffe/bvlc_bvlc_reference_caffenet_deploy.prototxt", "caffenet"),
    Counterpart(
        "caffe/netscope_cwlacewe_nin.prototxt",
        "nin",
        (
            Difference("only ours: flatten", 1, "the file is for testing and ends in a measure"),
            Difference("only ours: softmax (axis=1)", 1, "as before"),
        ),
        {"data": (1, 3, 224, 224)},
    ),
    Counterpart(
        "caffe/bvlc_hist_mobilenet_deploy.prototxt",
        "mobilenet",
        (
            Difference(
                "depthwise_conv.padding: theirs [[1, 1], [1, 1]], ours [[0, 1], [0, 1]]",
                4,
                "Caffe pads both ends alike, TensorFlow's SAME the end alone",
            ),
            Difference("conv.padding: theirs [[1, 1], [1, 1]], ours [[0, 1], [0, 1]]", 1, "as before"),
            Difference("batch_norm.epsilon: theirs 1e-05, ours 0.001", 27, "Caffe's default"),
            Difference("relu.max_value: theirs None, ours 6.0", 27, "the authors' code bounds activations"),
            Difference("only ours: dropout (rate=0.001)", 1, _DROPOUT),
        ),
    ),
    Counterpart(
        "keras/fabrik_zfnet.json",
        "zfnet",
        (
            Difference("only theirs: batch_norm", 2, "in place of contrast normalization"),
            Difference("only ours: lrn (alpha=0.0001)", 2, "the publication's contrast normalization"),
            Difference("only theirs: dense (units=1)", 1, "the file tells two classes apart"),
            Difference("only theirs: sigmoid", 1, "as before"),
            Difference("only ours: dense (units=1000)", 1, "ImageNet's classes"),
            Difference("only ours: softmax (axis=1)", 1, "as before"),
            Difference(
                "gives another shape", 1, "the file's input is 225 x 225, the publication's 224 x 224"
            ),
            Difference(
                "conv.padding: theirs valid, ours [[1, 1], [1, 1]]",
                1,
                "both give the publication's 110 x 110",
            ),
            Difference(
                "max_pool.padding: theirs [[1, 1], [1, 1]], ours [[0, 1], [0, 1]]",
                2,
                "the file pads before pooling; here the last window hangs over",
            ),
        ),
    ),
    Counterpart(
        "caffe/bvlc_hist_imagenet_winner2013_v0.prototxt",
        "zfnet",
        (
            Difference(
                "conv.padding: theirs valid, ours [[1, 1], [1, 1]]", 1, "the file's input is 225 x 225"
            ),
            Difference(
                "conv.padding: theirs [[2, 2], [2, 2]], ours valid",
                1,
                "the publication's 26 x 26 need no padding",
            ),
            Difference("gives another shape", 12, "the input, and 28, 14 and 7 in place of 26, 13 and 6"),
            Difference("max_pool.padding: theirs [[0, 1], [0, 1]], ours valid", 1, "7 in place of 6"),
            Difference(
                "conv.groups: theirs 2, ours 1", 2, "groups of AlexNet, which the publication does without"
            ),
        ),
        {"data": (1, 3, 225, 225)},
    ),
    Counterpart(
        "caffe/bvlc_siamese_mnist_siamese_train_test.prototxt",
        "siamese_mnist",
        (
            Difference("only theirs: input (shape=(None, 2, 28, 28))", 1, "both digits come as one picture"),
            Difference("only theirs: split (count=2, points=(1,))", 1, "and are taken apart"),
            Difference("only ours: input (shape=(None, 1, 28, 28))", 2, "two pictures"),
            Difference("conv reads other layers", 2, "the inputs"),
        ),
        {"pair_data": (64, 2, 28, 28)},
    ),
    Counterpart(
        "caffe/fabrik_HED.prototxt",
        "hed",
        tuple(
            Difference(
                f"crop.crops: theirs ((0, {cut}), (0, {cut})), ours (({at}, {cut - at}), ({at}, {cut - at}))",
                1,
                "the authors' Caffe found offsets by itself; today's takes 0 where the file says none",
            )
            for at, cut in ((34, 68), (35, 70), (36, 72), (38, 80), (42, 96))
        ),
        {"data": (1, 3, 480, 480), "label": (1, 1, 480, 480)},
    ),
    Counterpart(
        "caffe/deepdetect_unet.prototxt",
        partial(unet, 3, 8, 480, padding=1),
        (Difference("only ours: dropout", 2, "in the file it is part of the TRAIN phase alone"),),
    ),
    Counterpart(
        "keras/fabrik_seq2seq_lang.json",
        partial(seq2seq, 73, 92),
        (
            Difference(
                "lstm.recurrent_activation: theirs HardSigmoid(slope=0.2, offset=0.5), ours Sigmoid()",
                2,
                _OLD_GATES,
            ),
            Difference("lstm.return_state: theirs True, ours False", 1, "nothing reads the decoder's states"),
            Difference("gives another shape", 1, "those states"),
        ),
    ),
    Counterpart(
        "keras/fabrik_textGeneration.json",
        partial(text_generation, 63),
        (
            Difference(
                "lstm.recurrent_activation: theirs HardSigmoid(slope=0.2, offset=0.5), ours Sigmoid()",
                2,
                _OLD_GATES,
            ),
        ),
    ),
    Counterpart("keras/fabrik_DAE_MNIST.json", "denoising_autoencoder"),
    Counterpart(
        "keras/fabrik_imdb_cnn_lstm.json",
        "imdb_cnn_lstm",
        (
            Difference(
                "lstm.recurrent_activation: theirs HardSigmoid(slope=0.2, offset=0.5), ours Sigmoid()",
                1,
                _OLD_GATES,
            ),
        ),
    ),
    Counterpart("caffe/bvlc_hist_lrcn_word_to_preds_deploy.prototxt", _captioner),
)

WITHOUT_COUNTERPART = {
    "densenet121": "the corpus has a DenseNet for CIFAR-10 only, from the same file of the zoo; Keras has this one",
    "pix2pix": "the corpus's Pix2Pix is the FCN-8s with which the authors score pictures, not the generator",
    "se_resnet50": "the corpus's SENet is an Inception network with squeeze-and-excitation",
    "squeezenet": "the corpus has version 1.1, from the same function of the zoo",
    "fcn32s": "the corpus's has 60 classes, from the same function of the zoo",
    "unet": "the corpus's keeps sizes and has 8 classes, from the same function of the zoo",
    "seq2seq": "the corpus's is for other languages, from the same function of the zoo",
    "text_generation": "the corpus's is for another text, from the same function of the zoo",
    "lrcn": "the corpus has its parts: CaffeNet, and what is behind it",
}
"""Networks whose own form no file of the corpus has, and what is compared in their place."""
