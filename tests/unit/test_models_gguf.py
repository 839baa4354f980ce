"""GGUF headers: what is read from good ones, and that bad ones end in one error."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import GgufUnusable
from backend.models import read_header

UINT32, FLOAT32, STRING, ARRAY = 4, 6, 8, 9


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def number(key: str, value: int) -> bytes:
    return text(key) + struct.pack("<II", UINT32, value)


def gguf(*entries: bytes) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + b"".join(entries)


QWEN = (
    text("general.architecture") + struct.pack("<I", STRING) + text("qwen2"),
    text("qwen2.rope.freq_base") + struct.pack("<If", FLOAT32, 1e6),
    text("tokenizer.ggml.tokens") + struct.pack("<IIQ", ARRAY, STRING, 2) + text("a") + text("가"),
    number("qwen2.context_length", 32768),
    number("qwen2.embedding_length", 1536),
    number("qwen2.block_count", 28),
    number("qwen2.attention.head_count", 12),
)


def test_reads_what_a_conversation_will_need(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(*QWEN, number("qwen2.attention.head_count_kv", 2)))
    header = read_header(path)
    assert (header.architecture, header.context_train) == ("qwen2", 32768)
    assert header.kv_bytes_per_token == 28 * 2 * (128 + 128) * 2
    assert header.weights_bytes == path.stat().st_size


def test_keys_and_values_of_their_own_width_and_heads_that_differ_by_layer(tmp_path: Path) -> None:
    heads = text("qwen2.attention.head_count_kv") + struct.pack("<IIQIII", ARRAY, UINT32, 3, 1, 4, 2)
    widths = number("qwen2.attention.key_length", 64), number("qwen2.attention.value_length", 32)
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(*QWEN, heads, *widths))
    assert read_header(path).kv_bytes_per_token == 28 * 4 * (64 + 32) * 2


def test_without_grouped_heads_every_head_has_its_own(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(*QWEN))
    assert read_header(path).kv_bytes_per_token == 28 * 12 * 256 * 2


@pytest.mark.parametrize("length", [1 << 30, 1 << 60])
def test_lengths_beyond_reason_are_not_believed(tmp_path: Path, length: int) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(struct.pack("<Q", length)))
    with pytest.raises(GgufUnusable, match="damaged"):
        read_header(path)
    path.write_bytes(gguf(text("key") + struct.pack("<IIQ", ARRAY, UINT32, length)))
    with pytest.raises(GgufUnusable, match="damaged"):
        read_header(path)


@given(st.integers(0, len(gguf(*QWEN)) - 1))
def test_a_header_cut_off_anywhere_is_one_clear_error(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.gguf"
    path.write_bytes(gguf(*QWEN)[:length])
    with pytest.raises(GgufUnusable):
        read_header(path)


@given(st.binary(max_size=200))
def test_any_bytes_after_the_magic_give_a_header_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.gguf"
    path.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + data)
    with pytest.raises(GgufUnusable):
        read_header(path)
