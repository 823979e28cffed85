import numpy as np

from search_spaces import count, get_space
from search_spaces.enas_macro.architecture import OPS, EnasArchitecture

NO_SKIPS = tuple((0,) * layer for layer in range(6))


def test_counts_of_pools_without_skips_by_hand() -> None:
    """A stem, a 1x1 convolution per layer, two reductions, five free BatchNorms, a classifier."""
    counts = get_space("enas_macro").published_counts(EnasArchitecture((OPS[4],) * 6, NO_SKIPS))
    square = 36 * 36
    convolutions = 27 * 36 + 6 * square + 2 * square
    norms = 72 * (1 + 6 + 2 + 5)
    assert counts.parameters == convolutions + norms + 360
    pixels = 2 * (1024 + 256 + 64) + 256 + 64
    assert counts.mult_adds == 27 * 36 * 1024 + square * pixels + 360


def test_size_is_operations_times_skips() -> None:
    space = get_space("enas_macro")
    assert space.size == 1_528_823_808
    assert space.size == np.prod(space.genome_choices, dtype=object)


def test_graph_and_counts_agree(rng: np.random.Generator) -> None:
    """A BatchNorm is a bias where it is folded, and has four vectors where it is not."""
    space = get_space("enas_macro")
    for _ in range(40):
        architecture = space.sample(rng)
        formula, counted = space.published_counts(architecture), count(space.to_onnx(architecture))
        assert formula.mult_adds == counted.mult_adds
        assert formula.activations == counted.activations
        biases = sum(
            row.output_shape[1]
            for row in counted.per_op
            if row.op == "Conv" and len(row.input_shapes) == 3
        )
        assert formula.parameters == counted.parameters + biases - 5 * 2 * 36
