"""An ONNX model as a torch module: same outputs as onnxruntime, and gradients.

Slow and plain: one node after the other, as the graph has them. It is for scores that need
gradients, not for timing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.inliner
import onnx.numpy_helper
import torch
from torch import Tensor, nn

from nas_rlm.zero_cost.errors import ZeroCostError
from nas_rlm.zero_cost.operators import OPERATORS

RECTIFIERS = frozenset({"Relu", "Clip", "HardSwish"})
"""Activations that are off below zero."""

_LINEAR = frozenset({"BatchNormalization", *RECTIFIERS})
_PRODUCTS = frozenset({"Conv", "Gemm", "MatMul"})
_MIXES_BATCH = frozenset({"Reshape"})


@dataclass(frozen=True)
class _Node:
    """A node, read once."""

    operator: str
    operands: tuple[str, ...]
    result: str
    attributes: dict[str, Any]


class OnnxNetwork(nn.Module):
    """A materialized model that torch can run and differentiate.

    Attributes:
        is_linear: Whether rectifiers and batch norms let everything through, as SynFlow asks.
        signs: While not None, every rectifier adds whether its operands are positive, shape
            ``(n, values)``, once for each pass through it.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        """Copy a model.

        Args:
            model: Weights as initializers, one image as input, one output; functions are inlined.

        Raises:
            ZeroCostError: If it has another form or an operator that is not known here.
        """
        super().__init__()
        graph = (
            onnx.inliner.inline_local_functions(model).graph if model.functions else model.graph
        )
        stored = {tensor.name: tensor for tensor in graph.initializer}
        inputs = [value.name for value in graph.input if value.name not in stored]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise ZeroCostError(
                f"A network must have one input and one output, but has {len(inputs)} and "
                f"{len(graph.output)}. Give its weights values with `materialize`."
            )
        self._input, self._output = inputs[0], graph.output[0].name
        self._nodes: list[_Node] = []
        self._weights: dict[str, nn.Parameter] = {}
        self._constants: dict[str, Tensor] = {}
        self.is_linear = False
        self.signs: list[Tensor] | None = None
        for node in graph.node:
            self._read(node)
        for name, tensor in stored.items():
            values = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
            if values.is_floating_point():
                self._weights[name] = nn.Parameter(values)
            else:
                self._constants[name] = values
        for place, parameter in enumerate(self._weights.values()):
            self.register_parameter(f"weight{place}", parameter)
        self._is_one_by_one = any(node.operator in _MIXES_BATCH for node in self._nodes)

    @property
    def weights(self) -> list[nn.Parameter]:
        """Weights of convolutions and matrix products, each once, in the order of their use."""
        names = [
            node.operands[1]
            for node in self._nodes
            if node.operator in _PRODUCTS and node.operands[1] in self._weights
        ]
        return [self._weights[name] for name in dict.fromkeys(names)]

    def forward(self, images: Tensor) -> Tensor:
        """Return the outputs, shape ``(n, classes)``, for images of shape ``(n, c, h, w)``.

        Where the model reshapes, one image at a time: such models fix the batch to one.
        """
        if not self._is_one_by_one or len(images) == 1:
            return self._pass(images)
        kept = self.signs
        outputs, signs = [], []
        for image in torch.split(images, 1):
            self.signs = None if kept is None else []
            outputs.append(self._pass(image))
            signs.append(self.signs)
        self.signs = kept
        if kept is not None:
            kept += [torch.cat(each) for each in zip(*(s or [] for s in signs), strict=True)]
        return torch.cat(outputs)

    def _pass(self, images: Tensor) -> Tensor:
        """Run all nodes."""
        values: dict[str, Tensor] = {**self._weights, **self._constants, self._input: images}
        for node in self._nodes:
            operands = [values[name] if name else None for name in node.operands]
            first = operands[0]
            if node.operator in RECTIFIERS and self.signs is not None and first is not None:
                self.signs.append((first > 0).flatten(1))
            if self.is_linear and node.operator in _LINEAR and first is not None:
                values[node.result] = first
            else:
                values[node.result] = OPERATORS[node.operator](operands, node.attributes)
        return values[self._output]

    def _read(self, node: onnx.NodeProto) -> None:
        """Copy a node; a constant becomes a value."""
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            array = np.array(onnx.numpy_helper.to_array(attributes["value"]))
            self._constants[node.output[0]] = torch.from_numpy(array)
            return
        if node.domain or node.op_type not in OPERATORS or len(node.output) != 1:
            raise ZeroCostError(
                f"Operators must be among {sorted(OPERATORS)}, with one result, but got "
                f"{node.op_type!r}. Zero-cost scores cannot be computed for this network."
            )
        read = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
        self._nodes.append(_Node(node.op_type, tuple(node.input), node.output[0], read))
