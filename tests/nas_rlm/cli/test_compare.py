"""`nas-rlm compare` from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nas_rlm.cli import app
from nas_rlm.comparison import runner
from nas_rlm.comparison.cross_space import pretraining_without
from nas_rlm.comparison.pretraining import Pretraining
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.errors import ConfigError
from search_spaces import get_space

NASBENCH201 = "fewshot-nasbench201"


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A space of 300 architectures in place of the whole one."""

    def read(space: str, metrics: tuple[str, ...], *, is_pruned: bool) -> SpaceRows:
        rng = np.random.default_rng(0)
        genomes = rng.choice([0, 2, 3], size=(300, 6))
        known = get_space(space)
        counts = [known.published_counts(known.from_genome(g)) for g in genomes.tolist()]
        size = np.array([float(c.parameters) for c in counts])
        columns = {name: size / 1e4 + rng.normal(size=300) for name in metrics}
        return SpaceRows(space, genomes, columns, np.zeros(300, dtype=bool), is_pruned)

    monkeypatch.setattr(runner, "read_space_rows", read)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["nothing"], "No protocol 'nothing'"),
        ([NASBENCH201, "--seeds", "0,x"], "Seeds and sizes must be whole numbers"),
        ([NASBENCH201, "--methods", "rml"], "Unknown method 'rml'"),
        ([], "Name either a protocol or a file of your own (--csv). Protocols: ablation-"),
        ([NASBENCH201, "--csv", "rows.csv"], "Name either a protocol or a file"),
        ([NASBENCH201, "--metric", "params"], "`--metric` and `--space` belong to `--csv`"),
        (["--csv", "no-such.csv"], "'no-such.csv' cannot be read"),
        ([NASBENCH201, "--method", "no.such:Class"], "cannot be imported"),
        ([NASBENCH201, "--processes", "0"], "`processes` must be at least 1"),
        (["calibration", "--targets", "fpga"], "Unknown target 'fpga'"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, arguments: list[str], rule: str) -> None:
    done = CliRunner().invoke(app, ["compare", *arguments, "--experiments", str(tmp_path)])
    assert done.exit_code == 2
    assert rule in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("protocol", ["fewshot-ofa", "multi-metric-nasbench201"])
def test_data_that_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.delenv("NAS_RLM_DATA", raising=False)
    done = CliRunner().invoke(app, ["compare", protocol, "--experiments", str(tmp_path)])
    assert done.exit_code == 2
    assert "NAS_RLM_DATA is not set" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("_small")
def test_quick_stands_apart_and_tells_its_seconds(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"<!-- begin {NASBENCH201} -->\n<!-- end {NASBENCH201} -->\n")
    before = document.read_text()
    arguments = ["compare", NASBENCH201, "--experiments", str(tmp_path), "--methods", "params"]
    done = CliRunner().invoke(app, [*arguments, "--quick", "--method", "constant", "--json"])
    assert done.exit_code == 0, done.stderr
    assert "8 new cells, 0 kept" in done.stderr  # 2 methods, 1 target, 2 sizes, 2 seeds
    printed = json.loads(done.stdout)
    assert printed["protocol"] == f"{NASBENCH201}-quick"
    assert {row["n"] for row in printed["rows"]} == {78, 156}
    assert {row["seed"] for row in printed["rows"]} == {0, 1}
    assert printed["seconds"] > 0
    assert [column["score"] for column in printed["columns"]].count("kendall_tau") == 2
    assert (tmp_path / f"{NASBENCH201}-quick" / "results.json").exists()
    assert document.read_text() == before


