"""Zero-cost scores: what one batch tells about an untrained network.

Definitions: ``grad_norm`` and the form of all gradient scores, arXiv:2101.08134; ``snip``,
arXiv:1810.02340; ``synflow``, arXiv:2006.05467; ``jacov`` (first version) and ``naswot``,
arXiv:2006.04647. Higher is better in all.

Different from the papers: batch norm is folded in our texts, so the random start is that of
:func:`search_spaces.materialize`, which keeps activations at one scale, and any batch norm that is
left uses its stored statistics; images are normal noise and classes are drawn at random unless a
batch is given. Published figures, with batch norm and real images, need not be reached.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nas_rlm.zero_cost.errors import ZeroCostError
from nas_rlm.zero_cost.network import OnnxNetwork
from search_spaces import from_text, materialize

Batch = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Images, shape ``(n, c, h, w)``, and classes, shape ``(n,)``."""

_JACOV_SHIFT = 1e-5


def zero_cost_scores(
    text: str, names: Sequence[str], seed: int, batch: int | Batch = 16
) -> dict[str, float]:
    """Compute scores of a network at its random start.

    Args:
        text: ONNX text.
        names: Of ``SCORES``.
        seed: Draws the weights, and the batch unless one is given; same seed, same scores.
        batch: Images and classes, or how many to draw; at least 2.

    Returns:
        A score for each name. ``naswot`` is minus infinity where two images switch the same
        rectifiers on, as the logarithm of a determinant of 0 is.

    Raises:
        ZeroCostError: If a name is unknown, the batch is too small or of another shape, or the
            network has an operator that cannot be run.
        InvalidTextError: If the text is not ONNX text.
    """
    unknown = [name for name in names if name not in SCORES]
    if unknown:
        raise ZeroCostError(f"Scores must be among {sorted(SCORES)}, but got {unknown[0]!r}.")
    model = materialize(from_text(text), seed)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    network = OnnxNetwork(model)
    images, classes = _batch(batch, shape, network, np.random.default_rng(seed))
    return {name: SCORES[name](network, images, classes) for name in names}


def _batch(
    batch: int | Batch, shape: Sequence[int], network: OnnxNetwork, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """The batch as tensors, drawn if only a number is given."""
    n = batch if isinstance(batch, int) else len(batch[0])
    if n < 2:
        raise ZeroCostError(f"A batch must have at least 2 images, but got {n}.")
    if not isinstance(batch, int):
        images = np.asarray(batch[0], dtype=np.float32)
        if images.shape[1:] != tuple(shape[1:]) or len(batch[1]) != n:
            raise ZeroCostError(
                f"A batch must be images of {tuple(shape[1:])} with one class each, but got "
                f"{images.shape[1:]} and {len(batch[1])} classes for {n} images."
            )
        return torch.from_numpy(images), torch.from_numpy(np.asarray(batch[1], dtype=np.int64))
    drawn = torch.from_numpy(rng.standard_normal((n, *shape[1:])).astype(np.float32))
    with torch.no_grad():
        n_classes = network(drawn[:1]).shape[1]
    return drawn, torch.from_numpy(rng.integers(0, n_classes, n))


def _loss_gradients(network: OnnxNetwork, images: Tensor, classes: Tensor) -> list[Tensor]:
    """Gradient of the mean cross-entropy by each weight; zeros where a weight is without use."""
    loss = functional.cross_entropy(network(images), classes)
    return list(
        torch.autograd.grad(loss, network.weights, allow_unused=True, materialize_grads=True)
    )


def grad_norm(network: OnnxNetwork, images: Tensor, classes: Tensor) -> float:
    """Return the sum over layers of the Euclidean norm of the loss's gradient."""
    return sum(float(g.double().norm()) for g in _loss_gradients(network, images, classes))


def snip(network: OnnxNetwork, images: Tensor, classes: Tensor) -> float:
    """Return the sum over weights of abs(weight times gradient)."""
    gradients = _loss_gradients(network, images, classes)
    pairs = zip(network.weights, gradients, strict=True)
    return sum(float((w.detach() * g).abs().double().sum()) for w, g in pairs)


def synflow(network: OnnxNetwork, images: Tensor, classes: Tensor) -> float:  # noqa: ARG001
    """Return the sum of weight times flow: all values positive, an image of ones, no labels.

    Rectifiers and batch norms let everything through; the network is as it was afterwards.
    """
    kept = [parameter.detach().clone() for parameter in network.parameters()]
    network.is_linear = True
    try:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.abs_()
        network.double()
        flow = network(torch.ones_like(images[:1]).double()).sum()
        gradients = torch.autograd.grad(
            flow, network.weights, allow_unused=True, materialize_grads=True
        )
        pairs = zip(network.weights, gradients, strict=True)
        return sum(float((w.detach() * g).sum()) for w, g in pairs)
    finally:
        network.is_linear = False
        network.float()
        with torch.no_grad():
            for parameter, before in zip(network.parameters(), kept, strict=True):
                parameter.copy_(before)


def jacov(network: OnnxNetwork, images: Tensor, classes: Tensor) -> float:  # noqa: ARG001
    """Return how little the gradients of the images by their pixels correlate, no labels."""
    pixels = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(pixels).sum(), pixels)
    rows = gradient.flatten(1).double().numpy()
    correlated = np.corrcoef(rows)
    eigenvalues = np.linalg.eigvalsh(np.nan_to_num(correlated)) + _JACOV_SHIFT
    eigenvalues = np.maximum(eigenvalues, _JACOV_SHIFT)
    return float(-(np.log(eigenvalues) + 1.0 / eigenvalues).sum())


def naswot(network: OnnxNetwork, images: Tensor, classes: Tensor) -> float:  # noqa: ARG001
    """Return the log-determinant of how many rectifiers any two images switch alike, no labels.

    Raises:
        ZeroCostError: If the network has no rectifier.
    """
    network.signs = []
    try:
        with torch.no_grad():
            network(images)
        signs = network.signs
    finally:
        network.signs = None
    if not signs:
        raise ZeroCostError("NASWOT needs a rectifier, but the network has none.")
    alike = np.zeros((len(images), len(images)))
    for layer in signs:
        on = layer.double().numpy()
        alike += on @ on.T + (1.0 - on) @ (1.0 - on).T
    return float(np.linalg.slogdet(alike).logabsdet)


SCORES: Mapping[str, Callable[[OnnxNetwork, Tensor, Tensor], float]] = {
    "grad_norm": grad_norm,
    "jacov": jacov,
    "naswot": naswot,
    "snip": snip,
    "synflow": synflow,
}
"""Name of a score to its function of network, images and classes."""
