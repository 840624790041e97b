"""Writing many rows in one statement.

``UPDATE … FROM (VALUES …)`` costs a thirteenth of ``bulk_update``'s nested CASE expressions, and a column handed over
as an array a fraction of ``bulk_create``'s statements: between them they decide how long a wave waits for its orders.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection, models
from psycopg2.extras import execute_values

Row = TypeVar("Row", bound=models.Model)
if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field
PAGE = 1000


def update_rows(rows: Iterable[Row], fields: Sequence[str]) -> int:
    """Write the named fields of saved rows of one model; returns how many rows were written."""
    found = list({row.pk: row for row in rows}.values())
    if not found:
        return 0
    meta = found[0]._meta
    columns = [(field, _attributes(found, field)) for field in meta.concrete_fields if field.name in fields]
    shared = [(field, values) for field, values in columns if _is_one(values)]
    each = [(field, values) for field, values in columns if not _is_one(values)]
    written = [[_prepared(field, value) for value in values] for field, values in each]
    with connection.cursor() as cursor:
        assignments = [_constant(cursor.cursor, field, values[0]) for field, values in shared]
        assignments += [f'"{field.column}" = v."{field.column}"' for field, _ in each]
        names = ", ".join(["pk", *(f'"{field.column}"' for field, _ in each)])
        statement = (
            f'UPDATE "{meta.db_table}" AS t SET {", ".join(assignments)} '
            f'FROM (VALUES %s) AS v({names}) WHERE t."{meta.pk.column}" = v.pk'
        )
        template = ", ".join(["%s", *(f"%s::{_type(field)}" for field, _ in each)])
        source = list(zip([row.pk for row in found], *written, strict=True))
        execute_values(cursor.cursor, statement, source, template=f"({template})", page_size=PAGE)
    return len(found)


def _constant(cursor: Any, field: Field, value: object) -> str:
    """Return the assignment of a value all rows share, written out; a percent sign in it is no placeholder."""
    text: bytes = cursor.mogrify(f'"{field.column}" = %s::{_type(field)}', [_prepared(field, value)])
    return text.decode().replace("%", "%%")


def _attributes(rows: Sequence[models.Model], field: Field) -> list[object]:
    return [getattr(row, field.attname) for row in rows]


def _is_one(values: Sequence[object]) -> bool:
    return values.count(values[0]) == len(values)


def insert_rows(rows: Sequence[Row]) -> Sequence[Row]:
    """Insert new rows of one model in one statement and give them their ids; returns them."""
    if not rows:
        return rows
    fields = [field for field in rows[0]._meta.concrete_fields if not field.primary_key]
    columns = {field.attname: [_plain(field, value) for value in _attributes(rows, field)] for field in fields}
    shared = {name: values[0] for name, values in columns.items() if _is_one(values)}
    each = {name: values for name, values in columns.items() if name not in shared}
    for row, pk in zip(rows, _insert(type(rows[0]), shared, each, len(rows)), strict=True):
        row.pk, row._state.adding, row._state.db = pk, False, connection.alias
    return rows


def insert_columns(
    model: type[models.Model], *, each: Mapping[str, Sequence[object]], shared: Mapping[str, object]
) -> list[int]:
    """Insert one row per place of the columns in ``each``, all with the ``shared`` values; returns the ids in order.

    Columns are named as in Python (``account_id``); one named in neither gets the model's default. Values must be what
    the column takes, JSON its text: nothing is converted.
    """
    count = len(next(iter(each.values())))
    if not count:
        return []
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    rest = [field for field in fields if field.attname not in each and field.attname not in shared]
    defaults = {field.attname: _plain(field, field.get_default()) for field in rest}
    return _insert(model, defaults | dict(shared), each, count)


def _insert(
    model: type[models.Model], shared: Mapping[str, object], each: Mapping[str, Sequence[object]], count: int
) -> list[int]:
    """A shared value travels once, the others as one array a column; a last array keeps rows and ids in order."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    names = ", ".join(f'"{fields[name].column}"' for name in [*shared, *each])
    columns = ", ".join([*(f'"{fields[name].column}"' for name in each), "place"])
    values = [f"%s::{_loose_type(fields[name])}" for name in shared] + [f'u."{fields[name].column}"' for name in each]
    arrays = ", ".join([*(f"%s::{_loose_type(fields[name])}[]" for name in each), "%s::integer[]"])
    statement = (
        f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {", ".join(values)} '
        f"FROM unnest({arrays}) AS u({columns}) ORDER BY u.place RETURNING id"
    )
    given: list[Any] = [*shared.values(), *map(list, each.values()), list(range(count))]
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return [row[0] for row in cursor.fetchall()]


def _plain(field: Field, value: object) -> object:
    return json.dumps(value) if isinstance(field, models.JSONField) else value


def _loose_type(field: Field) -> str:
    """Return the column's type without its length: a cast would cut what the column itself refuses."""
    return str(field.db_type(connection)).partition("(")[0]


def _type(field: Field) -> str:
    return str(field.cast_db_type(connection))


def _prepared(field: Field, value: object) -> object:
    prepared: object = field.get_db_prep_save(value, connection)
    return prepared
