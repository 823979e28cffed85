import numpy as np
import onnxruntime
import pytest

from search_spaces import InvalidArchitectureError, get_space, materialize
from search_spaces.nds.cell_space import FAMILIES
from search_spaces.nds.named_cells import NAMED_CELLS

MILLIARD = 10**9


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("amoeba", 556_628),
        ("darts", 242),
        ("enas", 5_063),
        ("nasnet", 71_465_842),
        ("pnas", 556_628),
    ],
)
def test_sizes_are_those_of_the_paper(name: str, cells: int) -> None:
    space = get_space(f"nds_{name}")
    per_cell = 1
    for n in space.genome_choices[: 4 * FAMILIES[name].n_nodes]:
        per_cell *= n
    assert (per_cell + MILLIARD // 2) // MILLIARD == cells
    assert space.size == per_cell**2 * 15


def test_a_fixed_space_has_one_width_and_depth() -> None:
    fixed, free = get_space("nds_pnas_fix_w_d"), get_space("nds_pnas")
    assert free.size == 15 * fixed.size
    architecture = fixed.sample(np.random.default_rng(0))
    assert (architecture.width, architecture.depth) == (16, 20)
    assert free.check(architecture) == architecture


def test_mutation_keeps_loose_ends_in_the_output(rng: np.random.Generator) -> None:
    space = get_space("nds_nasnet")
    architecture = space.sample(rng)
    for _ in range(50):
        architecture = space.mutate(architecture, rng)
        assert space.check(architecture) == architecture


def test_architectures_of_another_depth_are_refused() -> None:
    architecture = get_space("nds_darts").sample(np.random.default_rng(1))
    with pytest.raises(InvalidArchitectureError, match="of nds_pnas must"):
        get_space("nds_pnas").check(architecture)


@pytest.mark.parametrize("name", NAMED_CELLS)
def test_texts_are_short_and_functions_serve_all_widths(name: str) -> None:
    space_name, genotype = NAMED_CELLS[name]
    space = get_space(space_name)
    model = space.to_onnx(space.parse(genotype))
    assert len(model.graph.node) + sum(len(f.node) for f in model.functions) <= 80
    assert len({f.name for f in model.functions}) <= 12


def test_longest_texts_stay_within_eighty_statements(rng: np.random.Generator) -> None:
    space = get_space("nds_nasnet")
    for _ in range(40):
        *cells, _, _ = space.to_genome(space.sample(rng))
        model = space.to_onnx(space.from_genome([*cells, 0, 4]))
        assert len(model.graph.node) + sum(len(f.node) for f in model.functions) <= 80


def test_a_strided_skip_takes_both_diagonals_of_the_image() -> None:
    """Run a network whose reduction is one strided skip, and change single pixels."""
    space = get_space("nds_darts")
    skips = [("skip_connect", 1), ("none", 0)] * 4
    genotype = (
        f"Genotype(normal={skips}, normal_concat=[2, 3, 4, 5], "
        f"reduce={skips}, reduce_concat=[2, 3, 4, 5])"
    )
    model = materialize(space.to_onnx(space.parse(genotype)), 0)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)
    (before,) = session.run(None, {"x": x})
    for row, column in ((0, 0), (31, 31), (13, 6)):
        changed = x.copy()
        changed[0, :, row, column] += 5
        (after,) = session.run(None, {"x": changed})
        assert np.abs(after - before).max() > 1e-6
