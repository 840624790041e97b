"""One JSON object a line: time, level, process, ids; never a secret."""

import json
import logging
import os
import re
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "data", "request"}
"""Not fields of their own; ``request`` is Django's, whose text holds the path and with it a webhook's token."""
_SECRET = re.compile(
    r"(?i)(hooks/[a-z]+/(?:postback/)?|(?:access_token|api_secret|request_token|password)[=:\"' ]+"
    r"|authorization[=:\"' ]+(?:token |bearer )?)([^\s\"'&,}/]+)"
)


def scrub(text: str) -> str:
    """Return the text with webhook tokens, access tokens and passwords replaced."""
    return _SECRET.sub(r"\1***", text)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON line; what was passed as ``extra`` becomes fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": os.environ.get("VAYDA_PROCESS", "manage"),
            "logger": record.name,
            "event": scrub(record.getMessage()),
        }
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["error"] = scrub(self.formatException(record.exc_info))
        return json.dumps(line, default=str)
