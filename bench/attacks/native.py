"""Calls past Python: what is left of ctypes after the child has used it, aimed at the kernel.

Up to Python 3.12 the classes of `_ctypes` cannot be unloaded, and a program finds them below `object`. With them it can
call any function of the C library, so here the filter of system calls is all there is.
"""

_CALLER = """
import os
def below(kind):
    for each in type.__subclasses__(kind):
        yield each
        yield from below(each)
found = {each.__name__: each for each in below(object) if each.__module__ == "_ctypes"}
simple, call = found.get("_SimpleCData"), found.get("CFuncPtr")
if not (simple and call):
    raise SystemExit("nothing is left of ctypes")
number = type(simple)("c_int", (simple,), {"_type_": "i"})
long = type(simple)("c_long", (simple,), {"_type_": "l"})
function = type(call)("function", (call,), {"_flags_": 1, "_restype_": number})
library = type("library", (), {"_handle": 0})()
def native(name, *arguments):
    try:
        result = function((name, library))(*(long(a) if isinstance(a, int) else a for a in arguments))
    except AttributeError:
        return -1
    return getattr(result, "value", result)
if native("abs", -5) != 5:
    print("the calls do not work")
"""

NATIVE = {
    "native_processes": _CALLER
    + """
for name, *arguments in (
    ("fork",), ("vfork",), ("daemon", 0, 0), ("setsid",), ("setpgid", 0, 0),
    ("execl", b"/bin/sh", b"sh", b"-c", b"echo PWN: executed", 0), ("kill", JUDGE_PID, 0), ("kill", -1, 9), ("killpg", 0, 9),
    ("unshare", 0x10000000), ("unshare", 0x20000), ("setns", 0, 0), ("clone", 0, 0, 17, 0), ("raise", 19), ("ptrace", 0, 0, 0, 0),
    ("ptrace", 16, JUDGE_PID, 0, 0), ("setuid", 0), ("setresuid", 0, 0, 0), ("capset", b"x" * 8, b"x" * 24),
):
    if native(name, *arguments) != -1:
        print("PWN:", name, flush=True)
if native("system", b"echo PWN: a shell") == 0:
    print("PWN: system", flush=True)
""",
    "native_files": _CALLER
    + """
for name, *arguments in (
    ("open", b"/etc/passwd", 0), ("openat", -100, b"/", 0), ("creat", b"/tmp/pwn", 0o600), ("access", b"/etc", 0),
    ("chdir", b"/tmp"), ("mkdir", b"/tmp/pwn", 0o700), ("unlink", b"SCRIPT"), ("symlink", b"/", b"/tmp/pwn"),
    ("readlink", b"/proc/self/exe", bytes(200), 200), ("stat", b"/", bytes(200)), ("mount", b"x", b"/", b"tmpfs", 0, 0),
    ("chroot", b"/"), ("pipe", bytes(8)), ("dup", 1), ("memfd_create", b"x", 0), ("eventfd", 0, 0), ("inotify_init",),
    ("timerfd_create", 0, 0), ("epoll_create", 1), ("shm_open", b"/pwn", 66, 0o600), ("fcntl", 1, 8, JUDGE_PID),
    ("ioctl", 0, 0x5412, b"x"), ("sendfile", 1, 0, 0, 10), ("ftruncate", 0, 0), ("name_to_handle_at", -100, b"/", bytes(200), bytes(8), 0),
):
    if native(name, *arguments) != -1:
        print("PWN:", name, flush=True)
""",
    "native_network": _CALLER
    + """
for family in (1, 2, 10, 16, 17, 38, 40):
    for kind in (1, 2, 3):
        if native("socket", family, kind, 0) != -1:
            print("PWN: a socket", family, kind, flush=True)
for name, *arguments in (("socketpair", 1, 1, 0, bytes(8)), ("msgget", 1, 0o1666), ("semget", 1, 1, 0o1666),
                         ("shmget", 1, 4096, 0o1666), ("gethostname", bytes(64), 64), ("getaddrinfo", b"localhost", 0, 0, 0)):
    if native(name, *arguments) == 0:
        print("PWN:", name, flush=True)
""",
    "native_limits": _CALLER
    + """
limit = (b"\\xff" * 7 + b"\\x7f") * 2
for kind in range(16):
    for name, *arguments in (("setrlimit", kind, limit), ("prlimit64", 0, kind, limit, 0), ("prlimit64", JUDGE_PID, kind, limit, 0)):
        if native(name, *arguments) == 0:
            print("PWN:", name, kind, flush=True)
for name, *arguments in (
    ("prctl", 4, 1, 0, 0, 0), ("prctl", 22, 0, 0, 0, 0), ("prctl", 1, 0, 0, 0, 0), ("prctl", 35, 1, 0, 0, 0), ("prctl", 15, b"pwn", 0, 0, 0),
    ("personality", 0x0040000), ("setpriority", 0, 0, -5), ("sched_setscheduler", 0, 1, b"\\x09" * 8), ("mlockall", 3),
    ("setitimer", 0, bytes(32), 0), ("timer_create", 0, 0, bytes(8)), ("sigaction", 24, bytes(200), 0),
    ("sigprocmask", 0, b"\\xff" * 128, 0), ("pthread_create", bytes(8), 0, 0, 0), ("iopl", 3), ("reboot", 0), ("swapoff", b"/x"),
    ("settimeofday", bytes(16), 0), ("sethostname", b"pwn", 3), ("vhangup",), ("acct", b"/tmp/x"), ("klogctl", 2, bytes(9), 9),
):
    if native(name, *arguments) == 0:
        print("PWN:", name, flush=True)
""",
    "native_memory": _CALLER
    + """
for prot in (4, 5, 6, 7):
    if native("mmap", 0, 4096, prot, 0x22, -1, 0) != -1:
        print("PWN: executable memory", prot, flush=True)
for descriptor in (0, 1, 2):
    if native("mmap", 0, 4096, 1, 1, descriptor, 0) != -1:
        print("PWN: a mapped file", descriptor, flush=True)
    if native("mmap", 0, 4096, 3, 2, descriptor, 0) != -1:
        print("PWN: a mapped file", descriptor, flush=True)
aligned = id(object) & ~4095
for prot in (5, 7):
    if native("mprotect", aligned, 4096, prot) == 0:
        print("PWN: executable memory", prot, flush=True)
if native("pkey_mprotect", aligned, 4096, 7, -1) == 0 or native("process_vm_readv", JUDGE_PID, bytes(16), 1, bytes(16), 1, 0) > 0:
    print("PWN: memory of others", flush=True)
""",
    "native_system_calls": _CALLER
    + """
# Numbers of x86_64 beyond 423 are the same everywhere.
for call in (425, 426, 427, 428, 429, 430, 431, 432, 434, 436, 437, 438, 439, 440, 441, 442, 443, 444, 445, 446, 447, 448, 449, 450,
             451, 452, 453, 454, 455, 456, 457, 458, 459, 460, 461, 462):
    if native("syscall", call, 0, 0, 0, 0, 0) != -1:
        print("PWN: system call", call, flush=True)
if native("getauxval", 15):
    for call in (56, 57, 58, 101, 135, 155, 157, 165, 246, 248, 250, 272, 298, 300, 304, 308, 310, 311, 312, 313, 317, 319, 320, 321, 322, 323):
        if native("syscall", call, 0, 0, 0, 0, 0) != -1:
            print("PWN: system call", call, flush=True)
""",
    "native_other_architecture": _CALLER
    + """
for call in (0x40000000 + 39, 0x40000000 + 57, 0x40000000 + 2):
    if native("syscall", call, b"/etc/passwd", 0, 0) != -1:
        print("PWN: system call of x32", call, flush=True)
""",
}
