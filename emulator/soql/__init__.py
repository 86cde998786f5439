"""SOQL over the emulator's DuckDB tables.

    query = parse("SELECT Id, Account.Name FROM Contact WHERE CreatedDate = TODAY")
    compiled = compile_query(query, schema, context)
    rows = connection.execute(compiled.sql, compiled.params).fetchall()
    records = compiled.records(rows, "/services/data/v66.0")

`compile_bulk` makes the text of Bulk 2.0 result files instead. Whatever is wrong with a statement
is a `SoqlError` with Salesforce's code and text.
"""

from emulator.soql.bulk import BulkQuery, compile_bulk
from emulator.soql.compiler import CompiledQuery, compile_query
from emulator.soql.context import QueryContext
from emulator.soql.errors import SoqlError
from emulator.soql.nodes import Query
from emulator.soql.parser import parse

__all__ = [
    "BulkQuery",
    "CompiledQuery",
    "Query",
    "QueryContext",
    "SoqlError",
    "compile_bulk",
    "compile_query",
    "parse",
]
