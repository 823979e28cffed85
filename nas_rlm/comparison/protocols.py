"""The protocols, one entry each: a new comparison is an entry here and no code."""

from collections.abc import Mapping

from nas_rlm.comparison.ablation import ABLATIONS
from nas_rlm.comparison.cross_space import ACCURACIES, N_SOURCE, NDS_ACCURACIES
from nas_rlm.comparison.methods import Method, pretrained
from nas_rlm.comparison.protocol import (
    AVERAGE,
    Comparison,
    ComparisonProtocol,
    CrossSpaceProtocol,
    Published,
    Source,
)
from nas_rlm.comparison.zero_cost_rows import ZERO_COST_ROWS
from nas_rlm.errors import ConfigError, suggest

_FEW_SHOT = (
    "rlm",
    "rlm_pretrained",
    "gcn",
    "gcn_pretrained",
    "gat",
    "gin",
    "graph_transformer",
    "flan",
    "ta_gates",
    "brp_nas",
    "graph_trees",
    "graph_mlp",
    "graph_gp",
    "genome_trees",
    "genome_mlp",
    "genome_gp",
    "params",
    "macs",
    "log_flow",
    "synflow",
    "jacov",
    "grad_norm",
    "snip",
    "naswot",
    "constant",
    "memorizer",
)
_SLOW = frozenset(
    [
        "rlm_pretrained",
        "gcn_pretrained",
        "gat",
        "gin",
        "graph_transformer",
        "flan",
        "ta_gates",
        "brp_nas",
        "jacov",
        "grad_norm",
        "snip",
        "naswot",
    ]
)
_FEW_SHOT_QUICK = tuple(name for name in _FEW_SHOT if name not in _SLOW)
_FEW_SHOT_NOTE = (
    f"Pretrained methods learned up to {N_SOURCE:,} rows of each other space with accuracies "
    "before, once, with seed 0, and share their say with one that is trained from scratch; their "
    "seconds are those of both but without what was learned before. Zero-cost scores are those of "
    f"{ZERO_COST_ROWS} test rows of the first seed."
)
_TA_GATES = "NeurIPS 2022"
_HYPERNAS = "arXiv:2509.18151"
_HELP = "HELP, arXiv:2106.08630"
_NASFLAT = "NASFLAT, arXiv:2403.02446"

_SOURCES_NASBENCH201 = (
    "1080ti_1",
    "1080ti_32",
    "1080ti_256",
    "silver_4114",
    "silver_4210r",
    "samsung_a50",
    "pixel3",
    "essential_ph_1",
    "samsung_s7",
)
_SOURCES_FBNET = tuple("1080ti_64" if s == "1080ti_256" else s for s in _SOURCES_NASBENCH201)
_DEVICE_METHODS = (
    "rlm",
    "gcn",
    "rlm_token",
    "gcn_head",
    "rlm_ridge",
    "gcn_ridge",
    "graph_gp",
    "operator_lookup",
    "macs",
    "params",
    "constant",
    "memorizer",
)
_DEVICE_OWN = {
    method.name: method
    for method in (
        Method("rlm_token", surrogate="rlm", transfer="head"),
        Method("gcn_head", surrogate="gcn", transfer="head"),
        Method("rlm_ridge", surrogate="rlm", transfer="ridge"),
        Method("gcn_ridge", surrogate="gcn", transfer="ridge"),
        Method("constant", surrogate="constant", transfer="none"),
        Method("memorizer", surrogate="memorizer", transfer="none"),
        Method("operator_lookup", is_lookup=True),
    )
}


_CROSS_SPACE_PRETRAINED = ("rlm", "gcn", "gat", "flan", "graph_mlp")
_CROSS_SPACE = (
    *_CROSS_SPACE_PRETRAINED,
    "rlm_scratch",
    "graph_gp",
    "params",
    "macs",
    "log_flow",
    "synflow",
    "jacov",
    "grad_norm",
    "constant",
    "memorizer",
)
_CROSS_SPACE_OWN = {
    **{name: pretrained(name, name) for name in _CROSS_SPACE_PRETRAINED},
    "rlm_scratch": Method("rlm_scratch", surrogate="rlm"),
}
_CROSS_SPACE_NOTE = (
    f"For each space, up to {N_SOURCE:,} rows of each other one are learned first, once, with seed "
    "0; then 16 rows of the space, eight times for each seed, tested on at most 1,000 others. "
    "Without a row the RLM orders texts by what a Gaussian process on counts and on `log_flow`, each "
    "space measured by itself, learned of the others; with 16 rows that is the prior of the process "
    "beside its networks. "
    f"Zero-cost scores are those of {ZERO_COST_ROWS} test rows of the first seed. Seconds at 0 rows are "
    "those of pretraining, at 16 rows those of the eight fine-tunings, and those of the average "
    "are sums over the spaces."
)


