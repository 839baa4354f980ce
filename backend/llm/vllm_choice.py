"""`python -m backend.llm.vllm_choice`: what vLLM would be started with on this machine's GPUs, as lines for `.env`.

For a vLLM that somebody else starts, such as Docker's (deploy/ways/docker.sh); what is set already is kept as it is.
"""

import sys
from collections.abc import Sequence

from backend.llm.gpu import Gpu, gpus
from backend.llm.machine import this_machine
from backend.llm.vllm_plan import choose_model, plan
from backend.settings import ConfigurationError, Settings, load


def main() -> int:
    """Exit status: 1 when no GPU answers, 2 when the configuration cannot be used."""
    try:
        settings = load()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    found = gpus()
    if not found:
        sys.stderr.write("No GPU answers here: nvidia-smi is missing or reports none.\n")
        return 1
    for name, value in choice(found, this_machine().cores, settings):
        sys.stdout.write(f"{name}={value}\n")
    return 0


def choice(found: Sequence[Gpu], cores: int, settings: Settings) -> tuple[tuple[str, str], ...]:
    """(variable, value) of everything vLLM is started with."""
    model, because = choose_model(found, settings)
    chosen = plan(found, cores, settings, model=model, because=because)
    extra = settings.vllm_extra_args
    if chosen.half and "--dtype" not in extra:
        extra = f"--dtype half {extra}".strip()
    return (*chosen.chosen(), *((("VLLM_EXTRA_ARGS", extra),) if extra else ()))


if __name__ == "__main__":
    sys.exit(main())
