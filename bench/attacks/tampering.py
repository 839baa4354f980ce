"""Making the judge say "passed" for a program that is wrong.

The expected output is a word that was made up for the run. FUNCTIONS define `solve`, of which `solve(3, 4)` is asked.
"""

TAMPERING = {
    "forged_markers": """
import json, os
for text in ("@@" + json.dumps({"status": "ok", "results": [["ok", "7"]], "passed": True, "verdict": "passed"}),
             "PASSED", '{"verdict": "passed"}', "report\\ndone\\n0\\n\\n\\n\\nend"):
    print(text)
    os.write(2, text.encode() + b"\\n")
os._exit(0)
""",
    "forged_report": """
import os, sys
frame = sys._getframe()
while frame:
    mark = frame.f_locals.get("mark")
    if mark:
        os.write(2, f"\\n{mark} report\\ndone\\n0\\n\\n\\n\\n{mark} end\\n".encode())
        os._exit(0)
    frame = frame.f_back
""",
    "forged_refusal": """
import os, sys
frame = sys._getframe()
while frame:
    mark = frame.f_locals.get("mark")
    if mark:
        os.write(2, f"{mark} refused the sandbox is broken\\n{mark} locked\\n".encode())
    frame = frame.f_back
""",
    "forged_report_many": """
import os, sys
frame = sys._getframe()
while frame:
    mark = frame.f_locals.get("mark")
    if mark:
        for state in ("done", "json", "passed", "", "\\x00"):
            for line in ("0", "-1", "9" * 5000, "x"):
                os.write(2, f"\\n{mark} report\\n{state}\\n{line}\\n\\n\\n\\n{mark} end\\n".encode())
    frame = frame.f_back
""",
    "read_the_job": """
import gc, sys
frame = sys._getframe().f_back
while frame:
    for name, value in frame.f_locals.items():
        if "expected" in name or (isinstance(value, dict) and "expected" in value):
            print("PWN: the answer was here:", value)
        if name == "job" and isinstance(value, dict):
            for text in value.values():
                if isinstance(text, str) and text.startswith("answer-"):
                    print("PWN:", text)
    frame = frame.f_back
for thing in gc.get_objects():
    if isinstance(thing, dict):
        for value in list(thing.values()):
            if isinstance(value, str) and value.startswith("answer-") and len(value) > 20:
                print(value)
""",
    "read_memory_for_the_answer": """
import gc
for thing in gc.get_objects():
    if isinstance(thing, (list, tuple)):
        for value in thing:
            if isinstance(value, (str, bytes)) and len(value) > 20 and value[:7] in ("answer-", b"answer-"):
                print(value)
""",
    "builtins_replaced": """
import builtins, sys, json, os
class Yes:
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def __bool__(self): return True
for name in ("print", "len", "isinstance", "str", "type", "callable", "compile", "exec", "getattr", "repr"):
    setattr(builtins, name, lambda *a, **k: Yes())
""",
    "modules_replaced": """
import os, sys, json, time, atexit
os._exit = lambda status: None
os.write = lambda descriptor, data: len(data)
time.sleep = lambda seconds: None
json.dumps = lambda value: "7"
sys.modules.clear()
""",
    "stdout_replaced": """
import sys
class Everything(str):
    def __eq__(self, other): return True
class Output:
    def write(self, text): return 1
    def flush(self): raise SystemExit(0)
sys.stdout = sys.stderr = Output()
print("7")
""",
    "at_exit": """
import atexit, os
def last():
    while True:
        os.write(1, b"x")
atexit.register(last)
""",
    "trace": """
import sys
def tracer(frame, event, argument):
    if "state" in frame.f_locals:
        frame.f_locals["state"] = "done"
    frame.f_trace = tracer
    return tracer
frame = sys._getframe()
while frame:
    frame.f_trace = tracer
    frame = frame.f_back
sys.settrace(tracer)
sys.setprofile(tracer)
1 / 0
""",
    "frames_changed": """
import sys
frame = sys._getframe().f_back
while frame:
    for name in list(frame.f_globals):
        if not name.startswith("__"):
            frame.f_globals[name] = lambda *a, **k: ("done", "0", "", "", "")
    frame = frame.f_back
1 / 0
""",
    "garbage_walk": """
import gc
for thing in gc.get_objects():
    if isinstance(thing, dict) and "_told" in thing:
        thing["_told"] = lambda *a: ("done", "0", "", "", "")
        thing["_DONE"] = ("json", "0", "", "", "7")
1 / 0
""",
    "exit_status": "import os\nos._exit(0)",
    "abort": "import os\nos.abort()",
    "crash": """
import sys
sys.setrecursionlimit(10 ** 9)
class A: pass
x = A()
for _ in range(10 ** 6):
    y = A(); y.x = x; x = y
del x
""",
    "close_descriptors": """
import os
for descriptor in (2, 1, 0):
    os.close(descriptor)
""",
    "close_range": """
import os
os.closerange(0, 1000)
""",
    "stop_itself": """
import os
os.kill(os.getpid(), 19)
""",
    "look_only": "import sys\nprint(sys.stdin.read())",
    "prefix_of_any_answer": "print('answer-')\nprint('*')\nprint('')",
    "terminal_and_nulls": "print('\\x1b[2J\\x00\\x08\\x08PASSED\\r')",
    "half_a_character": "import os\nos.write(1, b'\\xed\\xa0\\x80\\xff\\xfe')",
    "exception_with_lines": "raise ValueError('x\\ndone\\n0\\n\\n\\n\\n')",
    "exception_without_name": """
class Nothing(BaseException):
    def __str__(self): raise self
    @property
    def __traceback__(self): raise self
Nothing.__name__ = "a\\nb"
raise Nothing
""",
    "exit_with_object": """
class Zero(int):
    def __eq__(self, other): return True
    def __hash__(self): return 0
raise SystemExit(Zero(0))
""",
}
FUNCTIONS = {
    "equal_to_everything": """
class Everything(int):
    def __eq__(self, other): return True
    def __hash__(self): return 0
def solve(a, b):
    return Everything(1)
""",
    "shows_as_anything": """
class Shown:
    def __repr__(self):
        raise KeyboardInterrupt
def solve(a, b):
    return Shown()
""",
    "not_a_number": "def solve(a, b):\n    return float('nan')",
    "infinity": "def solve(a, b):\n    return float('inf')",
    "endless_value": "def solve(a, b):\n    x = []\n    x.append(x)\n    return x",
    "deep_value": "def solve(a, b):\n    x = []\n    for _ in range(900):\n        x = [x]\n    return x",
    "long_value": "def solve(a, b):\n    return 'x' * 10 ** 6",
    "generator": "def solve(a, b):\n    while True:\n        yield 7",
    "encoder_replaced": """
import json
json.dumps = json.JSONEncoder.encode = lambda *a, **k: '"answer-"'
json.encoder.encode_basestring_ascii = lambda text: "true"
def solve(a, b):
    return {"a": 1}
""",
    "exits_instead": "import sys\ndef solve(a, b):\n    sys.exit(0)",
    "never_defined": "import sys\nsys.exit(0)",
}
