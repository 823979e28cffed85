"""What the two mobile once-for-all spaces share: elastic kernel, expansion, depth, resolution."""

from search_spaces.ofa_mobile.architecture import MobileArchitecture
from search_spaces.ofa_mobile.skeleton import Skeleton, Stage
from search_spaces.ofa_mobile.space import MobileSpace

__all__ = ["MobileArchitecture", "MobileSpace", "Skeleton", "Stage"]
