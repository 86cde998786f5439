"""A table of an ERP, as some other pipeline would bring it into the warehouse: here from a CSV."""

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from resources.warehouse.duckdb_adapter import DuckDBWarehouse
from resources.warehouse.resource import WarehouseResource

ORDERS = Path(__file__).parent / "orders.csv"


@dg.asset(
    key=["erp", "orders"],
    group_name="erp",
    kinds={"table", "duckdb"},
    required_resource_keys={"warehouse_default"},
)
def erp_orders(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Orders as the ERP knows them, some of which Salesforce won't take."""
    connection: WarehouseResource = context.resources.warehouse_default
    warehouse = connection.connect(context.log.warning)
    assert isinstance(warehouse, DuckDBWarehouse), "this example reads its CSV with DuckDB"
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": write_table(warehouse.path),
            "dagster/table_name": "erp.orders",
        }
    )


def write_table(warehouse: Path, source: Path = ORDERS) -> int:
    """Put the CSV in place of the table; how many rows there are."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as tables:
        tables.execute("CREATE SCHEMA IF NOT EXISTS erp")
        # Text stays text: a reader that guesses would make numbers of order numbers.
        tables.execute(
            "CREATE OR REPLACE TABLE erp.orders AS SELECT * REPLACE (CAST(is_test AS BOOLEAN) AS "
            "is_test) FROM read_csv(?, header = true, all_varchar = true, nullstr = '')",
            [str(source)],
        )
        row = tables.execute("SELECT count(*) FROM erp.orders").fetchone()
    assert row is not None
    return int(row[0])
