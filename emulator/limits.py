"""The org's allowances, and how much of each is used. Days and hours follow the org's clock."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from emulator.errors import ApiError

API_REQUESTS = "DailyApiRequests"
QUERY_JOBS = "DailyBulkV2QueryJobs"
BULK_BATCHES = "DailyBulkApiBatches"
QUERY_STORAGE_MB = "DailyBulkV2QueryFileStorageMB"
DELIVERED_EVENTS = "DailyDeliveredPlatformEvents"
PUBLISHED_EVENTS = "HourlyPublishedPlatformEvents"

# Developer Edition, as recorded: the /limits of an org [nango].
MAXIMA = {
    "ActiveScratchOrgs": 3,
    "AnalyticsExternalDataSizeMB": 40960,
    "BOZosCalloutHourlyLimit": 20000,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentEinsteinDataInsightsStoryCreation": 5,
    "ConcurrentEinsteinDiscoveryStoryCreation": 2,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyAnalyticsUploadedFilesSizeMB": 51200,
    API_REQUESTS: 15000,
    "DailyAsyncApexExecutions": 250000,
    BULK_BATCHES: 15000,
    QUERY_STORAGE_MB: 976562,
    QUERY_JOBS: 10000,
    DELIVERED_EVENTS: 10000,
    "DailyDurableGenericStreamingApiEvents": 10000,
    "DailyDurableStreamingApiEvents": 10000,
    "DailyEinsteinDataInsightsStoryCreation": 1000,
    "DailyEinsteinDiscoveryPredictAPICalls": 50000,
    "DailyEinsteinDiscoveryPredictionsByCDC": 500000,
    "DailyEinsteinDiscoveryStoryCreation": 100,
    "DailyFunctionsApiCallLimit": 50000,
    "DailyGenericStreamingApiEvents": 10000,
    "DailyStandardVolumePlatformEvents": 10000,
    "DailyStreamingApiEvents": 10000,
    "DailyWorkflowEmails": 195,
    "DataStorageMB": 5,
    "DurableStreamingApiConcurrentClients": 20,
    "FileStorageMB": 20,
    "HourlyAsyncReportRuns": 1200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5000,
    "HourlyDashboardStatuses": 999999999,
    "HourlyLongTermIdMapping": 100000,
    "HourlyManagedContentPublicRequests": 50000,
    "HourlyODataCallout": 1000,
    PUBLISHED_EVENTS: 50000,
    "HourlyPublishedStandardVolumePlatformEvents": 1000,
    "HourlyShortTermIdMapping": 100000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 50,
    "MassEmail": 10,
    "MonthlyEinsteinDiscoveryStoryCreation": 500,
    "MonthlyPlatformEventsUsageEntitlement": 0,
    "Package2VersionCreates": 6,
    "Package2VersionCreatesWithoutValidation": 500,
    "PermissionSets": 1500,
    "PrivateConnectOutboundCalloutHourlyLimitMB": 0,
    "SingleEmail": 15,
    "StreamingApiConcurrentClients": 20,
}
# Entries that hold another one.
_NESTED = {"PermissionSets": {"CreateCustom": {"Max": 1000, "Remaining": 1000}}}
_HOURS = {"Hourly": 1, "Daily": 24, "Monthly": 720}


class Limits:
    """Counts uses per hour of the org's clock; a daily allowance is the last 24 of them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._used: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))

    def clear(self) -> None:
        """Nothing is used."""
        with self._lock:
            self._used.clear()

    def use(self, name: str, amount: float = 1) -> None:
        """Count a use."""
        with self._lock:
            self._used[name][self._hour()] += amount

    def used(self, name: str) -> int:
        """How much of an allowance is used by now."""
        span = next((hours for start, hours in _HOURS.items() if name.startswith(start)), 24)
        with self._lock:
            oldest = self._hour() - span
            return int(sum(n for hour, n in self._used[name].items() if hour > oldest))

    def left(self, name: str) -> int:
        """How much of an allowance is left."""
        return max(0, MAXIMA[name] - self.used(name))

    def set_left(self, name: str, left: int) -> None:
        """Pretend that only `left` is left."""
        with self._lock:
            self._used[name].clear()
            self._used[name][self._hour()] = MAXIMA[name] - left

    def count_api_request(self) -> None:
        """Count one call of the data APIs.

        Raises:
            ApiError: None is left.
        """
        if self.left(API_REQUESTS) < 1:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.use(API_REQUESTS)

    def header(self) -> str:
        """`Sforce-Limit-Info`."""
        return f"api-usage={self.used(API_REQUESTS)}/{MAXIMA[API_REQUESTS]}"

    def as_json(self, version: float) -> dict[str, dict[str, Any]]:
        """The body of `/limits`."""
        body: dict[str, dict[str, Any]] = {}
        for name, most in MAXIMA.items():
            # Renamed in v49 [rest guide].
            shown = "DailyBulkApiRequests" if name == BULK_BATCHES and version < 49 else name
            body[shown] = {"Max": most, "Remaining": self.left(name)} | _NESTED.get(name, {})
        return dict(sorted(body.items()))

    def _hour(self) -> int:
        return int(self._now().timestamp() // 3600)
