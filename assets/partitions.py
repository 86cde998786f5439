"""Dagster's partitions for the windows of a spec."""

from datetime import UTC, datetime, time

import dagster as dg

from assets.specs import PartitionSpec


def partitions_definition(spec: PartitionSpec) -> dg.TimeWindowPartitionsDefinition:
    """Windows in UTC. Weeks begin on the weekday of ``start``, so that no day is left out."""
    start = datetime.combine(spec.start, time(), UTC)
    if spec.every == "hour":
        return dg.HourlyPartitionsDefinition(start_date=start, timezone="UTC")
    if spec.every == "day":
        return dg.DailyPartitionsDefinition(start_date=start, timezone="UTC")
    if spec.every == "week":
        sunday_based = (spec.start.weekday() + 1) % 7
        return dg.WeeklyPartitionsDefinition(
            start_date=start, timezone="UTC", day_offset=sunday_based
        )
    return dg.MonthlyPartitionsDefinition(start_date=start, timezone="UTC")


def is_first(definition: dg.TimeWindowPartitionsDefinition, start: datetime) -> bool:
    """Whether a window that begins at ``start`` is the first one, which is open to the past."""
    first = definition.get_first_partition_window()
    return first is not None and start <= first.start
