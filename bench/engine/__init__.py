"""A stand-in for a GPU engine that speaks the OpenAI protocol at a known speed.

Benchmarks need an engine whose tokens come at an exact rate and cost next to no CPU, tests need one that fails
on request. It writes made-up text; everything on the wire is what vLLM and OpenAI send.

    python -m bench.engine --port 8000 --tokens-per-second 50
"""

from bench.engine.faults import Fault, FaultKind
from bench.engine.server import EngineConfig, EngineDouble

__all__ = ["EngineConfig", "EngineDouble", "Fault", "FaultKind"]
