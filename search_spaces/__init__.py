"""Search spaces: an architecture in, ONNX text out; its counts, genome and published string."""

from collections.abc import Callable
from typing import Any

from search_spaces.base import SearchSpace
from search_spaces.counts import Counts, OpCount, count
from search_spaces.enas_macro.space import EnasMacro
from search_spaces.errors import (
    InfiniteSpaceError,
    InvalidArchitectureError,
    InvalidTextError,
    ModelFileError,
    SearchSpaceError,
    UnknownSpaceError,
    UnsupportedModelError,
)
from search_spaces.fbnet.space import FBNet
from search_spaces.fold_repeats import fold_repeats
from search_spaces.hiaml.space import Hiaml
from search_spaces.inception.space import Inception
from search_spaces.materialize import materialize
from search_spaces.nasbench101.space import NasBench101
from search_spaces.nasbench201.space import NasBench201
from search_spaces.nasbench_macro.space import NasBenchMacro
from search_spaces.nds.cell_space import CellSpace
from search_spaces.nds.residual_space import ResidualSpace
from search_spaces.ofa_mbv3.space import OfaMbv3
from search_spaces.ofa_proxyless.space import OfaProxyless
from search_spaces.ofa_resnet50.space import OfaResNet50
from search_spaces.onnx_file import load_onnx, load_text
from search_spaces.onnx_text import TEXT_VERSION, canonicalize, digest, from_text, to_text
from search_spaces.twopath.space import TwoPath

__all__ = [
    "SPACES",
    "TEXT_VERSION",
    "Counts",
    "InfiniteSpaceError",
    "InvalidArchitectureError",
    "InvalidTextError",
    "ModelFileError",
    "OpCount",
    "SearchSpace",
    "SearchSpaceError",
    "UnknownSpaceError",
    "UnsupportedModelError",
    "canonicalize",
    "count",
    "digest",
    "fold_repeats",
    "from_text",
    "get_space",
    "load_onnx",
    "load_text",
    "materialize",
    "to_text",
]

SPACES: dict[str, Callable[[], SearchSpace[Any]]] = {
    "enas_macro": EnasMacro,
    "fbnet": FBNet,
    "hiaml": Hiaml,
    "inception": Inception,
    "nasbench101": NasBench101,
    "nasbench201": lambda: NasBench201("nasbench201", 32, 10),
    "nasbench201_cifar100": lambda: NasBench201("nasbench201_cifar100", 32, 100),
    "nasbench201_imagenet16": lambda: NasBench201("nasbench201_imagenet16", 16, 120),
    "nasbench_macro": NasBenchMacro,
    "nds_amoeba": lambda: CellSpace("nds_amoeba", "amoeba"),
    "nds_darts": lambda: CellSpace("nds_darts", "darts"),
    "nds_darts_fix_w_d": lambda: CellSpace("nds_darts_fix_w_d", "darts", is_fixed=True),
    "nds_enas": lambda: CellSpace("nds_enas", "enas"),
    "nds_enas_fix_w_d": lambda: CellSpace("nds_enas_fix_w_d", "enas", is_fixed=True),
    "nds_nasnet": lambda: CellSpace("nds_nasnet", "nasnet"),
    "nds_pnas": lambda: CellSpace("nds_pnas", "pnas"),
    "nds_pnas_fix_w_d": lambda: CellSpace("nds_pnas_fix_w_d", "pnas", is_fixed=True),
    "nds_resnet": lambda: ResidualSpace("nds_resnet", "resnet"),
    "nds_resnext": lambda: ResidualSpace("nds_resnext", "resnext_a"),
    "nds_resnext_b": lambda: ResidualSpace("nds_resnext_b", "resnext_b"),
    "ofa_mbv3": OfaMbv3,
    "ofa_proxyless": OfaProxyless,
    "ofa_resnet50": OfaResNet50,
    "twopath": TwoPath,
}
"""Every search space by name; add a new one here."""


def get_space(name: str) -> SearchSpace[Any]:
    """Return the search space of this name.

    Raises:
        UnknownSpaceError: If there is none.
    """
    if name not in SPACES:
        raise UnknownSpaceError(f"Unknown search space {name!r}. Known: {', '.join(SPACES)}.")
    return SPACES[name]()
