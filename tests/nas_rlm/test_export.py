"""Architectures as files."""

from pathlib import Path

import onnx
import pytest

import search_spaces
from nas_rlm.dataset import digest
from nas_rlm.errors import ConfigError, RunFolderError
from nas_rlm.export import export_architectures
from search_spaces.errors import InvalidArchitectureError, UnknownSpaceError

STRING = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"


def test_a_named_architecture_is_its_canonical_text(tmp_path: Path) -> None:
    (exported,) = export_architectures("nasbench201", tmp_path / "out", strings=[STRING])
    space = search_spaces.get_space("nasbench201")
    text = exported.file.read_text(encoding="utf-8")
    assert text == space.to_text(space.parse(STRING))
    assert exported.architecture == STRING
    assert exported.digest == digest(text)
    assert exported.file.name == f"nasbench201-{exported.digest}.txt"


def test_random_networks_are_distinct_and_repeat_with_the_seed(tmp_path: Path) -> None:
    first = export_architectures("nasbench201", tmp_path / "a", n_random=20, seed=5)
    again = export_architectures("nasbench201", tmp_path / "b", n_random=20, seed=5)
    other = export_architectures("nasbench201", tmp_path / "c", n_random=20, seed=6)
    assert len({row.digest for row in first}) == 20
    assert [row.digest for row in first] == [row.digest for row in again]
    assert [row.digest for row in first] != [row.digest for row in other]
    assert len(list((tmp_path / "a").iterdir())) == 20


@pytest.mark.parametrize("name", search_spaces.SPACES)
def test_every_space_writes_random_networks(name: str, tmp_path: Path) -> None:
    exported = export_architectures(name, tmp_path, n_random=5)
    space = search_spaces.get_space(name)
    texts = [row.file.read_text(encoding="utf-8") for row in exported]
    assert texts == [space.to_text(space.parse(row.architecture)) for row in exported]
    assert len(set(texts)) == 5


def test_an_onnx_file_runs_and_reads_as_the_same_network(tmp_path: Path) -> None:
    import onnxruntime

    (exported,) = export_architectures("nasbench201", tmp_path, strings=[STRING], as_onnx=True)
    onnx.checker.check_model(onnx.load(exported.file), full_check=True)
    session = onnxruntime.InferenceSession(exported.file, providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_inputs()] == ["x"]
    assert digest(search_spaces.load_text(exported.file)) == exported.digest


def test_equal_networks_are_one_file(tmp_path: Path) -> None:
    exported = export_architectures("nasbench201", tmp_path, strings=[STRING, STRING])
    assert len(exported) == 1


def test_nothing_to_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Nothing to export"):
        export_architectures("nasbench201", tmp_path)


def test_more_networks_than_there_are_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="has 15,625 architectures, but 15626 are wanted"):
        export_architectures("nasbench201", tmp_path / "out", n_random=15_626)
    monkeypatch.setattr("nas_rlm.export._MAX_FRUITLESS_DRAWS", 1)
    with pytest.raises(ConfigError, match="distinct networks"):
        export_architectures("nasbench201", tmp_path / "out", n_random=2_000)
    assert not (tmp_path / "out").exists()


def test_one_bad_string_writes_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArchitectureError, match="foo"):
        export_architectures("nasbench201", tmp_path / "out", strings=[STRING, "|foo~0|"])
    assert not (tmp_path / "out").exists()


def test_an_unknown_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownSpaceError, match="nasbench21"):
        export_architectures("nasbench21", tmp_path, n_random=1)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("here already")
    with pytest.raises(RunFolderError, match="file stands where a folder is needed"):
        export_architectures("nasbench201", tmp_path / "out", strings=[STRING])
