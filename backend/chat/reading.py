"""An answer on its way from whoever writes it into its run."""

from contextlib import aclosing

from backend.chat.citations import CitationFilter
from backend.chat.fitting import Fitting
from backend.chat.run import Run
from backend.llm.call import Call
from backend.llm.engine import Finished


async def read(run: Run, call: Call, fitting: Fitting) -> None:
    """Writes what comes into the run. Raises what `Call.stream` raises."""
    marks: CitationFilter | None = None
    try:
        async with aclosing(call.stream(fitting)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    run.usage, run.finish_reason = event.usage, event.reason
                    continue
                if marks is None and run.sources is not None:  # nobody else writes from now on: the numbers stay
                    marks = CitationFilter([source.n for source in run.sources])
                _note_writer(run, call, fitting)
                run.append(marks.feed(event) if marks else event)
    finally:
        _note_writer(run, call, fitting)
        if marks:
            run.append(marks.flush())


def _note_writer(run: Run, call: Call, fitting: Fitting) -> None:
    if call.chosen is not None:
        run.provider, run.model = call.chosen.name, call.chosen.info.model
    run.hosted, run.dropped = run.hosted or call.hosted, fitting.dropped
