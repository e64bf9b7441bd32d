"""Today's date: all that is said of days left goes by it."""

import datetime
import os

VARIABLE = "JUKU_TODAY"  # a date such as 2027-01-04, for a rehearsal of what happens then


def today() -> datetime.date:
    """The local date, or the one that the environment variable `JUKU_TODAY` names."""
    try:
        return datetime.date.fromisoformat(os.environ.get(VARIABLE, ""))
    except ValueError:
        return datetime.datetime.now().astimezone().date()
