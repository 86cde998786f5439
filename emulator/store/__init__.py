"""The org's rows: DuckDB tables, one writer, validation before writing."""
