"""Shapes of models: what their weights and their caches of keys and values take of a GPU's memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BYTES_OF = {"float32": 4, "float": 4}  # every other type a cache is kept in takes two


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A model as far as memory is concerned.

    Attributes:
        name: on the hub, or a folder.
        weights_bytes: of its files, which is what the loaded weights take within a few per cent.
        layers, heads, kv_heads, head_size: of its attention; the caches hold `kv_heads` keys and values a layer.
        context_train: longest text it was trained for, tokens.
        cache_element_bytes: of one number in the caches.
    """

    name: str
    weights_bytes: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    context_train: int
    cache_element_bytes: int = 2

    @property
    def kv_bytes_per_token(self) -> int:
        """Keys and values (hence 2) of one token in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_size * self.cache_element_bytes

    def divides_by(self, gpus: int) -> bool:
        """Whether tensor parallelism can spread it over that many GPUs: whole heads go to each, and heads of keys
        are divided or copied evenly."""
        return self.heads % gpus == 0 and (self.kv_heads % gpus == 0 or gpus % self.kv_heads == 0)


def _coder(size: str, weights_bytes: int, attention: tuple[int, int, int, int]) -> ModelShape:
    """A Qwen2.5-Coder; `attention` is layers, heads, heads of keys, size of a head."""
    return ModelShape(f"Qwen/Qwen2.5-Coder-{size}", weights_bytes, *attention, context_train=32_768)


# Sizes of the files and numbers of config.json on the hub. The 3B model's licence forbids commercial use: left out.
CODER_32B = _coder("32B-Instruct", 65_527_900_000, (64, 40, 8, 128))
CODER_32B_AWQ = _coder("32B-Instruct-AWQ", 19_329_000_000, (64, 40, 8, 128))
CODER_7B = _coder("7B-Instruct", 15_231_300_000, (28, 28, 4, 128))
CODER_7B_AWQ = _coder("7B-Instruct-AWQ", 5_570_000_000, (28, 28, 4, 128))
CODER_1_5B = _coder("1.5B-Instruct", 3_087_500_000, (28, 12, 2, 128))
CODER_0_5B = _coder("0.5B-Instruct", 988_100_000, (24, 14, 2, 64))
KNOWN = {shape.name: shape for shape in (CODER_32B, CODER_32B_AWQ, CODER_7B, CODER_7B_AWQ, CODER_1_5B, CODER_0_5B)}


def shape_in(folder: Path, name: str) -> ModelShape | None:
    """The shape of the model that lies in a folder; None when its configuration does not tell."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = [file.stat().st_size for file in folder.iterdir() if file.suffix in (".safetensors", ".bin", ".gguf")]
    except (OSError, ValueError):
        return None
    return read_config(config, name, sum(weights)) if isinstance(config, dict) else None


def read_config(config: Mapping[str, Any], name: str, weights_bytes: int) -> ModelShape | None:
    """The shape that a `config.json` tells; None for an architecture whose caches these numbers do not describe.

    Models that also see or hear keep the numbers of their text part under `text_config`.
    """
    text = config.get("text_config")
    config = text if isinstance(text, dict) else config
    if "kv_lora_rank" in config:  # compressed caches: sized otherwise
        return None
    try:
        heads = int(config["num_attention_heads"])
        return ModelShape(
            name=name,
            weights_bytes=weights_bytes,
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_size=int(config.get("head_dim") or config["hidden_size"] // heads),
            context_train=int(config["max_position_embeddings"]),
            cache_element_bytes=_BYTES_OF.get(str(config.get("dtype", config.get("torch_dtype"))), 2),
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
