"""Checking every row of the data files: exact counts agree, and one wrong digit is found."""

import dataclasses
import gzip
from pathlib import Path

import pytest

from nas_rlm import data_check
from nas_rlm.data_check import CHECKS, DOCUMENTED, check_data, find_file
from nas_rlm.data_files import DATA_FILES
from nas_rlm.data_tables import content_sha256
from nas_rlm.errors import DataFileError, DataFolderError

MACRO = {
    "arch": "a02012100",
    **{f"op{layer}": digit for layer, digit in enumerate("02012100")},
    "acc_mean": "89.19666545",
    "params": "890666",
    "flops": "47327744",
}
NASBENCH101 = {
    "hash": "00005c142e6f48ac74fdcf73e3439874",
    "n_vertices": "7",
    "n_edges": "9",
    "adj": "0100110001000000010010000010000001000000010000000",
    "ops": "conv3x3,maxpool3x3,conv3x3,conv3x3,conv1x1",
    "val4": "0.3604767621",
    "val12": "0.4219751656",
    "val36": "0.9001402259",
    "val108": "0.9304887652",
    "time108_s": "1768.975952",
    "params": "8555530",
}


def write(folder: Path, name: str, *rows: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a plain file with these rows that stands for a known one."""
    plain = name.removesuffix(".gz")
    lines = [
        ",".join(f'"{cell}"' for cell in line) for line in (rows[0], *(r.values() for r in rows))
    ]
    (folder / plain).write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = dataclasses.replace(DATA_FILES[name], name=plain, n_rows=len(rows))
    monkeypatch.setattr(data_check, "DATA_FILES", {plain: file})
    monkeypatch.setitem(CHECKS, plain, CHECKS[name])  # type: ignore[arg-type]


def problems(folder: Path) -> list[tuple[int, str, str, str]]:
    (report,) = check_data(folder=folder)
    assert report.n_wrong == len(report.problems)
    assert report.is_right == (not report.problems)
    return [(p.line, p.check, p.told, p.counted) for p in report.problems]


def test_right_rows_agree_in_every_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "nasbench101.csv.gz", NASBENCH101, monkeypatch=monkeypatch)
    (report,) = check_data(folder=tmp_path)
    assert report.is_right
    assert report.checks == {"row": 1, "module hash": 1, "parameters": 1, "vertices, edges": 1}
    write(tmp_path, "nasbench_macro.csv.gz", MACRO, MACRO, monkeypatch=monkeypatch)
    (report,) = check_data(folder=tmp_path)
    assert report.checks == {"row": 2, "operations": 2, "parameters": 2, "mult-adds": 2}


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("params", "890667", (3, "parameters", "890667", "890666")),
        ("params", "", (3, "parameters", "", "890666")),
        ("flops", "47327743", (3, "mult-adds", "47327743", "47327744")),
        ("op7", "1", (3, "operations", "(0, 2, 0, 1, 2, 1, 0, 1)", "(0, 2, 0, 1, 2, 1, 0, 0)")),
    ],
)
def test_a_row_that_disagrees_is_named(
    column: str,
    value: str,
    expected: tuple[int, str, str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(
        tmp_path, "nasbench_macro.csv.gz", MACRO, MACRO | {column: value}, monkeypatch=monkeypatch
    )
    assert problems(tmp_path) == [expected]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("arch", "a02012103", "no architecture of nasbench_macro"),
        ("acc_mean", "101", "accuracy_percent/cifar10 must be from 0 to 100, but is 101.0"),
        ("acc_mean", "-1", "must be from 0 to 100"),
        ("acc_mean", "high", "'acc_mean' must be a finite number"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(
    column: str, value: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "nasbench_macro.csv.gz", MACRO | {column: value}, monkeypatch=monkeypatch)
    ((line, check, told, _),) = problems(tmp_path)
    assert (line, check) == (2, "row")
    assert message in told


def test_a_wrong_hash_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = NASBENCH101 | {"hash": "0" * 32}
    write(tmp_path, "nasbench101.csv.gz", wrong, monkeypatch=monkeypatch)
    assert problems(tmp_path) == [(2, "module hash", "0" * 32, NASBENCH101["hash"])]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_the_checksum_is_that_of_the_unpacked_content(name: str, tmp_path: Path) -> None:
    """The digest of "abc" is an example of FIPS 180-4."""
    content = b"abc" if name == "a.csv" else gzip.compress(b"abc")
    (tmp_path / name).write_bytes(content)
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert content_sha256(tmp_path / name) == known
    with pytest.raises(DataFolderError, match="cannot be read"):
        content_sha256(tmp_path / "b.csv")


def test_a_truncated_file_has_no_checksum(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"abc")[:-3])
    with pytest.raises(DataFileError, match=r"a\.csv\.gz is truncated"):
        content_sha256(tmp_path / "a.csv.gz")


def test_other_content_is_said_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "nasbench_macro.csv.gz", MACRO, monkeypatch=monkeypatch)
    (report,) = check_data(folder=tmp_path)
    assert (report.is_known_content, report.is_right) == (False, True)
    (file,) = data_check.DATA_FILES.values()
    for known, expected in ((content_sha256(tmp_path / file.name), True), ("", None)):
        own = dataclasses.replace(file, sha256=known)
        monkeypatch.setattr(data_check, "DATA_FILES", {file.name: own})
        (report,) = check_data(folder=tmp_path)
        assert report.is_known_content is expected


def test_many_problems_are_counted_and_few_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [MACRO | {"params": "1"}] * 25
    write(tmp_path, "nasbench_macro.csv.gz", *rows, monkeypatch=monkeypatch)
    (report,) = check_data(folder=tmp_path)
    assert (report.n_wrong, len(report.problems)) == (25, data_check.MAX_PROBLEMS)


def test_a_lost_row_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "nasbench_macro.csv.gz", MACRO, MACRO, monkeypatch=monkeypatch)
    path = tmp_path / "nasbench_macro.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    assert problems(tmp_path) == [(0, "rows", "1", "2")]


def test_documented_deviations_are_told_from_others() -> None:
    is_known = CHECKS["nasbench201.csv.gz"][1].is_known
    assert is_known is not None
    counted = 1_000_000
    assert is_known(counted - 28_000 / 2 // 1, counted) is False  # told must be a whole number
    assert is_known(round(counted - 243_040 / 3), counted)
    assert is_known(counted - 28_000, counted)
    assert is_known(counted + 14_000, counted)
    assert not is_known(counted - 1, counted)
    assert not is_known(counted - 28_005, counted)


def test_an_unforeseen_number_of_documented_rows_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "nasbench_macro.csv.gz", MACRO | {"params": "7"}, monkeypatch=monkeypatch)
    checks = tuple(
        check._replace(is_known=lambda told, _: told == 7)
        for check in CHECKS["nasbench_macro.csv"]
    )
    monkeypatch.setitem(CHECKS, "nasbench_macro.csv", checks)  # type: ignore[arg-type]
    assert problems(tmp_path) == [(0, "parameters, documented", "1", "None")]
    monkeypatch.setitem(DOCUMENTED, "nasbench_macro.csv", {"parameters": 1})  # type: ignore[arg-type]
    assert problems(tmp_path) == []


def test_a_missing_file_is_not_right(tmp_path: Path) -> None:
    reports = check_data(["fbnet"], folder=tmp_path)
    assert [(report.file, report.is_present, report.is_right) for report in reports] == [
        ("fbnet.csv.gz", False, False)
    ]


def test_files_go_by_two_names() -> None:
    assert find_file("fbnet") is find_file("fbnet.csv.gz") is DATA_FILES["fbnet.csv.gz"]
    with pytest.raises(DataFileError, match=r"Unknown data file 'fbnett'\. Did you mean 'fbnet"):
        find_file("fbnett")


@pytest.mark.data
def test_every_row_of_every_file_is_right(data_folder: Path) -> None:
    """Eighty thousand rows, ten seconds."""
    steps: list[tuple[int, int]] = []
    reports = check_data(folder=data_folder, progress=lambda done, of, _: steps.append((done, of)))
    assert [report.file for report in reports if not report.is_right] == []
    assert sum(report.rows for report in reports) == steps[-1][0] == steps[-1][1] == 79_346
    assert steps == sorted(steps)
    assert all(report.is_known_content for report in reports)
    assert reports[0].documented == DOCUMENTED["nasbench201.csv.gz"]
    for report in reports:
        known = {name: report.documented.get(name, 0) for name in report.checks}
        assert all(count + known[name] == report.rows for name, count in report.checks.items())
