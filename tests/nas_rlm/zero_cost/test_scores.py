"""Zero-cost scores: each by hand on a network of two layers, then on a real one."""

import numpy as np
import onnx.numpy_helper
import onnx.parser
import pytest
import torch

from nas_rlm.zero_cost.errors import ZeroCostError
from nas_rlm.zero_cost.network import OnnxNetwork
from nas_rlm.zero_cost.scores import (
    SCORES,
    grad_norm,
    jacov,
    naswot,
    snip,
    synflow,
    zero_cost_scores,
)
from search_spaces import get_space, to_text
from surrogates.inputs.graph_features import graph_features
from surrogates.inputs.signal_flow import log_flow

HEADER = '<ir_version: 8, opset_import: ["" : 17]>\n'
A = np.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.0]])
B = np.array([[0.4, -0.6], [1.5, 0.2]])
X = np.array([[1.0, 0.5, -1.0], [-0.5, 2.0, 0.25]])
IMAGES, CLASSES = torch.from_numpy(X).float(), torch.tensor([0, 1])


@pytest.fixture
def network() -> OnnxNetwork:
    """y = B relu(A x): three numbers in, two out."""
    model = onnx.parser.parse_model(
        f"{HEADER}main (float[1,3] x, float[2,3] a, float[2,2] b) => (float[1,2] y) {{\n"
        " h = Gemm<transB=1>(x, a)\n r = Relu(h)\n y = Gemm<transB=1>(r, b)\n}\n"
    )
    for value in list(model.graph.input)[1:]:
        array = {"a": A, "b": B}[value.name].astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
        model.graph.input.remove(value)
    return OnnxNetwork(model)


def gradients_by_hand() -> tuple[np.ndarray, np.ndarray]:
    """Of the mean cross-entropy: softmax minus truth, back through both layers."""
    hidden = X @ A.T
    rectified = np.maximum(hidden, 0.0)
    outputs = rectified @ B.T
    share = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    error = (share - np.eye(2)) / 2.0
    return ((error @ B) * (hidden > 0)).T @ X, error.T @ rectified


def test_grad_norm_by_hand(network: OnnxNetwork) -> None:
    expected = sum(np.linalg.norm(gradient) for gradient in gradients_by_hand())
    assert grad_norm(network, IMAGES, CLASSES) == pytest.approx(expected, rel=1e-5)


def test_snip_by_hand(network: OnnxNetwork) -> None:
    by_a, by_b = gradients_by_hand()
    expected = np.abs(A * by_a).sum() + np.abs(B * by_b).sum()
    assert snip(network, IMAGES, CLASSES) == pytest.approx(expected, rel=1e-5)


def test_synflow_by_hand(network: OnnxNetwork) -> None:
    """In a chain every layer carries the whole flow, so the score is twice the flow."""
    flow = (np.abs(B) @ np.abs(A) @ np.ones(3)).sum()
    assert synflow(network, IMAGES, CLASSES) == pytest.approx(2.0 * flow, rel=1e-6)


def test_synflow_passes_limits_and_norms() -> None:
    """A flow of 12 through a limit of 6 and a norm that halves stays 12."""
    model = onnx.parser.parse_model(
        f"{HEADER}main (float[1,3,1,1] x) => (float[1,1,1,1] y) "
        "<float[1,3,1,1] a = {2.0, -4.0, 6.0}, float[1] t = {0.25}, float[1] m = {3.0}, "
        "float[1] v = {4.0}, float six = {6.0}> {\n"
        " h = Conv(x, a)\n c = Clip(h, , six)\n y = BatchNormalization(c, t, t, m, v)\n}\n"
    )
    images = torch.zeros(2, 3, 1, 1)
    assert synflow(OnnxNetwork(model), images, CLASSES) == pytest.approx(12.0)


def test_synflow_leaves_the_network_as_it_was(network: OnnxNetwork) -> None:
    before = network(IMAGES).detach()
    synflow(network, IMAGES, CLASSES)
    after = network(IMAGES).detach()
    assert after.dtype == before.dtype
    assert torch.equal(after, before)


def test_jacov_by_hand(network: OnnxNetwork) -> None:
    """Two images with correlation r have eigenvalues 1 + r and 1 - r."""
    on = (X @ A.T > 0).astype(float)
    rows = (on * B.sum(axis=0)) @ A
    r = np.corrcoef(rows)[0, 1]
    values = np.array([1.0 + r, 1.0 - r]) + 1e-5
    expected = -(np.log(values) + 1.0 / values).sum()
    assert jacov(network, IMAGES, CLASSES) == pytest.approx(expected, rel=1e-3)


