"""The documentation of the settings is complete, and the rules of the layout hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend import configuration_docs
from backend.configuration_docs import COMMAND, entries, env_example, markdown, outdated
from backend.settings import REPOSITORY, Settings, load, variables

SETTINGS = REPOSITORY / "backend" / "settings"
# Runs on a pod as one file without the rest of Ondol, so it reads its own variables.
EMBEDDING_SERVER = REPOSITORY / "backend" / "embedding_server.py"
SANDBOX_CHILD = REPOSITORY / "backend" / "hints" / "sandbox" / "child.py"  # empties the environment, reads nothing
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
FEATURES = frozenset({"accounts", "chat", "documents", "hints", "sentiment", "pod"})
BELOW_FEATURES = frozenset({"llm", "models", "retrieval", "store"})
VARIABLES = frozenset(name for field in Settings.model_fields for name in variables(field))


def test_the_files_are_up_to_date() -> None:
    assert outdated() == [], f"Run: {COMMAND}"


def test_every_variable_is_in_both_files() -> None:
    for name in VARIABLES:
        assert re.search(rf"\b{name}\b", env_example())
        assert f"`{name}`" in markdown()


def test_no_folder_of_a_machine_is_shown() -> None:
    assert str(REPOSITORY) not in env_example() + markdown()
    assert str(Path.home()) not in env_example() + markdown()


def test_the_example_holds_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(REPOSITORY)
    file = tmp_path / ".env"
    file.write_text(re.sub(r"^# (?=[A-Z_0-9]+=)", "", env_example(), flags=re.M), encoding="utf-8")
    assert "GRADIO_SERVER_PORT=7860\n" in file.read_text(encoding="utf-8").splitlines(keepends=True)
    assert load(_env_file=file) == load(_env_file=None)


def test_what_is_called_reserved_has_no_effect_and_everything_else_has() -> None:
    asked = {
        node.attr
        for path in _sources("backend", "ui")
        if path.parent != SETTINGS and path != Path(configuration_docs.__file__)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute)
    }
    reserved = {name for name, entry in zip(Settings.model_fields, entries(), strict=True) if entry.reserved}
    assert reserved == set(Settings.model_fields) - asked


def test_check_names_the_command_when_a_file_is_out_of_date(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = {tmp_path / path.name: text for path, text in configuration_docs.files().items()}
    monkeypatch.setattr(configuration_docs, "files", lambda: here)
    assert configuration_docs.main(["--check"]) == 1
    assert COMMAND in capsys.readouterr().out
    assert configuration_docs.main(["--write"]) == 0
    assert configuration_docs.main(["--check"]) == 0
    assert configuration_docs.main(["--env"]) == 0
    assert capsys.readouterr().out.endswith((tmp_path / ".env.example").read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_variables_that_documents_speak_of_exist(document: Path) -> None:
    assert set(_variables_in(document.read_text(encoding="utf-8"))) <= VARIABLES | _variables_of_scripts()


def test_only_settings_reads_the_environment() -> None:
    reading = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in _sources("backend", "ui")
        if path.parent != SETTINGS and path not in (EMBEDDING_SERVER, SANDBOX_CHILD)
        for line in _environment_reads(_tree(path))
    ]
    assert reading == []


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("import os\nos.environ['A'] = 'b'", False),  # for a library that reads it when it is loaded
        ("import os\nos.environ.setdefault('A', 'b')", False),
        ("import os\nx = os.environ.setdefault('A', 'b')", True),
        ("import os\nx = os.environ['A']", True),
        ("import os\nx = os.environ.get('A')", True),
        ("import os\nx = {**os.environ}", True),
        ("import os\nx = os.getenv('A')", True),
        ("from os import environ", True),
        ("from os import getenv as g", True),
    ],
)
def test_what_counts_as_reading_the_environment(code: str, reads: bool) -> None:
    assert bool(list(_environment_reads(ast.parse(code)))) is reads


def test_the_embedding_server_runs_without_the_rest() -> None:
    assert _imports_of({"backend", "structlog"}, EMBEDDING_SERVER) == []


def test_the_backend_knows_nothing_of_the_page() -> None:
    assert _imports_of({"gradio", "ui"}, REPOSITORY / "backend") == []


def test_features_do_not_import_each_other_nor_the_web() -> None:
    for feature in FEATURES:
        others = {f"backend.{other}" for other in FEATURES - {feature}} | {"backend.web"}
        assert _imports_of(others, REPOSITORY / "backend" / feature) == []


def test_what_features_share_knows_none_of_them() -> None:
    for package in BELOW_FEATURES:
        assert _imports_of({f"backend.{name}" for name in FEATURES}, REPOSITORY / "backend" / package) == []


def _sources(*folders: str) -> list[Path]:
    return [
        REPOSITORY / "app.py",
        *(path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))),
    ]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _environment_reads(tree: ast.Module) -> Iterator[int]:
    """Lines that read the environment; setting a variable for a library is no reading."""
    writes: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=target, ctx=ast.Store() | ast.Del()):
                writes.add(target)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=target, attr="setdefault"))):
                writes.add(target)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb") if node not in writes:
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="os"), attr="getenv" | "getenvb"):
                yield node.lineno
            case ast.ImportFrom(module="os", names=names) if {n.name for n in names} & {"environ", "getenv"}:
                yield node.lineno


def _imports_of(modules: set[str], folder: Path) -> list[str]:
    """`file: module` for every import of these modules, or of something in them, in a file or below a folder."""
    found = []
    for path in [folder] if folder.is_file() else sorted(folder.rglob("*.py")):
        for node in ast.walk(_tree(path)):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            hits = {name for name in names for module in modules if name == module or name.startswith(f"{module}.")}
            found += [f"{path.relative_to(REPOSITORY)}: {name}" for name in sorted(hits)]
    return found


def _variables_in(text: str) -> Iterator[str]:
    """Names that look like variables: alone in a code span, or assigned in code."""
    yield from re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`\n]*)?`", text)
    yield from re.findall(r"^(?:\$ )?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)=", text, re.M)


def _variables_of_scripts() -> set[str]:
    scripts = [*REPOSITORY.glob("*.sh"), *REPOSITORY.glob("deploy/**/*.sh"), EMBEDDING_SERVER]
    return {name for path in scripts for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", path.read_text())}
