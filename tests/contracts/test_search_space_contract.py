"""What every search space must do; a new space adds itself to `SPACES` and nothing here."""

import re
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
import onnx
import onnx.checker
import onnx.printer
import onnxruntime
import pytest

from search_spaces import (
    SPACES,
    InfiniteSpaceError,
    InvalidArchitectureError,
    SearchSpace,
    SearchSpaceError,
    UnknownSpaceError,
    canonicalize,
    count,
    from_text,
    get_space,
    materialize,
    to_text,
)
from search_spaces.onnx_bridge import to_model

N_SAMPLES = 8
LEAKS = (
    "accuracy",
    "latency",
    "params",
    "doc_string",
    "producer",
    "metadata",
    "nasbench",
    "fbnet",
    "ofa",
    "nds",
    *SPACES,
)
NAMES = re.compile(r"main|nas|x[0-9]*|y|[wvf][0-9]+")
"""All identifiers that a text may hold: they say nothing but a number."""
CELL_SPACES = tuple(
    name for name in SPACES if name.startswith(("nasbench", "nds_")) and "_res" not in name
)


@lru_cache
def cached_space(name: str) -> SearchSpace[Any]:
    return get_space(name)


@pytest.fixture(params=SPACES)
def space(request: pytest.FixtureRequest) -> SearchSpace[Any]:
    return cached_space(request.param)


def draw(space: SearchSpace[Any], n: int = N_SAMPLES, seed: int = 7) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(n)]


def draw_genomes(space: SearchSpace[Any], n: int = N_SAMPLES, seed: int = 11) -> list[Any]:
    """Draw architectures of random genes; other than samples, these may be spelt in any way."""
    rng = np.random.default_rng(seed)
    genomes = (
        tuple([int(rng.integers(n_choices)) for n_choices in space.genome_choices])
        for _ in range(100 * n)
    )
    return [space.from_genome(g) for g in islice(filter(space.is_valid_genome, genomes), n)]


def test_the_registered_name_is_the_name(space: SearchSpace[Any]) -> None:
    assert SPACES[space.name]().name == space.name
    assert "arXiv" in space.source or "http" in space.source


def test_architectures_are_immutable_values(space: SearchSpace[Any]) -> None:
    first, second = draw(space, 1)[0], draw(space, 1)[0]
    assert first == second
    assert hash(first) == hash(second)
    name = next(iter(type(first).__dataclass_fields__))
    with pytest.raises(AttributeError):
        setattr(first, name, None)


def test_same_rng_same_samples_and_global_rng_untouched(space: SearchSpace[Any]) -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]  # noqa: NPY002
    assert draw(space) == draw(space)
    assert draw(space, seed=1) != draw(space, seed=2)
    after = np.random.get_state()[1]  # type: ignore[index]  # noqa: NPY002
    assert (before == after).all()


def test_string_and_genome_round_trip(space: SearchSpace[Any]) -> None:
    for architecture in draw(space):
        assert space.parse(space.format(architecture)) == architecture
        genome = space.to_genome(architecture)
        assert space.from_genome(genome) == architecture
        assert len(genome) == len(space.genome_choices)
        assert all(0 <= g < n for g, n in zip(genome, space.genome_choices, strict=True))


