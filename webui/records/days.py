"""Days of records: a date or a shortcut, as the admin and the API name it; midnight UTC begins."""

from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)
WEEK = 7  # days, today included
SHORTCUTS = {"today": "Today", "yesterday": "Yesterday", f"{WEEK}days": f"Last {WEEK} days"}


def today() -> date:
    """Returns the current day in UTC, as all times of records are shown."""
    return datetime.now(UTC).date()


def parse_days(text: str) -> tuple[date, date]:
    """Returns the first and the last day that a text like `2026-03-14` names, both included.

    Raises:
        ValueError: the text names no day.
    """
    match text:
        case "today":
            return today(), today()
        case "yesterday":
            return today() - DAY, today() - DAY
        case "7days":
            return today() - (WEEK - 1) * DAY, today()
    day = date.fromisoformat(text)
    return day, day


def instants_of(first: date, last: date) -> tuple[datetime, datetime]:
    """Returns when the first day begins and the last one has ended.

    Raises:
        OverflowError: the last day is the calendar's last.
    """
    return datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC) + DAY
