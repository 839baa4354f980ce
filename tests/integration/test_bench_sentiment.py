"""The benchmarks of sentiment run and print one line; their figures are not judged here."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from backend.settings import REPOSITORY
from bench.engine_batch.server import BatchEngine

FIGURES = {"ours", "direct", "asyncopenai", "sequential", "peak_mb_10k", "peak_mb_200k"}
SMALL = ["--reviews", "600", "--rounds", "1", "--usual", "20", "--sequential", "3", "--small", "300", "--large", "600"]


@pytest.mark.thorough
async def test_throughput_prints_one_line_with_every_figure() -> None:
    figures = await _line("bench.sentiment_throughput", *SMALL)
    assert figures.keys() >= FIGURES
    assert all(figures[name] > 0 for name in FIGURES)


async def test_accuracy_prints_one_line_with_every_figure(batch_engine: BatchEngine, tmp_path: Path) -> None:
    file = tmp_path / "f.tsv"
    file.write_text("id\tdocument\tlabel\n" + "".join(f"{n}\t{n}번째 국물\t{n % 2}\n" for n in range(300)))
    figures = await _line(
        "bench.sentiment_accuracy", "--file", str(file), "--limit", "250", "--url", batch_engine.base_url
    )
    assert figures.keys() >= {"accuracy", "macro_f1", "brier", "ece_before", "ece", "per_s"}
    assert (figures["reviews"], figures["left_out"], figures["model"]) == (250, 0, "double")
    assert 0.3 < figures["accuracy"] < 0.7  # the double's labels have nothing to do with these


async def test_aspects_prints_one_line_with_every_figure(batch_engine: BatchEngine) -> None:
    figures = await _line("bench.aspects", "--limit", "12", "--url", batch_engine.base_url)
    assert figures.keys() >= {"aspect_f1", "polarity_accuracy", "evidence_valid", "per_s"}
    assert (figures["reviews"], figures["evidence_valid"]) == (12, 1.0)


async def _line(module: str, *arguments: str) -> dict[str, Any]:
    """What a benchmark prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(120):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()  # it ends what it started itself
            await process.wait()
    assert process.returncode == 0, errors.decode()
    (line,) = output.splitlines()
    figures: dict[str, Any] = json.loads(line)
    return figures
