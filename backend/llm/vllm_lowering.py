"""What is taken down when vLLM runs out of memory, one step at a time. Pure: no I/O.

A shorter context costs the least, then fewer answers at the same time; the share of the GPU and a smaller model come
last. What the operator has set is lowered like the rest and told: an engine that answers is worth more.
"""

from dataclasses import replace

from backend.llm.preparation import Lowered
from backend.llm.vllm_output import OutOfMemory, Shortage
from backend.llm.vllm_plan import VllmPlan

SHORTEST = 2_048
FEWEST = 8
MOST_STEPS = 8  # within one start; each costs the minutes that loading takes
_COMFORTABLE = 8_192
_SMALLEST_SHARE = 0.3
_SHARE_STEP = 0.05
_MARGIN = 0.02  # of the GPU, for what grows between two looks


def lowered(plan: VllmPlan, found: OutOfMemory) -> tuple[VllmPlan, Lowered] | None:
    """The plan for the next start and what it gives up; None when there is nothing left to lower."""
    match found.shortage:
        case Shortage.OCCUPIED:
            return _share_below(plan, found.free_share)
        case Shortage.CACHE_TOO_SMALL:
            return _shorter(plan, found.longest) or _fewer(plan)
        case Shortage.NO_CACHE:  # the working area has to shrink; a smaller share would leave even less
            return _shorter(plan, None, down_to=_COMFORTABLE) or _fewer(plan) or _shorter(plan, None)
        case Shortage.OUT_OF_MEMORY:
            return _shorter(plan, None, down_to=_COMFORTABLE) or _fewer(plan) or _share_below(plan, None)


def _shorter(plan: VllmPlan, longest: int | None, down_to: int = SHORTEST) -> tuple[VllmPlan, Lowered] | None:
    """What fits, in whole steps of 1,024 tokens, or half."""
    length = plan.max_model_len
    fitting = longest // 1024 * 1024 if longest is not None and longest < length else length // 2
    after = max(fitting, down_to)
    return _step("VLLM_MAX_MODEL_LEN", length, after, replace(plan, max_model_len=after))


def _fewer(plan: VllmPlan) -> tuple[VllmPlan, Lowered] | None:
    after = max(plan.max_num_seqs // 4, FEWEST)
    return _step("VLLM_MAX_NUM_SEQS", plan.max_num_seqs, after, replace(plan, max_num_seqs=after))


def _share_below(plan: VllmPlan, free: float | None) -> tuple[VllmPlan, Lowered] | None:
    """Below what is free, or one step down."""
    share = plan.gpu_memory_utilization
    wanted = share - _SHARE_STEP if free is None else min(free - _MARGIN, share - _MARGIN)
    after = max(round(wanted, 2), _SMALLEST_SHARE)
    return _step("VLLM_GPU_MEMORY_UTILIZATION", share, after, replace(plan, gpu_memory_utilization=after))


def _step(setting: str, before: float, after: float, changed: VllmPlan) -> tuple[VllmPlan, Lowered] | None:
    if after >= before:
        return None
    return changed, Lowered(setting, _written(before), _written(after))


def _written(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
