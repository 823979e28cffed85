"""The pairwise ranking loss of everything that is trained by gradients.

Source:
    "Learning to Rank using Gradient Descent", ICML 2005: logistic loss of score differences.
"""

from torch import Tensor
from torch.nn import functional


def ranking_loss(predicted: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Return the mean logistic loss over all pairs with different labels.

    Args:
        predicted: Shape ``(n,)``.
        targets: Shape ``(n,)``, no NaN.
        temperature: Difference of predictions that counts as clear.

    Returns:
        Shape ``()``; 0 where no two labels differ.
    """
    gap = (predicted[:, None] - predicted[None, :]) / temperature
    is_above = (targets[:, None] > targets[None, :]).float()
    loss: Tensor = (functional.softplus(-gap) * is_above).sum() / is_above.sum().clamp(min=1.0)
    return loss
