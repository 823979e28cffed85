"""The checkpoint that comes with the package: a surrogate trained on published benchmarks.

``model/`` is a checkpoint folder as every surrogate writes it; ``MODEL_CARD.md`` beside it says what
it was trained on, what it knows and what it does not. Commands use it where no ``--model`` is
named.
"""

from pathlib import Path

from nas_rlm.errors import PretrainedError
from surrogates.checkpoint import MANIFEST

FOLDER = Path(__file__).resolve().parent
"""Where the checkpoint and its card are."""


def pretrained_folder() -> Path:
    """Return the folder of the shipped checkpoint.

    Raises:
        PretrainedError: If it is missing from this installation.
    """
    folder = FOLDER / "model"
    if not (folder / MANIFEST).is_file():
        message = (
            f"The shipped checkpoint is not part of this installation: {str(folder)!r} has no "
            f"{MANIFEST}. Install nas-rlm again, or name a checkpoint that `nas-rlm train` wrote."
        )
        raise PretrainedError(message)
    return folder


def checkpoint_folder(model: Path | None) -> Path:
    """Return the folder of the checkpoint that is named, of the shipped one when None.

    Raises:
        PretrainedError: If the shipped one is wanted and missing from this installation.
    """
    return pretrained_folder() if model is None else model
