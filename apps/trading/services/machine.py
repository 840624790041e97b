"""Watching the machine: a disk that fills up is told while the telling can still be written down."""

import logging
import shutil
from datetime import datetime
from pathlib import Path

from apps.trading.services.processes import page_all

LOW_BYTES = 1024**3
"""A day's logs and rows. Once nothing is left the database refuses every commit: nothing is sent any more, entries or
exits, and every loop says so once a second (``loop failed, starting over``)."""

log = logging.getLogger(__name__)


def watch_disk(home: Path, *, wall: datetime, low: int = LOW_BYTES) -> bool:
    """Log and page once an hour while fewer than `low` bytes are free where the installation writes; says whether."""
    free = shutil.disk_usage(home).free
    if free >= low:
        return False
    log.error("the disk is nearly full", extra={"free_megabytes": free // 1024**2, "home": str(home)})
    text = f"Only {free // 1024**2} MB are left on the disk: once it is full nothing can be traded."
    page_all(f"disk:{wall:%Y%m%dT%H}", "DISK_LOW", text)
    return True
