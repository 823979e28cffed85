"""Once-for-all ProxylessNAS of width 1.3, the supernet ``ofa_proxyless_d234_e346_k357_w1.3``."""

from search_spaces.ofa_proxyless.space import OfaProxyless

__all__ = ["OfaProxyless"]
