"""Many texts read on all cores: other processes read some while this one reads the rest.

Reading is Python and takes a millisecond a text, most of the time of a prediction, so threads do
not help. The processes are those of loky, which starts them without running the main module again,
so that a script needs no guard. They stay for a while, for the next call.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from multiprocessing import current_process
from sys import intern
from threading import Thread
from typing import NamedTuple

from loky import get_reusable_executor
from loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

from surrogates.errors import TextError
from surrogates.inputs.graph_features import READ_FEATURES, Features
from surrogates.inputs.parsed_models import parse_model
from surrogates.inputs.statements import READ_GRAPHS, StatementGraph
from surrogates.inputs.text_memory import N_REMEMBERED, Read
from surrogates.memory import paused_collection

LEAST_TEXTS = 512
"""Fewer are read here, before another process has started."""

CHUNK = 64
"""Texts that a process reads at once."""

_CHUNKS_AHEAD = 2
_MOST_OTHERS = 7  # of about 100 MB each
_IDLE_SECONDS = 60


class _Read(NamedTuple):
    """What is read of a text."""

    graph: StatementGraph
    features: Features


def read_ahead(texts: Sequence[str]) -> None:
    """Read statements and features of texts on as many cores as torch may use, and remember them.

    Nothing is done for few new texts, on one core, or in a process that may not start others. A
    text that cannot be read is left for whoever asks for it, who learns why.

    Args:
        texts: Of more than are remembered the first.
    """
    if len(texts) < LEAST_TEXTS or not _n_others() or current_process().daemon:
        return
    unread = [
        text
        for text in dict.fromkeys(texts)
        if text not in READ_GRAPHS or text not in READ_FEATURES
    ][:N_REMEMBERED]
    if len(unread) < LEAST_TEXTS:
        return
    try:
        executor = _executor()
    except (ImportError, OSError):  # a system without shared semaphores
        return
    try:
        _share(unread, executor)
    except BrokenProcessPool:  # the system ended one; what is not read yet is read when asked for
        return
    except BaseException:
        executor.shutdown(wait=False, kill_workers=True)
        raise


def stop_readers() -> None:
    """End the other processes, which share what texts have in common, as a measurement must."""
    if _n_others():
        _executor().shutdown()


def _n_others() -> int:
    """How many processes may read beside this one."""
    import torch

    return min(torch.get_num_threads() - 1, _MOST_OTHERS)


def _executor() -> ProcessPoolExecutor:
    """The processes, started when work comes."""
    return get_reusable_executor(
        _n_others(), timeout=_IDLE_SECONDS, initializer=_follow, initargs=(os.getpid(),)
    )


def _follow(parent: int) -> None:
    """End with the process that started this one, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _share(texts: Sequence[str], executor: ProcessPoolExecutor) -> None:
    """Keep the other processes busy with chunks and read chunks here meanwhile."""
    rest = deque(texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK))
    given: deque[tuple[Sequence[str], Future[list[_Read | None]]]] = deque()
    have_answered = False
    while rest or given:
        while rest and len(given) < _CHUNKS_AHEAD * _n_others():
            chunk = rest.popleft()
            given.append((chunk, executor.submit(read_chunk, chunk)))
        if given and (given[0][1].done() or (have_answered and not rest)):
            chunk, future = given.popleft()
            found, have_answered = future.result(), True
        else:  # also what was given to processes that are still starting when all else is read
            chunk = rest.popleft() if rest else given.pop()[0]
            found = read_chunk(chunk)
        for text, read in zip(chunk, found, strict=True):
            if read is not None:
                READ_GRAPHS.put(text, _sharing(read.graph))
                READ_FEATURES.put(text, {intern(k): v for k, v in read.features.items()})


def _sharing(graph: StatementGraph) -> StatementGraph:
    """The same graph with statements that are one object in all graphs, as those read here are."""
    return replace(graph, statements=tuple(map(intern, graph.statements)))


def read_chunk(texts: Sequence[str]) -> list[_Read | None]:
    """Read texts; None for one that cannot be.

    All are parsed, which is remembered, then come the statements of all, then the features: that
    takes an eighth less time than text by text (``experiments/speed/reading_speed.py``).
    """
    with paused_collection():
        models = _readable(parse_model, texts)
        graphs = _readable(READ_GRAPHS.read, models)
        features = _readable(READ_FEATURES.read, graphs)
    return [_Read(graphs[text], features[text]) if text in features else None for text in texts]


def _readable(read: Callable[[str], Read], texts: Iterable[str]) -> dict[str, Read]:
    """What is read of every text that is not refused."""
    found = {}
    for text in texts:
        with suppress(TextError):
            found[text] = read(text)
    return found
