"""`python -m backend.llm.lowering_choice <LOG`: what to lower after vLLM ended as this log says, as lines for `.env`.

For a vLLM that somebody else starts, such as Docker's (deploy/lib/docker_lowering.sh). What it was started with is read
from the same variables as ever.
"""

import sys

from backend.llm.preparation import Lowered
from backend.llm.vllm_lowering import SHORTEST, lowered
from backend.llm.vllm_output import Output
from backend.llm.vllm_plan import VllmPlan
from backend.settings import ConfigurationError, Settings, load

_NOT_MEMORY, _WRONG_SETTINGS, _NOTHING_LEFT = 1, 2, 3
_VLLM_ANSWERS = 256  # what vLLM takes where no number is given, on most GPUs
_SHARE = 0.85  # that of docker-compose.yml


def main() -> int:
    """Exit status: 1 when no memory was short, 2 for a wrong configuration, 3 when nothing is left; says the cause."""
    try:
        settings = load()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_SETTINGS
    output = Output()
    for line in sys.stdin:
        output.add(line)
    step = next_step(output, settings)
    if step is None:
        sys.stderr.write(f"{output.cause()}\n")
        return _NOT_MEMORY if output.out_of_memory() is None else _NOTHING_LEFT
    sys.stdout.write(f"{step.setting}={step.after}\n")
    return 0


def next_step(output: Output, settings: Settings) -> Lowered | None:
    """What to give up; None when no memory was short, or nothing is left."""
    found = output.out_of_memory()
    if found is None:
        return None
    done = lowered(_plan(settings), found)
    return None if done is None else done[1]


def _plan(settings: Settings) -> VllmPlan:
    """As vLLM was started: no number stands for vLLM's own."""
    return VllmPlan(
        model=settings.llm_model,
        quantization=settings.vllm_quantization,
        gpu_memory_utilization=settings.vllm_gpu_memory_utilization or _SHARE,
        max_model_len=settings.vllm_max_model_len or SHORTEST,
        max_num_seqs=settings.vllm_max_num_seqs or _VLLM_ANSWERS,
        tensor_parallel_size=settings.vllm_tensor_parallel_size or 1,
        api_servers=settings.vllm_api_servers or 1,
        half=False,
        cache_tokens=None,
        reasons=(),
    )


if __name__ == "__main__":
    sys.exit(main())
