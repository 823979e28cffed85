"""What texts share changes no number: read warm, cold, or after very many kinds of operations."""

import numpy as np
import pytest

from search_spaces import SPACES, get_space
from surrogates.inputs.graph_features import forget_features, graph_features
from surrogates.inputs.statements import forget_texts, read_statements
from surrogates.inputs.summaries import shared_memory
from tests.surrogates.conftest import HEADER

FUNCTION = '<domain: "nas", opset_import: ["" : 17]>\n'


def cold(text: str) -> dict[str, float]:
    forget_features()
    return dict(graph_features(text))


def warm(texts: list[str]) -> list[dict[str, float]]:
    forget_features()
    return [dict(graph_features(text)) for text in texts]


@pytest.mark.parametrize("name", sorted(SPACES))
def test_texts_that_share_are_counted_as_each_alone(name: str) -> None:
    space, rng = get_space(name), np.random.default_rng(7)
    texts = [space.to_text(space.sample(rng)) for _ in range(4)]
    assert warm(texts) == [cold(text) for text in texts]


@pytest.mark.parametrize("name", ["nasbench201", "nasbench101", "nds_darts", "ofa_mbv3"])
def test_texts_that_share_are_read_as_each_alone(name: str) -> None:
    space, rng = get_space(name), np.random.default_rng(7)
    texts = [space.to_text(space.sample(rng)) for _ in range(20)]
    forget_texts()
    together = [read_statements(text) for text in texts]
    for text, found in zip(texts, together, strict=True):
        forget_texts()
        alone = read_statements(text)
        assert found.statements == alone.statements
        for relation in ("defines", "calls", "returns"):
            assert np.array_equal(getattr(found, relation), getattr(alone, relation))


def many_kinds(first: int, n_kinds: int) -> str:
    """Max pools, each with a window of its own."""
    lines, last = [], "x"
    for size in range(first, first + n_kinds):
        pads = [0, size // 2, 0, (size - 1) // 2]
        lines.append(f" v{size} = MaxPool<kernel_shape=[1,{size}], pads={pads}>({last})")
        last = f"v{size}"
    body = "\n".join([*lines, f" y = Identity({last})"])
    return f"{HEADER}main (float[1,4,8,512] x) => (float[1,4,8,512] y) {{\n{body}\n}}\n"


def test_any_number_of_kinds_is_told_apart_from_text_to_text() -> None:
    texts = [many_kinds(first, n_kinds) for first in range(1, 300, 20) for n_kinds in (5, 40)]
    for text, found in zip(texts, warm(texts), strict=True):
        assert found == cold(text)


def test_kinds_that_fill_what_texts_share_are_told_apart() -> None:
    texts = [many_kinds(1, 20), many_kinds(101, 10)]
    assert warm(texts) == [cold(text) for text in texts]


def test_what_texts_share_is_begun_anew_once_its_ways_are_many() -> None:
    forget_features()
    names = ", ".join(f"a{k}" for k in range(100))
    for number in range(8):
        ends = "".join(f" b{k} = Add (s, a{k})\n" for k in range(100))
        results = ", ".join(f"b{k}" for k in range(100))
        function = f"{FUNCTION}f0 ({names}) => ({results}) {{\n s = Sum ({names})\n{ends}}}\n"
        call = f"y = nas.f0 ({', '.join(['x'] * 100)})"
        head = f"{HEADER}main (float[1,{number + 1},8,8] x) => (float[1] y)"
        text = f"{head} {{\n {call}\n}}\n{function.replace('Sum', f'Own{number}')}"
        graph_features(text)
    assert shared_memory(8, 17).n_ways < 20_000


MAIN = (
    f"{HEADER}main (float[1,4,8,8] x) => (float[1,4] y) {{\n"
    " a = nas.f0 (x)\n b = nas.f0 (a)\n c = Relu (b)\n y = GlobalAveragePool (c)\n}\n"
)


def body(line: str, name: str = "f0") -> str:
    return f"{FUNCTION}{name} (p) => (r) {{\n {line}\n}}\n"


def test_a_shared_main_graph_is_read_anew_where_its_calls_return_other_shapes() -> None:
    same = body("r = Relu (p)")
    halved = body("r = MaxPool <kernel_shape: ints = [2, 2], strides: ints = [2, 2]> (p)")
    for function, sizes in ((same, ["8"]), (halved, ["4", "2"]), (same, ["8"])):
        statements = read_statements(MAIN + function).statements
        calls = [statement.split(" ") for statement in statements if "Call" in statement]
        assert [fields[4] for fields in calls] == [f"out3={size}" for size in sizes]


def test_a_shared_main_graph_is_read_anew_where_a_function_is_missing() -> None:
    assert any("Call" in s for s in read_statements(MAIN + body("r = Relu (p)")).statements)
    missing = read_statements(MAIN + body("r = Relu (p)", "f1"))
    assert not any("Call" in statement for statement in missing.statements)


def test_a_function_takes_the_names_of_what_each_call_reads() -> None:
    text = (
        f"{HEADER}main (float[1,4,8,8] x) => (float[1,4,8,8] y) {{\n"
        " a = nas.f0 (x)\n b = Tanh (a)\n c = nas.f0 (b)\n d = nas.f1 (c)\n y = nas.f1 (d)\n}\n"
        + body("r = Relu (p)")
        + body("q = nas.f0 (p)\n r = nas.f0 (q)", "f1")
    )
    found = cold(text)
    edges = {name: value for name, value in found.items() if name.startswith("edges")}
    expected = {"Input>Relu": 1, "Relu>Tanh": 1, "Tanh>Relu": 1, "Relu>Relu": 4}
    assert edges == {f"edges {name}": value for name, value in expected.items()}
    assert found["entry Relu"] == 6  # as often as it runs: twice by itself, four times by f1
    exits = {name: value for name, value in found.items() if name.startswith("exit")}
    assert exits == {"exit Input": 1, "exit Tanh": 1, "exit Relu": 4 + 2 + 1}  # f0, f1, main
