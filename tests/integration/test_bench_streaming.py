"""The streaming benchmark runs against the real app and prints one line; its figures are not judged here."""

import asyncio
import json
import sys

import pytest

from backend.settings import REPOSITORY

FIGURES = {
    "added_ttft_ms_p50",
    "added_ttft_ms_p95",
    "gap_p95_ms",
    "gap_p95_ms_direct",
    "cpu_s_per_1000_tokens",
    "streams",
    "tokens",
    "tokens_per_s",
}
SMALL = ["--pairs", "2", "--streams", "2", "--seconds", "0.5"]


@pytest.mark.thorough
async def test_prints_one_line_with_every_figure() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.streaming",
        *SMALL,
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(240):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()  # it ends what it started itself
            await process.wait()

    assert process.returncode == 0, errors.decode()
    (line,) = output.splitlines()
    figures = json.loads(line)
    assert figures.keys() >= FIGURES
    assert (figures["pairs"], figures["streams"], figures["tokens"]) == (2, 2, 50)


async def test_senseless_size_is_refused() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.streaming", "--streams", "0", cwd=REPOSITORY, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()

    assert process.returncode == 2
    assert b"all numbers must be above 0" in errors