def test_naswot_by_hand(network: OnnxNetwork) -> None:
    """Hidden values are (-0.5, 1.65) and (-4.375, 1): both images switch alike; negate one."""
    opposite = IMAGES * torch.tensor([[1.0], [-1.0]])  # (-, +) against (+, -): nothing alike
    assert naswot(network, opposite, CLASSES) == pytest.approx(np.log(2.0 * 2.0 - 0.0))
    three = torch.cat([opposite, torch.tensor([[2.0, 0.0, 0.0]])])  # (+, +): one alike with each
    expected = np.linalg.det([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0], [1.0, 1.0, 2.0]])
    assert naswot(network, three, CLASSES) == pytest.approx(np.log(expected))


def test_naswot_of_equal_images_is_minus_infinity(network: OnnxNetwork) -> None:
    assert naswot(network, IMAGES[[0, 0]], CLASSES) == -np.inf
    assert network.signs is None


def test_naswot_needs_a_rectifier() -> None:
    text = f"{HEADER}main (float[1,4] x) => (float[1,4] y) {{\n y = Identity(x)\n}}\n"
    with pytest.raises(ZeroCostError, match="needs a rectifier"):
        naswot(OnnxNetwork(onnx.parser.parse_model(text)), torch.zeros(2, 4), CLASSES)


@pytest.fixture(scope="module")
def text() -> str:
    space = get_space("nasbench201")
    return to_text(space.to_onnx(space.sample(np.random.default_rng(4))))


def test_every_score_of_a_real_network_is_finite_and_repeats(text: str) -> None:
    found = zero_cost_scores(text, list(SCORES), seed=1, batch=4)
    assert list(found) == list(SCORES)
    assert np.isfinite(list(found.values())).all()
    assert zero_cost_scores(text, list(SCORES)[::-1], seed=1, batch=4) == pytest.approx(found)
    other = zero_cost_scores(text, list(SCORES), seed=2, batch=4)
    assert all(other[name] != found[name] for name in SCORES)


def test_a_batch_may_be_given(text: str) -> None:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((3, 3, 32, 32)).astype(np.float32)
    first = zero_cost_scores(text, ["grad_norm", "synflow"], 1, (images, np.array([0, 1, 2])))
    other = zero_cost_scores(text, ["grad_norm", "synflow"], 1, (images, np.array([3, 1, 2])))
    assert first["grad_norm"] != other["grad_norm"]
    assert first["synflow"] == other["synflow"]


def test_wider_networks_carry_more_flow() -> None:
    space = get_space("nasbench201")
    rng = np.random.default_rng(0)
    texts = {to_text(space.to_onnx(space.sample(rng))) for _ in range(6)}
    by_size = sorted(texts, key=len)
    small, large = (
        zero_cost_scores(t, ["synflow"], 0, 2)["synflow"] for t in (by_size[0], by_size[-1])
    )
    assert large > small > 0


def test_wrong_input_is_refused(text: str) -> None:
    with pytest.raises(ZeroCostError, match=r"Scores must be among .* but got 'magic'"):
        zero_cost_scores(text, ["magic"], 0)
    with pytest.raises(ZeroCostError, match="at least 2 images, but got 1"):
        zero_cost_scores(text, ["snip"], 0, 1)
    images = np.zeros((2, 3, 16, 16), np.float32)
    with pytest.raises(ZeroCostError, match=r"images of \(3, 32, 32\) with one class each"):
        zero_cost_scores(text, ["snip"], 0, (images, np.array([0, 1])))


@pytest.mark.parametrize(
    ("name", "least"), [("nasbench201", 0.99), ("enas_macro", 0.95), ("nasbench_macro", 0.99)]
)
def test_synflow_can_be_read_off_a_text(name: str, least: float, rng: np.random.Generator) -> None:
    space = get_space(name)
    texts = [space.to_text(space.sample(rng)) for _ in range(12)]
    scores = [zero_cost_scores(text, ["synflow"], 0)["synflow"] for text in texts]
    flows = [log_flow(text) for text in texts]
    assert np.corrcoef(np.log(scores), flows)[0, 1] > least
    slope, _ = np.polyfit(flows, np.log(scores), 1)
    assert slope == pytest.approx(1.0, abs=0.15)
    macs = np.log([graph_features(text)["macs"] for text in texts])
    assert np.corrcoef(np.log(scores), macs)[0, 1] < least
