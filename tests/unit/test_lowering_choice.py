"""What is lowered for a vLLM that Docker starts, read from its log."""

import io

import pytest

from backend.llm import lowering_choice

SHORT = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"


@pytest.mark.parametrize(
    ("given", "log", "status", "printed", "cause"),
    [
        ({"VLLM_MAX_MODEL_LEN": "32768"}, SHORT, 0, "VLLM_MAX_MODEL_LEN=16384\n", ""),
        ({"VLLM_MAX_MODEL_LEN": "8192"}, SHORT, 0, "VLLM_MAX_NUM_SEQS=64\n", ""),
        ({"VLLM_MAX_MODEL_LEN": "8192", "VLLM_MAX_NUM_SEQS": "8", "VLLM_GPU_MEMORY_UTILIZATION": "0.9"}, SHORT, 0,
         "VLLM_GPU_MEMORY_UTILIZATION=0.85\n", ""),
        ({"VLLM_MAX_MODEL_LEN": "8192", "VLLM_MAX_NUM_SEQS": "8", "VLLM_GPU_MEMORY_UTILIZATION": "0.3"}, SHORT, 3,
         "", "CUDA out of memory"),
        ({"VLLM_MAX_MODEL_LEN": "8192"}, "ValueError: no such model\n", 1, "", "ValueError: no such model"),
    ],
)  # fmt: skip
def test_one_step_is_printed_or_the_cause(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: dict[str, str],
    log: str,
    status: int,
    printed: str,
    cause: str,
) -> None:
    for name in ("VLLM_MAX_MODEL_LEN", "VLLM_MAX_NUM_SEQS", "VLLM_GPU_MEMORY_UTILIZATION"):
        monkeypatch.setenv(name, given.get(name, ""))
    monkeypatch.setattr("sys.stdin", io.StringIO(log))
    assert lowering_choice.main() == status
    said = capsys.readouterr()
    assert said.out == printed and cause in said.err
