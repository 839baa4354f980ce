"""The benchmark of search indexes a corpus and prints one line; its times are not judged here."""

import asyncio
import json
import sys

import pytest

from backend.settings import REPOSITORY

DATA = REPOSITORY / "tests" / "data"
QUALITY = {"r1", "r5", "r10", "mrr"}


async def _bench(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.retrieval",
        *arguments,
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(240):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()  # it ends the database it started
            await process.wait()
    return process.returncode, output.decode(), errors.decode()


@pytest.mark.thorough
@pytest.mark.parametrize("options", [(), ("--lexical-only",)], ids=["with the encoder", "words only"])
async def test_prints_one_line_with_every_figure(options: tuple[str, ...]) -> None:
    files = ("--passages", str(DATA / "passages.jsonl"), "--queries", str(DATA / "queries.jsonl"))
    status, output, errors = await _bench(*files, *options)

    assert status == 0, errors
    (line,) = output.splitlines()
    result = json.loads(line)
    assert {"lexical", "dense", "hybrid", "rrf", "p50_ms", "p95_ms"} <= set(result)
    assert (result["chunks"], result["queries"]) == (30, 18)
    assert set(result["lexical"]) == set(result["hybrid"]) == QUALITY
    assert result["lexical"]["r10"] > 0.8
    assert 0 < result["p50_ms"] <= result["p95_ms"]
    if options:
        assert result["dense"] is result["rrf"] is None
    else:
        assert set(result["dense"]) == set(result["rrf"]) == QUALITY


async def test_a_file_that_is_not_there_is_told() -> None:
    status, output, errors = await _bench("--passages", "none.jsonl", "--queries", "none.jsonl")

    assert (status, output) == (1, "")
    assert "none.jsonl" in errors
