"""What is served on which GPU, and what is taken down when its memory runs out."""

from dataclasses import replace
from pathlib import Path

import pytest

from backend.errors import DriverTooOld, GpuTooOld, NoGpu
from backend.llm.gpu import Gpu, read_table, with_slices
from backend.llm.preparation import Lowered
from backend.llm.vllm_command import Installation, arguments, require_fit
from backend.llm.vllm_lowering import MOST_STEPS, lowered
from backend.llm.vllm_memory import mark_of, remember, remembered, values_of
from backend.llm.vllm_models import CODER_7B, CODER_32B, KNOWN, read_config
from backend.llm.vllm_output import OutOfMemory, Shortage
from backend.llm.vllm_plan import GIB, TIERS, Reason, VllmPlan, choose_model, next_smaller, plan, with_values
from backend.settings import Settings, load

MIB = 1 << 20
FOLDER = Path("/models/it")


def settings(**given: object) -> Settings:
    return load(_env_file=None, **given)


def cards(mebibytes: int | None, count: int = 1, capability: tuple[int, int] = (8, 9)) -> list[Gpu]:
    memory = None if mebibytes is None else mebibytes * MIB
    return [Gpu("NVIDIA", memory, "580.65.06", capability)] * count


def planned(gpus: list[Gpu], cores: int = 8, **given: object) -> VllmPlan:
    chosen = settings(**given)
    model, because = choose_model(gpus, chosen)
    return plan(gpus, cores, chosen, model=model, because=because)


# What nvidia-smi reports as the memory of these cards, in MiB.
@pytest.mark.parametrize(
    ("memory", "count", "model", "because", "share", "length", "parallel"),
    [
        (4_096, 1, "0.5B-Instruct", Reason.SMALLEST, 0.5, 2_048, 1),
        (6_144, 1, "0.5B-Instruct", Reason.SMALLEST, 0.5, 16_384, 1),  # RTX 2060
        (8_192, 1, "1.5B-Instruct", Reason.FITS_8GB, 0.65, 8_192, 1),  # RTX 4060
        (12_288, 1, "7B-Instruct-AWQ", Reason.FITS_16GB, 0.8, 16_384, 1),  # RTX 3060
        (15_360, 1, "7B-Instruct-AWQ", Reason.FITS_16GB, 0.85, 32_768, 1),  # T4
        (16_376, 1, "7B-Instruct-AWQ", Reason.FITS_16GB, 0.85, 32_768, 1),  # RTX A4000
        (23_034, 1, "7B-Instruct", Reason.FITS_24GB, 0.85, 16_384, 1),  # L4
        (24_564, 1, "7B-Instruct", Reason.FITS_24GB, 0.85, 32_768, 1),  # RTX 4090
        (32_607, 1, "7B-Instruct", Reason.FITS_24GB, 0.85, 32_768, 1),  # RTX 5090
        (40_960, 1, "32B-Instruct-AWQ", Reason.FITS_40GB, 0.9, 16_384, 1),  # A100
        (46_068, 1, "32B-Instruct-AWQ", Reason.FITS_40GB, 0.9, 32_768, 1),  # L40S
        (81_559, 1, "32B-Instruct-AWQ", Reason.FITS_40GB, 0.9, 32_768, 1),  # H100
        (143_771, 1, "32B-Instruct", Reason.FITS_120GB, 0.9, 32_768, 1),  # H200
        (24_564, 2, "32B-Instruct-AWQ", Reason.FITS_40GB, 0.85, 32_768, 2),
        (24_564, 3, "32B-Instruct-AWQ", Reason.FITS_40GB, 0.85, 32_768, 2),
        (81_559, 2, "32B-Instruct", Reason.FITS_120GB, 0.9, 32_768, 2),
        (81_559, 8, "32B-Instruct", Reason.FITS_120GB, 0.9, 32_768, 8),
        (9_728, 1, "1.5B-Instruct", Reason.FITS_8GB, 0.65, 16_384, 1),  # a tenth of an H100
        (None, 1, "1.5B-Instruct", Reason.MEMORY_UNKNOWN, 0.7, 8_192, 1),
    ],
)
def test_the_memory_decides(
    memory: int | None, count: int, model: str, because: Reason, share: float, length: int, parallel: int
) -> None:
    found = planned(cards(memory, count))
    assert found.model == f"Qwen/Qwen2.5-Coder-{model}"
    assert found.reason_of("VLLM_MODEL") is because
    assert (found.gpu_memory_utilization, found.max_model_len, found.tensor_parallel_size) == (share, length, parallel)


