"""Operations of the GENNAPE families as statements and model-local functions.

A convolution is followed by a BatchNorm (folded) and mostly by a ReLU6; a pool by a BatchNorm that
stays, for there is no convolution to fold it into. Average pools count the zeros of the padding,
as PyTorch does by default.

Source:
    "GENNAPE: Towards Generalized Neural Architecture Performance Estimators", AAAI 2023,
    arXiv:2211.17226; ``model_src/search_space/*/operations.py`` of
    https://github.com/Ascend-Research/GENNAPE.
"""

from search_spaces.graph_builder import Body, Pair, Value

__all__ = ["conv_relu6", "inception_s", "pool_norm", "relu6"]


def relu6(body: Body, x: Value) -> Value:
    """Write ``min(max(x, 0), 6)`` as a call of one function."""
    result: Value = body.call(_relu6, x)
    return result


def conv_relu6(
    body: Body, x: Value, channels: int, kernel: Pair, *, stride: Pair = 1, groups: int = 1
) -> Value:
    """Write convolution, folded BatchNorm and ReLU6."""
    return relu6(body, body.conv(x, channels, kernel, stride=stride, groups=groups))


def inception_s(
    body: Body, x: Value, channels: int, kernel: int, *, strides: tuple[Pair, Pair] = (1, 1)
) -> Value:
    """Write a 1 x k convolution and a k x 1 convolution, each with ReLU6, as one call."""
    result: Value = body.call(_inception_s, x, channels=channels, kernel=kernel, strides=strides)
    return result


def pool_norm(body: Body, x: Value, kind: str) -> Value:
    """Write a 3x3 pool at stride 1 and its BatchNorm; `kind` is "avg" or "max"."""
    if kind == "max":
        return body.batch_norm(body.max_pool(x, 3))
    return body.batch_norm(body.avg_pool(x, 3, count_padding=True))


def _relu6(body: Body, x: Value) -> Value:
    """Write the function."""
    return body.relu6(x)


def _inception_s(
    body: Body, x: Value, channels: int, kernel: int, strides: tuple[Pair, Pair]
) -> Value:
    """Write the function."""
    first = conv_relu6(body, x, channels, (1, kernel), stride=strides[0])
    return conv_relu6(body, first, channels, (kernel, 1), stride=strides[1])
