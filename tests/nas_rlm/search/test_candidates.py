import numpy as np
import pytest

import search_spaces
from nas_rlm.dataset import digest
from nas_rlm.search.candidates import CandidateReader
from search_spaces.nasbench201 import NasBench201


@pytest.fixture
def reader() -> CandidateReader:
    return CandidateReader(search_spaces.get_space("nasbench201"))


def test_genomes_of_one_network_are_one_candidate(reader: CandidateReader) -> None:
    """Node 1 is dead when nothing leaves it: its own edge changes nothing."""
    genomes = [(op, 3, 0, 2, 0, 1) for op in range(5)]
    found = reader.fresh(genomes, set(), 10)
    assert len(found) == 1
    assert found[0].genome == reader.genome(genomes[4])
    assert len({reader.digest(genome) for genome in genomes}) == 1


def test_text_and_digest_are_those_of_the_canonical_genome(reader: CandidateReader) -> None:
    candidate = reader.fresh([(4, 2, 1, 2, 1, 1)], set(), 1)[0]
    text = reader.space.to_text(reader.space.from_genome(candidate.genome))
    assert (reader.text(candidate), candidate.digest) == (text, digest(text))


def test_seen_networks_are_left_out_and_new_ones_become_seen(
    reader: CandidateReader, rng: np.random.Generator
) -> None:
    genomes = reader.sample(50, rng).tolist()
    seen: set[str] = set()
    first = reader.fresh(genomes, seen, 100)
    assert seen == {candidate.digest for candidate in first}
    assert reader.fresh(genomes, seen, 100) == []


def test_reading_stops_at_the_limit(reader: CandidateReader, rng: np.random.Generator) -> None:
    seen: set[str] = set()
    assert len(reader.fresh(reader.sample(50, rng).tolist(), seen, 3)) == 3
    assert len(seen) == 3


def test_a_text_that_is_no_longer_kept_is_made_again(
    reader: CandidateReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas_rlm.search.candidates.RECENT_TEXTS", 1)
    first, second = reader.fresh([(1, 2, 3, 4, 1, 2), (3, 3, 3, 3, 3, 3)], set(), 2)
    for candidate in (first, second, first):
        assert digest(reader.text(candidate)) == candidate.digest


def test_a_remembered_candidate_is_not_exported_again(reader: CandidateReader) -> None:
    candidate = reader.fresh([(1, 2, 3, 4, 1, 2)], set(), 1)[0]

    class Mute(NasBench201):
        """Cannot export."""

        def to_text(self, architecture: object) -> str:
            pytest.fail(f"{architecture} was exported")

    other = CandidateReader(Mute("nasbench201", 32, 10))
    other.remember(candidate)
    assert other.digest(candidate.genome) == candidate.digest


def test_genes_that_are_no_architecture_are_left_out() -> None:
    class Even(NasBench201):
        """Only even first genes are valid."""

        def is_valid_genome(self, genome: object) -> bool:
            return genome[0] % 2 == 0  # type: ignore[index]

    reader = CandidateReader(Even("nasbench201", 32, 10))
    found = reader.fresh([(3, 3, 3, 3, 3, 3), (2, 3, 3, 3, 3, 3)], set(), 5)
    assert [candidate.genome for candidate in found] == [reader.genome((2, 3, 3, 3, 3, 3))]
    assert reader.digest((3, 3, 3, 3, 3, 3)) is None
