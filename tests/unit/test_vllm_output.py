"""What vLLM writes when it cannot start, in the words of its present and earlier releases."""

import pytest

from backend.llm.vllm_output import Output, Shortage, out_of_memory

PREFIX = "(EngineCore pid=412) ERROR 11-20 09:12:01 [core.py:1510] "


OCCUPIED = "on startup is less than desired GPU memory utilization (0.9, 14.39 GiB). Decrease GPU memory utilization"
TOO_SMALL = (
    "ValueError: To serve at least one request with the model's max seq len (32768), (1.75 GiB KV cache is needed, "
    "which is larger than the available KV cache memory (1.2 GiB). Based on the available memory, the estimated "
    "maximum model length is 22448. Try increasing `gpu_memory_utilization`"
)
TOO_SMALL_BEFORE = (
    "ValueError: The model's max seq len (32768) is larger than the maximum number of tokens that can be stored in KV "
    "cache (9456). Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine."
)
NO_CACHE = "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"
WARMING_UP = "RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests."
TORCH = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB"
)


@pytest.mark.parametrize(
    ("sentence", "shortage", "longest", "free"),
    [
        (
            f"ValueError: Free memory on device cuda:0 (3.25/23.43 GiB) {OCCUPIED}",
            Shortage.OCCUPIED,
            None,
            3.25 / 23.43,
        ),
        (f"ValueError: Free memory on device (14.1/15.98 GiB) {OCCUPIED}", Shortage.OCCUPIED, None, 14.1 / 15.98),
        (TOO_SMALL, Shortage.CACHE_TOO_SMALL, 22_448, None),
        (TOO_SMALL_BEFORE, Shortage.CACHE_TOO_SMALL, 9_456, None),
        (NO_CACHE, Shortage.NO_CACHE, None, None),
        (TORCH, Shortage.OUT_OF_MEMORY, None, None),
        (WARMING_UP, Shortage.OUT_OF_MEMORY, None, None),
        ("torch.AcceleratorError: CUDA error: out of memory", Shortage.OUT_OF_MEMORY, None, None),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling", Shortage.OUT_OF_MEMORY, None, None),
    ],
)
def test_every_kind_of_shortage_is_recognised(
    sentence: str, shortage: Shortage, longest: int | None, free: float | None
) -> None:
    found = out_of_memory(
        ["INFO Starting to load model", PREFIX + sentence, "RuntimeError: Engine core initialization failed."]
    )
    assert found is not None
    assert found.shortage is shortage
    assert found.longest == longest
    assert found.free_share == (None if free is None else pytest.approx(free))


@pytest.mark.parametrize(
    "sentence",
    [
        "ModuleNotFoundError: No module named 'vllm'",
        "OSError: some/model is not a local folder and is not a valid model identifier",
        "ValueError: User-specified max_model_len (262144) is greater than the derived max_model_len (131072).",
        "INFO Free memory on device (22.9/23.6 GiB) on startup. Desired GPU memory utilization is (0.85, 20.1 GiB).",
        "vllm: error: unrecognized arguments: --task embed",
        "",
    ],
)
def test_other_ends_are_no_shortage(sentence: str) -> None:
    assert out_of_memory([sentence]) is None


def test_the_cause_is_the_first_error_and_not_what_followed_from_it() -> None:
    output = Output()
    for line in (
        "INFO Starting to load model",
        PREFIX + "EngineCore failed to start.",
        PREFIX + "ValueError: User-specified max_model_len (262144) is greater than the derived one.",
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
    ):
        output.add(line + "\n")
    assert output.cause() == "ValueError: User-specified max_model_len (262144) is greater than the derived one."


def test_without_an_error_the_last_line_has_to_do() -> None:
    output = Output()
    assert output.cause() == ""
    output.add("Killed\n")
    output.add("\n")
    assert output.cause() == "Killed"
