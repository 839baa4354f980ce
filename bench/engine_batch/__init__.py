"""A stand-in for vLLM under a load of short requests: continuous batching, and a front end that is the bottleneck.

It answers `/v1/completions` with prompts of token ids or strings, `/v1/chat/completions`, its `/batch`, `/tokenize`,
`/v1/models`, `/metrics` and `/health`. A label depends on the reviewed text alone, so order and completeness can be
checked. What a request costs is in `bench/engine_batch/costs.py`.

    python -m bench.engine_batch --port 8000
"""

from bench.engine_batch.answers import probabilities_of
from bench.engine_batch.costs import FREE, MEASURED, Costs
from bench.engine_batch.server import BatchConfig, BatchEngine, Feature, Trouble

__all__ = ["FREE", "MEASURED", "BatchConfig", "BatchEngine", "Costs", "Feature", "Trouble", "probabilities_of"]