@pytest.mark.parametrize("memory", [4_096, 8_192, 12_288, 16_376, 24_564, 46_068, 81_559, 143_771, 183_359])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_what_is_chosen_fits_by_the_numbers_of_the_model(memory: int, count: int) -> None:
    found = planned(cards(memory, count))
    shape = KNOWN[found.model]
    if found.reason_of("VLLM_MAX_MODEL_LEN") is Reason.DOES_NOT_FIT:
        assert memory == 4_096
        return
    taken = shape.weights_bytes + 2 * found.max_model_len * shape.kv_bytes_per_token
    assert taken / found.tensor_parallel_size < memory * MIB * found.gpu_memory_utilization
    left = memory * MIB * (1 - found.gpu_memory_utilization)
    assert left > 2.3 * GIB or memory < 10_000, "the encoder has no room"


def test_the_caches_are_sized_by_the_shape() -> None:
    assert CODER_7B.kv_bytes_per_token == 2 * 28 * 4 * 128 * 2 == 57_344
    assert CODER_32B.kv_bytes_per_token == 262_144
    assert CODER_7B.divides_by(4)
    assert not CODER_7B.divides_by(8)  # 28 heads


def test_one_slow_gpu_among_others_sets_the_size() -> None:
    assert planned([*cards(81_559), *cards(24_564)]) == planned(cards(24_564, 2))


def test_everything_can_be_set() -> None:
    found = planned(
        cards(24_564, 2),
        llm_model="some/model",
        vllm_quantization="fp8",
        vllm_gpu_memory_utilization=0.5,
        vllm_max_model_len=1000,
        vllm_max_num_seqs=3,
        vllm_tensor_parallel_size=1,
        vllm_api_servers=6,
    )
    assert found.chosen() == (
        ("VLLM_MODEL", "some/model"),
        ("VLLM_QUANTIZATION", "fp8"),
        ("VLLM_GPU_MEMORY_UTILIZATION", "0.5"),
        ("VLLM_MAX_MODEL_LEN", "1000"),
        ("VLLM_MAX_NUM_SEQS", "3"),
        ("VLLM_TENSOR_PARALLEL_SIZE", "1"),
        ("VLLM_API_SERVERS", "6"),
    )
    assert {reason for _, reason in found.reasons} == {Reason.ASKED_FOR}


def test_a_model_nobody_knows_is_sized_by_its_own_configuration() -> None:
    config = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}
    shape = read_config({**config, "max_position_embeddings": 8192}, "some/8B", 16_060_000_000)
    assert shape is not None
    assert shape.kv_bytes_per_token == 131_072
    given = settings(llm_model="some/8B")
    found = plan(cards(24_564), 4, given, model="some/8B", because=Reason.ASKED_FOR, shape=shape)
    assert found.max_model_len == 8_192  # what it was trained for
    without = plan(cards(24_564), 4, given, model="some/8B", because=Reason.ASKED_FOR)
    assert without.reason_of("VLLM_MAX_MODEL_LEN") is Reason.SHAPE_UNKNOWN


@pytest.mark.parametrize(
    "config",
    [{}, {"kv_lora_rank": 512, "num_attention_heads": 8}, {"num_attention_heads": 0}, {"num_hidden_layers": "x"}],
)
def test_a_configuration_that_tells_nothing_is_no_shape(config: dict[str, object]) -> None:
    assert read_config(config, "m", 1) is None


