"""Everything that can go wrong for a person or a program that uses Ondol, in their words.

An error has a stable `code` for programs, an HTTP status, and two sentences per language: what happened and
why, and what to do next. Raise the class with the details its sentences name; the web layer turns it into
an RFC 9457 problem, the page into a notice. Messages never contain secrets or tracebacks.
"""

from backend.errors.accounts import *
from backend.errors.backup import *
from backend.errors.base import *
from backend.errors.chat import *
from backend.errors.database import *
from backend.errors.documents import *
from backend.errors.engine import *
from backend.errors.hints import *
from backend.errors.launch import *
from backend.errors.pod import *
from backend.errors.processes import *
from backend.errors.recorded import *
from backend.errors.requests import *
from backend.errors.search import *
from backend.errors.sentiment import *
from backend.errors.vllm import *
from backend.errors.weights import *
