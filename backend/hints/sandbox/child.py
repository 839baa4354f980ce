"""Runs one program of a learner, once: `python -I -S -B -X utf8 child.py DESCRIPTOR`.

Started by `execution.py`, which sends the job as marshalled data in a file without a name at that descriptor; the
program's standard input is this process's own. Everything the program may import is imported first, the process is
locked in (`lock.py`), what is known here about the machine is wiped, and only then is the program compiled and run.

What the program writes goes to standard output. Standard error carries what it writes there and two messages of ours,
marked with a word that the parent made up for this run: that the lock holds, before the first line of the program runs,
and the report at the end. A program can forge the report, since it runs in this very interpreter, but the only thing it
can lie about is itself: what is expected of it was never here.
"""

import _imp
import atexit
import builtins
import gc
import marshal
import os
import sys
import time
from importlib import import_module
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes as long as starting the interpreter
    from collections.abc import Callable
    from typing import Any

PROGRAM = "<program>"
_EPERM = 1  # what the filter answers; errno need not be loaded
_JOB_BYTES = 1 << 20  # of one read
_RESERVE_BYTES = 4 << 20  # given back when the program has used up its memory, for the report
_MESSAGE_CHARACTERS = 500
_SECONDS_TO_BE_ENDED = 10.0  # by the parent, which looks at the memory before
_HOST_NAMES = (
    "_base_executable", "_framework", "_git", "_home", "_stdlib_dir", "base_exec_prefix", "base_prefix", "exec_prefix",
    "executable", "platlibdir", "prefix", "pycache_prefix",
)  # fmt: skip


class RefusedImport(ModuleNotFoundError):
    """The program imports what it may not, or what was not loaded before the doors were closed."""


class _Refuse:
    """The only finder there is in a locked process; modules that are loaded never get here."""

    def __init__(self, allowed: "frozenset[str]") -> None:
        self._allowed = allowed

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        top = name.partition(".")[0]
        if name in self._allowed:
            reason = f"{name} was not loaded: write its name somewhere in the program"
        elif top in sys.stdlib_module_names:
            reason = f"{name} may not be imported here"
        else:
            reason = f"there is no module {name} here, only some of the standard library"
        raise RefusedImport(reason, name=name)


def main(descriptor: int) -> None:
    """Does the job and ends the process."""
    gc.disable()  # until all that it may forget about is wiped
    job = _read_job(descriptor)
    mark: str = job["mark"]
    if job["function"]:
        import_module("json")
    for name in job["modules"]:
        try:
            import_module(name)
        except ImportError:  # this interpreter was built without it; the program is told when it asks
            pass
    keep = set(sys.modules)
    lock = _lock()
    try:
        lock.lock_in(os.uname().machine, cpu_s=job["cpu_s"], wall_s=job["wall_s"], memory_bytes=job["memory_bytes"])
    except (lock.CannotLockError, OSError, ValueError) as error:
        _write(f"{mark} refused {error}\n")
        os._exit(1)
    del lock
    _forget_the_host(keep, job["allowed"])
    _write(f"{mark} locked\n")
    _run(mark, job["program"], job["function"], job["arguments"], job["output_bytes"])


def _lock() -> "Any":
    """`lock.py` beside this file, which is on no path of this interpreter."""
    module = ModuleType("lock")
    loader = SourceFileLoader("lock", os.path.join(os.path.dirname(__file__), "lock.py"))
    loader.exec_module(module)
    return module


def _read_job(descriptor: int) -> "dict[str, Any]":
    parts = []
    while part := os.read(descriptor, _JOB_BYTES):
        parts.append(part)
    os.close(descriptor)
    job: dict[str, Any] = marshal.loads(b"".join(parts))  # noqa: S302 -- from our parent
    return job


def _forget_the_host(keep: "set[str]", allowed: "frozenset[str]") -> None:
    """Wipes what tells where this interpreter lives: paths in modules, code and caches, and the environment."""
    os.environ.clear()
    homes = tuple({f"{path}/" for path in (sys.prefix, sys.base_prefix, os.path.dirname(__file__))})
    for name in _HOST_NAMES:
        if hasattr(sys, name):
            setattr(sys, name, "")
    sys.argv[:], sys.orig_argv[:], sys.path[:], sys.path_hooks[:] = [PROGRAM], [], [], []
    sys.path_importer_cache.clear()
    sys.meta_path[:] = [_Refuse(allowed)]
    for name in set(sys.modules) - keep:
        del sys.modules[name]
    for module in sys.modules.values():
        if not isinstance(module, ModuleType):  # some modules put classes there
            continue
        module.__spec__ = module.__loader__ = None
        _wipe(vars(module), homes)  # not every one is known to the collector
        if hasattr(module, "__path__"):
            module.__path__ = []  # still a package, with nothing more in it
    for thing in gc.get_objects():
        kind = type(thing)
        if kind is FunctionType:
            _rename(thing.__code__)
        elif kind is dict:
            _wipe(thing, homes)
        elif kind is list and thing and type(thing[0]) is str and thing[0].startswith(homes):
            thing.clear()
        elif kind in {ModuleSpec, SourceFileLoader, ExtensionFileLoader}:
            _wipe(vars(thing), homes)
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        _rename(frame.f_code)
        frame = frame.f_back
    gc.enable()
    gc.collect()


