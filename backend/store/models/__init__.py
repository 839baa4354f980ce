"""Tables of Ondol. Times are UTC; ids are random UUIDs, so that a number in a URL tells nothing."""

from backend.store.models.accounts import *
from backend.store.models.base import *
from backend.store.models.chat import *
from backend.store.models.documents import *
from backend.store.models.hints import *
from backend.store.models.pod import *
from backend.store.models.sentiment import *
