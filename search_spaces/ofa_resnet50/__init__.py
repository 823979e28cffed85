"""Once-for-all ResNet-50-D: elastic depth, bottleneck ratio, width and resolution."""

from search_spaces.ofa_resnet50.architecture import ResNetArchitecture
from search_spaces.ofa_resnet50.space import OfaResNet50

__all__ = ["OfaResNet50", "ResNetArchitecture"]
