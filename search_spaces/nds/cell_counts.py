"""Parameters and mult-adds of cell networks, by the conventions of two publications.

`published_counts` counts the PyTorch network of pycls, as the NDS files do: convolutions without
bias, two vectors for every BatchNorm, weight and bias of the classifier, no auxiliary head; mult-
adds of convolutions and the classifier. Edges that nothing needs count as all others.

`nasbench301_counts` counts the network that NASLib builds for NAS-Bench-301. It differs in that
the BatchNorms on the edges have no parameters and pools have one behind them; and its FLOPs are
mult-adds plus one for every element that a ReLU reads, one (two, if it has parameters) for every
element of a BatchNorm, k * k for every result of a k x k pool, and 81 (9 x 9) for every channel of
the global pool on 8 x 8. That this convention gives all parameters and FLOPs of the published rows
exactly, at width 32 and depth 8, is a test.
"""

from functools import lru_cache
from typing import NamedTuple

from search_spaces.counts import Counts
from search_spaces.nds.cell import N_INPUTS, Cell, CellNetwork
from search_spaces.nds.cell_network import (
    IMAGE_SIZE,
    N_CLASSES,
    STEM_MULTIPLIER,
    is_reduction_layer,
)
from search_spaces.nds.operations import OPERATIONS, Kind

__all__ = ["nasbench301_counts", "published_counts"]


class _Part(NamedTuple):
    """Counts of a part of the network.

    Attributes:
        weights: Elements of the weights of convolutions.
        norm_channels: Channels of BatchNorms.
        products: Mult-adds of convolutions.
        activations: Elements of the results of convolutions.
        norms: Elements of the results of BatchNorms.
        relus: Elements that a ReLU reads.
        pools: k * k for every result of a pool.
        pool_norms: Elements of BatchNorms behind pools, where there are any.
    """

    weights: int = 0
    norm_channels: int = 0
    products: int = 0
    activations: int = 0
    norms: int = 0
    relus: int = 0
    pools: int = 0
    pool_norms: int = 0

    def plus(self, other: "_Part") -> "_Part":
        """Add up."""
        return _Part(*[first + second for first, second in zip(self, other, strict=True)])


def published_counts(network: CellNetwork) -> Counts:
    """Count a network as pycls does."""
    frame, edges, last = _walk(network)
    total = frame.plus(edges)
    return Counts(
        parameters=total.weights + 2 * total.norm_channels + (last + 1) * N_CLASSES,
        mult_adds=total.products + last * N_CLASSES,
        activations=total.activations + N_CLASSES,
    )


def nasbench301_counts(network: CellNetwork) -> tuple[int, int]:
    """Count a network as NASLib does for NAS-Bench-301.

    Returns:
        Parameters and FLOPs.
    """
    frame, edges, last = _walk(network)
    total = frame.plus(edges)
    size = IMAGE_SIZE // 4
    flops = total.products + total.relus + total.pools + total.pool_norms
    flops += 2 * frame.norms + edges.norms + last * (size + 1) ** 2 + last * N_CLASSES
    return total.weights + 2 * frame.norm_channels + (last + 1) * N_CLASSES, flops


def _walk(network: CellNetwork) -> tuple[_Part, _Part, int]:
    """Count what is around the edges of the cells, those edges, and the channels at the end."""
    older = newer = STEM_MULTIPLIER * network.width
    frame = _conv(3, newer, 9, IMAGE_SIZE, 0)
    edges = _Part()
    channels, size, is_older_larger = network.width, IMAGE_SIZE, False
    for layer in range(network.depth):
        is_reduction = is_reduction_layer(layer, network.depth)
        channels *= 2 if is_reduction else 1
        n_read = older * size * size * (4 if is_older_larger else 1)
        frame = frame.plus(_conv(older, channels, 1, size, n_read))
        frame = frame.plus(_conv(newer, channels, 1, size, newer * size * size))
        cell = network.reduce if is_reduction else network.normal
        size //= 2 if is_reduction else 1
        edges = edges.plus(_cell(cell, channels, size, 2 if is_reduction else 1))
        older, newer = newer, len(cell.concat) * channels
        is_older_larger = is_reduction
    return frame, edges, newer


def _conv(c_in: int, c_out: int, area: int, size: int, n_read: int, groups: int = 1) -> _Part:
    """Count ReLU, convolution and BatchNorm; `size` is that of the result."""
    weights = c_in * c_out * area // groups
    pixels = size * size
    return _Part(
        weights=weights,
        norm_channels=c_out,
        products=weights * pixels,
        activations=c_out * pixels,
        norms=c_out * pixels,
        relus=n_read,
    )


@lru_cache(maxsize=2_048)
def _cell(cell: Cell, channels: int, size: int, stride: int) -> _Part:
    """Count the edges of a cell; `size` is that of its output."""
    total = _Part()
    for op, source in cell.edges:
        total = total.plus(_edge(op, channels, size, stride if source < N_INPUTS else 1))
    return total


@lru_cache(maxsize=4_096)
def _edge(op: str, channels: int, size: int, stride: int) -> _Part:
    """Count an edge."""
    kind, kernel, _ = OPERATIONS[op]
    pixels = size * size
    n_read = channels * pixels * stride * stride
    total = _Part()
    if kind in {Kind.AVG_POOL, Kind.MAX_POOL}:
        total = _Part(pools=kernel * kernel * channels * pixels, pool_norms=channels * pixels)
    elif kind is Kind.CONV:
        total = _conv(channels, channels, kernel * kernel, size, n_read)
    elif kind is Kind.SKIP and stride > 1:
        total = _conv(channels, channels, 1, size, n_read)
    elif kind in {Kind.SEPARABLE, Kind.SEPARABLE_TWICE}:
        total = _separable(kernel, channels, size, n_read)
        if kind is Kind.SEPARABLE_TWICE:
            total = total.plus(_separable(kernel, channels, size, channels * pixels))
    elif kind is Kind.FACTORED:
        weights = kernel * channels * channels
        rows = _Part(
            weights=weights,
            products=weights * pixels * stride,
            activations=channels * pixels * stride,
        )
        total = rows.plus(_conv(channels, channels, kernel, size, n_read))
    return total


def _separable(kernel: int, channels: int, size: int, n_read: int) -> _Part:
    """Count ReLU, depthwise and pointwise convolution and BatchNorm."""
    pixels = size * size
    weights = channels * kernel * kernel
    depthwise = _Part(weights=weights, products=weights * pixels, activations=channels * pixels)
    return depthwise.plus(_conv(channels, channels, 1, size, n_read))
