"""What the documents name exists: files, headings, options, commands, endpoints, errors, metrics."""

import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from backend import errors
from backend.errors import OndolError
from backend.settings import REPOSITORY, load
from backend.version import VERSION
from backend.web.app import create_app
from backend.web.metrics import Metrics
from backend.web.services import services_of

DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
COMMAND_LINE_AREAS = frozenset({"weights", "processes", "backup", "launch", "vllm"})
every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    broken = []
    for target in _links(_read(document)):
        if re.match(r"https?:|mailto:", target):
            continue
        name, _, heading = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        if not file.exists() or (heading and heading not in _headings(file)):
            broken.append(target)
    assert broken == []


@every_document
def test_files_and_commands_exist(document: Path) -> None:
    text = _read(document)
    modules = set(re.findall(r"python3? -m ([a-z_]+(?:\.[a-z_]+)*)", text))
    assert [module for module in modules if find_spec(module) is None] == []
    scripts = set(re.findall(r"\./([a-z_]+\.sh)", text))
    assert [script for script in scripts if not (REPOSITORY / script).exists()] == []
    paths = set(re.findall(r"`((?:backend|ui|tests|deploy|bench|docs)/[\w./-]*)`", text))
    made_by_a_start = re.compile(r"deploy/secrets\b")
    assert [path for path in paths if not ((REPOSITORY / path).exists() or made_by_a_start.match(path))] == []


@every_document
def test_options_of_the_start_exist(document: Path) -> None:
    options = _options_of_the_start()
    used = {option for line in re.findall(r"quick_start\.sh([^`\n|#&]*)", _read(document)) for option in _options(line)}
    assert used <= options


def test_the_readme_shows_every_option() -> None:
    assert _options_of_the_start() - {"--help"} <= _options(_read(REPOSITORY / "README.md"))


def test_every_endpoint_is_described_and_no_other(tmp_path: Path) -> None:
    app = create_app(
        services_of(load(_env_file=None, data_dir=tmp_path, database_url="postgresql://nobody@localhost/x"))
    )
    served = {f"{method.upper()} {path}" for path, methods in app.openapi()["paths"].items() for method in methods}
    assert set(re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", _read(_doc("api")), re.M)) == served


def test_every_error_a_program_can_meet_is_in_the_table() -> None:
    table = {code: int(status) for code, status in re.findall(r"^\| `(\w+)` \| (\d{3}) \|", _read(_doc("api")), re.M)}
    assert table == {kind.code: kind.status for kind in [OndolError, *_errors_of_requests()]}


def test_every_metric_is_described_and_no_other() -> None:
    served = {}
    for family in Metrics().registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        served[name] = family.documentation
    assert set(re.findall(r"^\| `(ondol_\w+)` \|", _read(_doc("operations")), re.M)) == set(served)


def test_the_changes_begin_with_this_version() -> None:
    headings = re.findall(r"^## (\S+)", _read(REPOSITORY / "CHANGELOG.md"), re.M)
    assert headings[0] == VERSION
    assert f'version = "{VERSION}"' in (REPOSITORY / "pyproject.toml").read_text()


def test_the_licence_is_whole() -> None:
    text = (REPOSITORY / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "[yyyy]" not in text


def _doc(name: str) -> Path:
    return REPOSITORY / "docs" / f"{name}.md"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _links(text: str) -> Iterator[str]:
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    yield from re.findall(r"\]\(([^)\s]+)\)", prose)
    yield from re.findall(r'<(?:img|a)\b[^>]*?(?:src|href)="([^"]+)"', prose)


def _headings(file: Path) -> set[str]:
    """Anchors as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", _read(file), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", text))


def _options_of_the_start() -> set[str]:
    script = REPOSITORY / "quick_start.sh"
    done = subprocess.run([str(script), "--help"], capture_output=True, text=True, check=True)
    return _options(done.stdout)


def _errors_of_requests() -> Iterator[type[OndolError]]:
    """Those that are told by the web; the others belong to commands."""
    for file in sorted(Path(errors.__file__).parent.glob("*.py")):
        if file.stem not in COMMAND_LINE_AREAS:
            for name in re.findall(r"^class (\w+)\(\w+\):", _read(file), re.M):
                kind = getattr(errors, name, None)
                if isinstance(kind, type) and issubclass(kind, OndolError) and kind is not OndolError:
                    yield kind
