"""A corpus is classified and embedded on a real Ray, against an engine in this process."""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.settings import REPOSITORY
from bench.engine_batch.server import BatchEngine
from tests.fixtures.sentiment import expected

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed (requirements-ray.txt)"
)


async def job(engine: BatchEngine, folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """`python -m backend.jobs ray` to its end, while this process serves the engine."""
    environment = {
        **os.environ,
        "DATA_DIR": str(folder / "var"),
        "LLM_SERVICE_TYPE": "vllm",
        "VLLM_SERVER_URL": engine.base_url,
    }
    command = [sys.executable, "-m", "backend.jobs", "ray", *map(str, arguments)]
    return await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def results(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("part-*.jsonl")):
        yield from (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


@needs_ray
async def test_rows_are_classified_in_parts_bad_ones_are_told_and_a_second_run_goes_on(
    batch_engine: BatchEngine, tmp_path: Path
) -> None:
    texts = [f"{number}번째 국물" for number in range(500)]
    lines = ["id,content", *(f'{n},"{text},\n맛"' for n, text in enumerate(texts)), "500", "501,"]
    source = tmp_path / "reviews.csv"
    source.write_text("\n".join(lines), encoding="utf-8")
    asked = ("classify", source, "--text", "content", "--id", "id", "--format", "jsonl", "--rows", 100)
    done = await job(batch_engine, tmp_path, *asked, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["rows"], figures["parts"], figures["parts_done"], figures["parts_left"]) == (502, 6, 6, 0)
    assert figures["rows_without_result"] == {"unreadable_row": 1, "no_text": 1}
    found = list(results(tmp_path / "out"))
    assert [row["row"] for row in found] == list(range(502))
    assert [row["id"] for row in found[:500]] == [str(number) for number in range(500)]
    assert [row["label"] for row in found[:500]] == [expected(f"{text}, 맛") for text in texts]
    assert sum(found[0][label] for label in ("positive", "negative", "neutral")) == pytest.approx(1)
    assert [row["error"] for row in found[499:]] == ["", "unreadable_row", "no_text"]

    (tmp_path / "out" / "part-000002.jsonl").unlink()
    again = await job(batch_engine, tmp_path, *asked, "--output", tmp_path / "out")
    assert again.returncode == 0, again.stderr
    figures = json.loads(again.stdout)
    assert (figures["parts_done_before"], figures["parts_done"], figures["rows_done"]) == (5, 1, 100)
    assert list(results(tmp_path / "out")) == found

    other = await job(batch_engine, tmp_path, *asked[:-1], 50, "--output", tmp_path / "out")
    assert (other.returncode, "rows of a part" in other.stderr) == (2, True)


async def test_what_cannot_be_begun_is_told(batch_engine: BatchEngine, tmp_path: Path) -> None:
    source = tmp_path / "reviews.txt"
    source.write_text("nothing\n")
    done = await job(batch_engine, tmp_path, "classify", source, "--output", tmp_path / "out")
    assert done.returncode == 2
    if importlib.util.find_spec("ray") is None:
        assert "-m pip install -r requirements-ray.txt" in done.stderr
    else:
        assert ".jsonl" in done.stderr
    assert "Traceback" not in done.stderr
