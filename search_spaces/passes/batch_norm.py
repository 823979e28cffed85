"""Fold a BatchNorm into the convolution before it.

Cases: the convolution's result goes to the BatchNorm alone, and the statistics are weights.

- Weights without values (typed inputs): the convolution keeps its weight; its bias is the one it
  had, else the BatchNorm's. Values for the folded weights exist for every choice of the originals,
  provided that nothing else uses these weights, which is a condition.
- Weights with values (initializers of a real model): weight and bias are computed.

Left alone: a BatchNorm behind anything else, in training mode, or one whose weights are shared.
"""

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from search_spaces.graph import Function, Node

__all__ = ["fold_batch_norm", "fold_batch_norm_values", "foldable_pairs"]

Arrays = dict[str, NDArray[np.generic]]


def fold_batch_norm(body: Function, free_weights: Collection[str]) -> Function:
    """Fold where all weights are `free_weights`: without values and used once in the model."""
    pairs = foldable_pairs(body)
    replaced: dict[int, Node | None] = {}
    for conv_index, norm_index in pairs:
        conv, norm = body.nodes[conv_index], body.nodes[norm_index]
        weights = (*conv.inputs[1:], *norm.inputs[1:])
        if all(name in free_weights for name in weights) and len(set(weights)) == len(weights):
            bias = conv.inputs[2] if len(conv.inputs) > 2 else norm.inputs[2]
            folded = conv._replace(inputs=(*conv.inputs[:2], bias), outputs=norm.outputs)
            replaced[conv_index], replaced[norm_index] = None, folded
    return _replace_nodes(body, replaced)


def fold_batch_norm_values(
    body: Function, data: Mapping[str, NDArray[np.generic]]
) -> tuple[Function, Arrays]:
    """Fold where all weights have values.

    Returns:
        The body, with new inputs for the folded weights, and the values of these.
    """
    replaced: dict[int, Node | None] = {}
    folded_data: Arrays = {}
    taken = {*data, *body.inputs, *(name for node in body.nodes for name in node.outputs)}
    for conv_index, norm_index in foldable_pairs(body):
        conv, norm = body.nodes[conv_index], body.nodes[norm_index]
        if not all(name in data for name in (*conv.inputs[1:], *norm.inputs[1:])):
            continue
        scale, shift, mean, variance = (data[name].astype(np.float64) for name in norm.inputs[1:])
        weight = data[conv.inputs[1]]
        bias = data[conv.inputs[2]].astype(np.float64) if len(conv.inputs) > 2 else 0.0
        epsilon = dict(norm.attributes).get("epsilon", 1e-5)
        gain = scale / np.sqrt(variance + float(str(epsilon)))
        wide_gain = gain.reshape(-1, *[1] * (weight.ndim - 1))
        names = tuple(
            [_free_name(f"{norm.outputs[0]}.{part}", taken) for part in ("weight", "bias")]
        )
        taken.update(names)
        folded_data[names[0]] = (weight.astype(np.float64) * wide_gain).astype(weight.dtype)
        folded_data[names[1]] = ((bias - mean) * gain + shift).astype(weight.dtype)
        folded = conv._replace(inputs=(conv.inputs[0], *names), outputs=norm.outputs)
        replaced[conv_index], replaced[norm_index] = None, folded
    body = _replace_nodes(body, replaced)
    return body._replace(inputs=(*body.inputs, *folded_data)), folded_data


def _free_name(name: str, taken: Collection[str]) -> str:
    """The name, or one behind it that nothing has."""
    while name in taken:
        name += "_folded"
    return name


def foldable_pairs(body: Function) -> list[tuple[int, int]]:
    """Find (convolution, BatchNorm behind it) where nothing else reads the convolution."""
    norms = [
        (index, node)
        for index, node in enumerate(body.nodes)
        if node.op == "BatchNormalization"
        and len(node.outputs) == 1
        and dict(node.attributes).get("training_mode", 0) == 0
    ]
    if not norms:
        return []
    uses = Counter([name for node in body.nodes for name in node.inputs])
    uses.update(body.outputs)
    convolutions = {
        node.outputs[0]: index for index, node in enumerate(body.nodes) if node.op == "Conv"
    }
    return [
        (convolutions[norm.inputs[0]], index)
        for index, norm in norms
        if norm.inputs[0] in convolutions and uses[norm.inputs[0]] == 1
    ]


def _replace_nodes(body: Function, replaced: Mapping[int, Node | None]) -> Function:
    """Replace nodes by index; None drops one."""
    if not replaced:
        return body
    nodes = [replaced.get(index, node) for index, node in enumerate(body.nodes)]
    return body._replace(nodes=tuple([node for node in nodes if node is not None]))
