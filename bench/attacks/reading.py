"""Files, environment, /proc, descriptors, and paths of the machine."""

READING = {
    "read_passwd": """
print("PWN:", open("/etc/passwd").read(80))
""",
    "read_shadow_and_keys": """
import os
for path in ("/etc/shadow", "/root/.ssh/id_rsa", "/etc/hostname", "/etc/ssl/openssl.cnf", ".env", "app.py", "/app/.env"):
    try:
        print("PWN:", path, open(path, "rb").read(10))
    except OSError:
        pass
""",
    "read_own_source": """
import sys
for path in (sys.argv[0], "SCRIPT", "/proc/self/cmdline", "/dev/fd/3", "/proc/self/fd/3"):
    try:
        print("PWN:", open(path).read(20))
    except OSError:
        pass
""",
    "read_through_linecache": """
import linecache, traceback, inspect
for path in ("/etc/passwd", "SCRIPT"):
    if linecache.getlines(path):
        print("PWN: lines of", path)
try:
    print("PWN:", inspect.getsource(inspect))
except OSError:
    pass
""",
    "read_through_loaders": """
def below(kind):
    for each in type.__subclasses__(kind):
        yield each
        yield from below(each)
for kind in below(object):
    if kind.__name__ in {"FileLoader", "SourceFileLoader", "ExtensionFileLoader"}:
        try:
            print("PWN:", kind("x", "/etc/passwd").get_data("/etc/passwd")[:20])
        except OSError:
            pass
""",
    "read_through_import": """
import sys
sys.path.append("/etc")
sys.meta_path.clear()
import passwd
print("PWN: imported")
""",
    "restore_the_finders": """
import sys
external = sys.modules.get("importlib._bootstrap_external") or sys.modules["_frozen_importlib_external"]
sys.meta_path[:] = [external.PathFinder]
sys.path_hooks[:] = [external.FileFinder.path_hook((external.SourceFileLoader, [".py"]))]
sys.path[:] = ["/usr/lib/python3.11", "/usr/lib/python3.12", "/usr/local/lib/python3.11"]
import this
print("PWN: imported from a file")
""",
    "file_exists": """
import os
for path in ("/", "/etc/passwd", "/root", "/home", "SCRIPT"):
    for look in (os.stat, os.lstat, os.readlink, lambda p: os.access(p, os.F_OK) or 1 / 0, os.listdir, os.scandir):
        try:
            print("PWN:", path, look(path))
        except (OSError, ZeroDivisionError):
            pass
    if os.path.exists(path):
        print("PWN: it exists", path)
""",
    "walk": """
import os, glob
for root, folders, files in os.walk("/"):
    print("PWN:", root, folders[:3], files[:3])
""",
    "where_am_i": """
import os
for look in (os.getcwd, os.getcwdb, os.uname, os.getlogin, lambda: os.ttyname(0), os.getgroups, os.getloadavg,
             lambda: os.path.realpath("."), lambda: os.getxattr("/", "user.x"), lambda: os.statvfs("/")):
    try:
        print("PWN:", look())
    except OSError:
        pass
os.chdir("/etc")
print("PWN: changed the folder")
""",
    "environment": """
import os
loader = next(kind for kind in object.__subclasses__() if kind.__name__ == "BuiltinImporter")
for space in (os.environ, os.environb, loader.load_module("posix").environ):
    for name, value in space.items():
        if name not in ("LC_CTYPE", b"LC_CTYPE"):
            print("PWN:", name, value)
if os.getenv("PATH") or os.getenv("HOME"):
    print("PWN: PATH or HOME")
""",
    "proc_of_others": """
import os
for process in (1, JUDGE_PID, "self", os.getppid(), "thread-self"):
    for name in ("environ", "maps", "mem", "cmdline", "status", "root", "cwd", "exe", "fd", "stat", "auxv"):
        for look in (lambda p: open(p, "rb").read(10), os.readlink, os.listdir):
            try:
                print("PWN:", process, name, look(f"/proc/{process}/{name}"))
            except OSError:
                pass
""",
    "descriptors": """
import os
for descriptor in range(3, 1100):
    for look in (lambda: os.read(descriptor, 10), lambda: os.write(descriptor, b"x"), lambda: os.dup(descriptor),
                 lambda: os.fstat(descriptor), lambda: open(descriptor, "rb", closefd=False).read(10)):
        try:
            look()
            print("PWN: a descriptor was left open:", descriptor)
        except OSError:
            pass
""",
    "write_to_the_input": """
import os
for attempt in (lambda: os.write(0, b"x"), lambda: os.ftruncate(0, 0), lambda: os.pwrite(0, b"x", 0),
                lambda: os.read(1, 1), lambda: os.read(2, 1)):
    try:
        attempt()
        print("PWN: wrote to what is read")
    except OSError:
        pass
""",
    "duplicate_descriptors": """
import os, fcntl
for attempt in (lambda: os.dup(1), lambda: os.dup2(1, 9), lambda: os.set_inheritable(1, True), lambda: os.isatty(0) or 1 / 0):
    try:
        attempt()
        print("PWN: a second descriptor")
    except (OSError, ZeroDivisionError):
        pass
""",
    "paths_in_sys": """
import sys
for name in dir(sys):
    value = getattr(sys, name)
    for text in value if isinstance(value, (list, tuple)) else value if isinstance(value, dict) else [value]:
        if isinstance(text, str) and text.startswith("/"):
            print("PWN:", name, text)
""",
    "paths_in_modules": """
import collections, json, random, typing, dataclasses, datetime, decimal, logging, sys
for name, module in list(sys.modules.items()):
    for attribute in ("__file__", "__cached__", "__path__", "__spec__", "__loader__", "_srcfile"):
        value = getattr(module, attribute, None)
        if value and "/" in str(value):
            print("PWN:", name, attribute, value)
    if "/" in repr(module):
        print("PWN:", module)
""",
    "paths_in_code": """
import collections, json, random, typing, heapq, os, sys
for module in list(sys.modules.values()):
    for value in list(vars(module).values()):
        code = getattr(value, "__code__", None)
        if type(code).__name__ == "code" and code.co_filename.startswith("/"):
            print("PWN:", code.co_filename)
frame = sys._getframe()
while frame:
    for text in (frame.f_code.co_filename, frame.f_globals.get("__file__"), frame.f_globals.get("__cached__")):
        if text and "/" in text:
            print("PWN:", text)
    frame = frame.f_back
""",
    "paths_in_tracebacks": """
import traceback, json, decimal, random, statistics, fractions
for attempt in (lambda: json.loads("{"), lambda: random.choice([]), lambda: statistics.mean([]),
                lambda: fractions.Fraction("x"), lambda: __import__("socket"), lambda: open("/etc/passwd")):
    try:
        attempt()
    except Exception:
        text = traceback.format_exc()
        if "/" in text.replace("'/etc/passwd'", "").replace('"/etc/passwd"', ""):
            print("PWN:", text)
""",
    "paths_in_warnings": """
import warnings, traceback, sys
shown = []
warnings.showwarning = lambda *parts: shown.append(str(parts))
warnings.simplefilter("always")
warnings.warn("x")
sys.unraisablehook = lambda *parts: shown.append(str(parts))
class Loud:
    def __del__(self): raise ValueError
Loud()
traceback.print_stack(file=sys.stdout)
if any("/" in text for text in shown):
    print("PWN:", shown)
""",
    "paths_in_everything": r"""
import collections, gc, heapq, json, logging, datetime, decimal, dataclasses, random, sys
seen, ways = set(), []
todo = gc.get_objects() + list(sys.modules.values())
while todo:
    thing = todo.pop()
    if id(thing) in seen:
        continue
    seen.add(id(thing))
    if type(thing) is str:
        if thing.startswith("/") and thing.count("/") > 1 and thing.endswith((".py", ".pyc", ".so", "/python3", "3.11")):
            ways.append(thing)
        continue
    if type(thing).__name__ == "code":
        todo.append(thing.co_filename)
        todo.extend(each for each in thing.co_consts if not isinstance(each, str))
    elif thing is not todo and thing is not ways:
        todo.extend(gc.get_referents(thing))
for way in ways:
    print("PWN:", way)
""",
    "modules_that_are_denied": """
import sys
for name in ("socket", "subprocess", "ctypes", "_ctypes", "signal", "mmap", "fcntl", "resource", "select", "ssl", "asyncio",
             "multiprocessing", "shutil", "pathlib", "tempfile", "pty", "sqlite3", "numpy", "pip", "site", "sysconfig",
             "urllib.request", "http.server", "importlib.resources", "runpy", "zipimport", "concurrent.futures"):
    try:
        module = __import__(name)
    except ImportError:
        continue
    if name not in sys.modules:
        print("PWN: imported", name)
""",
    "raise_on_import": """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        return None
sys.meta_path.insert(0, Finder())
sys.modules.pop("_ctypes", None)
try:
    import _ctypes
    print("PWN: imported a library")
except ImportError:
    pass
""",
}
