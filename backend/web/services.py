"""The services of one process: made once, given to routes and pages, closed in order."""

from dataclasses import dataclass
from functools import partial

from backend.accounts.service import Accounts
from backend.activity import Activity
from backend.chat.conversations import Conversations
from backend.chat.service import ChatService
from backend.documents.service import Documents
from backend.embedding import EmbeddingClient
from backend.hints.bank import ProblemBank
from backend.hints.sandbox import Judge
from backend.hints.service import HintService
from backend.hints.teacher import Teacher
from backend.jobs.queue import Jobs
from backend.llm.engine import Engine, EngineState
from backend.llm.ollama import OllamaModels
from backend.llm.overview import Overview
from backend.llm.preparing import Preparing
from backend.llm.providers import providers_of
from backend.llm.router import Router, router_of
from backend.llm.routes import Workload
from backend.pod.clock import Clock
from backend.pod.providers import provider_of
from backend.pod.service import PodService
from backend.retrieval.search import Search
from backend.sentiment.service import SentimentService
from backend.settings import Settings
from backend.store.database import Database, url_of
from backend.web.metrics import Metrics


@dataclass(frozen=True)
class Services:
    """What handlers work with; one of each in a process."""

    settings: Settings
    database: Database
    accounts: Accounts
    chat: ChatService
    documents: Documents
    search: Search
    hints: HintService
    teacher: Teacher
    sentiment: SentimentService
    pod: PodService
    router: Router
    engines: Overview
    preparing: Preparing
    ollama: OllamaModels
    encoder: EmbeddingClient
    jobs: Jobs
    metrics: Metrics
    activity: Activity

    async def close(self) -> None:
        """Work first, then what it stands on; the database last."""
        await self.release()
        self.accounts.close()
        await self.database.close()

    async def release(self) -> None:
        """Everything but the accounts and the database, which a test may share."""
        await self.chat.close()
        await self.hints.bank.close()
        await self.documents.close()
        await self.sentiment.close()
        await self.pod.close()
        await self.jobs.close()
        await self.encoder.close()
        await self.ollama.close()
        await self.router.close()


def services_of(settings: Settings, clock: Clock | None = None) -> Services:
    """Makes the services; nothing is connected yet. `clock` is the one the pod is kept by."""
    database = Database(url_of(settings))
    metrics, activity = Metrics(), Activity()
    preparing = Preparing(settings)
    engines = {
        name: Engine(provider, settings.first_token_timeout_s, partial(preparing.of, name))
        for name, provider in providers_of(settings).items()
    }
    router = router_of(settings, engines)
    metrics.providers.watch(router.report)
    encoder, jobs = EmbeddingClient(settings), Jobs(url_of(settings), activity=activity)
    search = Search(database, settings, encoder)
    judge = Judge()
    bank = ProblemBank(database, settings, judge)

    sentiment = SentimentService(database, settings, jobs, router, activity=activity)

    async def engine_ready() -> bool:
        return (await router.info(Workload.HEAVY)).state is EngineState.READY

    return Services(
        settings=settings,
        database=database,
        accounts=Accounts(database, settings),
        chat=ChatService(settings, Conversations(database), router, metrics, search, activity=activity),
        documents=Documents(database, settings, jobs, encoder, activity),
        search=search,
        hints=HintService(database, settings, judge, bank, router=router, metrics=metrics, activity=activity),
        teacher=Teacher(database, bank),
        sentiment=sentiment,
        pod=PodService(
            settings,
            database,
            provider_of(settings),
            activity=activity,
            running_jobs=jobs.running,
            engine_ready=engine_ready,
            metrics=metrics.pod,
            reviews=sentiment.analysed_since,
            clock=clock,
        ),
        router=router,
        engines=Overview(router, preparing),
        preparing=preparing,
        ollama=OllamaModels(settings, router.engines.values()),
        encoder=encoder,
        jobs=jobs,
        metrics=metrics,
        activity=activity,
    )
