"""How fast the emulator works off Bulk API 2.0 ingest jobs, so that nobody waits for it.

`python -m benchmarks.ingest` creates and then updates orders by plain requests, with parents found
by their external id. Uploads aren't in the seconds: they are the sender's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import requests

from tests.emulator_process import Org, running_org

JOB_ROWS = 250_000
ACCOUNTS = 1_000
LOOK_EACH_S = 0.1
DEADLINE_S = 600.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="orders to create and update")
    parser.add_argument("--cdc", action="store_true", help="with change events of the orders")
    options = parser.parse_args()
    selected = ["--cdc", "Order__c"] if options.cdc else []
    with running_org("--seed", "empty", *selected) as org, requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {_token(org, http)}"
        org.create("Account", *({"Name": f"A {n}", "ERP_Id__c": f"E-{n}"} for n in range(ACCOUNTS)))
        for what, cents in (("created", "25"), ("updated", "50")):
            jobs = [_uploaded(org, http, body) for body in _bodies(options.rows, cents)]
            rows, seconds = _worked_off(http, jobs)
            print(f"{rows:,} orders {what} in {seconds:.1f} s: {rows / seconds:,.0f} rows/s")


def _token(org: Org, http: requests.Session) -> str:
    login = {"grant_type": "client_credentials"}
    login |= {"client_id": org.client_id, "client_secret": org.client_secret}
    answer = http.post(f"{org.url}/services/oauth2/token", data=login, timeout=60)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def _bodies(rows: int, cents: str) -> list[bytes]:
    header = "ERP_Order_Id__c,Amount__c,Account__r.ERP_Id__c,Status__c\n"
    return [
        "".join(
            [header]
            + [
                f"SO-{number:09d},{number % 1_000}.{cents},E-{number % ACCOUNTS},Draft\n"
                for number in range(first, min(rows, first + JOB_ROWS))
            ]
        ).encode()
        for first in range(0, rows, JOB_ROWS)
    ]


def _uploaded(org: Org, http: requests.Session, body: bytes) -> str:
    """The address of a job with its rows, not yet closed."""
    jobs = f"{org.url}/services/data/v66.0/jobs/ingest"
    wanted = {"object": "Order__c", "operation": "upsert", "contentType": "CSV"}
    wanted |= {"externalIdFieldName": "ERP_Order_Id__c", "lineEnding": "LF"}
    answer = http.post(jobs, json=wanted, timeout=60)
    answer.raise_for_status()
    job = f"{jobs}/{answer.json()['id']}"
    sent = http.put(
        f"{job}/batches", data=body, headers={"Content-Type": "text/csv"}, timeout=DEADLINE_S
    )
    sent.raise_for_status()
    return job


def _worked_off(http: requests.Session, jobs: Sequence[str]) -> tuple[int, float]:
    """Rows accepted, and seconds from the first close until the last job is complete."""
    begun_s = time.monotonic()
    for job in jobs:
        http.patch(job, json={"state": "UploadComplete"}, timeout=60).raise_for_status()
    return sum(_accepted(http, job, begun_s) for job in jobs), time.monotonic() - begun_s


def _accepted(http: requests.Session, job: str, begun_s: float) -> int:
    while True:
        info = http.get(job, timeout=60).json()
        if info["state"] == "JobComplete":
            return int(info["numberRecordsProcessed"]) - int(info["numberRecordsFailed"])
        if info["state"] in ("Failed", "Aborted") or time.monotonic() - begun_s > DEADLINE_S:
            raise SystemExit(f"{job} is {info['state']}: {info.get('errorMessage', 'too slow')}")
        time.sleep(LOOK_EACH_S)


if __name__ == "__main__":
    main()
