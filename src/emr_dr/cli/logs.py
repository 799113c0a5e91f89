"""Log lines on standard error: events as constant names with key-values, for people or as JSON."""

import logging
import sys

import structlog


def configure_logs(*, json_lines: bool, everything: bool = False) -> None:
    """Send our events to standard error: all of them as JSON lines, or for people, who see progress, warnings only.

    With `everything` people are shown all of them: a server shows no progress, and its log is its audit.
    """
    last: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if json_lines else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.INFO if json_lines or everything else logging.WARNING
        ),
        # Whatever standard error is by then: who runs us may have put another one in its place.
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
