"""Channels move to the end; transposes stay only where an op needs the source's order."""

from tests.passes.pictures import after, picture
from transpiler.ops.spatial import DataFormat
from transpiler.passes.data_format import to_format

LAST = to_format(DataFormat.CHANNELS_LAST)
FIRST = to_format(DataFormat.CHANNELS_FIRST)


def test_a_dense_layer_after_a_flatten_records_the_new_order_on_its_kernel() -> None:
    body = """
        %x = input() {shape = [2, 3, 8, 8]}
        %p = max_pool(%x) {kernel = [2, 2], strides = [2, 2]}
        %f = flatten(%p)
        %n = dropout(%f)
        %d = dense(%n) {units = 5}
        return %d
    """
    assert after(LAST, body) == picture("""
        %x = input() {shape = [2, 8, 8, 3]} : f32[2, 8, 8, 3]
        %p = max_pool(%x) {kernel = [2, 2], strides = [2, 2], data_format = channels_last} : f32[2, 4, 4, 3]
        %f = flatten(%p) : f32[2, 48]
        %n = dropout(%f) : f32[2, 48]
        %d = dense(%n) {units = 5} : f32[2, 5] params {kernel = @d/kernel | regroup [1, [[3, 4, 4], [1, 2, 0]]]}
        return %d
    """)


def test_axes_are_renamed_and_branches_meet_without_transposes() -> None:
    body = """
        %x = input() {shape = [2, 4, 8, 8]}
        %a = max_pool(%x) {kernel = [1, 1], strides = [1, 1]}
        %b = batch_norm(%x)
        %s = softmax(%b) {axis = 1}
        %c = concat(%a, %s)
        return %c
    """
    assert after(LAST, body) == picture("""
        %x = input() {shape = [2, 8, 8, 4]} : f32[2, 8, 8, 4]
        %a = max_pool(%x) {kernel = [1, 1], strides = [1, 1], data_format = channels_last} : f32[2, 8, 8, 4]
        %b = batch_norm(%x) {axis = 3} : f32[2, 8, 8, 4]
        %s = softmax(%b) {axis = 3} : f32[2, 8, 8, 4]
        %c = concat(%a, %s) {axis = 3} : f32[2, 8, 8, 8]
        return %c
    """)


def test_joined_flattened_maps_regroup_block_by_block() -> None:
    body = """
        %x = input() {shape = [2, 3, 4, 4]}
        %v = input() {shape = [2, 7]}
        %p = max_pool(%x) {kernel = [2, 2], strides = [2, 2]}
        %f = flatten(%p)
        %c = concat(%f, %v)
        %d = dense(%c) {units = 5}
        return %d
    """
    assert (
        after(LAST, body)
        .splitlines()[-2]
        .endswith("params {kernel = @d/kernel | regroup [1, [[3, 2, 2], [1, 2, 0]], [[7], [0]]]}")
    )


def test_a_reshape_that_mixes_axes_gets_the_sources_order_back() -> None:
    body = """
        %x = input() {shape = [2, 4, 6, 6]}
        %p = max_pool(%x) {kernel = [2, 2], strides = [2, 2]}
        %r = reshape(%p) {target = [2, 2, 18]}
        return %r
    """
    assert after(LAST, body) == picture("""
        %x = input() {shape = [2, 6, 6, 4]} : f32[2, 6, 6, 4]
        %p = max_pool(%x) {kernel = [2, 2], strides = [2, 2], data_format = channels_last} : f32[2, 3, 3, 4]
        %p/transpose = transpose(%p) {axes = [0, 3, 1, 2]} : f32[2, 4, 3, 3]
        %r = reshape(%p/transpose) {target = [2, 2, 18]} : f32[2, 2, 18]
        return %r
    """)


def test_a_gate_of_one_number_a_channel_becomes_a_map_without_a_transpose() -> None:
    body = """
        %x = input() {shape = [2, 4, 6, 6]}
        %p = max_pool(%x) {kernel = [1, 1], strides = [1, 1]}
        %g = global_average_pool(%p)
        %m = reshape(%g) {target = [0, 4, 1, 1]}
        %y = multiply(%p, %m)
        return %y
    """
    assert "transpose" not in after(LAST, body)


def test_nothing_changes_where_no_op_is_spatial() -> None:
    body = """
        %x = input() {shape = [2, 4, 6, 6]}
        %y = relu(%x)
        return %y
    """
    assert "shape = [2, 4, 6, 6]" in after(LAST, body)


def test_channels_move_to_the_front_alike() -> None:
    body = """
        %x = input() {shape = [?, 8, 8, 3]}
        %c = max_pool(%x) {kernel = [2, 2], strides = [2, 2], data_format = channels_last}
        %b = batch_norm(%c) {axis = -1}
        %d = dense(%b) {units = 5, axis = -1}
        return %d
    """
    assert after(FIRST, body) == picture("""
        %x = input() {shape = [?, 3, 8, 8]} : f32[?, 3, 8, 8]
        %c = max_pool(%x) {kernel = [2, 2], strides = [2, 2]} : f32[?, 3, 4, 4]
        %b = batch_norm(%c) : f32[?, 3, 4, 4]
        %b/transpose = transpose(%b) {axes = [0, 2, 3, 1]} : f32[?, 4, 4, 3]
        %d = dense(%b/transpose) {units = 5, axis = -1} : f32[?, 4, 4, 5]
        return %d
    """)


def test_an_op_that_names_axes_of_its_own_gets_the_sources_order() -> None:
    body = """
        %x = input() {shape = [2, 4, 6, 6]}
        %p = max_pool(%x) {kernel = [2, 2], strides = [2, 2]}
        %f = flip(%p) {axes = [1]}
        return %f
    """
    assert "%f = flip(%p/transpose) {axes = [1]} : f32[2, 4, 3, 3]" in after(LAST, body)
