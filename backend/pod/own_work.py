"""How the app's own work runs out before a stop."""

from backend.activity import Activity


class OwnWork:
    """The app's side of `book.Drain`: doors are closed to new work, that under way is waited for."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    def begin(self) -> None:
        """New work is refused with `Draining`."""
        self._activity.is_draining = True

    def in_flight(self) -> int:
        """Answers, searches, uploads and jobs that are still at work."""
        return self._activity.count

    def end(self) -> None:
        """Work is taken again."""
        self._activity.is_draining = False
