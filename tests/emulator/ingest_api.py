"""Ingest jobs over plain HTTP: what a client would send, without a client."""

import csv
import io
import time
from dataclasses import dataclass

ENDS = ("JobComplete", "Failed", "Aborted")
CSV = {"Content-Type": "text/csv; charset=UTF-8"}


@dataclass
class Ingest:
    """Ingest jobs of one session (`tests.emulator.api.Api`)."""

    api: object

    def create(self, object_name="Order__c", operation="upsert", key="ERP_Order_Id__c", **more):
        body = {"object": object_name, "operation": operation, **more}
        if operation == "upsert":
            body["externalIdFieldName"] = key
        answer = self.api.post("jobs/ingest", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def upload(self, job_id, content):
        data = content.encode() if isinstance(content, str) else content
        return self.api.call("PUT", f"jobs/ingest/{job_id}/batches", data=data, headers=CSV)

    def close(self, job_id):
        return self.api.patch(f"jobs/ingest/{job_id}", {"state": "UploadComplete"})

    def abort(self, job_id):
        return self.api.patch(f"jobs/ingest/{job_id}", {"state": "Aborted"})

    def info(self, job_id):
        return self.api.get(f"jobs/ingest/{job_id}").json()

    def start(self, content, *arguments, **more):
        """A closed job; its id."""
        job_id = self.create(*arguments, **more)["id"]
        assert self.upload(job_id, content).status_code == 201
        assert self.close(job_id).status_code == 200
        return job_id

    def wait(self, job_id, *states, seconds=30):
        """The job's info once it is in one of these states."""
        deadline = time.monotonic() + seconds
        while (info := self.info(job_id))["state"] not in (states or ENDS):
            assert time.monotonic() < deadline, info
        return info

    def run(self, content, *arguments, **more):
        """A finished job's info."""
        return self.wait(self.start(content, *arguments, **more))

    def result(self, job_id, kind):
        answer = self.api.get(f"jobs/ingest/{job_id}/{kind}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "text/csv"
        return answer.content.decode()

    def rows(self, job_id, kind, delimiter=","):
        """The rows of a result file as dicts."""
        text = self.result(job_id, kind)
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))

    def successful(self, job_id):
        return self.rows(job_id, "successfulResults")

    def failed(self, job_id):
        return self.rows(job_id, "failedResults")

    def unprocessed(self, job_id):
        return self.rows(job_id, "unprocessedrecords")

    def errors(self, content, *arguments, column=0, **more):
        """`sf__Error` by the value of a column, of the rows that fail."""
        info = self.run(content, *arguments, **more)
        assert info["state"] == "JobComplete", info
        failed = self.failed(info["id"])
        name = list(failed[0])[2 + column] if failed else ""
        return {row[name]: row["sf__Error"] for row in failed}
