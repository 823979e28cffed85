"""`nas-rlm spaces`."""

import json
from collections.abc import Callable

from typer.testing import Result

from search_spaces import SPACES, get_space


def test_every_space_is_a_line(command: Callable[..., Result]) -> None:
    done = command("spaces")
    assert done.exit_code == 0
    head, _, *lines = done.stdout.splitlines()
    assert head.split() == ["name", "size", "genes", "statements", "characters", "source"]
    assert [line.split()[0] for line in lines] == list(SPACES)
    assert all("arXiv:" in line for line in lines)


def test_json_has_the_facts(command: Callable[..., Result]) -> None:
    spaces = json.loads(command("spaces", "--json").stdout)["spaces"]
    for row in spaces:
        space = get_space(row["name"])
        assert (row["size"], row["source"]) == (space.size, space.source)
        assert row["genes"] == len(row["choices"]) == len(space.genome_choices)
        assert 0 < row["statements"] < row["characters"]
    (nasbench201,) = (row for row in spaces if row["name"] == "nasbench201")
    assert nasbench201["size"] == 15_625
    assert nasbench201["genes"] == 6
    assert nasbench201["choices"] == [5] * 6
    assert 0 < nasbench201["statements"] < 80
    assert nasbench201["characters"] > 1000


def test_a_negative_seed_is_refused(command: Callable[..., Result]) -> None:
    done = command("spaces", "--seed", "-1")
    assert done.exit_code == 2
    assert "-1" in done.stderr
