"""What is left of a journal after a kill at any byte."""

from pathlib import Path

import optuna
import pytest

from nas_rlm.errors import RunFolderError
from nas_rlm.metrics import parse_metric
from nas_rlm.search.journal import BatchedJournalBackend, cut_back, open_study

METRIC = parse_metric("params")
GENES: dict[str, optuna.distributions.BaseDistribution] = {
    name: optuna.distributions.CategoricalDistribution((0, 1)) for name in ("gene_0", "gene_1")
}


def opened(path: Path) -> tuple[optuna.Study, BatchedJournalBackend]:
    backend = BatchedJournalBackend(path)
    sampler = optuna.samplers.RandomSampler(0)
    return open_study(backend, [METRIC], name="s", sampler=sampler), backend


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.log"
    study, backend = opened(path)
    for number in range(4):
        trial = study.ask(GENES)
        trial.set_user_attr("digest", str(number))
        study.tell(trial, float(number))
    backend.flush()
    return path


def test_every_cut_leaves_whole_trials_that_go_on(journal: Path) -> None:
    content = journal.read_bytes()
    counts = []
    for cut in range(0, len(content) + 1, 7):
        journal.write_bytes(content[:cut])
        cut_back(journal)
        study, backend = opened(journal)
        trials = study.get_trials()
        assert all(trial.state is optuna.trial.TrialState.COMPLETE for trial in trials)
        assert [trial.user_attrs["digest"] for trial in trials] == [
            str(number) for number in range(len(trials))
        ]
        counts.append(len(trials))
        study.tell(study.ask(GENES), 9.0)
        backend.flush()
        assert opened(journal)[0].get_trials()[-1].values == [9.0]
    assert counts == sorted(counts)
    assert set(counts) >= {0, 1, 2, 3}


def test_a_whole_journal_is_left_as_it_is(journal: Path) -> None:
    content = journal.read_bytes()
    assert cut_back(journal) == 0
    assert journal.read_bytes() == content


def test_an_open_trial_is_cut_off(journal: Path) -> None:
    content = journal.read_bytes()
    study, backend = opened(journal)
    study.ask(GENES)
    backend.flush()
    assert len(journal.read_bytes()) > len(content)
    assert cut_back(journal) > 0
    assert journal.read_bytes() == content
    assert len(opened(journal)[0].get_trials()) == 4


def test_the_lock_of_a_killed_process_is_removed(journal: Path) -> None:
    journal.with_name("journal.log.lock").symlink_to(journal)
    cut_back(journal)
    assert len(opened(journal)[0].get_trials()) == 4
    assert [item.name for item in journal.parent.iterdir()] == ["journal.log"]


def test_a_damaged_line_in_the_middle_is_refused(journal: Path) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[5] = b"\x00\x00\n"
    journal.write_bytes(b"".join(lines))
    with pytest.raises(RunFolderError, match=r"Line 6 of .* is damaged"):
        cut_back(journal)


def test_a_missing_journal_is_nothing_to_repair(tmp_path: Path) -> None:
    assert cut_back(tmp_path / "none.log") == 0


def test_the_journal_is_one_that_optuna_reads_itself(journal: Path) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(journal))
    study = optuna.load_study(study_name="s", storage=optuna.storages.JournalStorage(backend))
    assert [trial.values for trial in study.get_trials()] == [[0.0], [1.0], [2.0], [3.0]]
    assert study.metric_names == ["params"]


def test_operations_are_seen_at_once_and_written_when_flushed(journal: Path) -> None:
    content = journal.read_bytes()
    study, backend = opened(journal)
    study.tell(study.ask(GENES), 7.0)
    assert study.get_trials()[-1].values == [7.0]
    assert journal.read_bytes() == content
    backend.flush()
    assert len(opened(journal)[0].get_trials()) == 5
    size = journal.stat().st_size
    backend.flush()
    assert journal.stat().st_size == size


def test_a_second_writer_is_refused(journal: Path) -> None:
    study, backend = opened(journal)
    study.ask(GENES)
    with journal.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(RunFolderError, match="changed by another process"):
        backend.flush()


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    backend = BatchedJournalBackend(tmp_path / "journal.log")
    (tmp_path / "journal.log").unlink()
    with pytest.raises(RunFolderError, match="cannot be written: No such file"):
        backend.flush()
