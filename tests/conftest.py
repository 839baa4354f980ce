"""Fixtures of all tests."""

import logging
from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = [
    "tests.fixtures.database",
    "tests.fixtures.disk",
    "tests.fixtures.embedding",
    "tests.fixtures.engine",
    "tests.fixtures.accounts",
    "tests.fixtures.chat",
    "tests.fixtures.documents",
    "tests.fixtures.checkout",
    "tests.fixtures.hub",
    "tests.fixtures.ollama",
    "tests.fixtures.pages",
    "tests.fixtures.runpod",
    "tests.fixtures.keeper",
    "tests.fixtures.pod",
    "tests.fixtures.pod_pages",
    "tests.fixtures.reviews_files",
    "tests.fixtures.reviews_pages",
    "tests.fixtures.routing",
    "tests.fixtures.sentiment",
]

_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Other processes may answer too late once on a crowded machine; what fails twice is broken.

    The summary names what needed its second try.
    """
    for item in items:
        if "tests/unit/" not in item.path.as_posix():
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command or a server that a test runs in this process may set up logging, for a stream that is closed later."""
    config, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in _LIBRARIES}
    yield
    structlog.configure(**config)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
