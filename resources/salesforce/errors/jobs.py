"""A Bulk job ended without a result."""

from resources.salesforce.errors.root import SalesforceError


class JobError(SalesforceError):
    """A Bulk job ended without a result."""

    ended = "ended"

    def __init__(self, job_id: str, object_name: str, rows: int | None, reason: str) -> None:
        super().__init__(job_id, object_name, rows, reason)
        self.job_id, self.object_name, self.rows, self.reason = job_id, object_name, rows, reason

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return (
            f"Job {self.job_id} on {self.object_name} {self.ended} after {self.rows or 0:,} "
            f"rows{why}. Its rows aren't used. Run it again, in smaller windows if it ran out of "
            "time."
        )


class JobFailedError(JobError):
    """Salesforce gave the job up."""

    ended = "failed"


class JobAbortedError(JobError):
    """Somebody aborted the job."""

    ended = "was aborted"
