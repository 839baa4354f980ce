"""A vLLM that is started here, and the model it is to serve.

The note about it carries the code alone, so these sentences name nothing but the model; what there is to measure
(drivers, bytes) is in the log of the service `llm`.
"""

from backend.errors.base import OndolError, Text


class NoGpu(OndolError):
    code, status = "no_gpu", 503
    what = Text("쓸 수 있는 NVIDIA GPU를 찾지 못했습니다.", "No NVIDIA GPU can be used here.")
    next_step = Text(
        "nvidia-smi가 GPU를 보여 주는지 확인하세요. 파드를 멈췄다 켠 뒤라면 GPU 없이 켜졌을 수 있으니 다시 켜 보세요.",
        "Check that nvidia-smi shows one. A pod that was stopped may have come back without its GPU: start it again.",
    )


class DriverTooOld(OndolError):
    code, status = "driver_too_old", 503
    what = Text(
        "이 서버의 NVIDIA 드라이버가 설치된 vLLM에는 너무 오래되었습니다.",
        "The NVIDIA driver of this machine is too old for the vLLM that is installed.",
    )
    next_step = Text(
        "드라이버 580 이상(CUDA 13.0 이상)인 서버를 고르세요. RunPod에서는 파드를 만들 때 CUDA 버전으로 거를 수 있습니다. 오래된 드라이버에는 -cu129로 끝나는 vLLM 이미지가 있습니다.",
        "Choose a machine with driver 580 or newer (CUDA 13.0); RunPod can filter by CUDA version when a pod is made. For older drivers there are vLLM images whose tag ends in -cu129.",
    )


class GpuTooOld(OndolError):
    code, status = "gpu_too_old", 503
    what = Text("이 GPU는 vLLM이 쓰기에 너무 오래되었습니다.", "This GPU is too old for vLLM.")
    next_step = Text(
        "계산 능력(compute capability) 7.5 이상인 GPU(T4, RTX 20 시리즈부터)를 고르세요.",
        "Choose one with compute capability 7.5 or newer (from the T4 and the RTX 20 series on).",
    )


class VllmMissing(OndolError):
    code, status = "vllm_missing", 503
    what = Text("vLLM을 찾지 못했습니다.", "There is no vLLM here.")
    next_step = Text(
        "vLLM이 든 이미지로 파드를 만들거나, VLLM_COMMAND에 vllm 프로그램의 경로를 적어 주세요.",
        "Make the pod from an image that has it, or name the program in VLLM_COMMAND.",
    )


class EngineOutOfMemory(OndolError):
    code, status = "engine_out_of_memory", 503
    what = Text(
        "모델 {model}이 설정을 낮추어도 GPU 메모리에 들어가지 않습니다.",
        "The model {model} does not fit into the GPU's memory, even with smaller settings.",
    )
    next_step = Text(
        "더 작은 모델이나 양자화된 모델을 고르거나(VLLM_MODEL), 메모리가 더 큰 GPU를 쓰세요.",
        "Choose a smaller or a quantised one (VLLM_MODEL), or a GPU with more memory.",
    )


class EngineCannotStart(OndolError):
    code, status = "engine_cannot_start", 503
    what = Text(
        "vLLM이 모델 {model}을 켜다가 끝났습니다. 다시 시도합니다.",
        "vLLM ended while it started {model}. It is tried again.",
    )
    next_step = Text(
        "이유는 기록에 있습니다: ./quick_start.sh --logs llm", "The reason is in the log: ./quick_start.sh --logs llm"
    )


class ModelDownloadFailed(OndolError):
    code, status = "model_download_failed", 502
    what = Text(
        "모델 {model}을 내려받지 못했습니다. 받은 데부터 다시 시도합니다.",
        "The model {model} could not be downloaded. It is tried again, from where it stopped.",
    )
    next_step = Text(
        "계속되면 인터넷 연결과 HF_ENDPOINT를 확인하고 기록을 보세요: ./quick_start.sh --logs llm",
        "If it goes on, check the connection and HF_ENDPOINT, and see ./quick_start.sh --logs llm",
    )


class ModelNotOnHub(OndolError):
    code, status = "model_not_on_hub", 404
    what = Text("모델 {model}이 Hugging Face 허브에 없습니다.", "There is no model {model} on the Hugging Face hub.")
    next_step = Text(
        "VLLM_MODEL(또는 --model)의 철자를 확인하세요. 비공개 모델이면 HF_TOKEN도 필요합니다.",
        "Check the spelling in VLLM_MODEL (or --model). A private one needs HF_TOKEN as well.",
    )


class ModelGated(OndolError):
    code, status = "model_gated", 403
    what = Text(
        "모델 {model}은 사용 동의를 한 계정만 내려받을 수 있습니다.",
        "The model {model} can be downloaded only by accounts that accepted its terms.",
    )
    next_step = Text(
        "허브의 모델 페이지에서 동의한 뒤, 그 계정의 토큰을 HF_TOKEN에 적어 주세요.",
        "Accept them on the model's page of the hub and set HF_TOKEN to a token of that account.",
    )


class ModelNotServable(OndolError):
    code, status = "model_not_servable", 422
    what = Text(
        "모델 {model}에는 config.json이 없어 vLLM이 불러올 수 없습니다.",
        "The model {model} has no config.json, so vLLM cannot load it.",
    )
    next_step = Text(
        "GGUF만 있는 저장소라면 원래 모델의 이름을 VLLM_MODEL(또는 --model)에 적어 주세요.",
        "If it has GGUF files only, name the model they were made from in VLLM_MODEL (or --model).",
    )


class NoSpaceForModel(OndolError):
    code, status = "no_space_for_model", 507
    what = Text(
        "모델 {model}을 받을 디스크 공간이 모자랍니다.", "There is not enough room on the disk for the model {model}."
    )
    next_step = Text(
        "공간을 비우거나 볼륨을 늘리면 저절로 이어 받습니다. 다른 디스크를 쓰려면 HF_HOME을 정하세요.",
        "Free some or enlarge the volume: it then goes on by itself. HF_HOME chooses another disk.",
    )
