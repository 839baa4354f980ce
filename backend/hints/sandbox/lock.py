"""Locks this process in, for good: resource limits, no new privileges, Landlock, a filter of system calls.

Loaded by `child.py` in a bare interpreter, so it needs nothing but the standard library. The filter is an allow-list
that assumes the worst, that what runs next calls the kernel directly: there is no call in it that opens, starts, sends,
maps a file or makes memory executable. It is the wall; everything else stands behind it.
"""

import ctypes
import errno
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38  # linux/prctl.h
_SECCOMP_MODE_FILTER = 2
_RET_KILL, _RET_ERRNO, _RET_ALLOW = 0x80000000, 0x00050000, 0x7FFF0000  # linux/seccomp.h
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16  # struct seccomp_data
_X32_BIT = 0x40000000
_PROT_EXEC, _MAP_ANONYMOUS = 0x4, 0x20
_CLONE3, _LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 435, 444, 446  # the same on every architecture
_LANDLOCK_VERSION = 1
_STACK_BYTES = 64 << 20  # for recursion that passes through C
_FILES = 16
_NOBODY = 65534

# What an interpreter needs that has everything loaded. x86_64: arch/x86/entry/syscalls/syscall_64.tbl of the kernel.
_X86_64 = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12,
    "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "exit": 60, "gettimeofday": 96, "times": 100,
    "time": 201, "futex": 202, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
    "clock_nanosleep": 230, "exit_group": 231, "getrandom": 318,
}  # fmt: skip
# aarch64: include/uapi/asm-generic/unistd.h.
_AARCH64 = {
    "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "mmap": 222, "mprotect": 226, "munmap": 215,
    "brk": 214, "sched_yield": 124, "mremap": 216, "madvise": 233, "nanosleep": 101, "exit": 93, "gettimeofday": 169,
    "times": 153, "futex": 98, "restart_syscall": 128, "clock_gettime": 113, "clock_getres": 114,
    "clock_nanosleep": 115, "exit_group": 94, "getrandom": 278,
}  # fmt: skip
ARCHITECTURES: Mapping[str, tuple[int, Mapping[str, int]]] = {  # AUDIT_ARCH_* of linux/audit.h
    "x86_64": (0xC000003E, _X86_64),
    "aarch64": (0xC00000B7, _AARCH64),
}


class CannotLockError(Exception):
    """This machine offers no way to lock a process in; the message says which step failed."""


def lock_in(machine: str, *, cpu_s: int, wall_s: int, memory_bytes: int) -> None:
    """Takes from this process all but computing, its memory and the descriptors it has open. There is no way back.

    Args:
        machine: `os.uname().machine`.
        cpu_s: SIGXCPU after so many seconds of processor time, SIGKILL one second later.
        wall_s: SIGALRM after so many seconds, for a process whose parent is no more.
        memory_bytes: of address space.

    Raises:
        CannotLockError: the architecture is not known, or the kernel refused a step that matters.
    """
    if sys.platform != "linux":
        raise CannotLockError(f"the system is {sys.platform}, not Linux")
    filter_program = seccomp_filter(machine)
    _limit(cpu_s, memory_bytes)
    _default_signals()
    signal.alarm(wall_s)
    _leave_root()
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, _PR_SET_PDEATHSIG, int(signal.SIGKILL))  # after the change of user, which clears it
    _prctl(libc, _PR_SET_DUMPABLE, 0)
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)
    _landlock(libc)
    _seccomp(libc, filter_program)
    _try_the_door()


def seccomp_filter(machine: str) -> bytes:
    """The filter as an array of `struct sock_filter`. Raises CannotLockError for an architecture without a table."""
    if machine not in ARCHITECTURES or sys.byteorder != "little":
        raise CannotLockError(f"there is no table of system calls for {machine}")
    architecture, numbers = ARCHITECTURES[machine]
    refuse = _RET_ERRNO | errno.EPERM
    steps = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _RET_KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_JUMP_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _RET_KILL),
        (_JUMP_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _RET_ERRNO | errno.ENOSYS),  # the C library then tries clone, and is refused
        # Memory of its own, never executable, never a file.
        (_JUMP_EQUAL, 0, 6, numbers["mmap"]),
        (_LOAD, 0, 0, _argument(2)),
        (_JUMP_ANY_BIT, 2, 0, _PROT_EXEC),
        (_LOAD, 0, 0, _argument(3)),
        (_JUMP_ANY_BIT, 1, 0, _MAP_ANONYMOUS),
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, _RET_ALLOW),
        (_JUMP_EQUAL, 0, 4, numbers["mprotect"]),
        (_LOAD, 0, 0, _argument(2)),
        (_JUMP_ANY_BIT, 0, 1, _PROT_EXEC),
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, _RET_ALLOW),
    ]
    for name, number in numbers.items():
        if name not in {"mmap", "mprotect"}:
            steps += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _RET_ALLOW)]
    steps.append((_RETURN, 0, 0, refuse))
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _argument(index: int) -> int:
    """Where the lower half of a call's argument is."""
    return _ARGUMENTS_AT + 8 * index


def _limit(cpu_s: int, memory_bytes: int) -> None:
    wanted = [
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, cpu_s, cpu_s + 1),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, _FILES, _FILES),
        (resource.RLIMIT_NPROC, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_STACK, _STACK_BYTES, _STACK_BYTES),
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
    ]
    for kind, soft, hard in wanted:
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)  # noqa: PLW2901
        resource.setrlimit(kind, (soft, hard))


def _default_signals() -> None:
    """No handler and no blocked signal is left; the filter lets nobody change that."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_DFL)


def _leave_root() -> None:
    """Root becomes nobody where it may; where it may not, the filter holds root as well."""
    if os.geteuid() == 0:
        try:
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        except OSError:
            pass


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0):
        raise CannotLockError(f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def _landlock(libc: ctypes.CDLL) -> None:
    """Denies files, the network and signals to others where the kernel has Landlock: a second wall, not the first."""
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return
    files = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)  # access rights known to the version, linux/landlock.h
    rights = [(1 << files) - 1]
    if version >= 4:
        rights.append(3)  # bind and connect
    if version >= 6:
        rights.append(3)  # abstract sockets and signals of others
    ruleset = struct.pack(f"{len(rights)}Q", *rights)
    descriptor = libc.syscall(_LANDLOCK_CREATE, ruleset, ctypes.c_size_t(len(ruleset)), 0)
    if descriptor >= 0:
        libc.syscall(_LANDLOCK_RESTRICT, descriptor, 0)
        os.close(descriptor)


def _seccomp(libc: ctypes.CDLL, program: bytes) -> None:
    class Program(ctypes.Structure):  # struct sock_fprog
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    program_of = Program(len(program) // 8, program)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program_of), 0, 0):
        raise CannotLockError(f"the filter of system calls: {os.strerror(ctypes.get_errno())}")


def _try_the_door() -> None:
    """A kernel that says yes and filters nothing is found out here."""
    try:
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError as error:
        if error.errno == errno.EPERM:
            return
    raise CannotLockError("the filter of system calls was accepted but does not work")
