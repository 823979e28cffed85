"""What is refused before a published table is read."""

import pickle  # noqa: TID251 - the tests write what must be refused
import zipfile
from pathlib import Path

import pytest
import torch

from nas_rlm.benchmark import untrusted_files
from nas_rlm.benchmark.untrusted_files import (
    check_sha256,
    number_of,
    read_csv,
    read_json,
    read_torch,
    refuse_pickle,
)
from nas_rlm.errors import BenchmarkError


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["a.pth", "a.pickle", "a.pickle.pbz2", "a.json", "a"])
def test_a_pickle_is_refused_by_name_or_content(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(BenchmarkError, match=r"is a pickle.*never read here\. Do this"):
        refuse_pickle(tmp_path / name, "Do this.")


def test_other_files_are_not_taken_for_pickles(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    refuse_pickle(tmp_path / "a.json", "")
    with pytest.raises(BenchmarkError, match="must be a readable file, but there is none"):
        refuse_pickle(tmp_path / "b.json", "")


def test_a_file_has_its_checksum_or_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4
    check_sha256(tmp_path / "a", known)
    check_sha256(tmp_path / "a", known.upper())
    for path, expected, message in (
        ("a", "0" * 64, f"a must have the SHA-256 checksum {'0' * 64}, but has {known}"),
        ("a", known[:-1], "must be 64 hexadecimal digits"),
        (".", known, "is a folder; check its files with `sha256sum --check`"),
        ("b", known, "must be a readable file, but there is none"),
    ):
        with pytest.raises(BenchmarkError, match=message):
            check_sha256(tmp_path / path, expected)


@pytest.mark.parametrize("text", ["", "{", "[NaN]", "[Infinity]", "[" * 100_000, "\xff"])
def test_what_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BenchmarkError, match="must be JSON, but does not parse"):
        read_json(tmp_path / "a.json")


def test_a_large_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted_files, "MAX_BYTES", 3)
    (tmp_path / "a").write_text("[1, 2]")
    for read in (read_json, lambda path: list(read_csv(path))):
        with pytest.raises(BenchmarkError, match="must have at most 3 bytes, but has 6"):
            read(tmp_path / "a")
    with pytest.raises(BenchmarkError, match="must be a readable file"):
        read_json(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1\n", "line 2: must have 2 cells, but has 1"),
        (b"a\n\xff\n", "UTF-8"),
        (b'"a', "CSV"),
    ],
)
def test_what_is_not_csv_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(BenchmarkError, match=message):
        list(read_csv(tmp_path / "a.csv"))


def test_torch_files_hold_plain_data_or_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, evidence = tmp_path / "a.pt", tmp_path / "evidence"
    torch.save([1.5, 2.5], path)
    assert read_torch(path, "") == [1.5, 2.5]
    torch.save([Trap(evidence)], path)
    with pytest.raises(BenchmarkError, match=r"more than plain lists .* refused\. Convert it"):
        read_torch(path, "Convert it.")
    assert not evidence.exists()
    path.write_bytes(pickle.dumps([1.5]))
    with pytest.raises(BenchmarkError, match="must be a torch file in zip format"):
        read_torch(path, "")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(100_000))
    monkeypatch.setattr(untrusted_files, "MAX_TORCH_BYTES", 50_000)
    with pytest.raises(BenchmarkError, match="must hold at most 50000 bytes, but holds 100000"):
        read_torch(path, "")


@pytest.mark.parametrize("value", [True, None, "x", -1, float("nan"), "inf", [1], 10**400])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(BenchmarkError, match="here must be a number of at least 0, but is"):
        number_of(value, "here")


def test_numbers_are_read_from_text_too() -> None:
    assert (number_of("1.5", ""), number_of(2, ""), number_of(0.0, "")) == (1.5, 2.0, 0.0)