def test_malformed_strings_and_genomes_are_refused(space: SearchSpace[Any]) -> None:
    good = space.format(draw(space, 1)[0])
    for bad in ("", "no such architecture", good + good, good[: len(good) // 2], "\x00", "|" * 99):
        with pytest.raises(InvalidArchitectureError, match=r"must|Unknown|unknown"):
            space.parse(bad)
    genome = list(space.to_genome(draw(space, 1)[0]))
    with pytest.raises(InvalidArchitectureError, match="genes"):
        space.from_genome([*genome, 0])
    for wrong in (-1, space.genome_choices[0]):
        with pytest.raises(InvalidArchitectureError, match="Gene 0"):
            space.from_genome([wrong, *genome[1:]])


def test_mutation_changes_the_architecture_and_stays_valid(
    space: SearchSpace[Any], rng: np.random.Generator
) -> None:
    for architecture in draw(space):
        mutant = space.mutate(architecture, rng)
        assert mutant != architecture
        assert space.from_genome(space.to_genome(mutant)) == mutant


def test_crossover_takes_genes_of_the_parents(
    space: SearchSpace[Any], rng: np.random.Generator
) -> None:
    first, second = draw(space, 2)
    child = space.crossover(first, second, rng)
    genes = zip(
        space.to_genome(child), space.to_genome(first), space.to_genome(second), strict=True
    )
    assert all(gene in parents for gene, *parents in genes)
    assert space.crossover(first, first, rng) == first


def test_enumeration_has_the_stated_size_or_is_refused(space: SearchSpace[Any]) -> None:
    """Large spaces that can be enumerated are walked to the limit; their own tests count all."""
    limit = 20_000
    try:
        architectures = list(islice(space.enumerate(), limit))
    except InfiniteSpaceError:
        assert space.size > 100_000
        with pytest.raises(InfiniteSpaceError, match="Use `sample`"):
            space.enumerate()
    else:
        assert len(architectures) == len(set(architectures)) == min(space.size, limit)


def test_text_is_valid_onnx_and_print_parse_print_is_stable(space: SearchSpace[Any]) -> None:
    for architecture in draw(space):
        text = space.to_text(architecture)
        model = from_text(text)
        onnx.checker.check_model(model, full_check=True)
        assert onnx.printer.to_text(model) == text


def test_fast_text_equals_text_of_the_exported_model(space: SearchSpace[Any]) -> None:
    for architecture in draw(space):
        text = space.to_text(architecture)
        assert to_text(space.to_onnx(architecture)) == text
        assert onnx.printer.to_text(space.to_onnx(architecture)) == text
        raw = to_model(space.build(architecture))
        assert onnx.printer.to_text(canonicalize(raw)) == text


def test_text_holds_no_value_label_or_metadata(space: SearchSpace[Any]) -> None:
    for architecture in draw(space):
        model = space.to_onnx(architecture)
        text = space.to_text(architecture).lower()
        assert not model.graph.initializer
        assert not (model.producer_name)
        assert not (model.doc_string)
        assert not (model.metadata_props)
        assert not (model.graph.doc_string)
        assert not (model.graph.value_info)
        assert not any(leak in text for leak in LEAKS)
        assert space.format(architecture).lower() not in text


def test_names_in_a_text_are_numbers(space: SearchSpace[Any]) -> None:
    """Values, functions and graphs; nodes have no names, and nothing has a comment."""
    for architecture in draw(space):
        model = from_text(space.to_text(architecture))
        names = {model.graph.name, *(value.name for value in model.graph.input)}
        for body in (model.graph, *model.functions):
            assert not body.doc_string
            assert not body.metadata_props
            for node in body.node:
                assert not any((node.name, node.doc_string, node.metadata_props))
                names.update([*node.input, *node.output, *([node.op_type] * bool(node.domain))])
        for function in model.functions:
            names.update([function.name, function.domain, *function.input, *function.output])
        assert [name for name in names if name and not NAMES.fullmatch(name)] == []


def test_image_is_x_and_every_other_input_a_used_weight(space: SearchSpace[Any]) -> None:
    for architecture in draw(space):
        graph = space.to_onnx(architecture).graph
        names = [value.name for value in graph.input]
        assert names == ["x", *[f"w{index}" for index in range(len(names) - 1)]]
        used = {name for node in graph.node for name in node.input}
        assert used.issuperset(names[1:])


def test_equal_networks_have_equal_text(space: SearchSpace[Any]) -> None:
    for architecture in [*draw(space), *draw_genomes(space)]:
        same = space.canonical(architecture)
        assert space.canonical(same) == same
        assert space.to_text(same) == space.to_text(architecture)


def test_functions_keep_texts_short(space: SearchSpace[Any]) -> None:
    limit = 80 if space.name in CELL_SPACES else 120
    for architecture in [*draw(space), *draw_genomes(space)]:
        model = space.to_onnx(architecture)
        n_statements = len(model.graph.node) + sum(len(f.node) for f in model.functions)
        assert n_statements <= limit
        assert {f.domain for f in model.functions} <= {"nas"}


def test_materialized_model_runs_and_is_alive(space: SearchSpace[Any]) -> None:
    architecture = draw(space, 1)[0]
    model = materialize(space.to_onnx(architecture), seed=3)
    (image,) = model.graph.input
    shape = [dim.dim_value for dim in image.type.tensor_type.shape.dim]
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (y,) = session.run(None, {"x": x})
    assert np.isfinite(y).all()
    assert 1e-3 < y.std() < 1e3


def test_published_counts_are_at_least_what_is_alive(space: SearchSpace[Any]) -> None:
    for architecture in draw(space):
        published = space.published_counts(architecture)
        alive = count(space.to_onnx(architecture))
        assert 0 < alive.mult_adds <= published.mult_adds
        assert 0 < alive.activations <= published.activations
        assert published.parameters > 0


def test_unknown_space_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownSpaceError, match="nasbench201"):
        get_space("nasbench2001")
    assert issubclass(UnknownSpaceError, SearchSpaceError)
