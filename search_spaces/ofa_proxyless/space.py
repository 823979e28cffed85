"""Once-for-all ProxylessNAS: 21 layers, five elastic stages and one of a single layer.

Decisions: width 1.3, the only published supernet; widths are 1.3 times those of ProxylessNAS,
rounded to multiples of 8. The depth of the sixth stage is 1 in every sub-network, so ``d`` has six
values of which the last is 1, and the genome has five depths. Resolutions as in the paper.

Source:
    arXiv:1908.09791; ``ofa/imagenet_classification/elastic_nn/networks/ofa_proxyless.py`` and
    ``ofa/model_zoo.py`` of https://github.com/mit-han-lab/once-for-all.
"""

from search_spaces.channel_rounding import make_divisible
from search_spaces.ofa_mobile import MobileSpace, Skeleton, Stage
from search_spaces.ofa_mobile.skeleton import Head

__all__ = ["SKELETON", "OfaProxyless"]

_WIDTH = 1.3
_STAGES = ((24, 2, 4), (40, 2, 4), (80, 2, 4), (96, 1, 4), (192, 2, 4), (320, 1, 1))
"""Channels at width 1, stride, most layers."""

SKELETON = Skeleton(
    stem_channels=make_divisible(32 * _WIDTH),
    first_channels=make_divisible(16 * _WIDTH),
    outer_activation="relu6",
    first_activation="relu6",
    stages=tuple(
        Stage(make_divisible(channels * _WIDTH), stride, "relu6", has_se=False, max_depth=n_layers)
        for channels, stride, n_layers in _STAGES
    ),
    head=(Head(make_divisible(1280 * _WIDTH), is_pooled=False),),
)
"""Widths and strides."""


class OfaProxyless(MobileSpace):
    """25 resolutions of 9 (9**2 + 9**3 + 9**4)**5 distinct networks, 4.9e21 in all."""

    def __init__(self) -> None:
        source = "arXiv:1908.09791; https://github.com/mit-han-lab/once-for-all"
        super().__init__("ofa_proxyless", source, SKELETON)
