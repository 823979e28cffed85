"""Once-for-all MobileNetV3 of width 1.0, the supernet ``ofa_mbv3_d234_e346_k357_w1.0``."""

from search_spaces.ofa_mbv3.space import OfaMbv3

__all__ = ["OfaMbv3"]
