"""How a vLLM that is run here is started. What is not set is chosen by the GPU (docs/pod-image.md)."""

import shlex

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from backend.settings.groups import group


class VllmSettings(BaseSettings):
    """A part of the group `Language model`."""

    vllm_command: str = Field(
        "",
        validation_alias="VLLM_COMMAND",
        description="`vllm`: the program, where it is not `vllm` on the PATH; it gets the arguments of `vllm serve`.",
        json_schema_extra=group("Language model"),
    )
    vllm_gpu_memory_utilization: float | None = Field(
        None,
        gt=0,
        le=1,
        validation_alias="VLLM_GPU_MEMORY_UTILIZATION",
        description="`vllm`: share of the GPU's memory the engine takes. Empty: chosen by the GPU (0.85 with 24 GB), so that the embedding server has room.",
        json_schema_extra=group("Language model"),
    )
    vllm_max_model_len: int | None = Field(
        None,
        ge=512,
        validation_alias="VLLM_MAX_MODEL_LEN",
        description="`vllm`: tokens of context. Empty: chosen by the GPU. Other engines: the context to assume when the engine does not tell.",
        json_schema_extra=group("Language model"),
    )
    vllm_max_num_seqs: int | None = Field(
        None,
        ge=1,
        validation_alias="VLLM_MAX_NUM_SEQS",
        description="`vllm`: answers written at the same time. Empty: chosen by the GPU.",
        json_schema_extra=group("Language model"),
    )
    vllm_tensor_parallel_size: int | None = Field(
        None,
        ge=1,
        validation_alias="VLLM_TENSOR_PARALLEL_SIZE",
        description="`vllm`: GPUs one model is spread over. Empty: as many as there are and the model can be divided by.",
        json_schema_extra=group("Language model"),
    )
    vllm_quantization: str = Field(
        "",
        validation_alias="VLLM_QUANTIZATION",
        pattern=r"^[a-z0-9_-]{0,32}$",
        description="`vllm`: how weights are quantised (`fp8`, `awq`, …). Empty: as the model's files say.",
        json_schema_extra=group("Language model"),
    )
    vllm_api_servers: int | None = Field(
        None,
        ge=1,
        le=64,
        validation_alias="VLLM_API_SERVERS",
        description="`vllm`: processes that take requests. Empty: chosen by the cores.",
        json_schema_extra=group("Language model"),
    )
    vllm_extra_args: str = Field(
        "",
        validation_alias="VLLM_EXTRA_ARGS",
        description="`vllm`: more arguments of `vllm serve`, as written in a shell.",
        json_schema_extra=group("Language model"),
    )

    @field_validator("vllm_command", "vllm_extra_args")
    @classmethod
    def _shell_words(cls, value: str) -> str:
        shlex.split(value)  # raises ValueError for quotes that do not close
        return value
