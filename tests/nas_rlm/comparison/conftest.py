"""A small space for comparisons: 150 architectures, made-up labels that follow their counts."""

import numpy as np
import pytest

from nas_rlm.comparison import ComparisonProtocol, Method, runner
from nas_rlm.comparison.space_rows import SpaceRows
from search_spaces import get_space
from tests.nas_rlm.comparison.tiny import ACCURACY, LATENCIES, N_ROWS, TINY


@pytest.fixture
def protocol() -> ComparisonProtocol:
    """Two sizes and two seeds of methods that train nothing."""
    return ComparisonProtocol(
        name="tiny",
        space="nasbench201",
        targets={"c10_val": ACCURACY},
        sizes=(10, 20),
        methods=("params", "constant", "memorizer"),
        seeds=(0, 1),
        own_methods={
            "rlm": Method("rlm", surrogate="rlm", settings=TINY),
            "rlm_sampled64": Method(
                "rlm_sampled64", surrogate="rlm", settings=TINY, decoding="sampled"
            ),
            "gcn": Method("gcn", surrogate="gcn", settings=TINY),
            "gcn_normal": Method(
                "gcn_normal",
                surrogate="gcn",
                settings={**TINY, "n_members": 3},
                decoding="normal",
            ),
        },
        goals={("c10_val", 10): 0.5},
    )


@pytest.fixture
def rows() -> SpaceRows:
    """Random NAS-Bench-201 rows, some of them the same network; a fifth is for development."""
    rng = np.random.default_rng(1)
    genomes = rng.choice([0, 2, 3], size=(N_ROWS, 6))  # many dead edges, so many equal networks
    space = get_space("nasbench201")
    counts = [space.published_counts(space.from_genome(genome)) for genome in genomes.tolist()]
    size = np.array([count.mult_adds / 40e6 for count in counts])
    noise = rng.normal(size=(4, N_ROWS))
    columns = {ACCURACY: 60 + 5 * size + 2 * noise[0]}
    for place, name in enumerate(LATENCIES):
        columns[name] = 3 + size * (1 + place) + 0.3 * noise[place + 1]
    return SpaceRows("nasbench201", genomes, columns, np.arange(N_ROWS) % 5 == 4)


@pytest.fixture
def space(rows: SpaceRows, monkeypatch: pytest.MonkeyPatch) -> SpaceRows:
    """The rows, read in place of those of any protocol."""
    monkeypatch.setattr(runner, "read_space_rows", lambda *_, **__: rows)
    return rows
