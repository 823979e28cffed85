from collections import Counter

import numpy as np
import pytest

from search_spaces.nasbench_macro.blocks import MacroArchitecture
from search_spaces.nasbench_macro.space import NasBenchMacro

SPACE = NasBenchMacro()


@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("02012100", "02012100"),
        ("00001001", "00010010"),
        ("11102202", "11120220"),
        ("00000000", "00000000"),
        ("10210021", "10210021"),
    ],
)
def test_identities_move_to_the_end_of_their_stage(string: str, expected: str) -> None:
    assert str(SPACE.canonical(MacroArchitecture.parse(string))) == expected


def test_texts_differ_exactly_where_representatives_do(rng: np.random.Generator) -> None:
    architectures = [SPACE.from_genome(rng.integers(3, size=8).tolist()) for _ in range(150)]
    architectures += [SPACE.canonical(architecture) for architecture in architectures]
    texts = {a: SPACE.to_text(a) for a in architectures}
    pairs = {(SPACE.canonical(a), text) for a, text in texts.items()}
    assert len(pairs) == len(set(texts.values())) == len({a for a, _ in pairs})


def test_samples_are_uniform_over_the_different_networks(rng: np.random.Generator) -> None:
    """The second layer of a stage is no free identity before a block: 9 x 21 x 21 networks."""
    n = 4_000
    samples = [SPACE.sample(rng) for _ in range(n)]
    assert all(SPACE.canonical(a) == a for a in samples)
    tails = Counter(str(a)[3:5] for a in samples)
    assert set(tails) == {"00", "10", "20", "11", "12", "21", "22"}
    for found in tails.values():
        assert abs(found - n / 7) < 4.5 * (n * 6 / 49) ** 0.5
