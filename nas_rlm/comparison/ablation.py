"""What each part of the RLM is worth: its networks, and its networks with one thing changed.

The default also has a Gaussian process on counts, which would answer for whatever a change breaks,
and which other heads and encoders do not have; so the networks are compared alone.

Every method is an entry here; what it shows is a sentence in ``experiments/README.md``.
"""

from dataclasses import replace

from nas_rlm.comparison.methods import Method, pretrained
from nas_rlm.comparison.protocol import ComparisonProtocol


def _rlm(name: str, **settings: object) -> Method:
    """The networks of the RLM with some settings changed."""
    return Method(name, surrogate="rlm", settings={"pools_process": False, **settings})


_METHODS = (
    Method("rlm", surrogate="rlm"),
    _rlm("networks"),
    _rlm("relation_heads", encoder="dataflow_attending"),
    _rlm("heads_see_all", encoder="dataflow_unmasked"),
    _rlm("relation_heads_alone", encoder="dataflow_unsummed"),
    _rlm("no_graph", encoder="dataflow_bag"),
    _rlm("no_counts", has_counts=False),
    _rlm("all_told", hides_counts=False),
    _rlm("positions", encoder="dataflow_ordered"),
    _rlm("bytes", vocabulary_size=257),
    _rlm("labels_narrow", label_width=0.005),
    _rlm("labels_.03", label_width=0.03),
    _rlm("labels_.1", label_width=0.1),
    _rlm("no_ranking", ranking_weight=0.0),
    _rlm("no_soft_no_ranking", label_width=0.005, ranking_weight=0.0),
    _rlm("mse_raw", head="mse", label_scale="raw"),
    _rlm("mse_normalised", head="mse", label_scale="normalised"),
    _rlm("mse_log", head="mse", label_scale="log"),
    _rlm("ordinal", head="ordinal"),
    _rlm("pairwise", head="pairwise"),
    replace(_rlm("sampled64"), decoding="sampled"),
    _rlm("digits_1", n_digits=1),
    _rlm("digits_3", n_digits=3),
    _rlm("width_32", width=32),
    _rlm("width_128", width=128),
    _rlm("layers_1", n_layers=1),
    _rlm("layers_6", n_layers=6),
    _rlm("members_1", n_members=1),
    *(
        replace(method, settings={**method.settings, "n_members": 1, "pools_process": False})
        for method in (
            pretrained("pretrained_accuracies", "rlm"),
            pretrained("pretrained_counts", "rlm", "counts"),
        )
    ),
)
_UNPRUNED = replace(_rlm("unpruned"), is_pruned=False)


def _token_methods(contexts: tuple[int, ...], **schedule: int) -> tuple[Method, ...]:
    """The encoders that read tokens; a step costs them ten times as much, so they get one member.

    Args:
        contexts: Most tokens of a text, one method each.
        **schedule: Steps and rows of a step where the default would take longer than minutes.
    """
    shared: dict[str, object] = {"truncate": True, "n_members": 1, **schedule}
    slow = shared | {"context_length": 512, "n_steps": 150, "batch_size": 16}
    return (
        *[
            _rlm(f"tokens_{context}", encoder="sequence", **shared, context_length=context)
            for context in contexts
        ],
        _rlm("token_bytes_512", encoder="sequence", **slow, vocabulary_size=257),
        _rlm("t5gemma_512", encoder="t5gemma", **slow),
    )


_NOTE = (
    "`rlm` is the default, all others are networks alone. Pretrained ones and encoders of tokens have "
    "one member, so `members_1` is what they compare with; `token_bytes_512` and `t5gemma_512` train "
    "150 steps of 16 rows."
)


def _ablation(
    space: str, targets: dict[str, str], n: int, methods: tuple[Method, ...], note: str
) -> ComparisonProtocol:
    """The comparison on one space."""
    return ComparisonProtocol(
        name=f"ablation-{space}",
        space=space,
        targets=targets,
        sizes=(n,),
        methods=tuple(method.name for method in methods),
        own_methods={method.name: method for method in methods},
        n_test=3000,
        scores=("kendall_tau", "kendall_tau_unseen", "spearman"),
        tables=("kendall_tau", "kendall_tau_unseen"),
        note=note,
    )


ABLATIONS = (
    _ablation(
        "nasbench201",
        {"c10_val": "accuracy_percent/cifar10"},
        156,
        (*_METHODS, _UNPRUNED, *_token_methods((64, 128, 2048))),
        f"{_NOTE} The texts have 93 to 175 learned tokens and about 1,800 bytes.",
    ),
    _ablation(
        "nasbench101",
        {"val108": "accuracy_percent/cifar10_108epochs"},
        364,
        (*_METHODS, *_token_methods((256, 512, 2048), n_steps=150, batch_size=16)),
        f"{_NOTE} Here all encoders of tokens do. The texts have 175 to 521 learned tokens. The "
        "published cells are pruned already, so there is no `unpruned`.",
    ),
)
