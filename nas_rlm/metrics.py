"""Names of metrics: what is measured, in which unit, and which direction is better.

A name is a quantity, which carries its unit, and for most quantities a slash and the task or the
device: ``accuracy_percent/cifar10``, ``latency_ms/local``, ``params``. Directions live here and
nowhere else: inside, every objective is minimized, and `to_objectives` and `from_objectives` are
the two places where the sign changes.
"""

import enum
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_rlm.errors import ArrayError, UnknownMetricError, suggest


class Direction(enum.StrEnum):
    """Which values of a metric are better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @property
    def sign(self) -> int:
        """Factor from a value to its minimized objective: 1 or -1."""
        return 1 if self is Direction.MINIMIZE else -1


class Qualifier(enum.StrEnum):
    """What stands behind the slash of a metric name."""

    NOTHING = "nothing"
    TASK = "task"
    DEVICE = "device"


@dataclass(frozen=True)
class Quantity:
    """A kind of number, before task or device are named."""

    name: str
    unit: str
    """Unit as printed in tables; ``"1"`` for plain counts."""
    direction: Direction
    qualifier: Qualifier
    meaning: str
    highest: float = math.inf
    """No value is above; and none of any quantity is below 0."""


@dataclass(frozen=True)
class Metric:
    """One metric as it appears in labels, predictions and tables."""

    name: str
    """Full name, e.g. ``latency_ms/pixel3``."""
    unit: str
    direction: Direction
    quantity: str
    """The part before the slash."""
    target: str | None = None
    """The task or the device behind the slash; None where the quantity has neither."""

    @property
    def is_latency(self) -> bool:
        """Whether the metric is a time on a device."""
        return self.quantity == "latency_ms"

    @property
    def is_accuracy(self) -> bool:
        """Whether the metric is a share of right answers on a task."""
        return self.quantity == "accuracy_percent"

    def __str__(self) -> str:
        return self.name


LOCAL_DEVICE = "local"
"""The machine that the program runs on."""

QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity(
            "accuracy_percent",
            "%",
            Direction.MAXIMIZE,
            Qualifier.TASK,
            "validation accuracy after training, 0 to 100",
            highest=100.0,
        ),
        Quantity(
            "latency_ms",
            "ms",
            Direction.MINIMIZE,
            Qualifier.DEVICE,
            "time of one forward pass",
        ),
        Quantity(
            "energy_mj",
            "mJ",
            Direction.MINIMIZE,
            Qualifier.DEVICE,
            "energy of one forward pass",
        ),
        Quantity(
            "train_seconds",
            "s",
            Direction.MINIMIZE,
            Qualifier.TASK,
            "time that the benchmark reports for its training",
        ),
        Quantity("params", "1", Direction.MINIMIZE, Qualifier.NOTHING, "number of parameters"),
        Quantity(
            "macs",
            "1",
            Direction.MINIMIZE,
            Qualifier.NOTHING,
            "multiply-adds of one forward pass; 1 MAC is 2 FLOPs",
        ),
        Quantity(
            "activations",
            "1",
            Direction.MINIMIZE,
            Qualifier.NOTHING,
            "numbers that all operators of one forward pass put out",
        ),
    )
}

TASKS = (
    "cifar10",
    "cifar100",
    "imagenet16",
    "imagenet",
    "cifar10_test",
    "cifar100_test",
    "imagenet16_test",
    "cifar10_4epochs",
    "cifar10_12epochs",
    "cifar10_36epochs",
    "cifar10_108epochs",
    "cifar10_surrogate",
    "cifar10_shared_weights",
)
"""Tasks with published accuracies; the last two are not of networks trained from scratch."""

_BATCHED_GPUS = ("1080ti", "2080ti", "titan_rtx", "titanx", "titanxp", "v100")
DEVICES = (
    LOCAL_DEVICE,
    *(f"{gpu}_{batch}" for gpu in _BATCHED_GPUS for batch in (1, 32, 64, 256)),
    "essential_ph_1",
    "fpga",
    "eyeriss",
    "raspi4",
    "edgegpu",
    "edgetpu",
    "gold_6226",
    "gold_6240",
    "pixel2",
    "pixel3",
    "samsung_a50",
    "samsung_s7",
    "silver_4114",
    "silver_4210r",
    "nnmeter_cpu",
    "nnmeter_gpu",
    "nnmeter_gpu1",
    "nnmeter_vpu",
)
"""Devices with published latencies, and this machine; a GPU's name ends with the batch size."""

_TARGET = re.compile(r"[a-z0-9][a-z0-9_]*")


