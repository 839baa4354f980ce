"""Fits to a person's or a house's own labelled reviews, kept in the database so that every worker uses them."""

from dataclasses import replace

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from backend.sentiment.calibration import Calibration, Fit, built_in
from backend.store.database import Database
from backend.store.models import SentimentCalibration


class Calibrations:
    """The fit of every model and language; where nothing was fitted here, what is built in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, model: str) -> Calibration:
        """How the probabilities of a model become scores."""
        async with self._database.session() as session:
            rows = (
                await session.scalars(select(SentimentCalibration).where(SentimentCalibration.model == model))
            ).all()
        calibration = built_in(model)
        fits = {row.language: Fit(tuple(map(tuple, row.weights)), tuple(row.bias)) for row in rows}
        return replace(calibration, fits={**calibration.fits, **fits})

    async def keep(self, model: str, language: str, fit: Fit, reviews: int) -> None:
        """Uses a fit from now on, for everyone; `reviews` is how many it was fitted to."""
        values = {"weights": [list(row) for row in fit.weights], "bias": list(fit.bias), "reviews": reviews}
        statement = insert(SentimentCalibration).values(model=model, language=language, **values)
        async with self._database.session() as session:
            await session.execute(
                statement.on_conflict_do_update(
                    index_elements=[SentimentCalibration.model, SentimentCalibration.language],
                    set_={**values, "fitted_at": func.now()},
                )
            )

    async def forget(self, model: str) -> int:
        """Goes back to what is built in for a model. How many fits there were."""
        async with self._database.session() as session:
            gone = await session.scalars(
                delete(SentimentCalibration)
                .where(SentimentCalibration.model == model)
                .returning(SentimentCalibration.language)
            )
            return len(gone.all())
