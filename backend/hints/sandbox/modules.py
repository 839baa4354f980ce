"""Which modules a program may import, and which of them it seems to want.

A locked process can open no file, so everything is imported before. To import only what a program needs, its text is
searched for the names: a name that occurs anywhere counts, also in a string that is imported by name later.
"""

import re

# Modules of the standard library that compute and do nothing else, and `os`, `threading` and the like, whose calls the
# kernel refuses one by one so that a program that uses `os.path` or a lock is not turned away.
_NAMES = """
    __future__ abc array ast atexit base64 binascii bisect builtins calendar cmath codecs collections contextlib
    contextvars copy copyreg csv dataclasses datetime decimal difflib enum errno fractions functools gc graphlib hashlib
    heapq html inspect io itertools json keyword locale logging marshal math numbers operator os pickle posixpath pprint
    queue random re reprlib sched secrets statistics string struct sys textwrap threading time timeit token tokenize
    traceback types typing unicodedata warnings weakref zlib
"""
ALLOWED = frozenset(_NAMES.split())
# Modules that others import in the middle of a call, by the word that leads there.
_LATE = {
    "strptime": ("_strptime",),
    "most_common": ("heapq",),
    "singledispatch": ("typing",),
    "singledispatchmethod": ("typing",),
    "collections": ("collections.abc",),
    "json": ("json",),
    "warnings": ("linecache",),
    "N": ("unicodedata",),  # "\N{BULLET}"
    "ascii": ("encodings.ascii",),
    "latin": ("encodings.latin_1",),
    "euc": ("encodings.euc_kr",),
    "cp949": ("encodings.cp949",),
    "utf": ("encodings.utf_16", "encodings.utf_32", "encodings.utf_8_sig"),
}


def wanted(program: str) -> list[str]:
    """The modules to import before the program is run, sorted."""
    words = set(re.findall(r"[A-Za-z0-9_]+", program))
    late = {module for word in words & _LATE.keys() for module in _LATE[word]}
    return sorted((words & ALLOWED) | late)
