"""Chooses what vLLM serves on a GPU and how: model, context, conversations, GPUs, processes. Pure: no I/O.

vLLM takes a share of the GPU's memory for itself (`gpu_memory_utilization`). Weights and a working area come out of
it first and the caches of keys and values get what is left, so the share decides how much text fits. The rest of the
GPU is the embedding server's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from backend.llm.gpu import Gpu
from backend.llm.vllm_models import (
    CODER_0_5B,
    CODER_1_5B,
    CODER_7B,
    CODER_7B_AWQ,
    CODER_32B,
    CODER_32B_AWQ,
    KNOWN,
    ModelShape,
)
from backend.settings import Settings

GIB = 1 << 30
CONTEXTS = (32_768, 16_384, 8_192, 4_096, 2_048)
_ANSWERS = (256, 128, 64, 32, 16, 8)
_TOKENS_OF_AN_ANSWER = 512  # on average, with what it shares with others counted once; vLLM swaps when it is more
# CUDA itself, activations of the largest step and captured graphs, on each GPU. An estimate on the safe side: a start
# that runs out of memory nevertheless is tried again with less.
_WORKING_BYTES = 3 * GIB // 2
_WORKING_SHARE_OF_WEIGHTS = 0.05
_BFLOAT16_FROM = (8, 0)
_LEAST_TOKENS = 8_192  # of all conversations together; with less another model serves people better


class Reason(StrEnum):
    """Why a value was chosen. The texts live with whoever shows them."""

    FITS_120GB = "fits_120gb"
    FITS_40GB = "fits_40gb"
    FITS_24GB = "fits_24gb"
    FITS_16GB = "fits_16gb"
    FITS_8GB = "fits_8gb"
    SMALLEST = "smallest"
    MEMORY_UNKNOWN = "memory_unknown"
    ASKED_FOR = "asked_for"
    ROOM_FOR_THE_ENCODER = "room_for_the_encoder"
    FITS_IN_THE_CACHE = "fits_in_the_cache"
    DOES_NOT_FIT = "does_not_fit"
    SHAPE_UNKNOWN = "shape_unknown"
    NUMBER_OF_GPUS = "number_of_gpus"
    NUMBER_OF_CORES = "number_of_cores"
    WORKED_BEFORE = "worked_before"


@dataclass(frozen=True, slots=True)
class _Tier:
    """What a machine with at least `from_gib` of GPU memory, all GPUs together, is given."""

    from_gib: float
    model: ModelShape
    because: Reason


# A card that is sold with 24 GB reports 22 to 24 GiB, one with 16 GB 15 to 16, one with 80 GB 79 to 80.
TIERS = (
    _Tier(120, CODER_32B, Reason.FITS_120GB),
    _Tier(38, CODER_32B_AWQ, Reason.FITS_40GB),
    _Tier(21, CODER_7B, Reason.FITS_24GB),
    _Tier(11, CODER_7B_AWQ, Reason.FITS_16GB),
    _Tier(7, CODER_1_5B, Reason.FITS_8GB),
    _Tier(0, CODER_0_5B, Reason.SMALLEST),
)


@dataclass(frozen=True, slots=True)
class VllmPlan:
    """How vLLM is started.

    Attributes:
        max_model_len: tokens of one conversation.
        max_num_seqs: answers written at the same time; more wait.
        half: 16-bit numbers of the older kind, for GPUs that do not know bfloat16.
        cache_tokens: tokens of text that fit into the caches, all conversations together; None: not known.
        reasons: why, by the variable that sets the value.
    """

    model: str
    quantization: str
    gpu_memory_utilization: float
    max_model_len: int
    max_num_seqs: int
    tensor_parallel_size: int
    api_servers: int
    half: bool
    cache_tokens: int | None
    reasons: tuple[tuple[str, Reason], ...]

    def reason_of(self, variable: str) -> Reason:
        return dict(self.reasons)[variable]

    def chosen(self) -> tuple[tuple[str, str], ...]:
        """What it sets, as (variable, value)."""
        named = (
            ("VLLM_MODEL", self.model),
            ("VLLM_QUANTIZATION", self.quantization),
            ("VLLM_GPU_MEMORY_UTILIZATION", f"{self.gpu_memory_utilization:g}"),
            ("VLLM_MAX_MODEL_LEN", str(self.max_model_len)),
            ("VLLM_MAX_NUM_SEQS", str(self.max_num_seqs)),
            ("VLLM_TENSOR_PARALLEL_SIZE", str(self.tensor_parallel_size)),
            ("VLLM_API_SERVERS", str(self.api_servers)),
        )
        return tuple((name, value) for name, value in named if value)


def choose_model(gpus: Sequence[Gpu], settings: Settings) -> tuple[str, Reason]:
    """The model to serve and why: the one that is asked for, else the best one the GPUs' memory holds."""
    if settings.llm_model:
        return settings.llm_model, Reason.ASKED_FOR
    memory = _memory_of_each(gpus)
    if memory is None:
        return CODER_1_5B.name, Reason.MEMORY_UNKNOWN
    for tier in TIERS:
        parallel, _ = _parallel(gpus, tier.model, settings)
        tokens = _cache_tokens(memory, _share(memory, settings)[0], parallel, tier.model)
        # Many small cards have the memory together, and not the room on each.
        if memory * parallel >= tier.from_gib * GIB and tokens is not None and tokens >= _LEAST_TOKENS:
            return tier.model.name, tier.because
    return TIERS[-1].model.name, TIERS[-1].because


