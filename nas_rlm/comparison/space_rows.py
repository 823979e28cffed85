"""The rows of a space that comparisons read: texts, labels and counts, exported when needed.

Labels of NAS-Bench-201 accuracies come from the installed table, all others from the folder that
``NAS_RLM_DATA`` names. A text is exported when a cell needs its row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

import search_spaces
from nas_rlm.benchmark.nasbench201 import TASK_FILES, Nasbench201Table
from nas_rlm.comparison.protocol import DEVELOPMENT_SALT, DEVELOPMENT_SHARE
from nas_rlm.data_files import read_metric_table
from nas_rlm.dataset import digest, hold_out
from nas_rlm.errors import ConfigError, DatasetError
from nas_rlm.progress import Progress, no_progress
from surrogates.inputs.signal_flow import log_flow

_ACCURACY = "accuracy_percent/"


@dataclass
class SpaceRows:
    """All labelled architectures of a space; row numbers are those of the table."""

    space: str
    genomes: NDArray[np.int64]
    """Shape ``(n, genes)``."""
    columns: dict[str, NDArray[np.float64]]
    """Metric to labels, shape ``(n,)``, NaN where not known."""
    development: NDArray[np.bool_] | None = None
    """See :attr:`is_development`; None until somebody asks."""
    is_pruned: bool = True
    """Whether texts are canonical; else they hold what the benchmark ran and nothing needs."""
    _texts: dict[int, str] = field(default_factory=dict)
    _digests: dict[int, str] = field(default_factory=dict)
    _counts: dict[int, dict[str, float]] = field(default_factory=dict)
    _unpruned: dict[int, str] = field(default_factory=dict)
    _operators: dict[int, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def of_texts(
        cls,
        space: str,
        texts: Sequence[str],
        columns: dict[str, NDArray[np.float64]],
        counts: Sequence[dict[str, float]],
    ) -> Self:
        """Make rows of networks that belong to no search space; they have no genomes.

        Args:
            space: What the rows are called.
            texts: n ONNX texts.
            columns: Metric to labels, shape ``(n,)``, NaN where not known.
            counts: ``params`` and ``macs`` of each text.
        """
        n = len(texts)
        return cls(
            space,
            np.zeros((n, 0), dtype=np.int64),
            columns,
            np.zeros(n, dtype=np.bool_),
            _texts=dict(enumerate(texts)),
            _digests={row: digest(text) for row, text in enumerate(texts)},
            _counts=dict(enumerate(counts)),
        )

    def __len__(self) -> int:
        return len(self.genomes)

    @property
    def is_development(self) -> NDArray[np.bool_]:
        """Shape ``(n,)``: descriptions of networks that no protocol trains or tests on.

        The digest of a network decides, so all its descriptions are on one side; the first question
        exports every row.
        """
        if self.development is None:
            digests = self.digests(np.arange(len(self))).tolist()
            self.development = hold_out(digests, share=DEVELOPMENT_SHARE, salt=DEVELOPMENT_SALT)
        return self.development

    def export(self, rows: Iterable[int], progress: Progress = no_progress) -> None:
        """Export the texts of rows, each once."""
        missing = [int(row) for row in rows if int(row) not in self._texts]
        if not missing:
            return
        space = search_spaces.get_space(self.space)
        for done, row in enumerate(missing):
            architecture = space.from_genome(self.genomes[row].tolist())
            text = space.to_text(architecture)
            counts = space.published_counts(architecture)
            self._texts[row], self._digests[row] = text, digest(text)
            self._counts[row] = {
                "params": float(counts.parameters),
                "macs": float(counts.mult_adds),
            }
            if done % 100 == 99 or done + 1 == len(missing):
                progress(done + 1, len(missing), {})

    def texts(
        self, rows: Sequence[int] | NDArray[np.int64], *, is_pruned: bool = True
    ) -> list[str]:
        """Return the ONNX texts of rows.

        Args:
            rows: Row numbers.
            is_pruned: Whether they are canonical; never if those of these rows are not.
        """
        if not (is_pruned and self.is_pruned):
            space = search_spaces.get_space(self.space)
            for row in {int(row) for row in rows} - self._unpruned.keys():
                architecture = space.from_genome(self.genomes[row].tolist())
                self._unpruned[row] = space.to_unpruned_text(architecture)
            return [self._unpruned[int(row)] for row in rows]
        self.export(rows)
        return [self._texts[int(row)] for row in rows]

    def digests(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.str_]:
        """Return the digests of rows: equal ones are the same network."""
        self.export(rows)
        return np.array([self._digests[int(row)] for row in rows], dtype=np.str_)

    def count(self, name: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return published counts, ``params`` or ``macs``, or ``log_flow``, shape of `rows`."""
        if name == "log_flow":
            return np.array([log_flow(text) for text in self.texts(rows)])
        self.export(rows)
        return np.array([self._counts[int(row)][name] for row in rows])

    def operators(self, rows: NDArray[np.int64]) -> list[dict[str, float]]:
        """Return for each row how often each operator of its text runs on each shape."""
        missing = [row for row in dict.fromkeys(rows.tolist()) if row not in self._operators]
        for row, text in zip(missing, self.texts(missing), strict=True):
            tally: dict[str, float] = {}
            for step in search_spaces.count(search_spaces.from_text(text)).per_op:
                key = f"{step.op} {step.input_shapes} {step.output_shape}"
                tally[key] = tally.get(key, 0.0) + 1.0
            self._operators[row] = tally
        return [self._operators[row] for row in rows.tolist()]

    def one_hot(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the genomes of rows with a column for each choice of each gene.

        Raises:
            ConfigError: If the rows have no genomes.
        """
        if not self.genomes.shape[1]:
            message = f"Learners on genomes need a search space, but {self.space!r} is none."
            raise ConfigError(message)
        choices = search_spaces.get_space(self.space).genome_choices
        genomes = self.genomes[rows]
        parts = [genomes[:, [gene]] == np.arange(n) for gene, n in enumerate(choices)]
        return np.concatenate(parts, axis=1).astype(np.float64)

    def labels(self, rows: NDArray[np.int64], metrics: Sequence[str]) -> list[dict[str, float]]:
        """Return the known labels of rows, in the order of `metrics`."""
        return [
            {
                name: float(self.columns[name][row])
                for name in metrics
                if not np.isnan(self.columns[name][row])
            }
            for row in rows.tolist()
        ]

    def usable(self, metrics: Sequence[str]) -> NDArray[np.int64]:
        """Return rows that are not for development and have all these labels, ascending."""
        is_known = np.all([~np.isnan(self.columns[name]) for name in metrics], axis=0)
        return np.flatnonzero(is_known & ~self.is_development)


def read_space_rows(space: str, metrics: Sequence[str], *, is_pruned: bool = True) -> SpaceRows:
    """Read genomes and labels of a space.

    Args:
        space: Name of the space.
        metrics: Labels to read, at least one.
        is_pruned: Whether texts are canonical.

    Raises:
        BenchmarkError: If the installed table of NAS-Bench-201 is needed and missing.
        DataFolderError: If a file is needed and ``NAS_RLM_DATA`` names no folder with it.
        DataFileError: If no file of the space has a metric.
        DatasetError: If two tables hold different architectures.
    """
    installed = [
        name
        for name in metrics
        if space == "nasbench201"
        and name.startswith(_ACCURACY)
        and name.removeprefix(_ACCURACY) in TASK_FILES
    ]
    filed = [name for name in metrics if name not in installed]
    tables = {name: Nasbench201Table(name.removeprefix(_ACCURACY)) for name in installed}
    if tables:
        genomes = next(iter(tables.values())).genomes
        columns = {name: table.accuracies_percent(genomes) for name, table in tables.items()}
        if filed:
            columns |= _columns_of(space, filed, genomes)
    else:
        table = read_metric_table(space, filed)
        genomes, columns = table.genomes, table.metrics
    chosen = {name: columns[name] for name in metrics}
    return SpaceRows(space, genomes, chosen, is_pruned=is_pruned)


def _columns_of(
    space: str, metrics: Sequence[str], genomes: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Columns of the files of a space in the order of other genomes."""
    table = read_metric_table(space, metrics)
    places = {tuple(genome): row for row, genome in enumerate(table.genomes.tolist())}
    order = [places.get(tuple(genome), -1) for genome in genomes.tolist()]
    if len(places) != len(genomes) or min(order) < 0:
        message = (
            f"The files of {space!r} must hold the {len(genomes)} architectures of the installed "
            f"table, but hold {len(places)}, of which {sum(k >= 0 for k in order)} are in it."
        )
        raise DatasetError(message)
    return {name: column[order] for name, column in table.metrics.items()}
