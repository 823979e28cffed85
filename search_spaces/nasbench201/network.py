"""A NAS-Bench-201 cell in its macro skeleton, as a graph.

Stem (3x3 convolution), three stages of five cells at 16, 32 and 64 channels with a residual block
of stride 2 between them, BatchNorm and ReLU, global average pool, linear classifier. Convolutions
are ReLU-Conv-BatchNorm with the BatchNorm folded; the ReLU of a node is written once.

Source:
    arXiv:2001.00326 section 2.1; ``xautodl/models/cell_infers/tiny_network.py`` and
    ``cell_operations.py`` of https://github.com/D-X-Y/AutoDL-Projects.
"""

from collections import Counter

from search_spaces.graph import Graph
from search_spaces.graph_builder import Body, GraphBuilder, Value
from search_spaces.nasbench201.cell import EDGES, Cell

__all__ = ["CELLS_PER_STAGE", "CHANNELS", "build_network", "write_cell", "write_whole_cell"]

CHANNELS = (16, 32, 64)
CELLS_PER_STAGE = 5


def build_network(cell: Cell, image_size: int, n_classes: int, *, is_pruned: bool = True) -> Graph:
    """Write the network of a cell.

    Args:
        cell: The architecture.
        image_size: Height and width of the RGB image, in pixels.
        n_classes: Length of the output.
        is_pruned: Leave out what never reaches the output.
    """
    write = write_cell if is_pruned else write_whole_cell
    builder = GraphBuilder((1, 3, image_size, image_size))
    value = builder.conv(builder.x, CHANNELS[0], 3)
    for stage, channels in enumerate(CHANNELS):
        if stage:
            value = builder.call(_reduction, value, channels=channels)
        for _ in range(CELLS_PER_STAGE):
            value = builder.call(write, value, cell=cell)
    value = builder.relu(builder.batch_norm(value))
    value = builder.flatten(builder.global_avg_pool(value))
    return builder.build(builder.gemm(value, n_classes))


def write_cell(body: Body, x: Value, cell: Cell) -> Value:
    """Write one cell: a node is the sum of its edges; no live edge at all means zeros.

    A node that only a single ``skip_connect`` leaves is no statement of its own: its summands
    join those of the next node.
    """
    edges = list(cell.live_edges())
    n_uses = Counter(source for source, _, _ in edges)
    operands: dict[int, list[Value]] = {1: [], 2: [], 3: []}
    nodes = {0: x}
    for source, target, op in edges:
        if op == "skip_connect" and source and n_uses[source] == 1:
            operands[target] += operands[source]
            continue
        if source not in nodes:
            nodes[source] = body.add(*operands[source])
        operands[target].append(_operation(body, nodes[source], op))
    return body.add(*operands[3]) if operands[3] else body.zero(x)


def write_whole_cell(body: Body, x: Value, cell: Cell) -> Value:
    """Write all six edges of a cell as the benchmark runs them: ``none`` gives zeros."""
    operands: dict[int, list[Value]] = {1: [], 2: [], 3: []}
    nodes = {0: x}
    for (source, target), op in zip(EDGES, cell.ops, strict=True):
        if source not in nodes:
            nodes[source] = body.add(*operands[source])
        value = nodes[source]
        operands[target].append(body.zero(value) if op == "none" else _operation(body, value, op))
    return body.add(*operands[3])


def _operation(body: Body, x: Value, op: str) -> Value:
    """Write the operation of an edge; ``none`` edges are never live."""
    if op == "skip_connect":
        return x
    if op == "avg_pool_3x3":
        return body.avg_pool(x, 3)
    return body.conv(body.relu(x), x.channels, 3 if op == "nor_conv_3x3" else 1)


def _reduction(body: Body, x: Value, channels: int) -> Value:
    """Write the residual block of stride 2; its shortcut is a 2x2 average pool and a 1x1 conv."""
    first = body.conv(body.relu(x), channels, 3, stride=2)
    second = body.conv(body.relu(first), channels, 3)
    shortcut = body.conv(body.avg_pool(x, 2, stride=2, padding=0), channels, bias=False)
    return body.add(second, shortcut)