def next_smaller(model: str) -> ModelShape | None:
    """What to serve where `model` turned out not to fit: the next tier's; None below the last one."""
    names = [tier.model.name for tier in TIERS]
    if model not in names or model == names[-1]:
        return None
    return TIERS[names.index(model) + 1].model


def plan(
    gpus: Sequence[Gpu],
    cores: int,
    settings: Settings,
    *,
    model: str,
    because: Reason,
    shape: ModelShape | None = None,
) -> VllmPlan:
    """Chooses everything that the settings leave open.

    Args:
        cores: processors this process may use.
        model, because: as `choose_model` says.
        shape: of the model's files where these are there; else what is known of the model by its name.
    """
    shape = shape or KNOWN.get(model)
    memory = _memory_of_each(gpus)
    reasons = {"VLLM_MODEL": because, "VLLM_QUANTIZATION": Reason.ASKED_FOR if settings.vllm_quantization else because}
    share, reasons["VLLM_GPU_MEMORY_UTILIZATION"] = _share(memory, settings)
    parallel, reasons["VLLM_TENSOR_PARALLEL_SIZE"] = _parallel(gpus, shape, settings)
    tokens = _cache_tokens(memory, share, parallel, shape)
    length, reasons["VLLM_MAX_MODEL_LEN"] = _length(tokens, shape, settings)
    answers, reasons["VLLM_MAX_NUM_SEQS"] = _at_once(tokens, settings)
    servers = settings.vllm_api_servers or _api_servers(cores)
    reasons["VLLM_API_SERVERS"] = Reason.ASKED_FOR if settings.vllm_api_servers else Reason.NUMBER_OF_CORES
    return VllmPlan(
        model=model,
        quantization=settings.vllm_quantization,
        gpu_memory_utilization=share,
        max_model_len=length,
        max_num_seqs=answers,
        tensor_parallel_size=parallel,
        api_servers=servers,
        half=any(gpu.capability is not None and gpu.capability < _BFLOAT16_FROM for gpu in gpus),
        cache_tokens=tokens,
        reasons=tuple(reasons.items()),
    )


def with_values(chosen: VllmPlan, values: dict[str, str]) -> VllmPlan:
    """The plan with what a start before this one had to lower, by variable."""
    reasons = {**dict(chosen.reasons), **dict.fromkeys(values, Reason.WORKED_BEFORE)}
    return replace(
        chosen,
        gpu_memory_utilization=float(values.get("VLLM_GPU_MEMORY_UTILIZATION", chosen.gpu_memory_utilization)),
        max_model_len=int(values.get("VLLM_MAX_MODEL_LEN", chosen.max_model_len)),
        max_num_seqs=int(values.get("VLLM_MAX_NUM_SEQS", chosen.max_num_seqs)),
        reasons=tuple(reasons.items()),
    )


