"""An Inception architecture as a graph.

Stem (3x3 convolution to 32 channels), four stages, a 3x3 convolution to 512 channels, global
average pool, classifier, for 32 x 32 images of ten classes. In a path the first operation that can
change channels goes to the inner ones, the last one to those of the result, and the first
convolution has the stride. Paths are concatenated; a 1x1 convolution follows where that does not
give the channels of the stage; the input is added where nothing is reduced.

Convolutions of all kinds, depthwise ones too, call one function that takes window and groups as
attributes; the first block of a stage and the others share the function of their paths, which
takes the strides. The convolutions of ``inception_p`` have a ReLU6 each and another one behind their
concatenation, as the authors' code has it.

Source:
    ``inception/block.py``, ``network.py`` and ``operations.py`` of
    https://github.com/Ascend-Research/GENNAPE.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from search_spaces.gennape.operations import pool_norm, relu6
from search_spaces.graph import AttributeValue, Graph, Reference
from search_spaces.graph_builder import Block, Body, GraphBuilder, Value, prepare_call
from search_spaces.inception.stage import (
    CONV_OPS,
    STAGE_CHANNELS,
    Branch,
    Stage,
    changing_places,
)
from search_spaces.traces import Call

__all__ = ["IMAGE_SIZE", "N_CLASSES", "POST_CHANNELS", "STEM_CHANNELS", "build_network", "plan"]

IMAGE_SIZE = 32
N_CLASSES = 10
STEM_CHANNELS = 32
POST_CHANNELS = 512


class PlannedOp(NamedTuple):
    """An operation of a path.

    Attributes:
        op: Its name.
        c_out: Channels of its result; 0 for those of its input.
        is_strided: Whether it has the stride of the block.
    """

    op: str
    c_out: int
    is_strided: bool


@lru_cache(maxsize=2_048)
def plan(branch: Branch) -> tuple[PlannedOp, ...]:
    """Find the channels of every operation of a path, and the one that has the stride."""
    first, last = changing_places(branch.ops)
    strided = next(place for place, op in enumerate(branch.ops) if op in CONV_OPS)
    ops = []
    for place, op in enumerate(branch.ops):
        c_out = branch.channels if place == last else branch.inner if place == first else 0
        ops.append(PlannedOp(op, c_out, place == strided))
    return tuple(ops)


def build_network(stages: Sequence[Stage]) -> Graph:
    """Write the network for CIFAR-10."""
    builder = GraphBuilder((1, 3, IMAGE_SIZE, IMAGE_SIZE))
    value = _conv_relu6(builder, builder.x, STEM_CHANNELS, 3)
    for stage, widths in zip(stages, STAGE_CHANNELS, strict=True):
        reduces = widths[0] != widths[1]
        if reduces:
            value = _shared_paths(builder, value, stage.branches, widths, 2)
        for _ in range(stage.n_blocks - reduces):
            value = builder.call(_residual, value, branches=stage.branches, widths=widths)
    value = _conv_relu6(builder, value, POST_CHANNELS, 3)
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, N_CLASSES))


_Widths = tuple[int, int]
"""Channels before and in a stage."""


def _residual(body: Body, x: Value, branches: Sequence[Branch], widths: _Widths) -> Value:
    """Write a block that keeps size and channels."""
    if widths[0] == widths[1]:
        return body.add(_paths(body, x, branches=branches, widths=widths, stride=0), x)
    return body.add(_shared_paths(body, x, branches, widths, 1), x)


def _shared_paths(
    body: Body, x: Value, branches: Sequence[Branch], widths: _Widths, stride: int
) -> Value:
    """Write the starts that depend on the stride and call what does not."""
    starts = []
    for branch in branches:
        value = x
        for op in _start(branch, widths):
            value = _operation(body, value, op, stride)
        if value is not x:
            starts.append(value)
    result: Value = body.call(
        _paths,
        x,
        *starts,
        attributes=_strides(stride),
        branches=branches,
        widths=widths,
        stride=stride,
    )
    return result


@lru_cache(maxsize=2_048)
def _start(branch: Branch, widths: _Widths) -> tuple[PlannedOp, ...]:
    """Return the first operations of a path that are other statements where a stage begins.

    ``inception_p`` has more convolutions with a stride than without, and whether a depthwise
    convolution needs a 1x1 one before it depends on the channels of its input.
    """
    ops = plan(branch)
    n_ops = 1 + next(place for place, op in enumerate(ops) if op.is_strided)
    last = ops[n_ops - 1]
    is_first_change = all("pool" in op.op for op in ops[: n_ops - 1])
    is_uneven = last.op.startswith("depthwise") and is_first_change and last.c_out in widths
    return ops[:n_ops] if is_uneven or last.op.startswith("inception_p") else ()


def _paths(
    body: Body,
    x: Value,
    *starts: Value,
    branches: Sequence[Branch],
    widths: _Widths,
    stride: int,
) -> Value:
    """Write the paths of a block from where they start, and bring them together.

    Args:
        body: Where to write.
        x: Input of the block.
        *starts: Results of the operations of `_start`, for each path that has some.
        branches: The paths.
        widths: Channels before and in the stage.
        stride: Stride that the caller gives as attributes; 0 where there is none to give.
    """
    results = []
    rest = iter(starts)
    for branch in branches:
        start = _start(branch, widths) if stride else ()
        value = next(rest) if start else x
        for op in plan(branch)[len(start) :]:
            value = _operation(body, value, op, stride, is_given=stride > 0)
        results.append(value)
    value = body.concat(*results)
    return value if value.channels == widths[1] else body.conv(value, widths[1])


def _operation(
    body: Body, x: Value, planned: PlannedOp, block_stride: int, *, is_given: bool = False
) -> Value:
    """Write one operation; `is_given`: its stride, if it has one, is an attribute of the caller."""
    stride = max(block_stride, 1) if planned.is_strided else 1
    is_given = is_given and planned.is_strided
    call = _call(planned.op, planned.c_out, x.shape, stride, is_given)
    result: Value = body.append_call(call, x)
    return result


@lru_cache(maxsize=4_096)
def _call(
    op: str,
    c_out: int,
    shape: tuple[int, ...],
    stride: int,
    is_given: bool,  # noqa: FBT001
) -> Call:
    """Return the call that is an operation on a value of this shape."""
    channels, kernel = c_out or shape[1], int(op[-1])
    strides = _GIVEN_STRIDES if is_given else _strides(stride)
    settings: dict[str, Hashable] = {"channels": channels, "kernel": kernel, "stride": stride}
    attributes: _Attributes = {}
    block: Block = _convolution
    if op.endswith("pool3x3"):
        block, settings = _pool, {"kind": op[:3]}
    elif op.startswith("inception"):
        attributes = {
            **_window((1, kernel), strides["strides_w"]),
            **_renamed(_window((kernel, 1), strides["strides_h"])),
        }
        block = _separated
        if op.startswith("inception_p"):
            block = _parallel if stride == 1 else _strided_parallel
    else:
        settings["groups"] = groups = channels if op.startswith("depthwise") else 1
        attributes = {"group": groups, **_window((kernel, kernel), strides["strides"])}
        if op.startswith("double"):
            block = _double
        elif groups != 1 and shape[1] != channels:
            block = _narrow_depthwise
    return prepare_call(block, (shape,), attributes, tuple(settings.items()))


_Attributes = Mapping[str, AttributeValue]


def _strides(stride: int) -> _Attributes:
    """Return the strides of a square, a flat and an upright window."""
    return {"strides": (stride, stride), "strides_w": (1, stride), "strides_h": (stride, 1)}


_GIVEN_STRIDES: _Attributes = {name: Reference(name, "ints") for name in _strides(1)}


def _window(kernel: tuple[int, int], strides: AttributeValue) -> _Attributes:
    """Return the attributes of a window that keeps the size but for the stride."""
    pads = (kernel[0] // 2, kernel[1] // 2)
    return {"kernel_shape": kernel, "pads": pads + pads, "strides": strides}


def _renamed(attributes: _Attributes) -> _Attributes:
    """Name the attributes of a second window."""
    return {f"{name}1": value for name, value in attributes.items()}


_WINDOW: _Attributes = {
    name: Reference(name, "ints") for name in ("kernel_shape", "pads", "strides")
}
_SECOND_WINDOW: _Attributes = {name: Reference(f"{name}1", "ints") for name in _WINDOW}
_GROUPED: _Attributes = {"group": Reference("group", "int"), **_WINDOW}


def _conv_relu6(body: Body, x: Value, channels: int, kernel: int) -> Value:
    """Call the function of a convolution and a ReLU6."""
    return _operation(body, x, PlannedOp(f"conv{kernel}x{kernel}", channels, False), 1)  # noqa: FBT003


def _conv(
    body: Body,
    x: Value,
    channels: int,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    attributes: _Attributes,
    groups: int = 1,
) -> Value:
    """Write a convolution whose window is given by attributes of the function."""
    weights = body.weight(channels, x.channels // groups, *kernel), body.weight(channels)
    height, width = (
        (size - 1) // stride + 1 for size, stride in zip(x.shape[2:], strides, strict=True)
    )
    return body.node("Conv", [x, *weights], (1, channels, height, width), **attributes)


def _convolution(
    body: Body, x: Value, channels: int, kernel: int, stride: int, groups: int
) -> Value:
    """Write convolution, folded BatchNorm and ReLU6."""
    kernels, strides = (kernel, kernel), (stride, stride)
    return relu6(body, _conv(body, x, channels, kernels, strides, _GROUPED, groups))


def _double(body: Body, x: Value, channels: int, kernel: int, stride: int, groups: int) -> Value:
    """Write two convolutions of the same window, each with ReLU6."""
    value = x
    for _ in range(2):
        value = body.call(
            _convolution,
            value,
            attributes=_GROUPED,
            channels=channels,
            kernel=kernel,
            stride=stride,
            groups=groups,
        )
    return value


def _narrow_depthwise(
    body: Body, x: Value, channels: int, kernel: int, stride: int, groups: int
) -> Value:
    """Write a 1x1 convolution without BatchNorm, then a depthwise convolution with ReLU6."""
    result: Value = body.call(
        _convolution,
        body.conv(x, channels, bias=False),
        attributes=_GROUPED,
        channels=channels,
        kernel=kernel,
        stride=stride,
        groups=groups,
    )
    return result


def _separated(body: Body, x: Value, channels: int, kernel: int, stride: int) -> Value:
    """Write a 1 x k and a k x 1 convolution, each with ReLU6."""
    value = relu6(body, _conv(body, x, channels, (1, kernel), (1, stride), _WINDOW))
    second = _conv(body, value, channels, (kernel, 1), (stride, 1), _SECOND_WINDOW)
    return relu6(body, second)


def _parallel(body: Body, x: Value, channels: int, kernel: int, stride: int) -> Value:
    """Write a 1 x k and a k x 1 convolution side by side, at stride 1."""
    half = channels // 2
    first = _conv(body, x, half, (1, kernel), (1, stride), _WINDOW)
    second = _conv(body, x, channels - half, (kernel, 1), (stride, 1), _SECOND_WINDOW)
    return relu6(body, body.concat(relu6(body, first), relu6(body, second)))


def _strided_parallel(body: Body, x: Value, channels: int, kernel: int, stride: int) -> Value:
    """Write 1 x k then k x 1, beside k x 1 then 1 x k; each shrinks one side of the image."""
    half = channels // 2
    first = _conv(body, x, half, (1, kernel), (1, stride), _WINDOW)
    first = _conv(body, first, half, (kernel, 1), (stride, 1), _SECOND_WINDOW)
    second = _conv(body, x, channels - half, (kernel, 1), (stride, 1), _SECOND_WINDOW)
    second = _conv(body, second, channels - half, (1, kernel), (1, stride), _WINDOW)
    return relu6(body, body.concat(relu6(body, first), relu6(body, second)))


def _pool(body: Body, x: Value, kind: str) -> Value:
    """Write a pool and its BatchNorm."""
    return pool_norm(body, x, kind)
