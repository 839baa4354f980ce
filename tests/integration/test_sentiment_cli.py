"""`python -m backend.sentiment`: a fit to labelled reviews that every worker then uses."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.sentiment.calibrations import Calibrations
from backend.sentiment.service import GivenReview
from backend.settings import REPOSITORY
from tests.fixtures.sentiment import Desk, expected


def _run(desk: Desk, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "DATA_DIR": str(desk.settings.data_dir),
        "DATABASE_URL": desk.settings.database_url.get_secret_value(),
        "LLM_SERVICE_TYPE": "vllm",
        "VLLM_SERVER_URL": desk.engine.base_url,
    }
    return subprocess.run(
        [sys.executable, "-m", "backend.sentiment", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _labelled(desk: Desk, count: int) -> Path:
    """Korean reviews with two labels; every seventh is not what the double thinks."""
    texts = [text for text in (f"{n}번째 국물" for n in range(1000)) if expected(text) != "neutral"][:count]
    turn = {"positive": "negative", "negative": "positive"}
    labels = [turn[expected(text)] if n % 7 == 0 else expected(text) for n, text in enumerate(texts)]
    return desk.file(
        "f.csv", "text,label\n" + "".join(f"{t},{label}\n" for t, label in zip(texts, labels, strict=True))
    )


async def test_a_fit_is_used_by_everyone_until_it_is_forgotten(desk: Desk) -> None:
    async def confidence() -> float:
        return (await desk.service.analyze(desk.mina, [GivenReview("1", "1번째 방문")])).findings[0].confidence

    before = await confidence()
    done = await _in_thread(desk, "fit", "--file", str(_labelled(desk, 150)), "--limit", "120")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert (told["model"], told["reviews"], told["left_out"]) == ("double", 120, 0)
    assert told["fits"]["ko"]["weights"][2][2] < 1 and told["after"]["ece"] < told["before"]["ece"]
    fit = (await Calibrations(desk.database).of("double")).fits["ko"]
    assert [list(row) for row in fit.weights] == told["fits"]["ko"]["weights"]
    assert await confidence() < before
    again = await _in_thread(desk, "fit", "--file", str(_labelled(desk, 60)))
    assert again.returncode == 0
    assert (await Calibrations(desk.database).of("double")).fits["ko"] != fit
    gone = await _in_thread(desk, "forget")
    assert json.loads(gone.stdout) == {"model": "double", "forgotten": 1}
    assert await confidence() == pytest.approx(before)


@pytest.mark.parametrize(
    ("content", "reason"), [("text,stars\na,1\n", "columns"), ("text,label\n국물,1\n면,0\n", "50 reviews")]
)
async def test_a_file_of_no_use_says_why_and_changes_nothing(desk: Desk, content: str, reason: str) -> None:
    done = await _in_thread(desk, "fit", "--file", str(desk.file("f.csv", content)))
    assert (done.returncode, done.stdout) == (1, "") and reason in done.stderr
    assert "Traceback" not in done.stderr
    assert (await Calibrations(desk.database).of("double")).fits == {}


async def _in_thread(desk: Desk, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The double runs in this process, so the loop must go on meanwhile."""
    return await asyncio.to_thread(_run, desk, *arguments)
