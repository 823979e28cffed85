"""Published tables in their own formats, brought to the CSV file that ``nas-rlm train`` reads."""

from collections.abc import Callable
from pathlib import Path

import search_spaces
from nas_rlm.benchmark.architecture_table import ArchitectureTable
from nas_rlm.benchmark.untrusted_files import check_sha256
from nas_rlm.errors import BenchmarkError, suggest


def _nats_bench(path: Path, space: str | None) -> ArchitectureTable:
    """An export of NAS-Bench-201 or NATS-Bench."""
    from nas_rlm.benchmark.nats_bench import SPACE, read_nats_bench

    _expect(space, (SPACE,))
    return read_nats_bench(path)


def _hw_nas_bench(path: Path, space: str | None) -> ArchitectureTable:
    """An export of HW-NAS-Bench."""
    from nas_rlm.benchmark.hw_nas_bench import SPACES, read_hw_nas_bench

    own = _expect(space, tuple(SPACES.values()))
    (data_set,) = (key for key, value in SPACES.items() if value == own)
    return read_hw_nas_bench(path, data_set=data_set)


def _help(path: Path, space: str | None) -> ArchitectureTable:
    """A folder of HELP."""
    from nas_rlm.benchmark.help_latency import SPACES, read_help

    return read_help(path, _expect(space, SPACES))


def _nds(path: Path, space: str | None) -> ArchitectureTable:
    """A file of network design spaces."""
    from nas_rlm.benchmark.nds import read_nds

    names = tuple(name for name in search_spaces.SPACES if name.startswith("nds_"))
    own = search_spaces.get_space(_expect(space, names, needs_name=True))
    rows = read_nds(path, space=own.name)
    return ArchitectureTable(
        own.name,
        tuple(own.format(row.architecture) for row in rows),
        tuple(row.metrics for row in rows),
    )


FORMATS: dict[str, Callable[[Path, str | None], ArchitectureTable]] = {
    "nats-bench": _nats_bench,
    "hw-nas-bench": _hw_nas_bench,
    "help": _help,
    "nds": _nds,
}
"""Name of a format to its reader; add a new one here."""


def read_table(
    form: str, path: Path, *, space: str | None = None, sha256: str | None = None
) -> ArchitectureTable:
    """Read a published table.

    Args:
        form: A key of `FORMATS`.
        path: The file, or the folder for ``help``.
        space: Search space of the rows; None for the first that the format has.
        sha256: Checksum that the file must have, 64 hexadecimal digits; None for any.

    Returns:
        The rows.

    Raises:
        BenchmarkError: If format or space are unknown, or the table is refused, its checksum too.
        DataFileError: If a file of network design spaces is refused.
    """
    if form not in FORMATS:
        message = f"Unknown format {form!r}. {suggest(form, FORMATS, kind='formats')}"
        raise BenchmarkError(message)
    if sha256 is not None:
        check_sha256(path, sha256)
    return FORMATS[form](path, space)


def _expect(space: str | None, spaces: tuple[str, ...], *, needs_name: bool = False) -> str:
    """Return the space that is meant."""
    if space is None and not needs_name:
        return spaces[0]
    if space not in spaces:
        if space is None:
            problem = "The file does not say of which space its rows are; name it with --space."
        else:
            problem = f"This format has no rows of space {space!r}."
        message = f"{problem} {suggest(space or '', spaces, kind='spaces')}"
        raise BenchmarkError(message)
    return space
