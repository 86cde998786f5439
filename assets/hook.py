"""The user's own step between reading and loading: a function from one data frame to another."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from assets.errors import HookError


class Hook:
    """A ``module:function`` that takes and returns a pandas frame of some of an object's rows.

    It may change values and add or drop columns. It sees one batch at a time, so it must not look
    across rows, and it must keep the rows and their order: leaving rows out is what `where` does.
    """

    def __init__(self, reference: str, columns: pa.Schema, key: str) -> None:
        """Find out what the function returns by giving it a frame without rows."""
        self.reference, self.key = reference, key
        module_name, function_name = reference.split(":")
        self._function: Callable[[pd.DataFrame], pd.DataFrame] = getattr(
            importlib.import_module(module_name), function_name
        )
        empty = self._call([_empty(columns)])
        self.schema = self._returned_schema(columns, empty)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The frame's columns, with the types found at the start."""
        returned = self._call([batch])
        keys = returned[self.key].to_pylist() if self.key in returned.column_names else None
        if keys != batch[self.key].to_pylist():
            raise HookError(
                self.reference, f"must keep every row, its {self.key}, and the order of the rows"
            )
        missing = set(self.schema.names) ^ set(returned.column_names)
        if missing:
            raise HookError(
                self.reference, f"returns other columns for some rows: {', '.join(sorted(missing))}"
            )
        arrays = [self._cast(returned[field.name], field) for field in self.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _cast(self, column: pa.ChunkedArray[Any], field: pa.Field[Any]) -> pa.Array[Any]:
        try:
            return column.cast(field.type).combine_chunks()
        except pa.ArrowInvalid:
            raise HookError(
                self.reference,
                f"returns {column.type} for {field.name}, and not every value fits {field.type}",
            ) from None

    def _call(self, batches: list[pa.RecordBatch]) -> pa.Table:
        frame = pa.Table.from_batches(batches).to_pandas(types_mapper=pd.ArrowDtype)
        try:
            returned = self._function(frame)
        except Exception as error:
            # The exception's own text may quote a record's value, so it isn't passed on.
            line = traceback.extract_tb(error.__traceback__)[-1]
            where = f"in {line.name}, line {line.lineno} of {Path(line.filename).name}"
            raise HookError(self.reference, f"raised {type(error).__name__} {where}") from None
        if not isinstance(returned, pd.DataFrame):
            raise HookError(self.reference, f"returned {type(returned).__name__}, not a DataFrame")
        try:
            return pa.Table.from_pandas(returned, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise HookError(
                self.reference, f"returned a column of mixed types: {type(error).__name__}"
            ) from None

    def _returned_schema(self, given: pa.Schema, returned: pa.Table) -> pa.Schema:
        if self.key not in returned.column_names:
            raise HookError(self.reference, f"must return the column {self.key}")
        fields = []
        for field in returned.schema:
            if field.name in given.names:
                fields.append(given.field(field.name))
            else:
                fields.append(self._new_column(field))
        return pa.schema(fields)

    def _new_column(self, field: pa.Field[Any]) -> pa.Field[Any]:
        if field.name.startswith("_"):
            raise HookError(
                self.reference,
                f"adds a column {field.name}; names with an underscore first are ours",
            )
        if pa.types.is_null(field.type):
            raise HookError(
                self.reference,
                f"adds a column {field.name} whose type can't be told from a frame without rows; "
                'give it one, such as .astype("float64")',
            )
        if pa.types.is_large_string(field.type):
            return pa.field(field.name, pa.string())
        return pa.field(field.name, field.type)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], schema=schema)
