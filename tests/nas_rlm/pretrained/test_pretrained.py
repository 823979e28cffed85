"""Where the shipped checkpoint is, and what is said when it is not there."""

from pathlib import Path

import pytest

from nas_rlm import pretrained
from nas_rlm.errors import PretrainedError


def test_the_folder_of_an_installation_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    (tmp_path / "model").mkdir()
    for name in ("manifest.json", "weights.safetensors"):
        with pytest.raises(PretrainedError, match=rf"has no .*{name}.*\. Install nas-rlm again"):
            pretrained.pretrained_folder()
        (tmp_path / "model" / name).write_text("")
    assert pretrained.pretrained_folder() == tmp_path / "model"
