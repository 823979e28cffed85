"""Comparisons of predictors: what is compared, on which rows, and where the figures go."""

from nas_rlm.comparison.details import Details, read_details
from nas_rlm.comparison.methods import METHODS, Method, find_method
from nas_rlm.comparison.page import write_figures, write_page
from nas_rlm.comparison.protocol import (
    Comparison,
    ComparisonProtocol,
    CrossSpaceProtocol,
    Published,
    quick,
)
from nas_rlm.comparison.protocols import PROTOCOLS, find_protocol
from nas_rlm.comparison.results import Results, read_results
from nas_rlm.comparison.runner import run_protocol
from nas_rlm.comparison.summary import cell_seconds, summarize
from nas_rlm.comparison.tables import (
    results_document,
    results_table,
    split_document,
    update_document,
)

__all__ = [
    "METHODS",
    "PROTOCOLS",
    "Comparison",
    "ComparisonProtocol",
    "CrossSpaceProtocol",
    "Details",
    "Method",
    "Published",
    "Results",
    "cell_seconds",
    "find_method",
    "find_protocol",
    "quick",
    "read_details",
    "read_results",
    "results_document",
    "results_table",
    "run_protocol",
    "split_document",
    "summarize",
    "update_document",
    "write_figures",
    "write_page",
]
