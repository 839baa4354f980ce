"""Time, memory, output, files, and the compiler."""

EXHAUSTING = {
    "endless_loop": "while True: pass",
    "sleep": "import time\ntime.sleep(3600)\nprint('PWN: slept an hour')",
    "wait_for_a_lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "swallow_everything": """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
    "handlers_for_signals": """
def handler(*_):
    print("PWN: went on after the signal", flush=True)
try:
    import signal
except ImportError:
    signal = next(k for k in object.__subclasses__() if k.__name__ == "BuiltinImporter").load_module("_signal")
for number in range(1, 32):
    for way in (handler, signal.SIG_IGN):
        try:
            signal.signal(number, way)
            print("PWN: a handler", number)
        except (OSError, ValueError):
            pass
try:
    signal.pthread_sigmask(0, range(1, 32))
    print("PWN: signals are blocked")
except OSError:
    pass
while True:
    pass
""",
    "cancel_the_alarm": """
signal = next(k for k in object.__subclasses__() if k.__name__ == "BuiltinImporter").load_module("_signal")
for attempt in (lambda: signal.alarm(0), lambda: signal.setitimer(0, 0), lambda: signal.setitimer(0, 3600)):
    try:
        attempt()
        if signal.getitimer(0) != (0.0, 0.0):
            print("PWN: another alarm")
    except OSError:
        pass
""",
    "regular_expression": "import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')\nprint('PWN: too quick')",
    "slow_in_c": "print(len(str(3 ** (10 ** 8))))",
    "sort_for_ever": "sorted(range(10 ** 9), key=lambda value: -value)",
    "memory_at_once": "x = bytearray(2 << 30)\nprint('PWN: two gigabytes')",
    "memory_by_and_by": "x = []\nwhile len(x) < 8192:\n    x.append(bytearray(1 << 20))\nprint('PWN: eight gigabytes')",
    "memory_swallowed": """
x = []
while True:
    try:
        x.append("x" * (1 << 20) + str(len(x)))
    except MemoryError:
        pass
    if len(x) > 4096:
        print("PWN: four gigabytes", flush=True)
""",
    "memory_of_maps": """
import sys
x = []
for _ in range(100000):
    x.append([None] * (1 << 20))
print("PWN: it never ended")
""",
    "recursion": "def f(n):\n    return f(n + 1) + 1\nf(0)\nprint('PWN: it came back')",
    "recursion_unlimited": "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(n):\n    return f(n + 1) + 1\nf(0)\nprint('PWN: back')",
    "recursion_through_c": """
import sys, functools
sys.setrecursionlimit(10 ** 9)
@functools.lru_cache(None)
def f(n):
    return f(n + 1)
f(0)
print("PWN: back")
""",
    "output_flood": "while True:\n    print('x' * 1000)",
    "output_flood_raw": "import os\nwhile True:\n    os.write(1, b'x' * 65536)",
    "error_flood": "import sys\nwhile True:\n    print('x' * 1000, file=sys.stderr)",
    "error_flood_raw": "import os\nwhile True:\n    os.write(2, b'x' * 65536)",
    "exception_flood": "raise ValueError('x' * 10 ** 8)",
    "exception_that_shows_itself": """
class Loud(Exception):
    def __str__(self):
        while True:
            print("x" * 1000)
raise Loud
""",
    "write_files": """
import os
for path in ("/tmp/pwn", "/dev/shm/pwn", "pwn", "/var/tmp/pwn", "/proc/self/oom_score_adj", "/dev/null"):
    for mode in ("w", "a", "x", "r+"):
        try:
            open(path, mode)
            print("PWN: wrote", path)
        except OSError:
            pass
""",
    "many_files": """
import os
for number in range(5000):
    for attempt in (lambda: os.mkdir(f"/tmp/pwn{number}"), lambda: os.mknod(f"/tmp/pwn{number}"),
                    lambda: os.symlink("/", f"/tmp/pwn{number}"), lambda: os.mkfifo(f"/dev/shm/pwn{number}")):
        try:
            attempt()
            print("PWN: made", number)
        except OSError:
            pass
""",
    "remove_files": """
import os
for attempt in (lambda: os.remove("SCRIPT"), lambda: os.rename("SCRIPT", "/tmp/x"), lambda: os.chmod("SCRIPT", 0),
                lambda: os.truncate("SCRIPT", 0), lambda: os.link("SCRIPT", "/tmp/x"), lambda: os.utime("SCRIPT")):
    try:
        attempt()
        print("PWN: changed a file")
    except OSError:
        pass
""",
    "use_up_descriptors": """
import os
opened = []
for _ in range(100000):
    try:
        opened.append(os.open("/dev/null", 0))
        print("PWN: opened", flush=True)
    except OSError:
        pass
""",
    "compile_nested": "exec('(' * 100000)",
    "compile_deep": "print(eval('-' * 200000 + '1'))",
    "compile_deep_lists": "eval('[' * 90 + ']' * 90)\nimport ast\nast.literal_eval('-' * 100000 + '1')",
    "compile_constant": "x = 2 ** 10 ** 9\nprint('PWN: computed')",
    "compile_strings": "x = ((('a' * 4096) * 4096) * 4096) * 4096\nprint('PWN: 256 terabytes')",
    "compile_long": "exec('x = 1\\n' * 10 ** 7)\nprint('PWN: compiled')",
    "source_deep_parentheses": "(" * 30000 + ")" * 30000,
    "source_deep_operators": "x = " + "-" * 60000 + "1",
    "source_deep_attributes": "x" + ".a" * 30000,
    "source_deep_blocks": "\n".join(" " * depth + "if 1:" for depth in range(300)),
    "source_null": "print(1)\nprint('" + "\\" + "N{" + "A" * 50000 + "}')",
    "number_as_text": "import sys\nsys.set_int_max_str_digits(0)\nprint(len(str(1 << (1 << 26))))\nprint('PWN: computed')",
    "hash_collisions": "x = {}\nfor n in range(10 ** 6):\n    x[n * (2 ** 61 - 1)] = n\nprint('PWN: quick')",
}
