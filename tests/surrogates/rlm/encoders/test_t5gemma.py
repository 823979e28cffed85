"""The T5Gemma encoder: built small, loaded from a folder that the test writes, frozen in part."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from surrogates.errors import SettingsError
from surrogates.rlm.encoders.t5gemma import T5GemmaReader
from surrogates.rlm.encoders.text_bpe import TextTokenizer
from surrogates.rlm.regressor import RlmRegressor
from surrogates.rlm.settings import RlmSettings

SMALL = {"encoder": "t5gemma", "width": 16, "n_layers": 2, "context_length": 512}
SOURCE_WIDTH, SOURCE_LAYERS, SOURCE_VOCABULARY = 24, 3, 290


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole T5Gemma, encoder and decoder, saved with a tokenizer as the hub would hold it."""
    import tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        T5GemmaConfig,
        T5GemmaForConditionalGeneration,
        T5GemmaModuleConfig,
    )

    from tests.surrogates.conftest import conv_chain

    folder = tmp_path_factory.mktemp("t5gemma")
    texts = [conv_chain(n, kernel) for n in range(1, 5) for kernel in (1, 3)]
    learned = TextTokenizer.train(texts, vocabulary_size=SOURCE_VOCABULARY)
    inner = tokenizers.Tokenizer.from_str(learned.to_json())
    PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>").save_pretrained(folder)
    part = {
        "vocab_size": SOURCE_VOCABULARY,
        "hidden_size": SOURCE_WIDTH,
        "intermediate_size": 32,
        "num_hidden_layers": SOURCE_LAYERS,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "attn_logit_softcapping": 50.0,
    }
    config = T5GemmaConfig(
        encoder=T5GemmaModuleConfig(**part),
        decoder=T5GemmaModuleConfig(**part),
        vocab_size=SOURCE_VOCABULARY,
    )
    config._attn_implementation = "eager"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        T5GemmaForConditionalGeneration(config).save_pretrained(folder)
    return folder


def reader_of(source: Path, texts: list[str], **settings: object) -> T5GemmaReader:
    values = {**SMALL, "t5gemma_source": str(source), **settings}
    return T5GemmaReader.learn(texts, RlmSettings(**values))  # type: ignore[arg-type]


def test_a_source_brings_its_weights(source: Path, small_texts: list[str]) -> None:
    from safetensors.torch import load_file

    theirs = load_file(source / "model.safetensors")
    ours = reader_of(source, small_texts).new_network().model.state_dict()
    assert len(ours) > 10 * SOURCE_LAYERS
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[f"model.{name}"]), name


def test_a_source_brings_its_tokens_and_its_softcapping(
    source: Path, small_texts: list[str]
) -> None:
    from transformers import AutoTokenizer

    reader = reader_of(source, small_texts)
    batch = reader.prepare(small_texts).collate([0])
    assert (
        batch.tokens[0].tolist()
        == AutoTokenizer.from_pretrained(source)(small_texts[0])["input_ids"]
    )
    attention = reader.new_network().model.encoder.layers[0].self_attn
    assert attention.attn_logit_softcapping == 50.0
    assert attention.config._attn_implementation == "eager"


def test_what_is_built_here_has_no_softcapping_and_the_set_sizes(small_texts: list[str]) -> None:
    reader = T5GemmaReader.learn(small_texts, RlmSettings(**SMALL))  # type: ignore[arg-type]
    encoder = reader.new_network().model.encoder
    assert encoder.config.hidden_size == 16
    assert len(encoder.layers) == 2
    assert encoder.layers[0].self_attn.attn_logit_softcapping is None


def test_a_built_model_reads_positions_and_no_padding(small_texts: list[str]) -> None:
    torch.manual_seed(0)
    reader = T5GemmaReader.learn(small_texts, RlmSettings(**SMALL))  # type: ignore[arg-type]
    network, prepared = reader.new_network().eval(), reader.prepare(small_texts)
    with torch.inference_mode():
        alone, both = network(prepared.collate([0])), network(prepared.collate([0, 11]))
        length = alone.vectors.shape[1]
        assert both.vectors.shape[1] > length
        assert torch.allclose(both.vectors[:1, :length], alone.vectors, atol=1e-4)
        batch = prepared.collate([0])
        turned = batch._replace(tokens=batch.tokens.flip(1))
        assert not torch.allclose(network(turned).vectors[:, 0], alone.vectors[:, 0], atol=1e-3)


