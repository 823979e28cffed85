"""One look around tells tied statements apart exactly as the whole refinement does."""

import numpy as np

from search_spaces.graph import Function, Node
from search_spaces.passes.tie_breaking import break_ties, split_once

DATA, WEIGHT, TIED = 11, 12, 13
N_TIED = 3


def body(readers: list[tuple[str, tuple[int, ...]]], *, grouped: bool) -> Function:
    """Write equal convolutions of one value, and statements that read some of them."""
    nodes, inputs = [], ["x"]
    for index in range(N_TIED):
        weights = [f"g{index}"] if grouped else [f"w{index}", f"b{index}"]
        inputs += weights
        nodes.append(Node("Conv", ("x", *weights), (f"c{index}",)))
    for index, (op, read) in enumerate(readers):
        nodes.append(Node(op, tuple([f"c{number}" for number in read]), (f"r{index}",)))
    return Function(tuple(inputs), (f"r{len(readers) - 1}",), tuple(nodes))


def test_colours_are_those_of_the_whole_refinement() -> None:
    rng = np.random.default_rng(0)
    n_split = n_left = 0
    for _ in range(200):
        readers = []
        for _ in range(int(rng.integers(1, 4))):
            op = str(rng.choice(["Add", "Concat", "Relu"]))
            n_read = 1 if op == "Relu" else 2
            readers.append((op, tuple(rng.choice(N_TIED, n_read, replace=False).tolist())))
        colours = [TIED] * N_TIED + [20 + index for index in range(len(readers))]
        depths = [1] * N_TIED + [2] * len(readers)
        plain = body(readers, grouped=False)
        leaves = [DATA] + [WEIGHT] * (len(plain.inputs) - 1)
        expected, _ = break_ties(plain, colours, leaves, depths)
        grouped = body(readers, grouped=True)
        groups = dict.fromkeys(grouped.inputs[1:], (WEIGHT, WEIGHT))
        found = split_once(grouped, colours, {"x": (DATA,), **groups})
        n_split += found is not None
        n_left += found is None
        assert found is None or found == expected
    assert n_split > 50
    assert n_left > 20


def test_exchangeable_statements_stay_tied() -> None:
    readers = [("Sum", (0, 1, 2))]
    groups = {f"g{index}": (WEIGHT, WEIGHT) for index in range(N_TIED)}
    colours = [TIED] * N_TIED + [20]
    assert split_once(body(readers, grouped=True), colours, {"x": (DATA,), **groups}) is None
