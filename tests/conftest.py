pytest_plugins = [
    "tests.fixtures.database",
    "tests.fixtures.disk",
    "tests.fixtures.embedding",
    "tests.fixtures.engine",
    "tests.fixtures.accounts",
    "tests.fixtures.chat",
    "tests.fixtures.documents",
    "tests.fixtures.checkout",
    "tests.fixtures.pages",
]
