"""Parameters and mult-adds of Inception networks as PyTorch has them.

Convolutions have a bias beside their BatchNorm, but for the 1x1 convolution that brings a depthwise
one to its channels: it has neither.
"""

from collections.abc import Sequence

from search_spaces.counts import Counts
from search_spaces.gennape.tally import Tally
from search_spaces.inception.network import (
    IMAGE_SIZE,
    N_CLASSES,
    POST_CHANNELS,
    STEM_CHANNELS,
    plan,
)
from search_spaces.inception.stage import STAGE_CHANNELS, Stage

__all__ = ["count_network"]


def count_network(stages: Sequence[Stage]) -> Counts:
    """Count a network, see `search_spaces.gennape.tally`."""
    tally = Tally(has_bias=True)
    size, channels = IMAGE_SIZE, STEM_CHANNELS
    tally.conv(3, channels, 9, size)
    for stage, (_, c_out) in zip(stages, STAGE_CHANNELS, strict=True):
        for _ in range(stage.n_blocks):
            stride = c_out // channels
            _count_block(tally, stage, channels, c_out, size, stride)
            channels, size = c_out, size // stride
    tally.conv(channels, POST_CHANNELS, 9, size)
    tally.linear(POST_CHANNELS, N_CLASSES)
    return tally.counts()


def _count_block(
    tally: Tally, stage: Stage, c_in: int, c_out: int, size: int, stride: int
) -> None:
    """Count one block on images of `size` pixels."""
    for branch in stage.branches:
        channels, height = c_in, size
        for planned in plan(branch):
            result, own = planned.c_out or channels, stride if planned.is_strided else 1
            _count_operation(tally, planned.op, channels, result, height, own)
            channels, height = result, height // own
    total = sum(branch.channels for branch in stage.branches)
    if total != c_out:
        tally.conv(total, c_out, 1, size // stride)


def _count_operation(tally: Tally, op: str, c_in: int, c_out: int, size: int, stride: int) -> None:
    """Count one operation on images of `size` pixels."""
    small, kernel = size // stride, int(op[-1])
    if op.endswith("pool3x3"):
        tally.norm(c_out)
    elif op.startswith("inception_s"):
        tally.conv(c_in, c_out, kernel, size, small)
        tally.conv(c_out, c_out, kernel, small)
    elif op.startswith("inception_p"):
        for half in (c_out // 2, c_out - c_out // 2):
            tally.conv(c_in, half, kernel, size, small)
            if stride != 1:
                tally.conv(half, half, kernel, small)
    elif op.startswith("depthwise"):
        if c_in != c_out:
            tally.bare_conv(c_in, c_out, size)
        tally.conv(1, c_out, kernel**2, small)
    else:
        tally.conv(c_in, c_out, kernel**2, small)
        if op.startswith("double"):
            tally.conv(c_out, c_out, 1, small)
