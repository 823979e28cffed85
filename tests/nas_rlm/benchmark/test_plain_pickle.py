"""Plain pickles are read; anything that could run code is refused before it runs."""

import fractions
import os
import pickle  # noqa: TID251 - the tests make pickles for the reader to judge
from pathlib import Path

import pytest

from nas_rlm.benchmark import plain_pickle
from nas_rlm.benchmark.plain_pickle import read_plain_pickle
from nas_rlm.errors import BenchmarkError


class Malicious:
    """Makes a folder when it is loaded by an ordinary unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


def test_plain_data_comes_back(tmp_path: Path) -> None:
    content = {"421211": {"val_acc": [1.5, 2], "more": (None, True, "x", b"y")}}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
    assert read_plain_pickle(tmp_path / "x.pkl") == content


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_pickle_is_refused_and_does_nothing(tmp_path: Path, protocol: int) -> None:
    trap = tmp_path / "trap"
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"a": [Malicious(trap)]}, protocol=protocol))
    with pytest.raises(BenchmarkError, match=r"refused: it asks for posix\.mkdir"):
        read_plain_pickle(path)
    assert not trap.exists()


def test_the_malicious_pickle_would_have_worked(tmp_path: Path) -> None:
    """The test above proves something only if an ordinary unpickler falls for it."""
    trap = tmp_path / "trap"
    pickle.loads(pickle.dumps(Malicious(trap)))
    assert trap.exists()


@pytest.mark.parametrize("value", [fractions.Fraction(1, 2), int, os.getcwd, {1.5: object()}])
def test_every_global_is_refused(tmp_path: Path, value: object) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(BenchmarkError, match="only plain data is admitted"):
        read_plain_pickle(tmp_path / "x.pkl")


@pytest.mark.parametrize("protocol", [0, 4])
def test_a_reference_to_an_outside_object_is_refused(tmp_path: Path, protocol: int) -> None:
    content = b"Pabc\n." if protocol == 0 else b"\x80\x04\x8c\x03abcQ."
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(BenchmarkError, match="refers to an outside object 'abc'"):
        read_plain_pickle(tmp_path / "x.pkl")


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x04", b"\x80\x63.", b"]" * 9, b"R."])
def test_a_damaged_pickle_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(BenchmarkError, match=r"'x\.pkl' is refused: .*Install the package"):
        read_plain_pickle(tmp_path / "x.pkl")


def test_every_truncation_is_one_sentence(tmp_path: Path) -> None:
    content = pickle.dumps({"421211": {"val_acc": [82.1, 81.6, 82.2]}})
    for size in range(len(content)):
        (tmp_path / "x.pkl").write_bytes(content[:size])
        with pytest.raises(BenchmarkError, match="is refused"):
            read_plain_pickle(tmp_path / "x.pkl")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="cannot be read: No such file"):
        read_plain_pickle(tmp_path / "none.pkl")


def test_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_pickle, "MAX_BYTES", 10)
    (tmp_path / "x.pkl").write_bytes(bytes(11))
    with pytest.raises(BenchmarkError, match="at most 10 bytes, but has 11"):
        read_plain_pickle(tmp_path / "x.pkl")