def _rename(code: CodeType) -> None:
    if code.co_filename.startswith("/"):
        _imp._fix_co_filename(code, f"<{os.path.basename(code.co_filename)}>")  # type: ignore[attr-defined]


def _wipe(table: "dict[Any, Any]", homes: "tuple[str, ...]") -> None:
    """Empties the paths among the values. A key with a path is of the list of extension modules, which is done with."""
    for key, value in table.items():
        if type(value) is str and value.startswith(homes):
            table[key] = ""
        if type(key) is tuple and key and type(key[0]) is str and key[0].startswith(homes):
            table.clear()
            return


def _run(mark: str, program: str, function: str, arguments: "list[Any]", output_bytes: int) -> None:
    # What is needed after the program is taken before it: it may put anything in place of what has a name.
    write, leave, sleep, exit_functions, output = os.write, os._exit, time.sleep, atexit._run_exitfuncs, sys.stdout
    encode = sys.modules["json"].dumps if function else repr
    reserve = bytes(_RESERVE_BYTES)
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    vars(builtins)["exit"] = vars(builtins)["quit"] = _exit
    told: tuple[str, ...] = ("done", "0", "", "", "")
    compiled = False
    try:
        code = compile(program, PROGRAM, "exec", dont_inherit=True)
        compiled = True
        exec(code, module.__dict__)
        if function:
            told = _returned(module.__dict__.get(function), function, arguments, encode, output_bytes)
    except SystemExit as error:
        if function or not (error.code is None or (type(error.code) in {int, bool} and not error.code)):
            told = _told(error, compiled, program)
    except BaseException as error:
        del reserve
        told = _told(error, compiled, program)
    exit_functions()
    for stream in (sys.stdout, output):
        try:
            stream.flush()
        except BaseException:  # closed, or not what it was
            pass
    rest = "".join(f"{' '.join(field.splitlines())}\n" for field in told)
    _write(f"\n{mark} report\n{rest}{mark} end\n", write)
    sleep(_SECONDS_TO_BE_ENDED)
    leave(0)


def _exit(code: object = None) -> None:
    """`exit` and `quit`, which the interpreter only has with its site module."""
    raise SystemExit(code)


def _returned(
    call: object, name: str, arguments: "list[Any]", encode: "Callable[[Any], str]", output_bytes: int
) -> "tuple[str, ...]":
    """Calls the function; its value as JSON, or as Python shows it where JSON has no such thing."""
    if not callable(call):
        return "error", "0", "", f"NameError: the program defines no function named {name}", ""
    value = call(*arguments)
    try:
        state, text = "json", encode(value)
    except (TypeError, ValueError, RecursionError):
        state, text = "value", repr(value)
    if len(text) > output_bytes // 2:  # the rest is for what else is written there
        return "output", "0", "", "", ""
    return state, "0", "", "", text


def _told(error: BaseException, compiled: bool, program: str) -> "tuple[str, ...]":
    """What is reported of an exception: state, line, refused call, message, and no value."""
    line, call = _place(error.__traceback__, program)
    kind, text = type(error).__name__, ""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # its own __str__ fails
        pass
    message = f"{kind}: {text}"[:_MESSAGE_CHARACTERS] if text else kind
    if not compiled and isinstance(error, SyntaxError):
        return "syntax", str(error.lineno or 0), "", message, ""
    if not compiled:
        return "syntax", "0", "", "SyntaxError: too deeply nested to be compiled", ""
    if isinstance(error, RefusedImport):
        return "refused", str(line), f"import {error.name}", text, ""
    if isinstance(error, PermissionError) and error.errno == _EPERM:
        return "refused", str(line), call or "a system call", message, ""
    if isinstance(error, RuntimeError) and text == "can't start new thread":
        return "refused", str(line), "threading.Thread", message, ""
    return ("memory" if isinstance(error, MemoryError) else "error"), str(line), "", message, ""


def _place(traceback: "TracebackType | None", program: str) -> "tuple[int, str]":
    """The innermost line of the program that was running, and what it called there; 0 and nothing without one."""
    inner = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == PROGRAM:
            inner = traceback
        traceback = traceback.tb_next
    if inner is None:
        return 0, ""
    positions = list(inner.tb_frame.f_code.co_positions())
    first, _, column, _ = positions[inner.tb_lasti // 2]
    lines = program.split("\n")
    called = ""
    if first is not None and column is not None and first <= len(lines):
        for character in lines[first - 1].encode()[column:].decode():
            if not (character.isidentifier() or character.isdigit() or character == "."):
                break
            called += character
    return inner.tb_lineno, called


def _write(text: str, write: "Callable[[int, bytes], int]" = os.write) -> None:
    data = text.encode(errors="backslashreplace")
    while data:
        data = data[write(2, data) :]


if __name__ == "__main__":
    main(int(sys.argv[1]))
