"""Ops of one framework's convenience, written with those that all have."""

from tests.passes.pictures import after, picture
from transpiler.passes.canonicalize import CANONICALIZE, FUSE_SCALE
from transpiler.passes.drop_training import DROP_TRAINING


def test_a_crop_by_reference_becomes_one_by_numbers() -> None:
    body = """
        %x = input() {shape = [1, 2, 9, 9]}
        %z = input() {shape = [1, 5, 4, 6]}
        %y = crop_like(%x, %z) {offsets = [2]}
        return %y
    """
    assert (
        after(CANONICALIZE, body).splitlines()[2]
        == "%y = crop(%x) {crops = [[2, 3], [2, 1]]} : f32[1, 2, 4, 6]"
    )


def test_coefficients_of_a_sum_become_factors() -> None:
    body = """
        %x = input() {shape = [1, 2]}
        %z = input() {shape = [1, 2]}
        %y = add(%x, %z) {coefficients = [1.0, -1.0]}
        return %y
    """
    assert after(CANONICALIZE, body) == picture("""
        %x = input() {shape = [1, 2]} : f32[1, 2]
        %z = input() {shape = [1, 2]} : f32[1, 2]
        %y/term1 = affine(%z) {scale = -1.0} : f32[1, 2]
        %y = add(%x, %y/term1) : f32[1, 2]
        return %y
    """)


def test_a_factor_that_is_an_operand_broadcasts() -> None:
    body = """
        %x = input() {shape = [2, 6, 11, 13]}
        %s = input() {shape = [2, 6]}
        %y = scale(%x, %s) {axis = 0, learned = false}
        return %y
    """
    assert after(CANONICALIZE, body).splitlines()[2:4] == [
        "%y/factor = reshape(%s) {target = [0, 0, 1, 1]} : f32[2, 6, 1, 1]",
        "%y = multiply(%x, %y/factor) : f32[2, 6, 11, 13]",
    ]


def test_a_normalization_and_the_scale_behind_it_are_one() -> None:
    body = """
        %x = input() {shape = [2, 6, 4, 4]}
        %b = batch_norm(%x) {center = false, scale = false}
        %s = scale(%b) {bias = true}
        return %s
    """
    assert after(FUSE_SCALE, body) == picture("""
        %x = input() {shape = [2, 6, 4, 4]} : f32[2, 6, 4, 4]
        %b = batch_norm(%x) : f32[2, 6, 4, 4] params {gamma = @s/gamma, beta = @s/beta}
        return %b
    """)


def test_a_normalization_that_others_read_stays_apart() -> None:
    body = """
        %x = input() {shape = [2, 6, 4, 4]}
        %b = batch_norm(%x) {center = false, scale = false}
        %s = scale(%b) {bias = true}
        return %s, %b
    """
    assert "%s = scale(%b)" in after(FUSE_SCALE, body)


def test_a_loss_leaves_what_a_deploy_file_applies_and_its_labels_go() -> None:
    body = """
        %d.0, %d.1 = data() {shapes = [[2, 3], [2]]}
        %s = dense(%d.0) {units = 4}
        %a = accuracy(%s, %d.1)
        %l = softmax_loss(%s, %d.1)
        return %a, %l
    """
    assert after(DROP_TRAINING, body) == picture("""
        %d.0 = input() {shape = [2, 3]} : f32[2, 3]
        %s = dense(%d.0) {units = 4} : f32[2, 4]
        %l = softmax(%s) {axis = 1} : f32[2, 4]
        return %l
    """)


def test_a_regression_loss_leaves_its_prediction() -> None:
    body = """
        %x = input() {shape = [2, 3]}
        %t = input() {shape = [2, 4]}
        %s = dense(%x) {units = 4}
        %l = euclidean_loss(%s, %t)
        return %l
    """
    assert after(DROP_TRAINING, body).endswith("return %s")
