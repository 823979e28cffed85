"""Across spaces: the target is never learned before, draws share no row, and a run goes on."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from nas_rlm.comparison import (
    CrossSpaceProtocol,
    Method,
    cross_space,
    find_method,
    find_protocol,
    pretraining,
    results_table,
    run_protocol,
    summarize,
)
from nas_rlm.comparison.cross_space import draw_rows
from nas_rlm.comparison.details import read_details
from nas_rlm.comparison.prediction import Models
from nas_rlm.comparison.pretraining import pretraining_rows
from nas_rlm.comparison.protocol import Source
from nas_rlm.comparison.space_rows import SpaceRows
from nas_rlm.errors import ConfigError, DatasetError
from search_spaces import count, from_text, get_space
from surrogates import get_surrogate
from tests.nas_rlm.benchmark.test_nds import net, row
from tests.nas_rlm.comparison.tiny import ACCURACY, TINY

SPACES = ("nasbench201", "nasbench_macro", "enas_macro")
SETTINGS = {**TINY, "finetune_steps": 2}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> dict[str, SpaceRows]:
    """Sixty random rows of three spaces; accuracies follow the parameters."""
    rng = np.random.default_rng(0)
    found = {}
    for name in SPACES:
        space = get_space(name)
        genomes = np.array([space.to_genome(space.sample(rng)) for _ in range(60)])
        counts = [space.published_counts(space.from_genome(g)) for g in genomes.tolist()]
        size = np.log([float(count.parameters) for count in counts])
        column = 60 + 5 * size + 0.1 * rng.normal(size=60)
        found[name] = SpaceRows(name, genomes, {ACCURACY: column}, np.arange(60) % 5 == 4)

    def read(source: Source) -> SpaceRows:
        return found[source.space]

    monkeypatch.setattr(cross_space, "read_source", read)
    monkeypatch.setattr(pretraining, "read_source", read)
    return found


@pytest.fixture
def across() -> CrossSpaceProtocol:
    sources = tuple(Source(name, ACCURACY) for name in SPACES)
    return CrossSpaceProtocol(
        name="across",
        targets=dict.fromkeys(SPACES, ACCURACY),
        sources=sources,
        sizes=(0, 6),
        methods=("gcn", "scratch", "params", "constant", "memorizer"),
        own_methods={
            "gcn": Method("gcn", surrogate="gcn", settings=SETTINGS, pretrained_on="accuracies"),
            "scratch": Method("scratch", surrogate="gcn", settings=SETTINGS),
        },
        seeds=(0, 1),
        n_source=20,
        n_draws=2,
        n_test=25,
        has_average=True,
        goals={("average", 6): 0.5},
    )


@pytest.mark.usefixtures("tables")
def test_every_space_and_the_average_have_columns(
    across: CrossSpaceProtocol, tmp_path: Path
) -> None:
    folder = tmp_path / "across"
    results = run_protocol(across, folder)
    sizes = {"gcn": (0, 6), "params": (0, 6), "scratch": (6,), "constant": (6,), "memorizer": (6,)}
    assert results.cells == {
        (m, t, n, s) for m, own in sizes.items() for t in SPACES for n in own for s in (0, 1)
    }
    details = read_details(folder, "across")
    columns = summarize(across, results, details, "kendall_tau")
    assert [(c.target, c.n) for c in columns] == [
        (target, n) for target in (*SPACES, "average") for n in (0, 6)
    ]
    for n in (0, 6):
        parts = [c.entry("params") for c in columns if c.n == n]
        assert parts[-1] is not None
        assert parts[-1].mean == pytest.approx(np.mean([p.mean for p in parts[:-1] if p]))
        assert parts[-1].mean > 0.8
    found = {(r.method, r.metric): r.value for r in results.rows if r.n == 6 and r.seed == 0}
    assert found["memorizer", "kendall_tau_unseen"] == 0.0
    table = results_table(across, results, "kendall_tau", details)
    assert "| `average`, kendall_tau | 0 rows | 6 rows |" in table
    assert {b.method for b in details.blocks} == set(across.methods)


@pytest.mark.usefixtures("tables")
def test_a_run_goes_on_without_pretraining_again(
    across: CrossSpaceProtocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "across"
    run_protocol(across, folder, methods=["gcn"], seeds=[0], targets=["nasbench201"])
    assert len(list((tmp_path / "kept" / "pretrained").iterdir())) == 1

    def refuse(*_: object) -> None:
        raise AssertionError("pretrained again")

    monkeypatch.setattr(pretraining.Pretraining, "_train", refuse)
    again = run_protocol(across, folder, methods=["gcn"], targets=["nasbench201"])
    assert len(again.cells) == 4
    with pytest.raises(AssertionError, match="pretrained again"):
        run_protocol(across, folder, methods=["gcn"], targets=["enas_macro"])


def test_the_target_is_not_learned_before(
    across: CrossSpaceProtocol, tables: dict[str, SpaceRows], tmp_path: Path
) -> None:
    """Spoil every label of the target: what was pretrained says the same."""
    before = run_protocol(across, tmp_path / "a" / "across", methods=["gcn"], sizes=[0])
    column = tables["nasbench201"].columns[ACCURACY]
    column[:] = -column
    after = run_protocol(across, tmp_path / "b" / "across", methods=["gcn"], sizes=[0])
    for metric in ("kendall_tau", "spearman"):
        values = [
            [r.value for r in rows.rows if r.target == "nasbench201" and r.metric == metric]
            for rows in (before, after)
        ]
        assert values[0] == pytest.approx([-value for value in values[1]])


def test_only_other_spaces_and_no_development_rows_are_pretrained_on(
    across: CrossSpaceProtocol, tables: dict[str, SpaceRows]
) -> None:
    others = cross_space.pretraining_without(
        "nasbench201", Path("unused"), sources=across.sources, n_rows=1000
    )
    assert [source.space for source in others.sources] == ["nasbench_macro", "enas_macro"]
    texts, labels = pretraining_rows(others.sources, others.n_rows)
    assert len(texts) == 2 * 48
    assert {name for row in labels for name in row} == {
        f"{ACCURACY}@nasbench_macro",
        f"{ACCURACY}@enas_macro",
    }
    held = tables["enas_macro"].texts(np.flatnonzero(tables["enas_macro"].is_development))
    told = tables["enas_macro"].texts(np.flatnonzero(~tables["enas_macro"].is_development))
    assert not (set(held) - set(told)) & set(texts)


@pytest.mark.parametrize(
    ("space", "left_out"),
    [
        ("nasbench201", "nasbench201"),
        ("nasbench201_cifar100", "nasbench201"),
        ("nds_darts_fix_w_d", "nds_darts"),
        ("nasbench_macro", "nasbench_macro"),
        ("fbnet", None),
    ],
)
def test_a_variant_of_a_space_is_left_out_with_it(space: str, left_out: str | None) -> None:
    sources = cross_space.pretraining_without(space, Path("unused")).sources
    missing = {source.space for source in cross_space.ACCURACIES} - {s.space for s in sources}
    assert missing == ({left_out} if left_out else set())


@pytest.mark.usefixtures("tables")
def test_free_labels_are_counts_of_the_texts_of_every_space(across: CrossSpaceProtocol) -> None:
    pretraining = cross_space.pretraining_without(
        "nasbench201", Path("unused"), sources=across.sources, n_rows=5
    )
    assert [source.space for source in pretraining.counted] == list(SPACES)
    texts, labels = pretraining_rows(pretraining.counted, 5, are_free=True)
    assert len(texts) == 15
    for text, of_text in zip(texts[:5], labels[:5], strict=True):
        assert {name.partition("@")[2] for name in of_text} == {"nasbench201"}
        assert not any(ACCURACY in name for name in of_text)
        assert of_text["macs@nasbench201"] == count(from_text(text)).mult_adds


@pytest.mark.usefixtures("tables")
def test_free_labels_are_pretrained_on_apart_from_accuracies(
    across: CrossSpaceProtocol, tmp_path: Path
) -> None:
    own = {
        labels: Method(labels, surrogate="gcn", settings=SETTINGS, pretrained_on=labels)
        for labels in ("accuracies", "counts")
    }
    chosen = dataclasses.replace(across, methods=tuple(own), own_methods=own, seeds=(0,))
    run_protocol(chosen, tmp_path / "across", targets=["enas_macro"], sizes=[6])
    records = (tmp_path / "kept" / "pretrained").glob("*/pretraining.json")
    learned = [json.loads(record.read_text())["metrics"] for record in records]
    assert sorted(len(metrics) for metrics in learned) == [2, 15]
    free = max(learned, key=len)
    assert "longest@enas_macro" in free
    assert not any(ACCURACY in name for name in free)


def test_a_fresh_one_shares_the_say_of_a_pretrained_one(
    across: CrossSpaceProtocol, tables: dict[str, SpaceRows], tmp_path: Path
) -> None:
    rows, train = tables["enas_macro"], np.arange(12)
    models = Models(cross_space.pretraining_without("enas_macro", tmp_path, n_rows=20))
    models.pretraining.sources = across.sources[:2]
    tuned = Method("tuned", surrogate="graph_mlp", pretrained_on="accuracies")
    labels = rows.labels(train, [ACCURACY])
    texts = rows.texts(np.arange(60))
    means = [
        models.fit(method, rows, train, labels, 1)[0].predict(texts)[ACCURACY].mean
        for method in (
            tuned,
            Method("fresh", surrogate="graph_mlp"),
            dataclasses.replace(tuned, has_fresh=True),
        )
    ]
    assert np.abs(means[0] - means[1]).max() > 1e-3
    assert means[2] == pytest.approx((means[0] + means[1]) / 2, rel=1e-5)


def test_whatever_can_be_finetuned_is_pretrained(across: CrossSpaceProtocol) -> None:
    assert across.meant(find_method("gin")).is_pretrained
    assert not across.meant(find_method("graph_trees")).is_pretrained
    assert not across.meant(find_method("params")).is_pretrained
    assert not across.meant(across.own_methods["scratch"]).is_pretrained


def test_draws_share_no_row(across: CrossSpaceProtocol, tables: dict[str, SpaceRows]) -> None:
    rows = tables["nasbench201"]
    first, second = draw_rows(across, rows, 0), draw_rows(across, rows, 1)
    parts = [*first.train, first.test]
    assert [len(part) for part in parts] == [6, 6, 25]
    together = np.concatenate(parts)
    assert len(set(together.tolist())) == len(together)
    assert not rows.is_development[together].any()
    assert set(first.test.tolist()) != set(second.test.tolist())
    with pytest.raises(DatasetError, match="48 rows leave 0 beside 48"):
        draw_rows(dataclasses.replace(across, n_draws=8), rows, 0)


@pytest.mark.usefixtures("tables")
def test_what_cannot_be_finetuned_is_not_pretrained(
    across: CrossSpaceProtocol, tmp_path: Path
) -> None:
    own = {"trees": Method("trees", surrogate="graph_trees", pretrained_on="accuracies")}
    chosen = dataclasses.replace(across, methods=("trees",), own_methods=own)
    assert not get_surrogate("graph_trees").can_finetune
    with pytest.raises(ConfigError, match="cannot be fine-tuned"):
        run_protocol(chosen, tmp_path / "across", targets=["enas_macro"])


def test_one_process_pretrains_and_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    first = pretraining._alone(tmp_path / "place")
    first.__enter__()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        first.__exit__(None, None, None)

    monkeypatch.setattr(pretraining.time, "sleep", sleep)
    with pretraining._alone(tmp_path / "place"):
        assert len(waits) == 1


@pytest.mark.usefixtures("tables")
def test_damage_is_told(across: CrossSpaceProtocol, tmp_path: Path) -> None:
    arguments = {"methods": ["gcn"], "targets": ["enas_macro"], "sizes": [0]}
    run_protocol(across, tmp_path / "across", seeds=[0], **arguments)  # type: ignore[arg-type]
    (record,) = (tmp_path / "kept").rglob("pretraining.json")
    record.write_text("{}")
    with pytest.raises(DatasetError, match=r"pretraining\.json in .* is damaged"):
        run_protocol(across, tmp_path / "across", **arguments)  # type: ignore[arg-type]


def test_published_files_are_read_as_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_RLM_DATA", str(tmp_path))
    (tmp_path / "nds").mkdir()
    trained = [row(), row(test_ep_top1=[7.25]), row(net=net(width=32), test_ep_top1=[5.0])]
    (tmp_path / "nds" / "DARTS.json").write_text(json.dumps(trained))
    source = find_protocol("nds-16").source_of("nds_darts")  # type: ignore[attr-defined]
    rows = pretraining.read_source(source)
    assert rows.columns[source.metric].tolist() == pytest.approx([93.25, 95.0])
    assert len(rows.texts([0, 1])) == len(set(rows.digests([0, 1]))) == 2


def test_the_published_files_are_named_when_they_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_RLM_DATA", str(tmp_path))
    with pytest.raises(Exception, match=r"needs the published file nds/NASNet\.json"):
        run_protocol(find_protocol("nds-16"), tmp_path / "nds-16", methods=["params"])