def _memory_of_each(gpus: Sequence[Gpu]) -> int | None:
    """Of the smallest, because every GPU gets an equal part; None where one does not tell."""
    told = [gpu.memory_bytes for gpu in gpus]
    return None if not told or None in told else min(size for size in told if size is not None)


def _usable(gpus: Sequence[Gpu]) -> int:
    """Models are divided by powers of two."""
    return 1 << (max(1, len(gpus)).bit_length() - 1)


def _share(memory: int | None, settings: Settings) -> tuple[float, Reason]:
    """The embedding server needs about 2.5 GiB: its weights, CUDA itself and a batch of texts.

    So 24 GB leave it 3.6 GB, and smaller cards a larger share.
    """
    if settings.vllm_gpu_memory_utilization is not None:
        return settings.vllm_gpu_memory_utilization, Reason.ASKED_FOR
    if memory is None:
        return 0.7, Reason.MEMORY_UNKNOWN
    steps = ((38, 0.9), (14, 0.85), (11, 0.8), (7, 0.65))
    return next((share for gib, share in steps if memory >= gib * GIB), 0.5), Reason.ROOM_FOR_THE_ENCODER


def _parallel(gpus: Sequence[Gpu], shape: ModelShape | None, settings: Settings) -> tuple[int, Reason]:
    if settings.vllm_tensor_parallel_size is not None:
        return settings.vllm_tensor_parallel_size, Reason.ASKED_FOR
    size = _usable(gpus) if shape is not None else 1
    while shape is not None and not shape.divides_by(size):
        size //= 2
    return size, Reason.NUMBER_OF_GPUS


def _cache_tokens(memory: int | None, share: float, parallel: int, shape: ModelShape | None) -> int | None:
    """Tokens whose keys and values fit beside weights and working area, on all GPUs together."""
    if memory is None or shape is None:
        return None
    working = _WORKING_BYTES + int(_WORKING_SHARE_OF_WEIGHTS * shape.weights_bytes / parallel)
    left = (int(memory * share) - working) * parallel - shape.weights_bytes
    return max(0, left) // shape.kv_bytes_per_token


def _length(tokens: int | None, shape: ModelShape | None, settings: Settings) -> tuple[int, Reason]:
    """The longest step of which two conversations fit at the same time, and the model was trained for."""
    if settings.vllm_max_model_len is not None:
        return settings.vllm_max_model_len, Reason.ASKED_FOR
    trained = shape.context_train if shape is not None else CONTEXTS[0]
    if tokens is None:
        unknown = Reason.SHAPE_UNKNOWN if shape is None else Reason.MEMORY_UNKNOWN
        return min(8_192, trained), unknown
    steps = [step for step in CONTEXTS if step <= trained] or [trained]
    fitting = next((step for step in steps if 2 * step <= tokens), None)
    return (steps[-1], Reason.DOES_NOT_FIT) if fitting is None else (fitting, Reason.FITS_IN_THE_CACHE)


def _at_once(tokens: int | None, settings: Settings) -> tuple[int, Reason]:
    if settings.vllm_max_num_seqs is not None:
        return settings.vllm_max_num_seqs, Reason.ASKED_FOR
    if tokens is None:
        return _ANSWERS[-2], Reason.MEMORY_UNKNOWN
    wanted = tokens // _TOKENS_OF_AN_ANSWER
    return next((step for step in _ANSWERS if step <= wanted), _ANSWERS[-1]), Reason.FITS_IN_THE_CACHE


def _api_servers(cores: int) -> int:
    """One process reads and writes JSON for 1,850 short requests a second on an H200, four for 2,216 (16 cores)."""
    return 4 if cores >= 16 else 2 if cores >= 8 else 1