@pytest.mark.usefixtures("_small")
def test_a_document_says_which_methods_are_tied(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(
        f"<!-- begin {NASBENCH201} -->\n<!-- end {NASBENCH201} -->\n"
    )
    arguments = ["compare", NASBENCH201, "--experiments", str(tmp_path), "--sizes", "78"]
    arguments += ["--methods", "params,macs", "--seeds", "0,1,2", "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.stderr
    for column in json.loads(done.stdout)["columns"]:
        assert all(isinstance(entry["is_tied"], bool) for entry in column["entries"])


@pytest.mark.usefixtures("_small")
def test_a_run_goes_on_and_writes_its_table(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"<!-- begin {NASBENCH201} -->\n<!-- end {NASBENCH201} -->\n")
    arguments = ["compare", NASBENCH201, "--experiments", str(tmp_path), "--methods", "params"]
    arguments += ["--sizes", "78", "--targets", "c10_val"]
    first = CliRunner().invoke(app, [*arguments, "--seeds", "0,1"])
    assert "2 new cells, 0 kept" in first.stderr
    again = CliRunner().invoke(app, [*arguments, "--seeds", "0,1,2"])
    assert "1 new cells, 2 kept" in again.stderr
    assert "| params |" in again.stdout
    assert again.stdout.strip() in document.read_text()


@pytest.mark.usefixtures("_small")
def test_a_document_without_markers_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# My experiments\n")
    arguments = ["compare", NASBENCH201, "--experiments", str(tmp_path), "--methods", "params"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert f"README.md must hold the markers '<!-- begin {NASBENCH201} -->'" in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["README.md"]


def own_file(folder: Path, n_rows: int) -> Path:
    """Rows of a user: architectures whose accuracy follows their parameters."""
    space, rng = get_space("nasbench201"), np.random.default_rng(0)
    lines = ["architecture,accuracy_percent/my_task,latency_ms/my_phone"]
    for row in range(n_rows):
        architecture = space.sample(rng)
        size = space.published_counts(architecture).parameters / 1e5
        latency = "" if row % 7 == 0 else f"{10 + size + rng.normal():.4f}"
        lines.append(f"{space.format(architecture)},{50 + size + rng.normal():.4f},{latency}")
    path = folder / "My rows.csv"
    path.write_text("\n".join(lines))
    return path


def test_rows_of_a_user_are_compared(tmp_path: Path) -> None:
    path = own_file(tmp_path, 90)
    arguments = ["compare", "--csv", str(path), "--space", "nasbench201", "--sizes", "20,40"]
    arguments += ["--metric", "accuracy_percent/my_task", "--experiments", str(tmp_path / "out")]
    arguments += ["--methods", "params,constant,memorizer,graph_gp", "--seeds", "0,1"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.stderr
    assert "| `accuracy_percent-my_task`, kendall_tau | 20 rows | 40 rows |" in done.stdout
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name.startswith("my-rows-")
    rows = json.loads((folder / "results.json").read_text())["rows"]
    found = {
        (r["method"], r["n"], r["seed"]): r["value"] for r in rows if r["metric"] == "spearman"
    }
    assert len(found) == 4 * 2 * 2
    assert found["params", 40, 0] > 0.5
    assert (folder / "curves-accuracy_percent-my_task-kendall_tau.svg").exists()
    again = CliRunner().invoke(app, arguments)
    assert "0 new cells, 16 kept" in again.stderr
    path.write_text(path.read_text().replace(",5", ",6", 1))
    changed = CliRunner().invoke(app, arguments)
    assert "16 new cells, 0 kept" in changed.stderr  # other labels, other figures


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--sizes", "80"], "has 90 rows with every metric; `sizes` must be from 1 and leave 20"),
        (
            ["--metric", "params"],
            "My rows.csv has no metric 'params', but accuracy_percent/my_task",
        ),
        (["--methods", "genome_gp"], "Learners on genomes need a search space"),
    ],
)
def test_what_the_rows_of_a_user_lack_is_told(
    tmp_path: Path, arguments: list[str], rule: str
) -> None:
    path = own_file(tmp_path, 90)
    chosen = ["--metric", "accuracy_percent/my_task"] if "--metric" not in arguments else []
    where = ["--csv", str(path), "--space", "nasbench201", "--experiments", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["compare", *where, *chosen, *arguments])
    assert done.exit_code == 2
    assert rule in done.stderr


def test_nothing_is_pretrained_on_the_space_of_a_users_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class _AskedError(ConfigError):
        """Ends the run as soon as the pretraining is known."""

    def left_out(space: str, kept: Path) -> Pretraining:
        found = pretraining_without(space, kept)
        raise _AskedError(", ".join(source.space for source in found.sources))

    monkeypatch.setattr(runner, "pretraining_without", left_out)
    path = own_file(tmp_path, 90)
    arguments = ["compare", "--csv", str(path), "--sizes", "20", "--methods", "rlm_pretrained"]
    arguments += ["--metric", "accuracy_percent/my_task", "--experiments", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*arguments, "--space", "nasbench201"])
    assert done.exit_code == 2
    assert "nasbench101" in done.stderr
    assert "nasbench201" not in done.stderr


def test_a_pretrained_method_needs_the_space_of_a_users_rows(tmp_path: Path) -> None:
    space, rng = get_space("nasbench201"), np.random.default_rng(0)
    for row in range(25):
        text = space.to_text(space.sample(rng))
        (tmp_path / f"{row}.onnxtxt").write_text(text, encoding="utf-8")
    lines = [f"{row}.onnxtxt,{row}" for row in range(25)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["file,accuracy_percent/cifar10", *lines]))
    arguments = ["compare", "--csv", str(path), "--sizes", "5", "--experiments"]
    arguments += [str(tmp_path / "out"), "--methods"]
    done = CliRunner().invoke(app, [*arguments, "params,rlm_pretrained"])
    assert done.exit_code == 2
    assert "so the space of your rows must be known" in done.stderr
    assert not (tmp_path / "out").exists()
    done = CliRunner().invoke(app, [*arguments, "params"])
    assert done.exit_code == 0, done.stderr
