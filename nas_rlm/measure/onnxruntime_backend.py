"""Running a model in onnxruntime on the CPU, with fixed options and inputs.

The model must be deployable as it is: weights inside, every input of a fixed shape. Other inputs
are filled from a generator once, outside the timed part.
"""

from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from nas_rlm.errors import MeasurementError

MAX_INPUT_ELEMENTS = 2**28
"""Most numbers that one input may hold, 1 GiB as float32."""

_TYPES: dict[int, Any] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.FLOAT16: np.float16,
    onnx.TensorProto.DOUBLE: np.float64,
    onnx.TensorProto.INT64: np.int64,
    onnx.TensorProto.INT32: np.int32,
    onnx.TensorProto.UINT8: np.uint8,
    onnx.TensorProto.INT8: np.int8,
    onnx.TensorProto.BOOL: np.bool_,
}


class OnnxruntimeModel:
    """One model, loaded and with its inputs, ready for forward passes."""

    def __init__(
        self, model: onnx.ModelProto, *, rng: np.random.Generator, threads: int = 1
    ) -> None:
        """Load a model and draw its inputs.

        Args:
            model: The model with its weights.
            rng: Draws the inputs: normal numbers, or integers from 0 to 1 for integer types.
            threads: Threads that one forward pass may use.

        Raises:
            MeasurementError: If an input has no fixed shape or a type without numbers, or
                onnxruntime refuses the model.
        """
        self._inputs = random_inputs(model, rng)
        options = session_options(threads)
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # onnxruntime's errors share no base class below Exception.
            message = f"onnxruntime cannot load the model: {_first_line(error)}"
            raise MeasurementError(message) from error

    def run(self) -> list[NDArray[Any]]:
        """Do one forward pass.

        Returns:
            Every output.

        Raises:
            MeasurementError: If onnxruntime fails.
        """
        try:
            outputs: list[NDArray[Any]] = self._session.run(None, self._inputs)
        except Exception as error:
            message = f"onnxruntime cannot run the model: {_first_line(error)}"
            raise MeasurementError(message) from error
        return outputs


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """Return the options under which every model is measured.

    Args:
        threads: Threads inside one operator; operators run one after the other.

    Returns:
        The options: every graph optimization, no messages below an error. Denormal numbers are
        left as they are: the option that flushes them changes the arithmetic of the calling
        thread for good, and with it all training that follows in the process.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    return options


def random_inputs(model: onnx.ModelProto, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Draw a value for every input that is not a weight.

    Args:
        model: The model.
        rng: Draws the numbers.

    Returns:
        Input name to array.

    Raises:
        MeasurementError: If an input has no fixed shape, a type without numbers, or too many.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    return {
        value.name: _random_input(value, rng)
        for value in model.graph.input
        if value.name not in weights
    }


def _random_input(value: onnx.ValueInfoProto, rng: np.random.Generator) -> NDArray[Any]:
    """Numbers for one input."""
    tensor = value.type.tensor_type
    if tensor.elem_type not in _TYPES:
        message = f"Input {value.name!r} must be a tensor of numbers, but has another type."
        raise MeasurementError(message)
    sizes = [size.dim_value if size.HasField("dim_value") else 0 for size in tensor.shape.dim]
    if not tensor.HasField("shape") or any(size < 1 for size in sizes):
        message = (
            f"Input {value.name!r} must have a fixed shape, but a dimension is open. "
            "Export the model with fixed sizes, batch included."
        )
        raise MeasurementError(message)
    if np.prod(np.array(sizes, dtype=object)) > MAX_INPUT_ELEMENTS:
        message = (
            f"Input {value.name!r} has shape {sizes}; at most {MAX_INPUT_ELEMENTS} numbers fit."
        )
        raise MeasurementError(message)
    kind = np.dtype(_TYPES[tensor.elem_type])
    if kind.kind == "f":
        return rng.standard_normal(sizes, dtype=np.float32).astype(kind)
    return rng.integers(0, 2, size=sizes).astype(kind)


def _first_line(error: Exception) -> str:
    """The first line of an error of onnxruntime, at most 300 characters."""
    line = str(error).strip().split("\n", 1)[0]
    return line if len(line) <= 300 else line[:297] + "..."
