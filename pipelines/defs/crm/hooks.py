"""What this sync does to frames between reading and loading them."""

from decimal import Decimal

import pandas as pd

MARGIN = Decimal("0.18")


def add_margin(orders: pd.DataFrame) -> pd.DataFrame:
    """What an order earns, by the rate that sales agreed on."""
    return orders.assign(margin=orders["amount_c"] * MARGIN)
