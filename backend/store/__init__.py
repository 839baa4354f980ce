"""The database: models, migrations, sessions, and the PostgreSQL server embedded for machines without one."""
