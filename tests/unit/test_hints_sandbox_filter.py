"""The filter of system calls, run by a reader of its instructions, so that both architectures are seen on any."""

import errno
import struct

import pytest

from backend.hints.sandbox.lock import ARCHITECTURES, CannotLockError, seccomp_filter

ALLOW, KILL, REFUSE, NOT_THERE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
# Numbers of calls that must never be allowed, from the kernel's tables.
DANGEROUS = {
    "x86_64": {
        "open": 2, "rt_sigaction": 13, "rt_sigprocmask": 14, "ioctl": 16, "pipe": 22, "dup": 32, "socket": 41,
        "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "uname": 63, "fcntl": 72, "getcwd": 79,
        "ptrace": 101, "getppid": 110, "personality": 135, "prctl": 157, "setrlimit": 160, "tkill": 200, "tgkill": 234,
        "keyctl": 250, "openat": 257, "newfstatat": 262, "prlimit64": 302, "process_vm_readv": 310, "seccomp": 317,
        "memfd_create": 319, "bpf": 321, "execveat": 322, "userfaultfd": 323, "pkey_mprotect": 329, "statx": 332,
        "pidfd_send_signal": 424, "io_uring_setup": 425, "openat2": 437,
    },
    "aarch64": {
        "getcwd": 17, "dup": 23, "fcntl": 25, "ioctl": 29, "openat": 56, "pipe2": 59, "newfstatat": 79, "unshare": 97,
        "ptrace": 117, "kill": 129, "tkill": 130, "tgkill": 131, "rt_sigaction": 134, "rt_sigprocmask": 135,
        "uname": 160, "setrlimit": 164, "prctl": 167, "getppid": 173, "socket": 198, "keyctl": 219, "clone": 220,
        "execve": 221, "prlimit64": 261, "process_vm_readv": 270, "seccomp": 277, "memfd_create": 279, "bpf": 280,
        "execveat": 281, "userfaultfd": 282, "pkey_mprotect": 288, "statx": 291, "pidfd_send_signal": 424,
        "io_uring_setup": 425, "openat2": 437,
    },
}  # fmt: skip
both = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


@both
def test_what_is_in_the_table_is_allowed_and_nothing_else(machine: str) -> None:
    _, numbers = ARCHITECTURES[machine]
    allowed = {number for number in range(600) if answer(machine, number, flags=0x22, prot=3) == ALLOW}
    assert allowed == set(numbers.values())
    assert not allowed & set(DANGEROUS[machine].values())


@both
def test_other_calls_are_refused_and_clone3_is_not_there(machine: str) -> None:
    assert {answer(machine, number) for number in DANGEROUS[machine].values()} == {REFUSE}
    assert answer(machine, 435) == NOT_THERE


@both
def test_memory_is_never_executable_and_never_a_file(machine: str) -> None:
    numbers = ARCHITECTURES[machine][1]
    for prot in range(8):
        expected = REFUSE if prot & 4 else ALLOW
        assert answer(machine, numbers["mmap"], prot=prot, flags=0x22) == expected
        assert answer(machine, numbers["mmap"], prot=prot, flags=0x02) == REFUSE
        assert answer(machine, numbers["mprotect"], prot=prot) == expected


@both
def test_another_architecture_and_x32_are_killed(machine: str) -> None:
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[machine]
    assert answer(machine, 1, architecture=ARCHITECTURES[other][0]) == KILL
    assert answer(machine, 1, architecture=0x40000003) == KILL
    assert answer(machine, 0x40000001) == KILL


@pytest.mark.parametrize("machine", ["riscv64", "i686", "armv7l", ""])
def test_an_unknown_architecture_is_refused(machine: str) -> None:
    with pytest.raises(CannotLockError, match="no table of system calls"):
        seccomp_filter(machine)


def answer(machine: str, number: int, *, prot: int = 0, flags: int = 0, architecture: int | None = None) -> int:
    """What the kernel would do: classic BPF over a `struct seccomp_data`."""
    architecture = ARCHITECTURES[machine][0] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number, architecture, 0, 0, 4096, prot, flags, 0, 0)
    steps = list(struct.iter_unpack("HBBI", seccomp_filter(machine)))
    accumulator = place = 0
    while True:
        code, if_true, if_false, value = steps[place]
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x06:
            return value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            place += if_true if holds else if_false
