"""Plain HTTP against an org, logged in: what a client would send, without a client."""

import csv
import io
import time

import requests

VERSION = "66.0"


class Api:
    """One logged-in session. Methods return `requests.Response`, whatever the status."""

    def __init__(self, org, version=VERSION):
        self.org = org
        self.base = f"/services/data/v{version}"
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = org.ca_file or True
        self.login = self.token(
            grant_type="client_credentials",
            client_id=org.client_id,
            client_secret=org.client_secret,
        ).json()
        self.http.headers["Authorization"] = f"Bearer {self.login['access_token']}"

    def token(self, **form):
        return self.http.post(f"{self.org.url}/services/oauth2/token", data=form, timeout=30)

    def call(self, method, path, **options):
        """`path` begins below the version, or with a slash for a path of its own."""
        full = path if path.startswith("/") else f"{self.base}/{path}"
        return self.http.request(method, self.org.url + full, timeout=60, **options)

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body, **options):
        return self.call("POST", path, json=body, **options)

    def patch(self, path, body, **options):
        return self.call("PATCH", path, json=body, **options)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def query(self, soql, **headers):
        return self.get("query", params={"q": soql}, headers=headers)

    def records(self, soql):
        answer = self.query(soql)
        assert answer.status_code == 200, answer.text
        return answer.json()["records"]

    def start_job(self, soql, operation="query", **more):
        answer = self.post("jobs/query", {"operation": operation, "query": soql, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for_job(self, job_id, *states, seconds=20):
        """The job's info once it is in one of these states."""
        states = states or ("JobComplete", "Failed", "Aborted")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            info = self.get(f"jobs/query/{job_id}").json()
            if info["state"] in states:
                return info
        raise AssertionError(f"job {job_id} is {info['state']}, not {states}")

    def finished_job(self, soql, operation="query", **more):
        job = self.start_job(soql, operation, **more)
        return self.wait_for_job(job["id"], "JobComplete")

    def bulk_rows(self, soql, operation="query", page_rows=None):
        """All rows of a bulk query as dicts, read page by page."""
        job, rows, locator = self.finished_job(soql, operation), [], None
        while locator != "null":
            asked = {"maxRecords": page_rows, "locator": locator}
            answer = self.get(f"jobs/query/{job['id']}/results", params=asked)
            assert answer.status_code == 200, answer.text
            rows += list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
            locator = answer.headers["Sforce-Locator"]
        return rows


def error_of(answer):
    """(status, errorCode) of a refused call; there is one error in a list."""
    (error,) = answer.json()
    return answer.status_code, error["errorCode"]
