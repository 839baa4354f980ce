"""A connection of the stand-in: the same HTTP as `bench.engine`'s, other routes."""

from typing import TYPE_CHECKING

from bench.engine.connection import Connection
from bench.engine.routes import Routes

if TYPE_CHECKING:
    from bench.engine_batch.server import BatchEngine


class BatchConnection(Connection):
    """HTTP/1.1 with keep-alive."""

    engine: "BatchEngine"

    def __init__(self, engine: "BatchEngine") -> None:
        super().__init__(engine)

    def routes(self) -> Routes:
        from bench.engine_batch.routes import PROTOCOL  # they need this class

        return PROTOCOL
