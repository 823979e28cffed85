"""Channel counts rounded to a multiple, as MobileNets and once-for-all networks round them.

Source:
    ``make_divisible`` of https://github.com/mit-han-lab/once-for-all
    (``ofa/utils/pytorch_modules.py``), which has it from the TensorFlow MobileNet.
"""

__all__ = ["make_divisible"]


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round to the nearest multiple of `divisor`, halves up; never below 90 % of `channels`.

    Args:
        channels: Wanted number of channels, positive.
        divisor: The result is a multiple of it and at least this.

    Example:
        >>> make_divisible(20), make_divisible(11), make_divisible(41.6)
        (24, 16, 40)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
