"""What a search space is in numbers: its size, its genome, and how long its ONNX texts are."""

from dataclasses import dataclass

import search_spaces
from nas_rlm.seeding import generator

SAMPLED_TEXTS = 5


@dataclass(frozen=True)
class SpaceFacts:
    """One row of the list of search spaces."""

    name: str
    size: int
    """Exact number of architectures; what counts as one is in the docstring of the space."""
    genes: int
    """Length of the genome."""
    choices: tuple[int, ...]
    """Number of choices of each gene."""
    statements: int
    """Nodes in the canonical text, function bodies once each: the median of sampled texts."""
    characters: int
    """Characters of the canonical text: the median of sampled texts."""
    source: str
    """Paper or repository that defines the space."""


def space_facts(name: str, *, seed: int = 0) -> SpaceFacts:
    """Describe a search space, exporting a few sampled architectures.

    Args:
        name: A name in ``search_spaces.SPACES``.
        seed: Seed of the sampled architectures.

    Returns:
        The facts.

    Raises:
        UnknownSpaceError: If there is no such space.
        ConfigError: If the seed is out of range.
    """
    space = search_spaces.get_space(name)
    rng = generator(seed, "space_facts", name)
    statements, characters = [], []
    for _ in range(SAMPLED_TEXTS):
        model = space.to_onnx(space.sample(rng))  # canonical as built
        statements.append(
            len(model.graph.node) + sum(len(function.node) for function in model.functions)
        )
        characters.append(len(search_spaces.to_text(model)))
    return SpaceFacts(
        name=name,
        size=space.size,
        genes=len(space.genome_choices),
        choices=tuple(space.genome_choices),
        statements=sorted(statements)[SAMPLED_TEXTS // 2],
        characters=sorted(characters)[SAMPLED_TEXTS // 2],
        source=space.source,
    )
