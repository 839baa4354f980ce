"""A `docker` for tests of the scripts: keeps containers in a file, and answers as the real client does."""
