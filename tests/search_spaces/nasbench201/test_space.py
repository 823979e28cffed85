"""Texts with everything dead in them: still the same network, but not the same latency."""

import numpy as np
import onnx.checker
import pytest

from search_spaces import SPACES, from_text, get_space, graph_builder, traces
from search_spaces.nasbench201.cell import OPS, Cell

DEAD = Cell(tuple(OPS[gene] for gene in (3, 0, 2, 1, 0, 0)))
"""Only the skip from input to output is alive."""


def test_dead_edges_stay_and_canonical_texts_lose_them() -> None:
    space = get_space("nasbench201")
    text, canonical = space.to_unpruned_text(DEAD), space.to_text(DEAD)
    assert text.count("Conv") > canonical.count("Conv")
    onnx.checker.check_model(from_text(text), full_check=True)


def test_a_text_does_not_depend_on_what_was_exported_before() -> None:
    space = get_space("nasbench201")
    text = space.to_unpruned_text(DEAD)
    graph_builder._trace.cache_clear()
    traces.function_name.cache_clear()  # which numbers all functions that are written
    assert space.to_unpruned_text(DEAD) == text
    assert "f0" in text
    assert "write" not in text


def test_cells_of_one_network_keep_texts_of_their_own() -> None:
    space = get_space("nasbench201")
    cells = [space.sample(np.random.default_rng(seed)) for seed in range(200)]
    assert len({space.to_unpruned_text(cell) for cell in cells}) == len(set(cells))
    assert len({space.to_text(cell) for cell in cells}) < len(set(cells))


@pytest.mark.parametrize("name", [name for name in SPACES if "nasbench201" not in name])
def test_nothing_is_dead_in_other_spaces(name: str) -> None:
    space = get_space(name)
    architecture = space.sample(np.random.default_rng(1))
    assert space.to_unpruned_text(architecture) == space.to_text(architecture)
