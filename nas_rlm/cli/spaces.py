"""`nas-rlm spaces`: what can be searched."""

from nas_rlm.cli.output import JsonOption, SeedOption, print_json, print_table

COLUMNS = ("name", "size", "genes", "statements", "characters", "source")


def spaces(json: JsonOption = False, seed: SeedOption = 0) -> None:
    """List the search spaces."""
    from dataclasses import asdict

    from nas_rlm.space_facts import space_facts
    from search_spaces import SPACES

    facts = [space_facts(name, seed=seed) for name in SPACES]
    if json:
        print_json({"seed": seed, "spaces": [asdict(fact) for fact in facts]})
        return
    print_table(
        COLUMNS,
        [
            (
                fact.name,
                _size(fact.size),
                fact.genes,
                fact.statements,
                fact.characters,
                fact.source,
            )
            for fact in facts
        ],
    )


def _size(size: int) -> str:
    """Return a size in full while it can be read, as a power of ten beyond."""
    return f"{size:,}" if size < 10**9 else f"{size:.1e}"
