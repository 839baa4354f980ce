"""What a start on a GPU says: what was found, what was chosen and why."""

from typing import Final

from backend.errors import Text
from backend.llm.gpu import Gpu
from backend.llm.vllm_plan import Reason

PAGE_FIRST = Text("화면이 열렸습니다: {url}", "The page is open: {url}")
ENGINE_FOLLOWS = Text(
    "모델은 이어서 준비합니다. 여기서 Ctrl-C를 눌러도 계속되고, 화면에서도 볼 수 있습니다.",
    "The model follows. Ctrl-C here does not stop it, and the page shows it as well.",
)
ENGINE = Text("모델", "model")
ENGINE_READY = Text("모델이 답할 준비가 되었습니다: {model}", "The model is ready to answer: {model}")
LOWERED = Text("낮춘 설정: {setting} {before} → {after}", "lowered: {setting} {before} → {after}")
CHOSEN = Text("고른 모델: {model} ({because})", "chosen: {model} ({because})")
OVERRIDE = Text(
    "다르게 하려면 환경 변수나 .env에 적으세요: docs/configuration.md", "To override, set them: docs/configuration.md"
)
NO_GPU = Text("nvidia-smi가 GPU를 보여 주지 않습니다.", "nvidia-smi shows no GPU.")

# Of the choice of a model; the console has words of its own.
REASONS: Final[dict[Reason, Text]] = {
    Reason.FITS_120GB: Text(
        "GPU 메모리 120GB 이상: 32B 모델을 양자화하지 않고", "120 GB of GPU memory or more: the 32B model as it is"
    ),
    Reason.FITS_40GB: Text(
        "GPU 메모리 40~80GB: 4비트로 양자화한 32B 모델", "40 to 80 GB of GPU memory: the 32B model, quantised to 4 bits"
    ),
    Reason.FITS_24GB: Text(
        "GPU 메모리 24GB: 7B 모델과 임베딩 서버의 자리", "24 GB of GPU memory: the 7B model and room for the encoder"
    ),
    Reason.FITS_16GB: Text(
        "GPU 메모리 12~16GB: 4비트로 양자화한 7B 모델", "12 to 16 GB of GPU memory: the 7B model, quantised to 4 bits"
    ),
    Reason.FITS_8GB: Text("GPU 메모리 8GB: 1.5B 모델", "8 GB of GPU memory: the 1.5B model"),
    Reason.SMALLEST: Text("GPU 메모리가 적음: 가장 작은 모델", "little GPU memory: the smallest model"),
    Reason.MEMORY_UNKNOWN: Text(
        "GPU가 메모리 크기를 알려 주지 않음: 작은 쪽으로", "the GPU does not tell its memory: on the small side"
    ),
    Reason.ASKED_FOR: Text("설정에 적힌 대로", "as the settings say"),
}


def reason_text(code: str) -> Text:
    """A reason by its code; the code itself for one that this version does not know."""
    known = {str(reason): text for reason, text in REASONS.items()}
    return known.get(code, Text(code, code))


def gpu_line(gpus: tuple[Gpu, ...]) -> str:
    """`2 × NVIDIA L40S · 45 GiB · driver 580.65.06`: numbers and names, the same in every language."""
    first = gpus[0]
    memory = f"{first.memory_bytes / (1 << 30):.0f} GiB" if first.memory_bytes is not None else "? GiB"
    count = f"{len(gpus)} × " if len(gpus) > 1 else ""
    return f"GPU: {count}{first.name} · {memory} · driver {first.driver or '?'}"
