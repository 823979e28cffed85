"""Surrogates that have learned other search spaces or free labels before, kept on disk.

Every space has metrics of its own, ``accuracy_percent/cifar10@nasbench201``, since accuracies of
different spaces do not compare. Free labels are counts of a text, such as its parameters: they
cost nothing, so those of the space that is left out may be learned too. Rows for development are
not learned, and the rows of a space are the same whichever space is left out. There is one
pretraining for each surrogate, kind of label and set of spaces, with seed 0; it is written once it
is done, so that no later run repeats it. A change of the code does not show in its place: delete
the folder then.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nas_rlm.atomic_files import explained, filling_folder
from nas_rlm.benchmark.nds import read_nds
from nas_rlm.comparison.methods import Method, load_surrogate, new_surrogate
from nas_rlm.comparison.protocol import Source
from nas_rlm.comparison.space_rows import SpaceRows, read_space_rows
from nas_rlm.data_files import data_folder
from nas_rlm.dataset import digest
from nas_rlm.errors import ConfigError, DataFolderError, DatasetError
from nas_rlm.file_lock import FileLock
from nas_rlm.seeding import generator
from search_spaces import TEXT_VERSION, get_space
from surrogates import Surrogate
from surrogates.inputs.graph_features import graph_features

SEED = 0
"""Of the draw of rows and of the training."""
NDS_FOLDER = "nds"
"""Folder within ``NAS_RLM_DATA`` with the published files of network design spaces."""
FREE_LABELS = ("params", "macs", "activations", "longest", "shortest")
"""Features of `surrogates.inputs.graph_features` that serve as labels: parameters, mult-adds, numbers
between operations, and the most and the fewest operations from input to output."""
KEPT = "kept"
"""Folder beside those of the protocols: what several of them share and can be computed again."""

_SURROGATE, _RECORD = "surrogate", "pretraining.json"
_WAIT_SECONDS = 0.5


@dataclass
class Pretraining:
    """Surrogates pretrained on the same rows, each trained or read once."""

    sources: tuple[Source, ...]
    """Spaces whose accuracies may be learned."""
    counted: tuple[Source, ...]
    """Spaces of which counts of texts may be learned."""
    n_rows: int
    """Rows of each, at most."""
    folder: Path
    """Where they are kept."""
    _known: dict[str, tuple[Surrogate, float]] = field(default_factory=dict, repr=False)

    def of(self, method: Method) -> tuple[Surrogate, float]:
        """Return a pretrained surrogate and the seconds that its training took once.

        Raises:
            ConfigError: If it cannot be fine-tuned.
            CheckpointError: If what is kept is damaged.
            DataFolderError: If rows are needed and not there.
        """
        key = self._key(method)
        if key not in self._known:
            name = re.sub(r"\W+", "_", method.surrogate)
            place = self.folder / "pretrained" / f"{name}-{key}"
            with _alone(place):
                if not place.exists():
                    self._train(method, place)
            self._known[key] = _read(method, place)
        return self._known[key]

    def _key(self, method: Method) -> str:
        """What decides how a surrogate is pretrained, in 16 letters."""
        parts = (
            method.surrogate,
            sorted(method.settings.items()),
            [(source.space, source.metric, source.file) for source in self._learned(method)],
            *([FREE_LABELS] if method.pretrained_on == "counts" else []),
            self.n_rows,
            SEED,
            TEXT_VERSION,
        )
        return digest(repr(parts))

    def _learned(self, method: Method) -> tuple[Source, ...]:
        """Spaces that a method learns."""
        return self.counted if method.pretrained_on == "counts" else self.sources

    def _train(self, method: Method, place: Path) -> None:
        """Pretrain and write."""
        surrogate = new_surrogate(method)
        if not surrogate.can_finetune:
            message = (
                f"Method {method.name!r} is pretrained, but its surrogate {method.surrogate!r} "
                "cannot be fine-tuned. Implement `Surrogate.finetune`, or fit it from scratch."
            )
            raise ConfigError(message)
        texts, labels = pretraining_rows(
            self._learned(method), self.n_rows, are_free=method.pretrained_on == "counts"
        )
        start = time.perf_counter()
        surrogate.fit(texts, labels, seed=SEED)
        record = {
            "seconds": round(time.perf_counter() - start, 3),
            "rows": len(texts),
            "metrics": list(surrogate.metrics),
            "seed": SEED,
        }
        with explained(place, "be written"), filling_folder(place) as partial:
            surrogate.save(partial / _SURROGATE)
            (partial / _RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Wait until no other process trains what belongs in a place."""
    lock = FileLock.of(place, "pretrains")
    while not lock.acquire():
        time.sleep(_WAIT_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _read(method: Method, place: Path) -> tuple[Surrogate, float]:
    """Read what is kept."""
    surrogate = load_surrogate(method, place / _SURROGATE)
    try:
        record = json.loads((place / _RECORD).read_text(encoding="utf-8"))
        return surrogate, float(record["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{_RECORD} in {str(place)!r} is damaged: {error!r}. Delete the folder."
        raise DatasetError(message) from error


def pretraining_rows(
    sources: Sequence[Source], n_rows: int, *, are_free: bool = False
) -> tuple[list[str], list[dict[str, float]]]:
    """Return texts and labels of random rows of spaces, each with metrics of its own.

    Args:
        sources: The spaces.
        n_rows: Of each, at most; those of a smaller number are among those of a larger one.
        are_free: Whether labels are `FREE_LABELS` of the texts instead of accuracies.
    """
    texts: list[str] = []
    labels: list[dict[str, float]] = []
    for source in sources:
        rows = read_source(source)
        order = generator(SEED, "pretraining rows", source.space).permutation(
            rows.usable([source.metric])
        )[:n_rows]
        own = rows.texts(order)
        texts += own
        if are_free:
            features = [graph_features(text) for text in own]
            labels += [
                {
                    f"{name}@{source.space}": float(of_text[name])
                    for name in FREE_LABELS
                    if name in of_text  # without a way through there is none to count
                }
                for of_text in features
            ]
        else:
            labels += [{source.own_metric: float(v)} for v in rows.columns[source.metric][order]]
    return texts, labels


def read_source(source: Source) -> SpaceRows:
    """Read the rows of a space.

    Raises:
        DataFolderError: If its file is not there.
        DataFileError: If a file is damaged.
    """
    if not source.file:
        return read_space_rows(source.space, [source.metric])
    path = data_folder() / NDS_FOLDER / source.file
    if not path.is_file():
        message = (
            f"{source.space!r} needs the published file {NDS_FOLDER}/{source.file} of network "
            f"design spaces in the folder NAS_RLM_DATA, but it is not there. Download it (see "
            "arXiv:1905.13214) and put it there."
        )
        raise DataFolderError(message)
    space = get_space(source.space)
    values: dict[tuple[int, ...], list[float]] = {}
    task = source.metric.partition("/")[2]
    for row in read_nds(path, task=task, space=source.space):
        values.setdefault(space.to_genome(row.architecture), []).append(row.metrics[source.metric])
    genomes = np.array(list(values), dtype=np.int64)
    column = np.array([np.mean(own) for own in values.values()])
    return SpaceRows(source.space, genomes, {source.metric: column})
