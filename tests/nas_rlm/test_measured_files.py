"""Files measured on this machine become rows that are read back."""

from pathlib import Path

from nas_rlm.export import export_architectures
from nas_rlm.measure.protocol import Protocol
from nas_rlm.measured_files import measure_files, write_latencies
from nas_rlm.row_files import read_rows


def test_latencies_are_read_back_as_rows(tmp_path: Path) -> None:
    nets = export_architectures("nasbench201", tmp_path / "nets", n_random=2, seed=3)
    files = [row.file for row in nets]
    protocol = Protocol(rounds=1, warmup_runs=0, min_runs=1, max_runs=1)
    measured = measure_files(files, protocol)
    (tmp_path / "tables").mkdir()
    table = tmp_path / "tables" / "rows.csv"
    write_latencies(table, files, measured, "latency_ms/here")
    assert "../nets/" in table.read_text()
    rows = read_rows(table)
    assert rows.texts == tuple(file.read_text() for file in files)
    assert [row["latency_ms/here"] for row in rows.labels] == [item.value for item in measured]
