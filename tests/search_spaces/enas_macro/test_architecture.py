import csv
import gzip
from pathlib import Path

import pytest

from search_spaces import InvalidArchitectureError
from search_spaces.enas_macro.architecture import OPS, EnasArchitecture
from search_spaces.enas_macro.space import EnasMacro

FLAT = "1 4 0 5 0 0 0 1 1 1 2 1 1 1 1 3 0 0 0 0 1"
NESTED = "[[1], [4, 0], [5, 0, 0], [0, 1, 1, 1], [2, 1, 1, 1, 1], [3, 0, 0, 0, 0, 1]]"


def test_flat_and_nested_strings_are_one_architecture() -> None:
    architecture = EnasArchitecture.parse(FLAT)
    assert architecture == EnasArchitecture.parse(NESTED)
    assert architecture.ops == tuple(OPS[n] for n in (1, 4, 5, 0, 2, 3))
    assert architecture.skips == ((), (0,), (0, 0), (1, 1, 1), (1, 1, 1, 1), (0, 0, 0, 0, 1))
    assert str(architecture) == FLAT


@pytest.mark.parametrize(
    ("string", "message"),
    [
        (FLAT + " 0", "21 numbers for 6 layers"),
        (FLAT[:-2], "21 numbers for 6 layers"),
        (FLAT.replace(" ", ""), "21 numbers for 6 layers"),
        (NESTED.replace("[1], ", ""), "21 numbers for 6 layers"),
        (NESTED[:-1], "21 numbers for 6 layers"),
        (NESTED.replace("[4, 0]", "[4]"), "21 numbers for 6 layers"),
        ("6" + FLAT[1:], "op must be one of conv_3x3.*but got '6'"),
        (FLAT[:-1] + "2", "layer 5 must have 5 skip bits"),
        ("", "21 numbers for 6 layers"),
    ],
)
def test_malformed_strings_are_refused(string: str, message: str) -> None:
    with pytest.raises(InvalidArchitectureError, match=message):
        EnasArchitecture.parse(string)


def test_wrong_number_of_layers_is_refused() -> None:
    with pytest.raises(InvalidArchitectureError, match="must have 6 layers, but got 5 ops and 5"):
        EnasArchitecture((OPS[0],) * 5, ((),) * 5)


@pytest.mark.data
def test_all_published_rows_are_read(data_folder: Path) -> None:
    with gzip.open(data_folder / "enas_weight_sharing.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    space = EnasMacro()
    assert len(rows) == 20_020
    for row in rows:
        layers = [(row[f"op{i}"], row[f"skip{i}"].removeprefix("b")) for i in range(6)]
        flat = " ".join(number for op, bits in layers for number in (op, *bits))
        architecture = space.parse(flat)
        assert space.format(architecture) == flat
        assert space.to_genome(architecture) == tuple(map(int, flat.split()))
