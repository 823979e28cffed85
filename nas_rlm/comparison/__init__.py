"""Comparisons of predictors: what is compared, on which rows, and where the figures go."""

from nas_rlm.comparison.protocol import METHODS, PROTOCOLS, FewShotProtocol, Method, find_protocol
from nas_rlm.comparison.results import Results, read_results
from nas_rlm.comparison.runner import run_protocol
from nas_rlm.comparison.tables import results_table, update_document

__all__ = [
    "METHODS",
    "PROTOCOLS",
    "FewShotProtocol",
    "Method",
    "Results",
    "find_protocol",
    "read_results",
    "results_table",
    "run_protocol",
    "update_document",
]
