import onnx
import pytest

from search_spaces import get_space
from search_spaces.nasbench_macro.blocks import MacroArchitecture


def export(string: str) -> onnx.ModelProto:
    return get_space("nasbench_macro").to_onnx(MacroArchitecture.parse(string))


def main_ops(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_identity_is_a_convolution_only_where_the_shape_changes() -> None:
    model = export("00000000")
    strides = [
        [list(a.ints) for a in node.attribute if a.name == "strides"]
        for node in model.graph.node
        if node.op_type == "Conv"
    ]
    assert strides == [[], [[2, 2]], [[2, 2]], [[2, 2]]]
    assert len(model.functions) == 1


def test_blocks_of_all_sizes_share_three_functions() -> None:
    """Expand, project, and project with a residual sum."""
    model = export("12121212")
    assert len(model.functions) == 3
    bodies = sorted([node.op_type for node in function.node] for function in model.functions)
    assert bodies == [["Conv", "Relu"], ["Relu", "Conv"], ["Relu", "Conv", "Add"]]


@pytest.mark.parametrize(
    ("string", "kernels", "groups"),
    [("10000000", [3], [96]), ("20000000", [5], [192]), ("01000000", [3], [192])],
)
def test_depthwise_convolution_has_kernel_and_expanded_channels(
    string: str, kernels: list[int], groups: list[int]
) -> None:
    attributes = [
        {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        for node in export(string).graph.node
        if node.op_type == "Conv"
    ]
    depthwise = [a for a in attributes if "group" in a]
    assert [a["group"] for a in depthwise] == groups
    assert [a["kernel_shape"][0] for a in depthwise] == kernels


def test_residual_sum_only_where_the_shape_stays() -> None:
    first, second = export("10000000"), export("01000000")
    assert not any(node.op_type == "Add" for f in first.functions for node in f.node)
    assert any(node.op_type == "Add" for f in second.functions for node in f.node)
    assert main_ops(first)[-3:] == ["GlobalAveragePool", "Flatten", "Gemm"]
