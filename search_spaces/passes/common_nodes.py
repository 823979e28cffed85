"""Merge statements that compute the same value: same operator, attributes and operands.

Two convolutions have different weights and so never merge; two ``Relu`` of one value, or two equal
pools, do. Operators that draw random numbers are left alone. Operands of commutative operators are
compared in any order.
"""

from search_spaces.graph import Attributes, Function
from search_spaces.passes.identities import substitute

__all__ = ["COMMUTATIVE_OPS", "merge_common_nodes"]

COMMUTATIVE_OPS = frozenset(
    {"Add", "Mul", "Sum", "Max", "Min", "Mean", "And", "Or", "Xor", "Equal"}
)
_RANDOM_OPS = frozenset(
    {
        "Bernoulli",
        "Dropout",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)


def merge_common_nodes(body: Function) -> Function:
    """Return the body with equal statements merged; the first one stays.

    Statements that leave out different results are not equal.
    """
    first: dict[tuple[str, Attributes, tuple[str, ...]], tuple[str, ...]] = {}
    renamed: dict[str, str] = {}
    kept = []
    get = renamed.get
    for node in body.nodes:
        op, inputs, outputs, attributes = node
        if renamed:
            inputs = tuple([get(name, name) for name in inputs])
        key = (op, attributes, tuple(sorted(inputs)) if op in COMMUTATIVE_OPS else inputs)
        known = first.setdefault(key, outputs)
        is_first = known is outputs or op in _RANDOM_OPS
        if is_first or list(map(bool, known)) != list(map(bool, outputs)):
            kept.append(node)
        else:
            renamed.update((own, other) for own, other in zip(outputs, known, strict=True) if own)
    if not renamed:
        return body
    return substitute(body._replace(nodes=tuple(kept)), renamed)
