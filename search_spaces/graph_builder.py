"""Typed helpers that write an architecture as a graph, block by block.

A block is a plain Python function ``block(body, x, ..., **settings) -> Value`` that calls the
methods of `Body`. ``builder.call(block, x, **settings)`` makes it a model-local function: the
block is traced with the shapes at hand, its weights become arguments, and blocks that come out
as the same statements (whatever their channel counts) share one function. Calling
``block(builder, x)`` writes the same statements straight into the main graph.

    >>> def conv_relu(body: Body, x: Value, channels: int) -> Value:
    ...     return body.relu(body.conv(x, channels, 3))
    >>> builder = GraphBuilder((1, 3, 32, 32))
    >>> y = builder.call(conv_relu, builder.x, channels=16)
    >>> y = builder.call(conv_relu, y, channels=32)
    >>> graph = builder.build(y)
    >>> len(graph.nodes), len(graph.functions), graph.outputs[0][1].shape
    (2, 1, (1, 32, 32, 32))

BatchNorm is folded in exports: a `Body.conv` has weight and bias, and that is all. Blocks must be
pure: what they write may depend only on the input shapes and the settings (hashable), because a
trace is kept and used again. ``groups`` and shapes are attributes, so a depthwise convolution
inside a function ties the function to its channel count. Where blocks with many channel counts
should share a body, write it in the main graph, between two functions, or let the block refer to
an attribute of its function (`Body.node` with a `search_spaces.graph.Reference`) whose value every
`Body.call` gives.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from search_spaces.graph import (
    DOMAIN,
    IMAGE_INPUT,
    OPSET,
    Attributes,
    AttributeValue,
    Function,
    Graph,
    Node,
    Tensor,
    ValueType,
    weight_names,
)
from search_spaces.traces import Call, Trace, function_name
from search_spaces.windows import Pair, pair, same_padding, window

__all__ = ["Block", "Body", "GraphBuilder", "Pair", "Value", "float_type", "prepare_call"]


class Value(NamedTuple):
    """A value under construction: its name in the body and its static shape."""

    name: str
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        """Size of axis 1."""
        return self.shape[1]


Block = Callable[..., Value | tuple[Value, ...]]


class Body:
    """The statements of a main graph or of a function, and the operators that append to them.

    Every operator method returns the new `Value` with its shape. Shapes are NCHW with batch 1.
    Paddings default to "same": ``dilation * (kernel - 1) // 2``.

    Attributes:
        nodes: The statements.
        weights: Types of the weights, which are called ``w0``, ``w1``, ...
        functions: The functions that the statements call, and those that these call.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.weights: list[ValueType] = []
        self.functions: dict[str, Function] = {}

    def node(
        self,
        op: str,
        inputs: Sequence[Value],
        shape: tuple[int, ...],
        **attributes: AttributeValue,
    ) -> Value:
        """Append any operator with one output; `shape` is the shape of that output."""
        return self._append(
            op, tuple(v.name for v in inputs), tuple(sorted(attributes.items())), shape
        )

    def weight(self, *shape: int) -> Value:
        """Declare a new weight of this shape (float)."""
        name = f"w{len(self.weights)}"
        self.weights.append(float_type(shape))
        return Value(name, shape)

    def constant_ints(self, *values: int) -> Value:
        """Append a one-dimensional int64 constant, e.g. the target shape of a Reshape."""
        data = b"".join(value.to_bytes(8, "little", signed=True) for value in values)
        return self.node("Constant", (), (len(values),), value=Tensor(7, (len(values),), data))

    def constant_float(self, value: float) -> Value:
        """Append a float scalar, e.g. a limit of a Clip."""
        return self.node("Constant", (), (), value_float=float(value))

    def conv(
        self,
        x: Value,
        channels: int,
        kernel: Pair = 1,
        *,
        stride: Pair = 1,
        padding: Pair | None = None,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> Value:
        """Append a convolution with its weight and, unless `bias` is false, its bias.

        Args:
            x: Shape ``(1, c, h, w)``; `groups` divides c and `channels`.
            channels: Number of output channels.
            kernel: Window size.
            stride: Step of the window.
            padding: Zeros added on both sides; None keeps the size (at stride 1, odd kernel).
            dilation: Spacing of the window.
            groups: Number of channel groups.
            bias: Whether a bias follows; a convolution before a BatchNorm has one, folded in.
        """
        padding = same_padding(kernel, dilation) if padding is None else padding
        attributes, extent, strides = window(kernel, stride, padding, dilation, groups)
        _, c, h, w = x.shape
        kernel_h, kernel_w = pair(kernel)
        inputs = [x.name, self.weight(channels, c // groups, kernel_h, kernel_w).name]
        if bias:
            inputs.append(self.weight(channels).name)
        height = (h - extent[0]) // strides[0] + 1
        width = (w - extent[1]) // strides[1] + 1
        return self._append("Conv", tuple(inputs), attributes, (1, channels, height, width))

    def depthwise(self, x: Value, kernel: Pair, *, stride: Pair = 1, dilation: Pair = 1) -> Value:
        """Append a depthwise convolution (with bias)."""
        return self.conv(
            x, x.channels, kernel, stride=stride, dilation=dilation, groups=x.channels
        )

    def batch_norm(self, x: Value) -> Value:
        """Append a BatchNorm that has no convolution before it to be folded into."""
        weights = [self.weight(x.channels) for _ in range(4)]
        return self.node("BatchNormalization", [x, *weights], x.shape)

    def gemm(self, x: Value, features: int, *, bias: bool = True) -> Value:
        """Append a linear layer on ``(1, c)``."""
        inputs = [x, self.weight(features, x.shape[1])]
        if bias:
            inputs.append(self.weight(features))
        return self.node("Gemm", inputs, (x.shape[0], features), transB=1)

    def max_pool(
        self, x: Value, kernel: Pair, *, stride: Pair = 1, padding: Pair | None = None
    ) -> Value:
        """Append a max pool."""
        return self._pool("MaxPool", x, kernel, stride, padding)

    def avg_pool(
        self,
        x: Value,
        kernel: Pair,
        *,
        stride: Pair = 1,
        padding: Pair | None = None,
        count_padding: bool = False,
    ) -> Value:
        """Append an average pool; unless `count_padding`, padded zeros are not averaged."""
        return self._pool("AveragePool", x, kernel, stride, padding, count_padding=count_padding)

    def global_avg_pool(self, x: Value) -> Value:
        """Append a global average pool, to ``(1, c, 1, 1)``."""
        return self.node("GlobalAveragePool", [x], (x.shape[0], x.shape[1], 1, 1))

    def flatten(self, x: Value) -> Value:
        """Flatten everything behind the batch axis."""
        features = 1
        for size in x.shape[1:]:
            features *= size
        return self.node("Flatten", [x], (x.shape[0], features))

    def relu(self, x: Value) -> Value:
        """Append ``max(x, 0)``."""
        return self._append("Relu", (x.name,), (), x.shape)

    def relu6(self, x: Value) -> Value:
        """Append ``min(max(x, 0), 6)``."""
        return self.node("Clip", [x, self.constant_float(0.0), self.constant_float(6.0)], x.shape)

    def sigmoid(self, x: Value) -> Value:
        """Append the logistic function."""
        return self.node("Sigmoid", [x], x.shape)

    def hard_sigmoid(self, x: Value) -> Value:
        """Append ``relu6(x + 3) / 6``."""
        return self.node("HardSigmoid", [x], x.shape, alpha=1 / 6)

    def hard_swish(self, x: Value) -> Value:
        """Append ``x * relu6(x + 3) / 6``."""
        return self.node("HardSwish", [x], x.shape)

    def add(self, *values: Value) -> Value:
        """Append a sum: the value itself for one operand, ``Add`` for two, ``Sum`` for more."""
        if len(values) == 1:
            return values[0]
        op = "Add" if len(values) == 2 else "Sum"
        return self._append(op, tuple([v.name for v in values]), (), values[0].shape)

    def mul(self, first: Value, second: Value) -> Value:
        """Append a product; `second` may have size 1 where `first` has not (squeeze-excite)."""
        return self.node("Mul", [first, second], first.shape)

    def concat(self, *values: Value) -> Value:
        """Append a concatenation of channels; one operand is returned as it is."""
        if len(values) == 1:
            return values[0]
        channels = sum(value.channels for value in values)
        return self.node(
            "Concat", values, (values[0].shape[0], channels, *values[0].shape[2:]), axis=1
        )

    def zero(self, x: Value) -> Value:
        """Append zeros of the shape of `x`, as the ``none`` operation defines them: ``x * 0``."""
        return self.mul(x, self.constant_float(0.0))

    def channel_shuffle(self, x: Value, groups: int) -> Value:
        """Append a channel shuffle, written without sizes so that functions can share it."""
        _, c, h, w = x.shape
        split = self.node(
            "Reshape", [x, self.constant_ints(groups, -1, 0, 0)], (groups, c // groups, h, w)
        )
        swapped = self.node("Transpose", [split], (c // groups, groups, h, w), perm=(1, 0, 2, 3))
        return self.node("Reshape", [swapped, self.constant_ints(1, -1, 0, 0)], x.shape)

    def call(
        self,
        block: Block,
        *inputs: Value,
        attributes: Mapping[str, AttributeValue] = MappingProxyType({}),
        **settings: Hashable,
    ) -> Any:
        """Append a call of `block` as a model-local function.

        Args:
            block: Traced with the shapes of `inputs`; must be pure, see the module docstring.
            *inputs: Operands of the call.
            attributes: Values of the attributes that the block refers to with `Reference`; a
                block that leaves e.g. ``group`` to its callers serves every channel count.
                Those that the block does not use are left out.
            **settings: Keyword arguments of `block`.

        Returns:
            What the block returns: one `Value`, or a tuple of them.
        """
        shapes = tuple([value.shape for value in inputs])
        prepared = prepare_call(block, shapes, attributes, tuple(settings.items()))
        return self.append_call(prepared, *inputs)

    def append_call(self, call: Call, *inputs: Value) -> Any:
        """Append a call that is prepared for inputs of these shapes; returns what `call` does."""
        (name, op, _, weights, shapes, is_tuple, functions), attributes = call
        if name not in self.functions:
            self.functions.update(functions)
        names = weight_names(len(self.weights), len(weights))
        self.weights += weights
        index = len(self.nodes)
        arguments = (*[value.name for value in inputs], *names)
        if is_tuple:
            outputs = tuple([f"v{index}_{i}" for i in range(len(shapes))])
            self.nodes.append(Node(op, arguments, outputs, attributes))
            return tuple(map(Value, outputs, shapes))
        self.nodes.append(Node(op, arguments, (f"v{index}",), attributes))
        return Value(f"v{index}", shapes[0])

    def call_known(
        self,
        op: str,
        inputs: Sequence[Value],
        weights: Sequence[ValueType],
        shape: tuple[int, ...],
        attributes: Attributes = (),
    ) -> Value:
        """Append a call of a function that is there already, with new weights of these types."""
        names = weight_names(len(self.weights), len(weights))
        self.weights += weights
        return self._append(op, (*[value.name for value in inputs], *names), attributes, shape)

    def _append(
        self, op: str, inputs: tuple[str, ...], attributes: Attributes, shape: tuple[int, ...]
    ) -> Value:
        """Append one node with one output."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(Node(op, inputs, (name,), attributes))
        return Value(name, shape)

    def _pool(
        self,
        op: str,
        x: Value,
        kernel: Pair,
        stride: Pair,
        padding: Pair | None,
        *,
        count_padding: bool = False,
    ) -> Value:
        """Append a pool."""
        padding = same_padding(kernel, 1) if padding is None else padding
        attributes, extent, strides = window(kernel, stride, padding, 1, 1)
        if count_padding and padding not in {0, (0, 0)}:
            attributes = (("count_include_pad", 1), *attributes)
        n, c, h, w = x.shape
        height = (h - extent[0]) // strides[0] + 1
        width = (w - extent[1]) // strides[1] + 1
        return self._append(op, (x.name,), attributes, (n, c, height, width))


@lru_cache(maxsize=4_096)
def float_type(shape: tuple[int, ...]) -> ValueType:
    """Return the type of a weight."""
    return ValueType("float", shape)


@lru_cache(maxsize=4_096)
def _trace(
    block: Block, shapes: tuple[tuple[int, ...], ...], settings: tuple[tuple[str, Hashable], ...]
) -> Trace:
    """Run a block on a fresh body; equal statements get equal function names."""
    body = Body()
    weights = body.weights
    inputs = [Value(f"x{i}", shape) for i, shape in enumerate(shapes)]
    result = block(body, *inputs, **dict(settings))
    values = (result,) if isinstance(result, Value) else result
    function = Function(
        inputs=(*[value.name for value in inputs], *weight_names(0, len(weights))),
        outputs=tuple([value.name for value in values]),
        nodes=tuple(body.nodes),
    )
    name = function_name(getattr(block, "__name__", "block"), function)
    return Trace(
        name=name,
        op=f"{DOMAIN}.{name}",
        attributes=tuple(sorted([reference.name for reference in function.references()])),
        weights=tuple(weights),
        shapes=tuple([value.shape for value in values]),
        is_tuple=not isinstance(result, Value),
        functions={**body.functions, name: function},
    )


def prepare_call(
    block: Block,
    shapes: tuple[tuple[int, ...], ...],
    attributes: Mapping[str, AttributeValue],
    settings: tuple[tuple[str, Hashable], ...],
) -> Call:
    """Prepare a call as `Body.call` does, to be appended to any number of bodies.

    Args:
        block: Must be pure.
        shapes: Of the inputs.
        attributes: As in `Body.call`.
        settings: Name and value of the keyword arguments.
    """
    trace = _trace(block, shapes, settings)
    return Call(trace, tuple([(name, attributes[name]) for name in trace.attributes]))


class GraphBuilder(Body):
    """The main graph under construction.

    Args:
        input_shape: Shape of the image, e.g. ``(1, 3, 32, 32)``.
    """

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.x = Value(IMAGE_INPUT, input_shape)

    def build(self, *outputs: Value) -> Graph:
        """Return the finished graph; it is not canonical yet, dead statements included."""
        return Graph(
            inputs=(
                (self.x.name, float_type(self.x.shape)),
                *zip(weight_names(0, len(self.weights)), self.weights, strict=True),
            ),
            outputs=tuple([(value.name, float_type(value.shape)) for value in outputs]),
            nodes=tuple(self.nodes),
            functions=dict(self.functions),
            opset=OPSET,
        )