def _cross_space(
    name: str, sources: tuple[Source, ...], goals: Mapping[tuple[str, int], float], note: str
) -> CrossSpaceProtocol:
    """Leave one space out, each in its turn."""
    return CrossSpaceProtocol(
        name=name,
        targets={source.space: source.metric for source in sources},
        sources=sources,
        sizes=(0, 16),
        methods=_CROSS_SPACE,
        own_methods=_CROSS_SPACE_OWN,
        n_source=N_SOURCE,
        has_average=True,
        goals=goals,
        note=f"{_CROSS_SPACE_NOTE} {note}",
    )


def _latencies(*devices: str) -> dict[str, str]:
    """Device to its latency metric."""
    return {device: f"latency_ms/{device}" for device in devices}


PROTOCOLS: dict[str, Comparison] = {
    protocol.name: protocol
    for protocol in (
        *ABLATIONS,
        ComparisonProtocol(
            name="fewshot-nasbench201",
            space="nasbench201",
            targets={
                "c10_val": "accuracy_percent/cifar10",
                "c100_val": "accuracy_percent/cifar100",
                "in16_val": "accuracy_percent/imagenet16",
            },
            sizes=(78, 156, 469, 1000),
            methods=_FEW_SHOT,
            quick_methods=_FEW_SHOT_QUICK,
            goals={
                ("c10_val", 78): 0.82,
                ("c10_val", 156): 0.86,
                ("c10_val", 469): 0.90,
                ("c10_val", 1000): 0.91,
            },
            published=(
                Published(
                    "HyperNAS",
                    _HYPERNAS,
                    "kendall_tau",
                    {("c10_val", 78): 0.677, ("c10_val", 156): 0.765, ("c10_val", 469): 0.836},
                ),
                Published(
                    "FlowerFormer+FGP",
                    "arXiv:2510.18360",
                    "kendall_tau",
                    {("c10_val", 156): 0.836},
                ),
            ),
            note=_FEW_SHOT_NOTE,
        ),
        ComparisonProtocol(
            name="fewshot-nasbench101",
            space="nasbench101",
            targets={"val108": "accuracy_percent/cifar10_108epochs"},
            sizes=(72, 364, 729),
            n_test=7000,
            methods=_FEW_SHOT,
            quick_methods=_FEW_SHOT_QUICK,
            goals={("val108", 72): 0.74, ("val108", 364): 0.82, ("val108", 729): 0.85},
            published=(
                Published(
                    "TA-GATES",
                    _TA_GATES,
                    "kendall_tau",
                    {("val108", 72): 0.669, ("val108", 364): 0.774, ("val108", 729): 0.784},
                ),
            ),
            note=f"NN-Former (CVPR 2025) gives .765 with 169 training rows. {_FEW_SHOT_NOTE}",
        ),
        ComparisonProtocol(
            name="fewshot-ofa",
            space="ofa_mbv3",
            targets={"top1": "accuracy_percent/imagenet"},
            sizes=(50, 200),
            methods=_FEW_SHOT,
            quick_methods=_FEW_SHOT_QUICK,
            note=(
                "Rows are traces of searches: good networks are over-represented. "
                f"{_FEW_SHOT_NOTE}"
            ),
        ),
        ComparisonProtocol(
            name="fewshot-macro",
            space="nasbench_macro",
            targets={"acc_mean": "accuracy_percent/cifar10"},
            sizes=(50, 200),
            methods=_FEW_SHOT,
            quick_methods=_FEW_SHOT_QUICK,
            note=_FEW_SHOT_NOTE,
        ),
        ComparisonProtocol(
            name="multi-metric-nasbench201",
            space="nasbench201",
            targets={
                "c10_val": "accuracy_percent/cifar10",
                **_latencies("pixel3", "gold_6226", "titan_rtx_1", "fpga"),
            },
            sizes=(1000,),
            n_test=2000,  # a chain over five metrics takes a hundred times as long as five alone
            methods=(
                "rlm",
                "rlm_alone",
                "rlm_separate",
                "gcn",
                "graph_trees",
                "graph_mlp",
                "graph_gp",
                "constant",
                "memorizer",
            ),
            own_methods={
                "rlm": Method("rlm", surrogate="rlm", decoding="chain"),
                "rlm_alone": Method("rlm_alone", surrogate="rlm"),
                "rlm_separate": Method("rlm_separate", surrogate="rlm", is_separate=True),
                "gcn": Method("gcn", surrogate="gcn", is_separate=True),
            },
            scores=("spearman", "kendall_tau", "spearman_unseen"),
            tables=("spearman", "kendall_tau"),
            is_joint=True,
            is_pruned=False,
            goals={
                (name, 1000): 0.97
                for name in ("c10_val", "pixel3", "gold_6226", "titan_rtx_1", "fpga")
            },
            published=(
                Published(
                    "RLM",
                    "arXiv:2509.26476",
                    "spearman",
                    {("pixel3", 1000): 0.731},
                ),
            ),
            note=(
                "Seconds are those of all metrics together. The same paper gives .960 for a CPU "
                "and .939 for a GPU that it does not name."
            ),
        ),
        ComparisonProtocol(
            name="calibration",
            space="nasbench201",
            targets={"c10_val": "accuracy_percent/cifar10"},
            sizes=(156, 1000),
            methods=("rlm", "rlm_sampled64", "gcn_ensemble5", "graph_gp", "constant", "memorizer"),
            own_methods={
                "rlm_sampled64": Method("rlm_sampled64", surrogate="rlm", decoding="sampled"),
                "gcn_ensemble5": Method(
                    "gcn_ensemble5",
                    surrogate="gcn",
                    settings={"n_members": 5},
                    decoding="normal",
                ),
            },
            scores=("coverage_50", "coverage_80", "coverage_95", "crps", "spread_error"),
            tables=("crps", "coverage_50", "coverage_80", "coverage_95", "spread_error"),
            note="Scored on distinct networks that no training row describes.",
        ),
        ComparisonProtocol(
            name="device-nasbench201",
            space="nasbench201",
            targets=_latencies("titan_rtx_256", "gold_6226", "fpga", "pixel2"),
            sizes=(10, 20),
            methods=_DEVICE_METHODS,
            own_methods=_DEVICE_OWN,
            scores=("spearman", "spearman_unseen", "kendall_tau"),
            tables=("spearman",),
            sources=_latencies(*_SOURCES_NASBENCH201),
            n_source=900,
            has_own_source_rows=True,
            is_pruned=False,
            goals={
                (device, n): goal
                for device in ("titan_rtx_256", "gold_6226", "fpga", "pixel2")
                for n, goal in ((10, 0.975), (20, 0.985))
            },
            note=(
                f"Averages over other sets of targets: {_HELP}: .932 at 10 rows; {_NASFLAT}: "
                ".959 at 20."
            ),
        ),
        ComparisonProtocol(
            name="device-fbnet",
            space="fbnet",
            targets=_latencies("fpga", "gold_6226", "pixel2"),
            sizes=(10, 20),
            methods=_DEVICE_METHODS,
            own_methods=_DEVICE_OWN,
            scores=("spearman", "spearman_unseen", "kendall_tau"),
            tables=("spearman",),
            sources=_latencies(*_SOURCES_FBNET),
            n_source=3000,
            goals={(device, 10): 0.97 for device in ("fpga", "gold_6226", "pixel2")},
            note=(
                "Of 5,000 rows a fifth is kept for development and 3,000 are the sources'. "
                f"Averages over other sets of targets: {_HELP}: .910 at 10 rows; {_NASFLAT}: "
                ".961 at 20."
            ),
        ),
        _cross_space(
            "cross-space-16",
            ACCURACIES,
            {(AVERAGE, 16): 0.70},
            (
                "Published averages over NASNet, Amoeba, PNAS, ENAS and DARTS of network design "
                "spaces, 16 rows: FLAN .459, RLM .461, QIM .668."
            ),
        ),
        _cross_space(
            "nds-16",
            NDS_ACCURACIES,
            {},
            (
                "Needs the published files of network design spaces in the folder nds of "
                "NAS_RLM_DATA. Published averages: FLAN .459, RLM .461, QIM .668."
            ),
        ),
    )
}


def find_protocol(name: str) -> Comparison:
    """Return a protocol.

    Raises:
        ConfigError: If there is none of that name.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"No protocol {name!r}. {suggest(name, PROTOCOLS, kind='protocols')}")
    return PROTOCOLS[name]
