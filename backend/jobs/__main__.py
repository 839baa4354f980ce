"""Background work from the command line.

`python -m backend.jobs worker` is a worker in a process of its own, beside the one inside the app: for a machine on
which much is read, or for more reviews than one process can hand to the engine. Several, on several machines, share
the work.

`python -m backend.jobs ray` classifies or embeds files of any size without the database, see docs/scaling.md.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from backend import logs
from backend.corpus import command as corpus
from backend.documents.service import Documents
from backend.embedding import EmbeddingClient
from backend.errors import OndolError
from backend.jobs.queue import Jobs
from backend.llm.router import router_of
from backend.processes import die_with_parent
from backend.sentiment.service import SentimentService
from backend.settings import ConfigurationError, Settings, load
from backend.store.database import Database, url_of

WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 2 when the configuration cannot be used; a worker runs until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m backend.jobs", description="Background work of Ondol.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("worker", help="do what is in the queue")
    corpus.add_options(commands.add_parser("ray", help="classify or embed the rows of files, on a Ray cluster"))
    options = parser.parse_args(arguments)
    try:
        settings = load()
        die_with_parent(signal.SIGTERM)
        logs.configure(settings)
        if options.command == "ray":
            return corpus.run(settings, options)
        asyncio.run(_work(settings))
    except (ConfigurationError, OndolError) as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    return 0


async def _work(settings: Settings) -> None:
    database, jobs, encoder = Database(url_of(settings)), Jobs(url_of(settings)), EmbeddingClient(settings)
    documents = Documents(database, settings, jobs, encoder)
    router = router_of(settings)
    sentiment = SentimentService(database, settings, jobs, router)
    working = asyncio.create_task(jobs.work())
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, working.cancel)
    try:
        await asyncio.wait({working})
        if not working.cancelled():
            working.result()
    finally:
        await documents.close()
        await sentiment.close()
        await jobs.close()
        await encoder.close()
        await router.close()
        await database.close()


if __name__ == "__main__":
    sys.exit(main())
