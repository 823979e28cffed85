"""Small hand-written ONNX texts, and labels that depend on them."""

from collections.abc import Callable

import pytest

HEADER = '<ir_version: 8, opset_import: ["" : 17, "nas" : 1]>\n'

TextOf = Callable[[int, int], str]


def conv_chain(n_convs: int, kernel: int) -> str:
    """Relu and convolution, n times, then a skip connection to the input."""
    weights = "".join(f", float[4,4,{kernel},{kernel}] w{k}" for k in range(n_convs))
    pad = kernel // 2
    lines = ["v0 = Relu(x)"]
    for k in range(n_convs):
        lines.append(
            f"c{k} = Conv<kernel_shape=[{kernel},{kernel}], pads=[{pad},{pad},{pad},{pad}]>"
            f"(v{k}, w{k})"
        )
        lines.append(f"v{k + 1} = Relu(c{k})")
    lines.append(f"y = Add(v{n_convs}, x)")
    body = "\n ".join(lines)
    return f"{HEADER}main (float[1,4,8,8] x{weights}) => (float[1,4,8,8] y) {{\n {body}\n}}\n"


@pytest.fixture
def text_of() -> TextOf:
    """A function from (number of convolutions, kernel size) to ONNX text."""
    return conv_chain


@pytest.fixture
def small_texts() -> list[str]:
    """Twelve distinct texts of different length."""
    return [conv_chain(n, kernel) for n in range(1, 5) for kernel in (1, 3, 5)]


@pytest.fixture
def small_labels() -> list[dict[str, float]]:
    """A metric that grows with both choices, and one that every third row lacks."""
    rows = []
    for n in range(1, 5):
        for kernel in (1, 3, 5):
            row = {"macs": 1024.0 * n * kernel**2, "accuracy_percent/cifar10": 80.0 + n + kernel}
            if kernel == 3:
                del row["macs"]
            rows.append(row)
    return rows
