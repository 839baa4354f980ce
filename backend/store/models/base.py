"""What every table shares."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    LargeBinary,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it from the class
        datetime: TIMESTAMP(timezone=True),
        str: Text(),
        bytes: LargeBinary(),
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid),
        list[dict[str, Any]]: JSONB,
    }
