"""Parameters and mult-adds of a GENNAPE network, summed layer by layer without a graph.

Parameters are those of the PyTorch model: two vectors for every BatchNorm, whether convolution or
pool comes before it. Mult-adds: products of convolutions and of the classifier, nothing else.
"""

from search_spaces.counts import Counts

__all__ = ["Tally"]


class Tally:
    """A running total.

    Args:
        has_bias: Whether convolutions have a bias beside the BatchNorm (family ``inception``).
    """

    def __init__(self, *, has_bias: bool = False) -> None:
        self.has_bias = has_bias
        self.parameters = 0
        self.mult_adds = 0
        self.activations = 0

    def conv(
        self, c_in: int, c_out: int, area: int, height: int, width: int | None = None
    ) -> None:
        """Add a convolution and its BatchNorm.

        Args:
            c_in: Input channels of a filter: 1 for a depthwise convolution.
            c_out: Number of filters.
            area: Pixels of a filter.
            height: Height of the result.
            width: Width of the result, if it is another.
        """
        pixels = height * (height if width is None else width)
        weights = c_in * c_out * area
        self.parameters += weights + 2 * c_out + self.has_bias * c_out
        self.mult_adds += weights * pixels
        self.activations += c_out * pixels

    def bare_conv(self, c_in: int, c_out: int, height: int) -> None:
        """Add a 1x1 convolution without bias and BatchNorm."""
        self.parameters += c_in * c_out
        self.mult_adds += c_in * c_out * height * height
        self.activations += c_out * height * height

    def norm(self, channels: int) -> None:
        """Add a BatchNorm behind a pool."""
        self.parameters += 2 * channels

    def linear(self, c_in: int, c_out: int) -> None:
        """Add the classifier."""
        self.parameters += (c_in + 1) * c_out
        self.mult_adds += c_in * c_out
        self.activations += c_out

    def counts(self) -> Counts:
        """Return the totals."""
        return Counts(self.parameters, self.mult_adds, self.activations)
