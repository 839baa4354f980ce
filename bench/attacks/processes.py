"""Starting processes and threads, living on, signals, sockets, system calls."""

PROCESSES = {
    "fork": """
import os
if os.fork() == 0:
    print("PWN: forked", flush=True)
""",
    "fork_bomb": """
import os
for _ in range(2000):
    try:
        os.fork()
        print("PWN: forked", flush=True)
    except OSError:
        pass
""",
    "vfork_and_spawn": """
import os
for start in (
    lambda: os.posix_spawn("/bin/sh", ["sh", "-c", "echo PWN: spawned"], {}),
    lambda: os.posix_spawnp("true", ["true"], {}),
    lambda: os.forkpty(),
    lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]),
):
    try:
        start()
        print("PWN: started", flush=True)
    except OSError:
        pass
""",
    "thread_bomb": """
import threading, time
for _ in range(500):
    try:
        threading.Thread(target=time.sleep, args=(60,)).start()
        print("PWN: a thread", flush=True)
    except RuntimeError:
        pass
""",
    "thread_raw": """
import _thread
try:
    _thread.start_new_thread(print, ("PWN: a raw thread",))
    print("PWN: started a raw thread")
except RuntimeError:
    pass
""",
    "daemonise": """
import os, time
try:
    os.setsid()
    print("PWN: a session of its own")
except OSError:
    pass
try:
    os.setpgid(0, 0)
    print("PWN: a group of its own")
except OSError:
    pass
if os.fork() == 0:
    if os.fork() == 0:
        print("PWN: a daemon", flush=True)
        time.sleep(600)
""",
    "shell": """
import os
if os.system("echo PWN: a shell") == 0:
    print("PWN: system() worked")
""",
    "popen": """
import os
print(os.popen("echo PWN: a pipe from a shell").read())
""",
    "execute": """
import os
for path in ("/bin/sh", "/usr/bin/python3", "/usr/bin/env", "/proc/self/exe"):
    for call in (os.execv, os.execvp):
        try:
            call(path, [path, "-c", "echo PWN: executed"])
        except OSError:
            pass
""",
    "subprocess": """
import subprocess
print("PWN:", subprocess.check_output(["id"]))
""",
    "multiprocessing": """
from multiprocessing import Process
Process(target=print, args=("PWN: a process",)).start()
print("PWN: multiprocessing")
""",
    "os_behind_the_curtain": """
for kind in object.__subclasses__():
    space = getattr(getattr(kind, "__init__", None), "__globals__", {})
    if "system" in space:
        if space["system"]("echo PWN: a shell through subclasses") == 0:
            print("PWN: system() found in", kind)
        break
""",
    "builtin_importer": """
loader = next(kind for kind in object.__subclasses__() if kind.__name__ == "BuiltinImporter")
posix = loader.load_module("posix")
for attempt in (posix.fork, posix.getlogin, lambda: posix.open("/etc/passwd", 0), lambda: posix.listdir("/")):
    try:
        attempt()
        print("PWN: posix did it")
    except OSError:
        pass
""",
    "kill_parent": """
import os
for process in {os.getppid(), JUDGE_PID, 1, 0, -1}:
    for signal in (0, 1, 2, 9, 15, 19):
        try:
            os.kill(process, signal)
            print("PWN: a signal to", process, flush=True)
        except OSError:
            pass
""",
    "kill_everything": """
import os
os.kill(-1, 9)
print("PWN: a signal to all")
""",
    "kill_group": """
import os
for group in (0, 1, JUDGE_PID):
    try:
        os.killpg(group, 9)
        print("PWN: a signal to a group")
    except OSError:
        pass
""",
    "signals_through_files": """
import fcntl, os, signal
for descriptor in (0, 1, 2):
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, JUDGE_PID)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_ASYNC)
    print("PWN: the judge is told by signal")
""",
    "raise_priority": """
import os
for attempt in (lambda: os.nice(-5), lambda: os.setpriority(os.PRIO_PROCESS, JUDGE_PID, 19),
                lambda: os.sched_setaffinity(0, {0}), lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(9))):
    try:
        attempt()
        print("PWN: priorities")
    except OSError:
        pass
""",
    "become_root": """
import os
for attempt in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.setresuid(0, 0, 0),
                lambda: os.chroot("/"), lambda: os.seteuid(1)):
    try:
        attempt()
        print("PWN: another user")
    except OSError:
        pass
""",
    "lift_limits": """
import sys
loader = next(kind for kind in object.__subclasses__() if kind.__name__ == "BuiltinImporter")
try:
    import resource
except ImportError:
    resource = loader.load_module("resource")
for kind in range(16):
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print("PWN: a limit lifted", kind)
    except (OSError, ValueError):
        pass
""",
    "socket": """
import socket
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    socket.socket(family, socket.SOCK_STREAM)
    print("PWN: a socket")
""",
    "socket_raw": """
loader = next(kind for kind in object.__subclasses__() if kind.__name__ == "BuiltinImporter")
try:
    import _socket
except ImportError:
    _socket = loader.load_module("_socket")
_socket.socket(1, 1, 0)
print("PWN: a socket")
""",
    "pairs_and_pipes": """
import os
for name, arguments in {"pipe": (), "eventfd": (0,), "memfd_create": ("x",), "openpty": (), "epoll": ()}.items():
    try:
        print("PWN:", name, getattr(os, name)(*arguments))
    except (OSError, AttributeError):
        pass
""",
    "ctypes": """
import ctypes
libc = ctypes.CDLL(None)
if libc.syscall(57) >= 0:
    print("PWN: fork by number")
print("PWN: ctypes is there")
""",
    "ctypes_from_a_file": """
import _imp, sys
class Spec:
    name = "_ctypes"
    loader = None
for home in ("/usr/lib", "/usr/local/lib", "/opt/python/lib"):
    for minor in range(11, 16):
        Spec.origin = f"{home}/python3.{minor}/lib-dynload/_ctypes.cpython-3{minor}-x86_64-linux-gnu.so"
        try:
            found = _imp.create_dynamic(Spec)
        except (ImportError, OSError):
            continue
        for name in (b"fork", b"setsid", b"vfork"):
            if found.call_function(found.dlsym(0, name.decode()), ()) != -1:
                print("PWN:", name, flush=True)
""",
    "machine_code": """
import mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
print("PWN: memory that can be written and executed")
""",
    "made_up_bytecode": """
import sys
def victim(): return None
code = victim.__code__
# Reads far beyond the constants of the function: whatever is there is not an object.
bad = code.replace(co_code=bytes([151, 0, 144, 255, 144, 255, 100, 255, 83, 0]))
victim.__code__ = bad
print(str(victim())[:20])
""",
}
