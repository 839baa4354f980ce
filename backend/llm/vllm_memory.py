"""What a start of vLLM had to lower, kept for the next one, so that it does not fail its way down again.

It counts only for the same model on the same GPUs with the same settings: `DATA_DIR/vllm-lowered.json`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from backend.llm.gpu import Gpu
from backend.llm.preparation import Lowered
from backend.llm.vllm_plan import VllmPlan
from backend.settings import Settings


def remember(settings: Settings, mark: str, steps: Sequence[Lowered]) -> None:
    """Keeps the steps of a start that worked; without any, what was kept is forgotten."""
    try:
        if steps:
            kept = {"mark": mark, "lowered": [asdict(step) for step in steps]}
            _file(settings).write_text(json.dumps(kept))
        else:
            _file(settings).unlink(missing_ok=True)
    except OSError:  # a full disk: the next start finds out again
        return


def remembered(settings: Settings, mark: str) -> tuple[Lowered, ...]:
    """The steps of the last start that worked, when nothing that matters has changed since."""
    try:
        kept = json.loads(_file(settings).read_text())
        return tuple(Lowered(**step) for step in kept["lowered"]) if kept["mark"] == mark else ()
    except (OSError, ValueError, TypeError, KeyError):
        return ()


def values_of(steps: Sequence[Lowered]) -> dict[str, str]:
    """The value each setting came down to."""
    return {step.setting: step.after for step in steps}


def mark_of(plan: VllmPlan, gpus: Sequence[Gpu], command: Sequence[str], extra: str) -> str:
    """Changes when the plan, the GPUs, the program or its further arguments do."""
    told = repr((plan, [(gpu.name, gpu.memory_bytes) for gpu in gpus], tuple(command), extra))
    return hashlib.sha256(told.encode()).hexdigest()


def _file(settings: Settings) -> Path:
    return settings.data_dir / "vllm-lowered.json"
