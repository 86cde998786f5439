"""The three result files of an ingest job: written batch by batch, without their headers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from emulator.bulk.csv_format import CsvFormat
from emulator.bulk.spool import bytes_of
from emulator.store.database import Connection

SUCCESSFUL, FAILED, UNPROCESSED = "successful", "failed", "unprocessed"
RESULT_ROWS = 50_000
_OWN_COLUMNS = {
    SUCCESSFUL: ("sf__Id", "sf__Created"),
    FAILED: ("sf__Id", "sf__Error"),
    UNPROCESSED: (),
}


class ResultFiles:
    """Where the rows of a job end up. The uploaded columns follow those that Salesforce adds."""

    def __init__(self, folder: Path, form: CsvFormat, columns: int) -> None:
        self._folder, self._form = folder, form
        self._columns = [f"u.c{number}" for number in range(columns)]
        for kind in _OWN_COLUMNS:
            file_of(folder, kind).touch()

    def add(self, connection: Connection, rows: pa.Table, outcomes: pa.Table) -> None:
        """Write the rows of a batch, each into one file.

        Args:
            rows: As uploaded: `row`, `c0`, `c1`, …
            outcomes: What became of them; see `emulator.store.ingest`.
        """
        connection.register("_uploaded", rows)
        connection.register("_outcomes", outcomes)
        joined = "_uploaded AS u JOIN _outcomes AS o ON o.row = u.row WHERE o.error IS"
        # In another order than uploaded: the service promises none [bulk guide].
        order = "ORDER BY u.row % 3 DESC, u.row DESC"
        created = "CASE WHEN o.created THEN 'true' ELSE 'false' END"
        line = self._form.line_sql(["o.sf_id", created, *self._columns])
        self._append(connection, SUCCESSFUL, f"SELECT {line} FROM {joined} NULL {order}")
        line = self._form.line_sql(["o.sf_id", "o.error", *self._columns])
        self._append(connection, FAILED, f"SELECT {line} FROM {joined} NOT NULL {order}")
        connection.unregister("_uploaded")
        connection.unregister("_outcomes")

    def add_unprocessed(self, connection: Connection, rows: pa.Table) -> None:
        """Write rows that the job didn't come to."""
        connection.register("_uploaded", rows)
        line = self._form.line_sql(self._columns)
        self._append(connection, UNPROCESSED, f"SELECT {line} FROM _uploaded AS u")
        connection.unregister("_uploaded")

    def _append(self, connection: Connection, kind: str, sql: str) -> None:
        with file_of(self._folder, kind).open("ab") as file:
            for batch in connection.sql(sql).to_arrow_reader(RESULT_ROWS):
                file.write(bytes_of(batch.column(0))[0])


def file_of(folder: Path, kind: str) -> Path:
    """The file of a kind of results."""
    return folder / f"{kind}.csv"


def header_line(kind: str, form: CsvFormat, uploaded: str) -> bytes:
    """A result file's first line: only Salesforce's own names are quoted.

    The uploaded header is echoed as it was [amp].
    """
    own = [f'"{name}"' for name in _OWN_COLUMNS[kind]]
    return (form.separator.join([*own, uploaded] if uploaded else own) + form.newline).encode()
