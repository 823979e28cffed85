"""Pictures beside the figures, and one page that needs nothing else."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from nas_rlm.comparison import PROTOCOLS, ComparisonProtocol, run_protocol
from nas_rlm.comparison.page import comparison_page, write_figures, write_page


@pytest.mark.usefixtures("space")
def test_pictures_come_from_the_files_alone(
    protocol: ComparisonProtocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tiny"
    run_protocol(protocol, folder, methods=["params", "constant", "memorizer"])
    monkeypatch.delenv("NAS_RLM_DATA", raising=False)
    names = {path.name for path in write_figures(protocol, folder)}
    assert names == {
        "curves-c10_val-kendall_tau.svg",
        "curves-c10_val-kendall_tau_unseen.svg",
        "scatter-c10_val.svg",
    }
    scatter = (folder / "scatter-c10_val.svg").read_text()
    assert "memorizer, 20 rows" in scatter
    assert "constant" not in scatter  # one value for all rows is no picture
    before = {path.name: path.read_bytes() for path in folder.glob("*.svg")}
    write_figures(protocol, folder)
    assert before == {path.name: path.read_bytes() for path in folder.glob("*.svg")}


@pytest.mark.usefixtures("space")
def test_results_without_details_still_have_curves(
    protocol: ComparisonProtocol, tmp_path: Path
) -> None:
    run_protocol(protocol, tmp_path, methods=["params"])
    (tmp_path / "details.json").unlink()
    assert {path.name for path in write_figures(protocol, tmp_path)} == {
        "curves-c10_val-kendall_tau.svg",
        "curves-c10_val-kendall_tau_unseen.svg",
    }


@pytest.mark.usefixtures("space")
def test_the_page_holds_every_measured_protocol_and_no_link_out(
    protocol: ComparisonProtocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("tiny", "other")
    made = {name: dataclasses.replace(protocol, name=name) for name in (*names, "unmeasured")}
    monkeypatch.setattr("nas_rlm.comparison.page.PROTOCOLS", made)
    for name in names:
        run_protocol(made[name], tmp_path / name)
    page = write_page(tmp_path).read_text()
    assert re.findall(r'<section class="card" id="([^"]+)"', page) == list(names)
    value = json.loads((tmp_path / "tiny" / "results.json").read_text())["rows"][0]["value"]
    assert f"{value:.1f}"[:3] in page
    for attribute in re.findall(r'(?:src|href)="([^"]*)"', page):
        raise AssertionError(attribute)
    assert "@import" not in page
    assert "<b>" in page


def test_a_page_without_results_says_so() -> None:
    assert "No protocol has results yet" in comparison_page([])
    assert PROTOCOLS
