"""Logs on stderr: JSON lines with the request's id, or plain lines on a terminal."""

import logging
import sys
from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


class OnlyExceptions(logging.Filter):
    """Accepts records with a traceback only."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None


class PlainRefusals(logging.Filter):
    """Takes the traceback from Django's records of refused requests, which name the reason.

    Anybody can cause them: a wrong host name, a form with too many fields. A filter of the
    handler, because a logger's filters do not see what the loggers below it write.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security"):
            record.exc_info = record.exc_text = None
        return True


def configure_structlog() -> None:
    """Send structlog's events through the standard library's loggers, to have one output."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def logging_config() -> dict[str, Any]:
    """Return Django's LOGGING: one handler for everything, the libraries' records included."""
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if sys.stderr.isatty():
        final += [structlog.dev.ConsoleRenderer()]
    else:
        final += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": final,
                "foreign_pre_chain": SHARED,
            }
        },
        "filters": {
            "exceptions": {"()": OnlyExceptions},
            "refusals": {"()": PlainRefusals},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "lines",
                "filters": ["refusals"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            # django-structlog writes a line for every request; this adds the tracebacks.
            "django.request": {"filters": ["exceptions"]},
            # It logs addresses. webui.access.logins logs failed logins.
            "axes": {"level": "ERROR"},
            # Without handlers of its own: it does not propagate by default.
            "gunicorn.error": {"level": "WARNING", "propagate": True},
            "urllib3": {"level": "ERROR"},
            # The driver logs a traceback for every attempt to reach a host that is down. The
            # store logs when Cassandra becomes unavailable and when it is back.
            "cassandra": {"level": "ERROR"},
        },
    }
