"""Rows that another transaction holds, as faults of kind `lock` ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.errors import ApiError

if TYPE_CHECKING:
    from emulator.call import Call

LOCK_FAULT = "lock"


def lock_share(call: Call, objects: set[str]) -> float:
    """How likely each row of this write is held, by the faults that meet it; they are used up."""
    lock = call.org.faults.take({LOCK_FAULT}, call.method, call.raw_path, lambda: objects)
    return float(lock[LOCK_FAULT]) if lock else 0.0


def lock_error(record_id: str) -> ApiError:
    """The refusal of a row that is held."""
    return ApiError(
        400,
        "UNABLE_TO_LOCK_ROW",
        f"unable to obtain exclusive access to this record or 1 records: {record_id}",
        [],
    )
