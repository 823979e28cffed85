import json
from typing import Any

import pytest

from search_spaces import InvalidArchitectureError, get_space
from search_spaces.nds.genotype import format_genotype, parse_genotype, read_net, write_net
from search_spaces.nds.named_cells import NAMED_CELLS

DARTS_V2 = NAMED_CELLS["darts_v2"][1]


@pytest.mark.parametrize("name", NAMED_CELLS)
def test_named_cells_round_trip_and_belong_to_their_space(name: str) -> None:
    space_name, genotype = NAMED_CELLS[name]
    space = get_space(space_name)
    network = space.parse(genotype)
    assert (network.width, network.depth) == (16, 20)
    assert format_genotype(network.normal, network.reduce) == genotype
    assert read_net(write_net(network)) == network
    assert read_net(json.loads(space.format(network))) == network
    assert space.parse(space.format(network)) == network


def test_fixed_spaces_print_the_genotype_and_read_both_forms() -> None:
    fixed, free = get_space("nds_darts_fix_w_d"), get_space("nds_darts")
    network = fixed.parse(DARTS_V2)
    assert fixed.format(network) == DARTS_V2
    assert fixed.parse(free.format(network)) == network
    wide = free.format(network).replace('"width": 16', '"width": 32')
    assert free.parse(wide).width == 32
    with pytest.raises(InvalidArchitectureError, match="Width of nds_darts_fix_w_d must be"):
        fixed.parse(wide)


def test_range_and_tuples_are_read_as_python_prints_them() -> None:
    for concat in ("range(2, 6)", "(2, 3, 4, 5)"):
        assert parse_genotype(DARTS_V2.replace("[2, 3, 4, 5]", concat)) == parse_genotype(DARTS_V2)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "Genotype()",
        "Genotype",
        "x = 1",
        "[" * 3_000,
        "\x00",
        DARTS_V2.replace("Genotype", "Phenotype"),
        DARTS_V2.replace("normal=", "normal_=", 1),
        DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 10**9)"),
        DARTS_V2.replace("[2, 3, 4, 5]", "range(2, 1000000)"),
        DARTS_V2.replace("[2, 3, 4, 5]", "range(*x)"),
        DARTS_V2.replace("[2, 3, 4, 5]", "__import__('os').getcwd()"),
        DARTS_V2.replace("[2, 3, 4, 5]", "open('x')"),
        DARTS_V2.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', True)"),
        DARTS_V2.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', 2.0)"),
        DARTS_V2.replace("('dil_conv_3x3', 2)", "(7, 2)"),
        DARTS_V2.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', 2, 3)"),
        DARTS_V2.replace("('dil_conv_3x3', 2)", "None"),
        DARTS_V2 + " " * 4_000 + "#",
    ],
)
def test_other_expressions_are_refused_and_never_run(bad: str) -> None:
    with pytest.raises(InvalidArchitectureError, match="Genotype must"):
        parse_genotype(bad)


def net(**changes: Any) -> dict[str, Any]:
    return {**write_net(get_space("nds_darts").parse(DARTS_V2)), **changes}


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"genotype": 3, "width": 16, "depth": 20},
        net(width="16"),
        net(depth=None),
        net(width=True),
        net(genotype={"normal": [], "reduce": []}),
        net(genotype=["normal"]),
    ],
)
def test_networks_of_another_form_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidArchitectureError, match="Network must be an object"):
        read_net(bad)


def test_training_settings_of_a_net_are_not_part_of_the_architecture() -> None:
    assert read_net(net(aux=True, drop_prob=0.2)) == read_net(net())


@pytest.mark.parametrize(
    ("space_name", "string", "message"),
    [
        ("nds_enas", DARTS_V2, "must have 5 nodes"),
        ("nds_enas", NAMED_CELLS["nasnet_a"][1], "must be one of skip_connect"),
        ("nds_darts", DARTS_V2.replace("[2, 3, 4, 5]", "[4, 5]"), "concatenate all nodes"),
        (
            "nds_nasnet",
            NAMED_CELLS["nasnet_a"][1].replace("[4, 5, 6]", "[3, 4, 5, 6]"),
            "concatenate the nodes that no edge reads",
        ),
        ("nds_darts", "{", "must be JSON"),
        ("nds_darts", "{" * 100_000, "must be JSON"),
        ("nds_darts", '{"width": 16}', "must be an object"),
    ],
)
def test_strings_of_another_space_are_refused(space_name: str, string: str, message: str) -> None:
    with pytest.raises(InvalidArchitectureError, match=message):
        get_space(space_name).parse(string)