def test_the_text_part_of_a_model_that_sees_counts() -> None:
    text = {"num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 64, "max_position_embeddings": 100}
    shape = read_config({"text_config": {**text, "dtype": "float32"}}, "m", 1)
    assert shape is not None
    assert shape.kv_bytes_per_token == 2 * 2 * 4 * 64 * 4


def test_cores_decide_on_the_processes_that_take_requests() -> None:
    assert [planned(cards(24_564), cores).api_servers for cores in (2, 8, 16, 64)] == [1, 2, 4, 4]


def test_an_older_card_computes_in_half_precision() -> None:
    command = arguments(("vllm",), planned(cards(15_360, capability=(7, 5))), settings(), FOLDER)
    assert command[command.index("--dtype") + 1] == "half"
    assert "--dtype" not in arguments(("vllm",), planned(cards(24_564)), settings(), FOLDER)


def test_the_command_line_binds_to_loopback_and_shows_no_key() -> None:
    given = settings(llm_api_key="very-secret", llm_host="0.0.0.0", vllm_extra_args="--seed '1' --host 0.0.0.0")
    command = arguments(("vllm",), planned(cards(24_564), 16), given, FOLDER)
    assert command[:3] == ["vllm", "serve", str(FOLDER)]
    assert command[command.index("--served-model-name") + 1] == CODER_7B.name
    assert command[-8:] == ["--seed", "1", "--host", "0.0.0.0", "--host", "127.0.0.1", "--port", "8000"]
    assert command[command.index("--api-server-count") + 1] == "4"
    assert "very-secret" not in " ".join(command)
    module = arguments(
        ("python3", "-m", "vllm.entrypoints.openai.api_server"), planned(cards(24_564), 16), given, FOLDER
    )
    assert module[3:5] == ["--model", str(FOLDER)]
    assert "--api-server-count" not in module


class TestReport:
    def test_a_report_is_read(self) -> None:
        table = (
            "NVIDIA H200, 143771, 580.65.06, 9.0\nNVIDIA GB10, [N/A], 580.95.05, 12.1\nTesla P4, 7611, 470.1, [N/A]\n"
        )
        h200, gb10, p4 = read_table(table)
        assert h200 == Gpu("NVIDIA H200", 143_771 * MIB, "580.65.06", (9, 0))
        assert (gb10.memory_bytes, gb10.capability) == (None, (12, 1))
        assert (p4.capability, p4.driver_major) == (None, 470)
        assert read_table("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n") == ()

    def test_a_slice_is_a_gpu_of_its_own_size(self) -> None:
        whole = read_table(
            "NVIDIA A100-SXM4-80GB, 81920, 580.65.06, 8.0\nNVIDIA A100-SXM4-80GB, 81920, 580.65.06, 8.0\n"
        )
        listing = (
            "GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-1)\n"
            "  MIG 3g.40gb     Device  0: (UUID: MIG-1)\n"
            "  MIG 1g.10gb     Device  1: (UUID: MIG-2)\n"
            "GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-2)\n"
        )
        sliced, untouched = with_slices(whole, listing)
        assert sliced.memory_bytes == 40_000 * MIB
        assert "3g.40gb" in sliced.name
        assert untouched.memory_bytes == 81_920 * MIB

    def test_a_listing_without_slices_changes_nothing(self) -> None:
        whole = read_table("NVIDIA L4, 23034, 580.65.06, 8.9\n")
        assert with_slices(whole, "GPU 0: NVIDIA L4 (UUID: GPU-1)\n") == whole
        assert with_slices(whole, "") == whole


class TestFit:
    def test_no_gpu_is_told(self) -> None:
        with pytest.raises(NoGpu):
            require_fit([], Installation())

    @pytest.mark.parametrize(("cuda", "driver", "fits"), [
        ("13.0", "580.65.06", True), ("13.0", "575.57.08", False), ("12.9", "575.57.08", True),
        ("12.9", "525.60", True), ("12.9", "470.82", False), ("", "470.82", True), ("13.0", "", True),
    ])  # fmt: skip
    def test_the_driver_must_know_the_cuda_it_was_built_with(self, cuda: str, driver: str, fits: bool) -> None:
        gpus = [Gpu("NVIDIA L4", 23_034 * MIB, driver, (8, 9))]
        if fits:
            require_fit(gpus, Installation(cuda=cuda))
        else:
            with pytest.raises(DriverTooOld):
                require_fit(gpus, Installation(cuda=cuda))

    def test_a_gpu_may_be_too_old(self) -> None:
        with pytest.raises(GpuTooOld):
            require_fit(cards(16_160, capability=(7, 0)), Installation())  # V100


class TestLowering:
    def test_the_context_goes_to_what_vllm_says_would_fit(self) -> None:
        found = lowered(planned(cards(24_564)), OutOfMemory(Shortage.CACHE_TOO_SMALL, longest=21_500))
        assert found is not None
        assert found[0].max_model_len == 20_480
        assert found[1] == Lowered("VLLM_MAX_MODEL_LEN", "32768", "20480")

    def test_a_share_that_others_hold_is_given_up(self) -> None:
        found = lowered(planned(cards(24_564)), OutOfMemory(Shortage.OCCUPIED, free_share=0.61))
        assert found is not None
        assert found[1] == Lowered("VLLM_GPU_MEMORY_UTILIZATION", "0.85", "0.59")

    @pytest.mark.parametrize("shortage", Shortage)
    @pytest.mark.parametrize("memory", [8_192, 24_564, 143_771])
    def test_it_ends(self, memory: int, shortage: Shortage) -> None:
        current, steps = planned(cards(memory)), []
        while step := lowered(current, OutOfMemory(shortage)):
            current = step[0]
            steps.append(step[1])
            assert len(steps) < 30
        assert steps
        assert current.max_model_len >= 2_048
        assert current.max_num_seqs >= 8
        assert current.gpu_memory_utilization >= 0.3

    @pytest.mark.parametrize("shortage", [Shortage.CACHE_TOO_SMALL, Shortage.NO_CACHE])
    def test_the_ladder_of_the_caches_is_within_one_start(self, shortage: Shortage) -> None:
        current, steps = planned(cards(143_771)), 0
        while step := lowered(current, OutOfMemory(shortage)):
            current, steps = step[0], steps + 1
        assert steps <= MOST_STEPS

    def test_out_of_memory_shortens_first_and_shrinks_last(self) -> None:
        current, order = planned(cards(24_564)), []
        while step := lowered(current, OutOfMemory(Shortage.OUT_OF_MEMORY)):
            current = step[0]
            order.append(step[1].setting)
        assert list(dict.fromkeys(order)) == ["VLLM_MAX_MODEL_LEN", "VLLM_MAX_NUM_SEQS", "VLLM_GPU_MEMORY_UTILIZATION"]

    def test_a_smaller_model_comes_last_and_only_for_one_of_ours(self) -> None:
        smaller = next_smaller(CODER_7B.name)
        assert smaller is not None
        assert smaller.weights_bytes < CODER_7B.weights_bytes
        assert next_smaller(TIERS[-1].model.name) is None
        assert next_smaller("some/model") is None


class TestMemory:
    STEPS = (Lowered("VLLM_MAX_MODEL_LEN", "32768", "16384"), Lowered("VLLM_MAX_MODEL_LEN", "16384", "8192"))

    def test_what_worked_is_taken_up_again(self, tmp_path: Path) -> None:
        given, first = settings(data_dir=tmp_path), planned(cards(24_564))
        mark = mark_of(first, cards(24_564), ("vllm",), "")
        remember(given, mark, self.STEPS)
        assert remembered(given, mark) == self.STEPS
        again = with_values(first, values_of(self.STEPS))
        assert again.max_model_len == 8_192
        assert again.reason_of("VLLM_MAX_MODEL_LEN") is Reason.WORKED_BEFORE
        assert again.max_num_seqs == first.max_num_seqs

    def test_another_gpu_or_setting_starts_afresh(self, tmp_path: Path) -> None:
        given, first = settings(data_dir=tmp_path), planned(cards(24_564))
        remember(given, mark_of(first, cards(24_564), ("vllm",), ""), self.STEPS)
        for mark in (
            mark_of(first, cards(23_034), ("vllm",), ""),
            mark_of(replace(first, max_num_seqs=1), cards(24_564), ("vllm",), ""),
            mark_of(first, cards(24_564), ("vllm",), "--enforce-eager"),
        ):
            assert remembered(given, mark) == ()

    def test_a_start_that_lowered_nothing_forgets(self, tmp_path: Path) -> None:
        given = settings(data_dir=tmp_path)
        remember(given, "m", self.STEPS)
        remember(given, "m", ())
        assert remembered(given, "m") == ()
