"""Texts read by several processes are those that one reads."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from loky.process_executor import BrokenProcessPool

from search_spaces import get_space
from surrogates.errors import TextError
from surrogates.inputs import read_ahead as module
from surrogates.inputs.graph_features import READ_FEATURES, forget_features, graph_features
from surrogates.inputs.read_ahead import LEAST_TEXTS, read_ahead, stop_readers
from surrogates.inputs.statements import READ_GRAPHS, forget_texts, read_all, read_statements

BROKEN = "no network"


def some_texts(n: int) -> list[str]:
    space, rng = get_space("nasbench_macro"), np.random.default_rng(0)
    texts: dict[str, None] = {}
    while len(texts) < n:
        texts[space.to_text(space.sample(rng))] = None
    return list(texts)


@pytest.fixture
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    forget_texts()
    forget_features()
    yield
    stop_readers()
    torch.set_num_threads(before)


class Executor:
    """Hands out futures whose work ended in an error."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.calls: list[dict[str, bool]] = []

    def submit(self, *_: object) -> SimpleNamespace:
        return SimpleNamespace(done=lambda: True, result=self.result)

    def result(self) -> None:
        raise self.error

    def shutdown(self, **how: bool) -> None:
        self.calls.append(how)


@pytest.mark.usefixtures("_two_threads")
def test_reads_what_one_process_reads() -> None:
    texts = some_texts(LEAST_TEXTS + 30)
    elsewhere = module._executor().submit(module.read_chunk, texts[:3]).result()
    read_ahead(texts)
    assert all(text in READ_GRAPHS and text in READ_FEATURES for text in texts)
    ahead = read_all(texts), [graph_features(text) for text in texts]
    assert [read.features for read in elsewhere if read] == ahead[1][:3]
    assert [read.graph.statements for read in elsewhere if read] == [
        graph.statements for graph in ahead[0][:3]
    ]
    forget_features()
    for text, graph, features in zip(texts, *ahead, strict=True):
        alone = read_statements(text)
        assert graph.statements == alone.statements
        for name in ("defines", "calls", "returns"):
            np.testing.assert_array_equal(getattr(graph, name), getattr(alone, name))
        assert features == graph_features(text)


@pytest.mark.usefixtures("_two_threads")
def test_text_that_cannot_be_read_is_left_for_whoever_asks() -> None:
    texts = [*some_texts(LEAST_TEXTS), BROKEN]
    read_ahead(texts)
    assert texts[0] in READ_GRAPHS
    assert BROKEN not in READ_GRAPHS
    with pytest.raises(TextError):
        read_all(texts)


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize(("n_texts", "n_threads"), [(LEAST_TEXTS - 1, 2), (LEAST_TEXTS, 1)])
def test_does_nothing_for_few_texts_or_on_one_core(
    monkeypatch: pytest.MonkeyPatch, n_texts: int, n_threads: int
) -> None:
    torch.set_num_threads(n_threads)
    monkeypatch.setattr(module, "_executor", pytest.fail)
    texts = some_texts(n_texts)
    read_ahead(texts + texts)
    assert texts[0] not in READ_GRAPHS
    torch.set_num_threads(1)


@pytest.mark.usefixtures("_two_threads")
def test_reads_remembered_texts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = some_texts(LEAST_TEXTS)
    read_ahead(texts)
    monkeypatch.setattr(module, "_executor", pytest.fail)
    read_ahead(texts)
    READ_GRAPHS.forget()
    with pytest.raises(pytest.fail.Exception):
        read_ahead(texts)


@pytest.mark.usefixtures("_two_threads")
def test_interrupt_ends_the_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    executor = Executor(KeyboardInterrupt())
    monkeypatch.setattr(module, "_executor", lambda: executor)
    with pytest.raises(KeyboardInterrupt):
        read_ahead(some_texts(LEAST_TEXTS))
    monkeypatch.undo()
    assert executor.calls == [{"wait": False, "kill_workers": True}]


@pytest.mark.usefixtures("_two_threads")
def test_goes_on_alone_where_the_system_ended_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_executor", lambda: Executor(BrokenProcessPool()))
    texts = some_texts(LEAST_TEXTS)
    read_ahead(texts)
    monkeypatch.undo()
    assert len(read_all(texts)) == LEAST_TEXTS


def test_script_needs_no_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "from surrogates.inputs.read_ahead import READ_GRAPHS, read_ahead\n"
        "torch.set_num_threads(2)\n"
        "body = '<ir_version: 8, opset_import: [\"\" : 17]>\\n'\n"
        "body += 'main (float[1,{}] x) => (float[1,{}] y) {{ y = Relu (x) }}'\n"
        f"texts = [body.format(n, n) for n in range(1, {LEAST_TEXTS + 1})]\n"
        "read_ahead(texts)\n"
        "print(sum(text in READ_GRAPHS for text in texts))\n"
    )
    run = subprocess.run(
        [sys.executable, script], check=False, capture_output=True, text=True, timeout=50
    )
    assert run.stderr == ""
    assert run.stdout == f"{LEAST_TEXTS}\n"


@pytest.mark.usefixtures("_two_threads")
def test_a_system_that_starts_no_processes_reads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise OSError("Function not implemented")

    monkeypatch.setattr(module, "_executor", refused)
    texts = some_texts(LEAST_TEXTS)
    read_ahead(texts)
    monkeypatch.undo()
    assert len(read_all(texts)) == LEAST_TEXTS


@pytest.mark.usefixtures("_two_threads")
def test_texts_share_what_is_equal() -> None:
    texts = some_texts(LEAST_TEXTS)
    read_ahead(texts)
    first: dict[str, str] = {}
    for graph in read_all(texts):
        assert all(first.setdefault(one, one) is one for one in graph.statements)
    for text in texts:
        assert all(first.setdefault(name, name) is name for name in graph_features(text))
