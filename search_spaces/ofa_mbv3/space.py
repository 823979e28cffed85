"""Once-for-all MobileNetV3: 20 layers in five elastic stages.

Decisions: width 1.0, the supernet whose sub-networks have public accuracies and latencies.
h-swish and h-sigmoid are the ONNX operators ``HardSwish`` and ``HardSigmoid``. Resolutions are the
25 of the paper, 128 to 224 in steps of 4. The 1,280 channels behind the global pool have neither
BatchNorm nor bias, as in the authors' code.

Source:
    arXiv:1908.09791; ``ofa/imagenet_classification/elastic_nn/networks/ofa_mbv3.py`` of
    https://github.com/mit-han-lab/once-for-all.
"""

from search_spaces.ofa_mobile import MobileSpace, Skeleton, Stage
from search_spaces.ofa_mobile.skeleton import Head

__all__ = ["SKELETON", "OfaMbv3"]

SKELETON = Skeleton(
    stem_channels=16,
    first_channels=16,
    outer_activation="hard_swish",
    first_activation="relu",
    stages=(
        Stage(24, 2, "relu", has_se=False),
        Stage(40, 2, "relu", has_se=True),
        Stage(80, 2, "hard_swish", has_se=False),
        Stage(112, 1, "hard_swish", has_se=True),
        Stage(160, 2, "hard_swish", has_se=True),
    ),
    head=(Head(960, is_pooled=False), Head(1280, is_pooled=True)),
)
"""Widths, strides, activations and squeeze-and-excitation of MobileNetV3-Large."""


class OfaMbv3(MobileSpace):
    """25 resolutions of (9**2 + 9**3 + 9**4)**5 distinct networks, 5.4e20 in all."""

    def __init__(self) -> None:
        source = "arXiv:1908.09791; https://github.com/mit-han-lab/once-for-all"
        super().__init__("ofa_mbv3", source, SKELETON)
