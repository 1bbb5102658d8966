"""Retention of records and their pictures, in every store.

`webui.settings` imports this module, so it must not need configured settings or models.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured

from webui.environment import Environment

LONGEST_DAYS = 20 * 365  # Cassandra's time to live is at most twenty years


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Ages that count from the prediction; None: kept until somebody deletes them."""

    records: timedelta | None = None
    pictures: timedelta | None = None  # and ink; the record and its instance are kept longer

    @classmethod
    def read(cls, environment: Environment) -> "Retention":
        """Returns the retention of every store.

        Raises:
            ImproperlyConfigured: naming the variable that is wrong, and what would be right.
        """
        return cls(
            records=_age(environment.integer("RECORDS_TTL_DAYS", **_RANGE)),
            pictures=_age(environment.integer("PICTURES_TTL_DAYS", **_RANGE)),
        )

    @classmethod
    def read_for_cassandra(cls, environment: Environment) -> "Retention":
        """Returns the retention in Cassandra, for which the variables of 1.0 count as well.

        They count for Cassandra alone: who set them did not ask for deletions in the default
        database.

        Raises:
            ImproperlyConfigured: also if an old and a new name have different values.
        """
        every = cls.read(environment)
        records = _age(environment.integer("CASSANDRA_RECORDS_TTL_DAYS", **_RANGE))
        pictures = _age(environment.integer("CASSANDRA_PICTURES_TTL_DAYS", **_RANGE))
        return cls(
            records=_agreed("RECORDS_TTL_DAYS", every.records, earlier=records),
            pictures=_agreed("PICTURES_TTL_DAYS", every.pictures, earlier=pictures),
        )


_RANGE = {"default": 0, "least": 0, "most": LONGEST_DAYS}


def _age(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None


def _agreed(name: str, age: timedelta | None, *, earlier: timedelta | None) -> timedelta | None:
    if age is not None and earlier is not None and age != earlier:
        raise ImproperlyConfigured(
            f"{name} is {age.days}, and CASSANDRA_{name}, its earlier name, is {earlier.days}; "
            f"set only {name}"
        )
    return age or earlier
