"""Encoders with random weights, for benchmarks and tests: the arithmetic of a real one without its download.

Everything that needs torch is imported inside, so that the rest of the tests runs without it.
"""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

Family = Literal["xlm-roberta", "roberta", "bert", "distilbert"]


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a transformer. `floating_point_operations` is the arithmetic of its matrix products."""

    family: Family = "xlm-roberta"
    vocabulary: int = 2000
    width: int = 64
    layers: int = 3
    heads: int = 4
    inner: int = 128
    positions: int = 514
    max_tokens: int = 128

    @property
    def operations_per_token(self) -> int:
        """Multiplications and additions; attention's own, which grows with the length, is left out."""
        return 2 * self.layers * (4 * self.width**2 + 2 * self.width * self.inner)


KURE = Shape(vocabulary=250_002, width=1024, layers=24, heads=16, inner=4096, positions=8194, max_tokens=512)
SMALL = Shape(vocabulary=16_000, width=128, layers=4, heads=4, inner=512)


class Words:
    """Made-up Hangul words in the frequencies of a language (Zipf), the same ones for the same seed."""

    def __init__(self, seed: int = 0, count: int = 20_000) -> None:
        chooser = random.Random(seed)
        syllables = [chr(0xAC00 + chooser.randrange(11_172)) for _ in range(1500)]
        self._words = ["".join(chooser.choice(syllables) for _ in range(chooser.randint(1, 4))) for _ in range(count)]
        frequencies = 1 / np.arange(1, count + 1)
        self._frequencies = frequencies / frequencies.sum()
        self._numbers = np.random.default_rng(seed)

    def text(self, words: int) -> str:
        """A text of that many words."""
        return " ".join(self._words[i] for i in self._numbers.choice(len(self._words), words, p=self._frequencies))

    def passages(self, count: int) -> list[str]:
        """Texts of 5 to 400 words, most of them short, as the passages of documents are."""
        lengths = np.clip(self._numbers.lognormal(4.3, 0.6, count), 5, 400).astype(int)
        return [self.text(length) for length in lengths]


def save_encoder(
    folder: Path,
    shape: Shape = SMALL,
    *,
    pooling: str = "cls",
    normalize: bool = True,
    dense: int = 0,
    prompts: dict[str, str] | None = None,
    words: Words | None = None,
) -> Path:
    """Writes a sentence-transformers model with random weights; the folder can be given as a model's name."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    bare = folder / "bare"
    _transformer(shape).save_pretrained(bare)
    _tokenizer(shape, words or Words(count=2000)).save_pretrained(bare)
    transformer = modules.Transformer(str(bare), max_seq_length=shape.max_tokens)
    parts: list[Any] = [transformer, modules.Pooling(shape.width, pooling_mode=pooling)]
    if dense:
        from sentence_transformers.base.modules import Dense

        parts.append(Dense(shape.width, dense))
    if normalize:
        from sentence_transformers.base.modules import Normalize

        parts.append(Normalize())
    SentenceTransformer(modules=parts, prompts=prompts, device="cpu").save(str(folder / "model"))
    return folder / "model"


def _transformer(shape: Shape) -> Any:
    import transformers

    common = {"vocab_size": shape.vocabulary, "max_position_embeddings": shape.positions}
    if shape.family == "distilbert":
        settings = transformers.DistilBertConfig(
            dim=shape.width, n_layers=shape.layers, n_heads=shape.heads, hidden_dim=shape.inner, **common
        )
        return transformers.DistilBertModel(settings)
    kind = {"xlm-roberta": "XLMRoberta", "roberta": "Roberta", "bert": "Bert"}[shape.family]
    settings = getattr(transformers, f"{kind}Config")(
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        type_vocab_size=2 if shape.family == "bert" else 1,
        pad_token_id=0 if shape.family == "bert" else 1,
        initializer_range=0.1,  # far from all texts being nearly the same, as with the usual .02
        **common,
    )
    return getattr(transformers, f"{kind}Model")(settings)


def _tokenizer(shape: Shape, words: Words) -> Any:
    """Trained on the made-up words, with the special tokens in the places the family has them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    names = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"] if shape.family in ("bert", "distilbert") else []
    pad, begin, end, unknown = names or ["<pad>", "<s>", "</s>", "<unk>"]
    special = [pad, begin, end, unknown] if names else [begin, pad, end, unknown]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    size = min(shape.vocabulary, 16_000)
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token=unknown, show_progress=False)
    tokenizer.train_from_iterator((words.text(60) for _ in range(size // 3)), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(begin, special.index(begin)), (end, special.index(end))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=begin, eos_token=end, cls_token=begin, sep_token=end, pad_token=pad, unk_token=unknown,
        model_max_length=shape.max_tokens,
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
