"""What uvicorn has to say, as events of our own log."""

import asyncio
import logging

import structlog

from emr_dr.gateway.http import BrokenOffError

log = structlog.get_logger("emr_dr.gateway")


class ServerLog(logging.Handler):
    """Takes the errors of uvicorn's logger, which nobody else would see in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one of them."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, asyncio.CancelledError):
            return  # it was broken off because the process ends, which was said
        if isinstance(error, BrokenOffError):
            log.warning("answer_broken_off", error=repr(error.__cause__))
            return
        log.error("connection_failed", said=record.getMessage(), exc_info=error)


def take_over() -> None:
    """Have uvicorn say what it has to say to our log alone; may be repeated."""
    logger = logging.getLogger("uvicorn.error")
    logger.propagate = False
    logger.setLevel(logging.ERROR)
    if not any(isinstance(each, ServerLog) for each in logger.handlers):
        logger.addHandler(ServerLog())
