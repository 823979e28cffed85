"""Where the shipped checkpoint is, and what is said when it is not there."""

from pathlib import Path

import pytest

from nas_rlm import pretrained
from nas_rlm.benchmark_rows import benchmark_rows
from nas_rlm.dataset import hold_out
from nas_rlm.errors import PretrainedError
from nas_rlm.evaluation.rank_metrics import kendall_tau
from nas_rlm.export import export_architectures
from nas_rlm.ranking import rank_new_space
from surrogates import load_surrogate


def test_the_folder_of_an_installation_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    (tmp_path / "model").mkdir()
    with pytest.raises(PretrainedError, match=r"has no manifest\.json\. Install nas-rlm again"):
        pretrained.pretrained_folder()
    (tmp_path / "model" / "manifest.json").write_text("")
    assert pretrained.pretrained_folder() == tmp_path / "model"


def test_the_shipped_checkpoint_is_small_and_has_a_card() -> None:
    folder = pretrained.pretrained_folder()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 15_000_000
    card = (pretrained.FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")
    for metric in load_surrogate(folder).metrics:
        assert f"`{metric}`" in card


def test_it_ranks_networks_that_it_was_not_trained_on() -> None:
    metric = "accuracy_percent/cifar10"
    rows = benchmark_rows("nasbench201", [metric], n_rows=3000, seed=1)
    held = hold_out(rows.digests, share=0.05, salt="pretrain validation")
    texts = [text for text, is_held in zip(rows.texts, held, strict=True) if is_held]
    true = rows.column(metric)[held]
    assert len(texts) > 80
    predicted = load_surrogate(pretrained.pretrained_folder()).predict(texts, [metric])[metric]
    assert kendall_tau(predicted.mean, true) > 0.6


def test_its_other_spaces_order_one_that_they_do_not_know() -> None:
    metric = "accuracy_percent/cifar10"
    rows = benchmark_rows("nasbench201", [metric], n_rows=120, seed=1)
    model = load_surrogate(pretrained.pretrained_folder())
    own = (metric, "accuracy_percent/cifar100", "accuracy_percent/imagenet16")
    others = [name for name in model.metrics if name.startswith("accuracy") and name not in own]
    assert len(others) == 5
    assert kendall_tau(model.order_unseen(list(rows.texts), others), rows.column(metric)) > 0.5


def test_files_of_a_new_space_are_ordered_by_all_its_accuracies(tmp_path: Path) -> None:
    nets = export_architectures("hiaml", tmp_path, n_random=8, seed=1)
    ranking = rank_new_space([row.file for row in nets])
    assert len(ranking.by) == 8
    texts = [row.file.read_text(encoding="utf-8") for row in ranking.rows]
    model = load_surrogate(pretrained.pretrained_folder())
    scores = model.order_unseen(texts, ranking.by)
    assert [row.score for row in ranking.rows] == pytest.approx(scores.tolist())
    assert (scores[:-1] >= scores[1:]).all()
    assert scores[0] > scores[-1]
