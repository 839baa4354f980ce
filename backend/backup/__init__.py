"""Everything that must last, in one file: the database, the secrets it is used with, and the settings without secrets.

`python -m backend.backup create FILE | restore FILE | inspect FILE`. The database goes through PostgreSQL's own
pg_dump, pg_restore and psql. Weights are not in it: they are fetched again.
"""

from backend.backup.archive import Archive, Manifest
from backend.backup.creating import create
from backend.backup.restoring import restore

__all__ = ["Archive", "Manifest", "create", "restore"]
