"""Sliding windows: their canonical attributes, and the image sizes that they leave."""

from functools import lru_cache

from search_spaces.graph import Attributes, AttributeValue

__all__ = ["Pair", "pair", "same_padding", "window"]

Pair = int | tuple[int, int]
"""One number for both image axes, or (height, width)."""


def pair(value: Pair) -> tuple[int, int]:
    """Write one number as (height, width)."""
    return (value, value) if isinstance(value, int) else value


@lru_cache(maxsize=4_096)
def window(
    kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Attributes, tuple[int, int], tuple[int, int]]:
    """Return the canonical attributes of a sliding window, its extent and its stride."""
    kernels, strides, pads, dilations = map(pair, (kernel, stride, padding, dilation))
    attributes: dict[str, AttributeValue] = {"kernel_shape": kernels}
    if dilations != (1, 1):
        attributes["dilations"] = dilations
    if groups != 1:
        attributes["group"] = groups
    if pads != (0, 0):
        attributes["pads"] = pads + pads
    if strides != (1, 1):
        attributes["strides"] = strides
    extent = (
        dilations[0] * (kernels[0] - 1) + 1 - 2 * pads[0],
        dilations[1] * (kernels[1] - 1) + 1 - 2 * pads[1],
    )
    return tuple(sorted(attributes.items())), extent, strides


def same_padding(kernel: Pair, dilation: Pair) -> tuple[int, int]:
    """Return the padding that keeps the size of an odd window at stride 1."""
    (kernel_h, kernel_w), (dilation_h, dilation_w) = pair(kernel), pair(dilation)
    return dilation_h * (kernel_h - 1) // 2, dilation_w * (kernel_w - 1) // 2
