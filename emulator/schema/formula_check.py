"""Whether the formulas of a schema are SQL that DuckDB can run over the stored columns."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from emulator.schema.columns import create_table_sql, duckdb_type
from emulator.schema.model import Field, Schema, SObject


def broken_formulas(schema: Schema) -> Iterator[tuple[SObject, Field, str]]:
    """Each field whose formula doesn't bind, with what DuckDB says about it."""
    with duckdb.connect(":memory:") as connection:
        for sobject in schema.objects.values():
            if sobject.has_rows:
                connection.execute(create_table_sql(sobject))
        for sobject in schema.objects.values():
            for field in sobject.fields.values() if sobject.has_rows else ():
                problem = _problem(connection, sobject, field)
                if problem:
                    yield sobject, field, problem


def _problem(connection: duckdb.DuckDBPyConnection, sobject: SObject, field: Field) -> str | None:
    for formula in (field.formula, field.default_formula, field.change_formula):
        if formula is None:
            continue
        expression = formula.replace("{row}", "r")
        try:
            connection.execute(
                f'SELECT CAST(({expression}) AS {duckdb_type(field)}) FROM "{sobject.name}" r'
            )
        except duckdb.Error as error:
            return str(error).splitlines()[0]
    return None
