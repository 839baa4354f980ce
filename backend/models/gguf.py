"""Reads the header of a GGUF file: enough to tell that it is one, and how much memory a conversation will need.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (little endian, versions 2 and 3).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from backend.errors import GgufUnusable

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_ENTRIES = 10_000
_MAX_STRING = 1 << 24
_MAX_ITEMS = 1 << 24
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9

_Value = int | float | bool | str


@dataclass(frozen=True)
class GgufHeader:
    """What the header tells.

    Attributes:
        architecture: e.g. `qwen2`.
        context_train: tokens of context the model was trained for.
        kv_bytes_per_token: bytes one token takes in an f16 cache of keys and values, all layers together.
        weights_bytes: size of the file.
    """

    architecture: str
    context_train: int
    kv_bytes_per_token: int
    weights_bytes: int


def read_header(path: Path) -> GgufHeader:
    """Reads the header.

    Raises:
        GgufUnusable: the file is missing, cannot be read, is not a GGUF, or describes no language model.
    """
    try:
        with path.open("rb") as file:
            fields = _fields(file)
        size = path.stat().st_size
    except FileNotFoundError:
        raise GgufUnusable(path=path, reason="there is no such file") from None
    except IsADirectoryError:
        raise GgufUnusable(path=path, reason="it is a folder") from None
    except OSError as error:
        raise GgufUnusable(path=path, reason=error.strerror or str(error)) from None
    except (_NotGguf, struct.error, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, _NotGguf) else "its header is cut off or damaged"
        raise GgufUnusable(path=path, reason=reason) from None
    try:
        return _header(fields, size)
    except (KeyError, ZeroDivisionError):
        raise GgufUnusable(path=path, reason="its header does not describe a language model") from None


class _NotGguf(Exception):
    pass


def _header(fields: Mapping[str, _Value], size: int) -> GgufHeader:
    architecture = str(fields["general.architecture"])

    def number(key: str, default: int | None = None) -> int:
        value = fields.get(f"{architecture}.{key}", default)
        if value is None:
            raise KeyError(key)
        return int(value)

    heads = number("attention.head_count")
    head_width = number("embedding_length") // heads
    kv_heads = number("attention.head_count_kv", heads)
    width = number("attention.key_length", head_width) + number("attention.value_length", head_width)
    return GgufHeader(
        architecture=architecture,
        context_train=number("context_length"),
        kv_bytes_per_token=number("block_count") * kv_heads * width * 2,
        weights_bytes=size,
    )


def _fields(file: BinaryIO) -> dict[str, _Value]:
    if file.read(4) != _MAGIC:
        raise _NotGguf("it is not a GGUF file (it does not begin with `GGUF`)")
    version, _tensors, entries = struct.unpack("<IQQ", file.read(20))
    if version not in _VERSIONS:
        raise _NotGguf(f"it is a GGUF of version {version}; {' and '.join(map(str, _VERSIONS))} can be read")
    if entries > _MAX_ENTRIES:
        raise _NotGguf("its header is damaged")
    fields: dict[str, _Value] = {}
    for _ in range(entries):
        key = _string(file)
        value = _value(file, *struct.unpack("<I", file.read(4)))
        if value is not None:
            fields[key] = value
    return fields


def _value(file: BinaryIO, kind: int) -> _Value | None:
    """One value; of an array the largest number (layers may differ), and nothing of an array of strings."""
    if kind in _SCALARS:
        (scalar,) = struct.unpack(_SCALARS[kind], file.read(struct.calcsize(_SCALARS[kind])))
        return scalar  # type: ignore[no-any-return]
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        raise _NotGguf("its header is damaged")
    item, count = struct.unpack("<IQ", file.read(12))
    if item == _STRING:
        for _ in range(count):
            _string(file)
        return None
    if item not in _SCALARS:
        raise _NotGguf("its header has a form that is not supported")
    if count > _MAX_ITEMS:
        raise _NotGguf("its header is damaged")
    data = file.read(count * struct.calcsize(_SCALARS[item]))
    return max((number for (number,) in struct.iter_unpack(_SCALARS[item], data)), default=None)


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _MAX_STRING:
        raise _NotGguf("its header is damaged")
    data = file.read(length)
    if len(data) != length:
        raise _NotGguf("its header is cut off")
    return data.decode(errors="replace")
