"""The steps of the ladder of hints, each telling more than the one before it."""

from enum import IntEnum


class Level(IntEnum):
    """How much a hint may tell.

    ORIENT says where to look, CONCEPT which idea is missing, PLAN what to do in which order, NEXT_STEP the one thing to
    do now, PSEUDO_CODE the coarse steps in words.
    """

    ORIENT = 1
    CONCEPT = 2
    PLAN = 3
    NEXT_STEP = 4
    PSEUDO_CODE = 5
