"""One seed for a run, one independent random stream for each of its components.

A component asks by name, so adding a component, or drawing more numbers in one, never changes
what another draws: that is what makes a resumed run equal an unbroken one. Nothing here touches a
global random state.
"""

import hashlib

import numpy as np

from nas_rlm.errors import ConfigError

MAX_SEED = 2**63 - 1
"""Largest seed that a run accepts."""


def check_seed(seed: int) -> None:
    """Refuse what is no seed of a run.

    Args:
        seed: The seed.

    Raises:
        ConfigError: If it is no integer or not within ``0 <= seed <= MAX_SEED``.
    """
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        message = f"`seed` must be an integer from 0 to {MAX_SEED}, but got {seed!r}."
        raise ConfigError(message)


def generator(seed: int, *component: str | int) -> np.random.Generator:
    """Make the random generator of one component of a run.

    Args:
        seed: Seed of the run, ``0 <= seed <= MAX_SEED``.
        *component: Name of the component and, where it draws once per item, the item, e.g.
            ``"evolution"`` or ``"materialize", 17``.

    Returns:
        A generator that depends on the seed and the names alone.

    Raises:
        ConfigError: If the seed is out of range or no component is named.

    Source:
        `numpy.random.SeedSequence`: streams that differ in the spawn key are independent.

    Example:
        >>> int(generator(0, "split").integers(10**6)) == int(generator(0, "split").integers(10**6))
        True
    """
    return np.random.default_rng(_sequence(seed, component))


def derived_seed(seed: int, *component: str | int) -> int:
    """Derive the seed of a component that wants an integer, such as torch or Optuna.

    Args:
        seed: Seed of the run, ``0 <= seed <= MAX_SEED``.
        *component: As for `generator`.

    Returns:
        An integer in ``[0, 2**32)``, which `torch.manual_seed`, Optuna samplers and
        `numpy.random.RandomState` all accept.

    Raises:
        ConfigError: If the seed is out of range or no component is named.
    """
    return int(_sequence(seed, component).generate_state(1, np.uint32)[0])


def _sequence(seed: int, component: tuple[str | int, ...]) -> np.random.SeedSequence:
    """Seed sequence of one component: the run's seed is the entropy, the names are the key."""
    check_seed(seed)
    if not component:
        message = "A random stream needs the name of its component, but got none."
        raise ConfigError(message)
    name = "\x1f".join(f"{type(part).__name__}:{part}" for part in component)
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype=">u4")
    return np.random.SeedSequence(entropy=seed, spawn_key=tuple(int(word) for word in words))
