"""Texts with everything dead in them: still the same network."""

import pytest

from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.comparison.unpruned import unpruned_text
from nas_rlm.errors import ConfigError
from search_spaces import get_space
from search_spaces.nasbench201.cell import OPS, Cell
from surrogates.inputs.statements import read_statements

DEAD = (3, 0, 2, 1, 0, 0)  # only the skip from input to output is alive


def test_dead_edges_stay_and_canonical_texts_lose_them() -> None:
    text = unpruned_text("nasbench201", DEAD)
    canonical = get_space("nasbench201").to_text(Cell(tuple(OPS[gene] for gene in DEAD)))
    assert text.count("Conv") > canonical.count("Conv")
    assert len(read_statements(text)) > len(read_statements(canonical))


def test_rows_give_either_form(rows: SpaceRows) -> None:
    (raw,) = rows.texts([3], is_pruned=False)
    assert raw == unpruned_text("nasbench201", rows.genomes[3].tolist())
    assert raw != rows.texts([3])[0]


def test_other_spaces_are_refused() -> None:
    with pytest.raises(ConfigError, match="need space 'nasbench201', but got 'nasbench101'"):
        unpruned_text("nasbench101", [0])