@pytest.mark.parametrize("trainable", [0, 1, SOURCE_LAYERS, None])
def test_only_the_last_layers_are_trained(
    source: Path, small_texts: list[str], trainable: int | None
) -> None:
    network = reader_of(source, small_texts, trainable_layers=trainable).new_network()
    moving = {name for name, p in network.model.named_parameters() if p.requires_grad}
    layers = {int(name.split(".")[2]) for name in moving if name.startswith("encoder.layers.")}
    if trainable is None:
        assert moving == {name for name, _ in network.model.named_parameters()}
    else:
        assert layers == set(range(SOURCE_LAYERS - trainable, SOURCE_LAYERS))
        assert ("encoder.norm.weight" in moving) is (trainable > 0)
        assert "encoder.embed_tokens.weight" not in moving
    assert all(p.requires_grad for p in network.project.parameters())


def test_a_frozen_model_stays_and_its_checkpoint_needs_no_source(
    source: Path, small_texts: list[str], small_labels: list[dict[str, float]], tmp_path: Path
) -> None:
    moved = tmp_path / "source"
    moved.mkdir()
    for file in source.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    quick = {"n_steps": 3, "n_members": 1, "trainable_layers": 0, "t5gemma_source": str(moved)}
    fitted = RlmRegressor(**{**SMALL, **quick}).fit(small_texts, small_labels)
    fitted.save(tmp_path / "model")
    weights = reader_of(moved, small_texts).new_network().model.state_dict()
    for file in moved.iterdir():
        file.unlink()
    loaded = RlmRegressor.load(tmp_path / "model")
    kept = loaded._fitted().members[0].network.parts[0].encoder.model.state_dict()
    assert all(torch.equal(kept[name], weights[name]) for name in weights)
    for metric, before in fitted.predict(small_texts).items():
        after = loaded.predict(small_texts)[metric]
        assert after.probabilities == pytest.approx(before.probabilities, abs=1e-6)


def test_a_source_that_is_not_there_is_refused_in_one_sentence(
    small_texts: list[str], tmp_path: Path
) -> None:
    rule = "`t5gemma_source` must be a model folder, or a hub name .* Download it and name"
    with pytest.raises(SettingsError, match=rule) as caught:
        reader_of(tmp_path / "nothing", small_texts)
    assert "\n" not in str(caught.value)


def test_an_unreachable_hub_is_refused_in_one_sentence(
    small_texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers

    def unreachable(*_: object, **__: object) -> object:
        raise OSError("We couldn't connect to the hub.\nCheck your internet connection.")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", unreachable)
    rule = r"'some/model' cannot be read \(We couldn't connect to the hub\)\. Download it"
    with pytest.raises(SettingsError, match=rule) as caught:
        reader_of(Path("some/model"), small_texts)
    assert "\n" not in str(caught.value)


def test_another_model_is_refused(small_texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(SettingsError, match=r"must be a T5Gemma model, but .* is a 't5'"):
        reader_of(tmp_path, small_texts)


def test_weights_that_are_missing_are_refused(
    source: Path, small_texts: list[str], tmp_path: Path
) -> None:
    for file in source.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    reader = reader_of(tmp_path, small_texts)
    with pytest.raises(SettingsError, match="cannot be read"):
        reader.new_network()


@pytest.mark.parametrize("config", [{}, {"hidden_size": "x"}, {"num_attention_heads": 0}])
def test_a_config_of_no_model_is_a_value_error(
    small_texts: list[str], config: dict[str, object]
) -> None:
    reader = T5GemmaReader.learn(small_texts, RlmSettings(**SMALL))  # type: ignore[arg-type]
    state = reader.to_json()
    damaged = {**state, "config": config and {**state["config"], **config}}
    with pytest.raises(ValueError, match="no T5Gemma is of this config"):
        T5GemmaReader.from_json(damaged, RlmSettings(**SMALL)).new_network()  # type: ignore[arg-type]


def test_more_trainable_layers_than_there_are_are_refused(
    source: Path, small_texts: list[str]
) -> None:
    with pytest.raises(SettingsError, match="at most the 3 layers there are, but got 4"):
        reader_of(source, small_texts, trainable_layers=4)


def test_the_other_encoders_never_load_transformers() -> None:
    probe = (
        "import sys, surrogates.rlm.regressor, surrogates.rlm.encoders.sequence, "
        "surrogates.rlm.encoders.t5gemma, surrogates.rlm.encoders.dataflow_reader; "
        "print('transformers' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.split() == ["False", "True"]
