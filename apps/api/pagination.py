"""Lists are paged by id, newest first: stable while rows are added."""

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class NewestFirst(CursorPagination):
    """``?cursor=`` pages; ``?page_size=`` up to 200."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Read the cursor; one that was not made here is not found."""
        cursor = super().decode_cursor(request)
        if cursor is not None and not _is_ours(cursor):
            raise NotFound(self.invalid_cursor_message)
        return cursor


def _is_ours(cursor: Cursor) -> bool:
    """A cursor of ours says where it stands: at a row's id, or so many rows from the start."""
    if cursor.position is None:
        return bool(cursor.offset or cursor.reverse)
    position = str(cursor.position)
    return position.isascii() and position.isdecimal() and len(position) <= 19
