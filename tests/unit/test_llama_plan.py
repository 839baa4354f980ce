"""How llama.cpp is run on machines of all sizes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.llm.llama_plan import COMFORTABLE_CONTEXT, CONTEXTS, plan
from backend.llm.machine import Machine, this_machine
from backend.models import GgufHeader
from backend.settings import Settings, load

GB = 10**9
QWEN_15B = GgufHeader("qwen2", 32_768, 28_672, 1_117_320_768)
OPEN = {"llm_context": None, "llm_threads": None, "llm_slots": None, "llm_wait_policy": "auto"}


def settings(**overrides: object) -> Settings:
    return load(**{**OPEN, **overrides})


machines = st.builds(
    Machine, cores=st.integers(1, 256), memory_available=st.integers(0, 1 << 41), load=st.floats(0, 500)
)
headers = st.builds(
    GgufHeader,
    architecture=st.just("any"),
    context_train=st.integers(0, 1 << 20),
    kv_bytes_per_token=st.integers(0, 1 << 22),
    weights_bytes=st.integers(0, 1 << 38),
)


@given(machines, headers)
def test_a_plan_is_always_one_that_can_run(machine: Machine, model: GgufHeader) -> None:
    chosen = plan(machine, model, settings())
    assert 1 <= chosen.threads <= machine.cores
    assert 1 <= chosen.slots <= 4
    assert chosen.context >= min(CONTEXTS[-1], model.context_train or CONTEXTS[-1])
    assert chosen.total_context == chosen.context * chosen.slots
    assert model.context_train == 0 or chosen.context <= model.context_train


@given(machines, headers)
def test_the_caches_fit_unless_even_the_smallest_would_not(machine: Machine, model: GgufHeader) -> None:
    chosen = plan(machine, model, settings())
    smallest = min(CONTEXTS[-1], model.context_train or CONTEXTS[-1]) * model.kv_bytes_per_token
    assert chosen.cache_bytes <= max(machine.memory_available, smallest)


@given(machines, headers, st.integers(1, 1 << 40))
def test_more_memory_never_gives_less(machine: Machine, model: GgufHeader, more: int) -> None:
    roomier = Machine(machine.cores, machine.memory_available + more, machine.load)
    assert plan(roomier, model, settings()).slots >= plan(machine, model, settings()).slots
    total = plan(machine, model, settings()).total_context
    assert plan(roomier, model, settings(llm_slots=2)).context >= plan(machine, model, settings(llm_slots=2)).context
    assert plan(roomier, model, settings()).total_context >= total


@given(machines, headers)
def test_slots_go_before_the_context_gets_uncomfortable(machine: Machine, model: GgufHeader) -> None:
    chosen = plan(machine, model, settings())
    if chosen.slots > 1 and (model.context_train >= COMFORTABLE_CONTEXT or model.context_train == 0):
        assert chosen.context >= COMFORTABLE_CONTEXT


@given(machines)
def test_settings_are_followed(machine: Machine) -> None:
    asked = settings(llm_context=5000, llm_threads=3, llm_slots=7, llm_wait_policy="active")
    chosen = plan(machine, QWEN_15B, asked)
    assert (chosen.context, chosen.threads, chosen.slots, chosen.wait_policy) == (5000, 3, 7, "active")


@given(machines)
def test_spinning_needs_a_quiet_machine_and_a_core_to_spare(machine: Machine) -> None:
    chosen = plan(machine, QWEN_15B, settings())
    if chosen.wait_policy == "active":
        assert chosen.threads < machine.cores
        assert machine.load < machine.cores


@pytest.mark.parametrize(
    ("machine", "context", "slots", "threads", "policy"),
    [
        (Machine(2, 23 * GB, 0.1), 16_384, 4, 2, "passive"),
        (Machine(8, 12 * GB, 0.1), 16_384, 4, 7, "active"),
        (Machine(8, 12 * GB, 6.0), 16_384, 4, 7, "passive"),
        (Machine(2, 4 * GB, 0.1), 8_192, 4, 2, "passive"),
        (Machine(2, 5 * GB // 2, 0.1), 4_096, 2, 2, "passive"),
        (Machine(1, 2 * GB, 0.0), 2_048, 1, 1, "passive"),
        (Machine(64, 256 * GB, 0.0), 16_384, 4, 16, "active"),
    ],
)
def test_machines_people_have(machine: Machine, context: int, slots: int, threads: int, policy: str) -> None:
    chosen = plan(machine, QWEN_15B, settings())
    assert (chosen.context, chosen.slots, chosen.threads, chosen.wait_policy) == (context, slots, threads, policy)


def test_a_container_has_what_its_limits_leave(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 32000000 kB\nMemAvailable: 16000000 kB\n")
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text("4000000000\n")
    (tmp_path / "memory.current").write_text("3000000000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 500000000\n")
    machine = this_machine(proc=tmp_path, cgroup=tmp_path)
    assert machine.cores == 1
    assert machine.memory_available == 1_500_000_000


def test_limits_of_the_older_control_groups_count_too(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemAvailable: 16000000 kB\n")
    for folder in ("cpu", "memory"):
        (tmp_path / folder).mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("2000000000\n")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("500000000\n")
    machine = this_machine(proc=tmp_path, cgroup=tmp_path)
    assert (machine.cores, machine.memory_available) == (1, 1_500_000_000)


def test_without_limits_the_machine_counts(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemAvailable: 16000000 kB\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    machine = this_machine(proc=tmp_path, cgroup=tmp_path)
    assert machine.memory_available == 16_000_000 * 1024
    assert machine.cores >= 1


def test_this_very_machine_can_be_described() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.memory_available > 0
