"""Makes a folder that vLLM serves of a GGUF: `python -m tests.vllm.make_model GGUF FOLDER`, in vLLM's environment.

vLLM 0.32 reads GGUF on a GPU only; dequantised and saved anew the same small model is served everywhere.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig


def make(gguf: Path, folder: Path) -> None:
    """Does nothing when it is there; it is there whole or not at all."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as made:
        source = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
        model = AutoModelForCausalLM.from_pretrained(
            **source, quantization_config=GgufConfig(dequantize=True), dtype="bfloat16"
        )
        model.save_pretrained(Path(made) / "model")
        AutoTokenizer.from_pretrained(**source).save_pretrained(Path(made) / "model")
        (Path(made) / "model").rename(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