@dataclass(frozen=True)
class MetricRegistry:
    """The metrics that may be named; a user's own devices and tasks make a new registry."""

    tasks: tuple[str, ...] = TASKS
    devices: tuple[str, ...] = DEVICES
    quantities: Mapping[str, Quantity] = field(default_factory=lambda: dict(QUANTITIES))

    @property
    def names(self) -> tuple[str, ...]:
        """Every full metric name, in the order of quantities, tasks and devices."""
        return tuple(
            name
            for quantity in self.quantities.values()
            for name in (
                (quantity.name,)
                if quantity.qualifier is Qualifier.NOTHING
                else tuple(f"{quantity.name}/{target}" for target in self._targets(quantity))
            )
        )

    def with_devices(self, *devices: str) -> Self:
        """Return a registry that also knows these devices.

        Raises:
            UnknownMetricError: If a name is not made of lower-case letters, digits and ``_``.
        """
        return type(self)(self.tasks, _extended(self.devices, devices, "device"), self.quantities)

    def with_tasks(self, *tasks: str) -> Self:
        """Return a registry that also knows these tasks.

        Raises:
            UnknownMetricError: If a name is not made of lower-case letters, digits and ``_``.
        """
        return type(self)(_extended(self.tasks, tasks, "task"), self.devices, self.quantities)

    def parse(self, name: str) -> Metric:
        """Look a metric up by its full name.

        Args:
            name: E.g. ``accuracy_percent/cifar10``; nothing is guessed or aliased.

        Returns:
            The metric.

        Raises:
            UnknownMetricError: If the quantity, task or device is not known; the message names
                near matches.
        """
        head, slash, target = name.partition("/")
        quantity = self.quantities.get(head)
        if quantity is None:
            known = [*self.quantities, *self.names]
            hint = suggest(name if slash else head, known, kind="metrics")
            message = f"Unknown metric {name!r}. {hint}"
            raise UnknownMetricError(message)
        if quantity.qualifier is Qualifier.NOTHING:
            if slash:
                message = (
                    f"Metric {head!r} has no task or device, but got {name!r}. Write {head!r}."
                )
                raise UnknownMetricError(message)
            return Metric(head, quantity.unit, quantity.direction, head)
        noun = quantity.qualifier.value
        targets = self._targets(quantity)
        if not target:
            message = (
                f"Metric {head!r} needs a {noun} behind a slash, but got {name!r}. "
                f"Write for example '{head}/{targets[0]}'."
            )
            raise UnknownMetricError(message)
        if target not in targets:
            hint = suggest(target, targets, kind=f"{noun}s")
            message = f"Unknown {noun} {target!r} in metric {name!r}. {hint}"
            raise UnknownMetricError(message)
        return Metric(name, quantity.unit, quantity.direction, head, target)

    def _targets(self, quantity: Quantity) -> tuple[str, ...]:
        """Tasks or devices that may stand behind the slash."""
        return self.tasks if quantity.qualifier is Qualifier.TASK else self.devices


METRICS = MetricRegistry()
"""The registry with the published tasks and devices."""


def parse_metric(name: str) -> Metric:
    """Look a metric up in the registry of published tasks and devices.

    Raises:
        UnknownMetricError: If the metric is not known.

    Example:
        >>> parse_metric("latency_ms/pixel3").direction.value
        'minimize'
    """
    return METRICS.parse(name)


def to_objectives(values: ArrayLike, metrics: Sequence[Metric]) -> NDArray[np.float64]:
    """Turn metric values into objectives that are all minimized.

    Args:
        values: Shape ``(n, m)``, column j in the unit of metric j; NaN stays NaN.
        metrics: The m metrics.

    Returns:
        Shape ``(n, m)``, a new array.

    Raises:
        ArrayError: If the number of columns is not the number of metrics.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != len(metrics):
        message = (
            f"`values` must have shape (n, {len(metrics)}), one column per metric, "
            f"but got shape {array.shape}."
        )
        raise ArrayError(message)
    signs = np.array([metric.direction.sign for metric in metrics], dtype=np.float64)
    return array * signs + 0.0  # adding zero turns -0.0 into 0.0


def from_objectives(objectives: ArrayLike, metrics: Sequence[Metric]) -> NDArray[np.float64]:
    """Turn minimized objectives back into metric values; the inverse of `to_objectives`.

    Args:
        objectives: Shape ``(n, m)``.
        metrics: The m metrics.

    Returns:
        Shape ``(n, m)``, column j in the unit of metric j.

    Raises:
        ArrayError: If the number of columns is not the number of metrics.
    """
    return to_objectives(objectives, metrics)


def _extended(known: tuple[str, ...], new: tuple[str, ...], noun: str) -> tuple[str, ...]:
    """The known names and the new ones, each once, after a check of their spelling."""
    for name in new:
        if not _TARGET.fullmatch(name):
            message = (
                f"A {noun} name must be lower-case letters, digits and '_', but got {name!r}. "
                "Rename it, for example 'pixel9'."
            )
            raise UnknownMetricError(message)
    return tuple(dict.fromkeys((*known, *new)))
