"""One at a time: work that two processes or threads must not do side by side."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Yield whether this is the only one at work under a name; whoever gets ``False`` leaves it to the other.

    Kept as an advisory lock of the thread's database connection, which ends with it.
    """
    taken = _ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)
    try:
        yield taken
    finally:
        if taken:
            _ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


def _ask(question: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, [name])
        return bool(cursor.fetchone()[0])
