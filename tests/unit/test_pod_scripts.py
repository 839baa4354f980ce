"""The shell functions of the pod way: where things lie, what moves, and what is chosen."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from backend.settings import REPOSITORY

PARTS_OF_A_POD = ("output", "messages", "machine", "python", "choices", "lock", "native", "settings", "pod")


def _on_a_pod(tmp_path: Path, script: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs a piece of shell with the libraries of the pod way, in a checkout that is empty."""
    (tmp_path / "ondol").mkdir(exist_ok=True)
    (tmp_path / "volume").mkdir(exist_ok=True)
    parts = "; ".join(f'. "{REPOSITORY}/deploy/lib/{part}.sh"' for part in PARTS_OF_A_POD)
    return subprocess.run(
        ["bash", "-euc", f'ONDOL_ROOT="{tmp_path}/ondol"; cd "$ONDOL_ROOT"; {parts}; pod_find_home; {script}'],
        env={"PATH": os.environ["PATH"], "ONDOL_WORKSPACE": str(tmp_path / "volume"), "LC_ALL": "C", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_must_last_moves_to_the_volume_once(tmp_path: Path) -> None:
    here, there = tmp_path / "ondol/var", tmp_path / "volume/ondol/var"
    (here / "secrets").mkdir(parents=True)
    (here / "secrets/key").write_text("first")
    for _ in range(2):
        assert _on_a_pod(tmp_path, "keep_on_volume var").returncode == 0
    assert here.is_symlink()
    assert (there / "secrets/key").read_text() == "first"


def test_what_lies_on_the_volume_counts_and_nothing_is_thrown_away(tmp_path: Path) -> None:
    here, there = tmp_path / "ondol/var", tmp_path / "volume/ondol/var"
    for folder, text in ((here, "of this container"), (there, "of an earlier one")):
        folder.mkdir(parents=True)
        (folder / "key").write_text(text)
    assert _on_a_pod(tmp_path, "keep_on_volume var").returncode == 0
    assert (here / "key").read_text() == "of an earlier one"
    aside = list((tmp_path / "ondol").glob("var.before-*"))
    assert [(folder / "key").read_text() for folder in aside] == ["of this container"]


def test_what_runs_is_stopped_before_its_data_move(tmp_path: Path) -> None:
    (tmp_path / "ondol/var").mkdir(parents=True)
    (tmp_path / "ondol/quick_start.sh").touch()
    stop = (
        'native_installed() { :; }; native_supervision() { [ ! -L "$ONDOL_ROOT/var" ] && echo "$1" >var/told; };'
        "keep_var_on_volume"
    )
    done = _on_a_pod(tmp_path, stop)
    assert "before its data move" in done.stdout, done.stderr
    assert (tmp_path / "volume/ondol/var/told").read_text() == "stop\n"
    (tmp_path / "volume/ondol/var/told").unlink()
    assert "before its data move" not in _on_a_pod(tmp_path, stop).stdout
    assert not (tmp_path / "volume/ondol/var/told").exists()


@pytest.mark.parametrize("held", ["quick_start.sh", "var/quick_start.lock"])
def test_two_starts_do_not_move_the_data_at_once(tmp_path: Path, held: str) -> None:
    (tmp_path / "ondol/var").mkdir(parents=True)
    (tmp_path / "ondol" / held).touch()
    (tmp_path / "ondol/quick_start.sh").touch()
    with (tmp_path / "ondol" / held).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = _on_a_pod(tmp_path, "native_installed() { :; }; keep_var_on_volume")
    assert done.returncode == 1
    assert "at work in this folder" in done.stderr
    assert not (tmp_path / "ondol/var").is_symlink()


def test_a_checkout_on_a_volume_without_owners_keeps_its_data_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "ondol").mkdir()
    script = (
        f'POD_DATA="{tmp_path}/data"; knows_owners() {{ false; }}; pod_find_home; pod_defaults;'
        'echo "$DATA_DIR $HF_HOME"; echo "$POD_WARNING"'
    )
    done = _on_a_pod(tmp_path, script, ONDOL_WORKSPACE=str(tmp_path))
    first, warning = done.stdout.splitlines()
    assert first == f"{tmp_path}/data {tmp_path}/ondol/huggingface", done.stderr
    assert f"{tmp_path}/data" in warning
    given = _on_a_pod(tmp_path, script, ONDOL_WORKSPACE=str(tmp_path), DATA_DIR="/given")
    assert given.stdout.startswith("/given ")


FULL = (
    'id() { echo 0; }; mktemp() { echo "mktemp: No space left on device" >&2; return 1; };'
    'mkdir() { case "$*" in */volume/ondol) echo "mkdir: No space left on device" >&2; return 1 ;; esac; };'
    f'here="$ONDOL_ROOT"; ONDOL_ROOT="{REPOSITORY}"; . "$ONDOL_ROOT/deploy/ways/pod.sh"; ONDOL_ROOT="$here";'
    "way_place start;"
    'echo "home=$POD_HOME data=${DATA_DIR:-} weights=${HF_HOME:-} warning=$POD_WARNING"'
)


@pytest.mark.parametrize("place", ["volume/ondol/var/postgres", "ondol/var/postgres"])
def test_a_full_volume_with_the_database_is_used_all_the_same(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / "volume/ondol").mkdir(parents=True, exist_ok=True)
    (tmp_path / "ondol").mkdir(exist_ok=True)
    (tmp_path / "ondol/quick_start.sh").touch()
    where = tmp_path / "volume" if place.startswith("volume") else tmp_path
    done = _on_a_pod(tmp_path, FULL, ONDOL_WORKSPACE=str(where))
    assert done.stdout == f"home={where}/ondol data= weights= warning=\n", done.stderr
    assert (tmp_path / "ondol/var/postgres").is_dir()


@pytest.mark.parametrize("made", [True, False])
def test_a_full_volume_without_a_database_ends_the_start_with_the_reason(tmp_path: Path, made: bool) -> None:
    """Elsewhere would be another, empty system; what a full disk says is no verdict on what it can hold."""
    if made:
        (tmp_path / "volume/ondol").mkdir(parents=True)
    done = _on_a_pod(tmp_path, f"rmdir $POD_HOME; {FULL}" if not made else FULL)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and "owners" not in done.stdout
    assert not (tmp_path / "ondol/var").exists()
    assert _on_a_pod(tmp_path, FULL.replace("start", "stop")).returncode == 0, "what runs can be stopped"


def test_a_full_disk_does_not_keep_a_lock_from_being_taken(tmp_path: Path) -> None:
    (tmp_path / "ondol/var").mkdir(parents=True)
    (tmp_path / "ondol/var/quick_start.env").write_text("ONDOL_WAY=pod\n")
    full = 'echo() { builtin echo "No space left" >&2; return 1; }; take_lock; choose ONDOL_WAY pod; say taken'
    assert _on_a_pod(tmp_path, full).stdout.endswith("taken\n")


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("vllm", "qwen2.5-coder-0.5b-instruct", "Qwen/Qwen2.5-Coder-0.5B-Instruct"),
        ("vllm", "own/model", "own/model"),
        ("vllm", "nonsense", "nonsense"),
        ("llamacpp", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-0.5b-instruct"),
    ],
)
@pytest.mark.parametrize("place", ["remembered", ".env"])
def test_a_model_of_the_laptop_is_the_same_one_on_the_hub(
    tmp_path: Path, kind: str, name: str, expected: str, place: str
) -> None:
    file = tmp_path / "ondol" / {"remembered": "var/quick_start.env"}.get(place, place)
    file.parent.mkdir(parents=True)
    file.write_text(f"LLM_MODEL_NAME={name}\n")
    script = 'pod_defaults; use_choices "" ""; setting LLM_MODEL_NAME'
    done = _on_a_pod(tmp_path, script, LLM_SERVICE_TYPE=kind)
    assert done.stdout.strip() == expected, done.stderr
    assert (expected in done.stderr) == (expected != name)


def test_without_a_volume_nothing_moves_and_it_is_told(tmp_path: Path) -> None:
    done = _on_a_pod(tmp_path, 'keep_on_volume var; echo "$POD_WARNING"', ONDOL_WORKSPACE=str(tmp_path / "none"))
    assert "no volume" in done.stdout
    assert not (tmp_path / "ondol/var").exists()


@pytest.mark.parametrize(("dotenv", "expected"), [("", "vllm"), ("LLM_SERVICE_TYPE=ollama\n", "unset")])
def test_a_pod_asks_for_vllm_unless_somebody_decided(tmp_path: Path, dotenv: str, expected: str) -> None:
    (tmp_path / "ondol").mkdir()
    (tmp_path / "ondol/.env").write_text(dotenv)
    done = _on_a_pod(tmp_path, 'pod_defaults; echo "${LLM_SERVICE_TYPE:-unset}"')
    assert done.stdout.strip() == expected, done.stderr
