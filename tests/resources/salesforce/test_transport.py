"""Every exchange follows one policy, whatever the server does. The server here is scripted."""

import gzip
import io
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from resources.salesforce.client import SalesforceClient
from resources.salesforce.errors import (
    AnswerError,
    ApiError,
    BrokenBodyError,
    ConnectionLostError,
    DeferredError,
    ForeignHostError,
    LocatorLoopError,
    LostAnswerError,
    OAuthError,
    RowCountError,
    RowLockedError,
    SessionError,
    TransientError,
    UnavailableError,
)
from resources.salesforce.http_exchange import retry_after_s
from resources.salesforce.settings import ClientCredentials, ConnectionSettings, RefreshToken
from resources.salesforce.transport import Transport
from tests.resources.salesforce.scripted_org import DATE, answer, scripted_org

LIMITS = {"DailyApiRequests": {"Max": 15000, "Remaining": 14995}}
PAGE = b'"Id","Name"\n"001","a\nb"\n"002","c"\n'
UNAVAILABLE = answer([{"errorCode": "SERVER_UNAVAILABLE", "message": "later"}], 503)
EXPIRED = answer(
    [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], 401
)
JOB = {
    "id": "750000000000001AAA",
    "operation": "query",
    "object": "Account",
    "createdById": "005000000000001AAA",
    "createdDate": "2026-05-06T07:25:30.000+0000",
    "systemModstamp": "2026-05-06T07:25:30.000+0000",
    "state": "UploadComplete",
    "apiVersion": 66.0,
}


def csv_page(body=PAGE, rows="2", locator="null", **more):
    return answer(
        body,
        Content_Type="text/csv",
        Sforce_NumberOfRecords=rows,
        Sforce_Locator=locator,
        **more,
    )


def chunked(body, *, whole=True):
    head = csv_page(b"", Content_Length="", Transfer_Encoding="chunked")
    return head + b"%x\r\n%s\r\n" % (len(body), body) + (b"0\r\n\r\n" if whole else b"")


def packed(body, cut=0):
    raw = gzip.compress(body)
    return csv_page(raw[: len(raw) - cut], Content_Encoding="gzip")


# --- waiting and repeating


@pytest.mark.parametrize(
    "failure",
    [
        UNAVAILABLE,
        answer("<html>", 502),
        answer("", 503),
        answer("", 504),
        answer("", 429),
        answer([{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}], 400),
        answer("{", length=100),
        b"",
    ],
)
def test_what_passes_is_tried_again_after_a_pause(connect, waits, failure):
    with scripted_org(failure, failure, answer(LIMITS)) as org:
        assert connect(org.url).read_limits()["DailyApiRequests"].left == 14995

    assert len(waits) == 2
    assert 0 < waits[0] < waits[1] * 2


def test_retry_after_says_how_long(connect, waits):
    seconds = answer("", 429, Retry_After="17")
    until = answer("", 503, Retry_After="Wed, 06 May 2026 07:26:00 GMT")
    with scripted_org(seconds, until, answer(LIMITS)) as org:
        connect(org.url).read_limits()

    assert waits == [17, 23]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("Wed, 06 May 2026 07:25:47 GMT", 10.0),
        ("Wed, 06 May 2026 07:25:47 -0000", 10.0),
        ("Wed, 06 May 2026 07:25:00 GMT", 0.0),
        ("soon", None),
        ("\u00b2", None),
        ("", None),
    ],
)
def test_retry_after_comes_as_seconds_or_as_a_date(said, seconds):
    assert retry_after_s({"Retry-After": said, "Date": DATE}) == seconds


def test_a_wait_of_hours_is_left_to_the_caller(connect, waits):
    with (
        scripted_org(answer("", 429, Retry_After="7200")) as org,
        pytest.raises(UnavailableError) as caught,
    ):
        connect(org.url).read_limits()

    assert (waits, caught.value.retry_after_s) == ([], 7200)


def test_what_does_not_pass_ends_with_the_number_of_attempts(connect, waits):
    with (
        scripted_org(UNAVAILABLE) as org,
        pytest.raises(UnavailableError, match="Tried 6 times") as caught,
    ):
        connect(org.url).read_limits()

    assert (caught.value.attempts, len(waits), len(org.requests)) == (6, 5, 6)


def test_a_refusal_is_not_repeated(connect, waits):
    with (
        scripted_org(
            answer([{"errorCode": "UNKNOWN_EXCEPTION", "message": "ErrorId"}], 500)
        ) as org,
        pytest.raises(ApiError, match="UNKNOWN_EXCEPTION"),
    ):
        connect(org.url).read_limits()

    assert (waits, len(org.requests)) == ([], 1)


def test_nobody_listening_is_a_lost_connection(connect):
    with scripted_org() as org:
        url = org.url
    with pytest.raises(ConnectionLostError) as caught:
        connect(url).read_limits()

    assert not caught.value.sent
    assert caught.value.attempts == 6


def test_a_call_that_never_left_does_not_count(connect):
    with scripted_org() as org:
        client = connect(org.url)
        assert client.org_id
    with pytest.raises(ConnectionLostError):
        client.read_limits()

    assert client.api_calls == 0


def test_a_locked_row_that_stays_locked_is_transient(connect):
    with (
        scripted_org(answer([{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}], 400)) as org,
        pytest.raises(RowLockedError),
    ):
        connect(org.url).read_limits()


# --- what creates something


@pytest.mark.parametrize("lost", [b"", answer("", 502), answer("", 504), answer("{", length=50)])
def test_a_job_whose_answer_was_lost_is_not_submitted_again(connect, waits, lost):
    with scripted_org(lost) as org, pytest.raises(LostAnswerError, match="look for it"):
        connect(org.url).bulk.submit("SELECT Id FROM Account")

    assert (waits, [seen.method for seen in org.requests]) == ([], ["POST"])


def test_a_job_that_was_refused_for_now_is_submitted_again(connect, waits):
    with scripted_org(UNAVAILABLE, answer("", 429), answer(JOB)) as org:
        assert connect(org.url).bulk.submit("SELECT Id FROM Account").id == JOB["id"]

    assert len(waits) == 2


# --- the token


def test_a_token_that_ended_is_renewed_once_and_the_call_repeated(connect):
    with scripted_org(EXPIRED, answer(LIMITS)) as org:
        connect(org.url).read_limits()

    tokens = [seen.headers["authorization"] for seen in org.requests]
    assert len(org.logins) == 2
    assert tokens[0] != tokens[1]


def test_a_token_refused_right_after_the_login_is_an_error(connect):
    with (
        scripted_org(EXPIRED) as org,
        pytest.raises(SessionError, match="right after a new login"),
    ):
        connect(org.url).read_limits()

    assert (len(org.logins), len(org.requests)) == (2, 2)


@pytest.mark.parametrize(
    "message",
    [
        "This session is not valid for use with the REST API",
        "Connected app is not attached to Agent",
    ],
)
def test_a_token_that_lacks_a_right_is_not_renewed(connect, message):
    refusal = answer([{"message": message, "errorCode": "INVALID_SESSION_ID"}], 401)
    with (
        scripted_org(refusal) as org,
        pytest.raises(SessionError, match="a new login wouldn't help"),
    ):
        connect(org.url).read_limits()

    assert (len(org.logins), len(org.requests)) == (1, 1)


def test_threads_whose_token_ended_together_log_in_once(connect):
    live = threading.Event()

    def reply(seen):
        # The first token is refused for ever, the second is good.
        return answer(LIMITS) if seen.headers["authorization"].endswith("token2") else EXPIRED

    with scripted_org(reply) as org:
        client = connect(org.url)
        assert client.org_id == "00D000000000001EAA"

        def read():
            live.wait(5)
            client.read_limits()

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        live.set()
        for thread in threads:
            thread.join(10)

    assert len(org.logins) == 2


def test_a_rotated_refresh_token_is_kept_before_anything_else(connect, tmp_path):
    file, handed = tmp_path / "deep" / "token", []
    login = RefreshToken("app", "first", file=file, keep=handed.append)
    with scripted_org(lambda _: answer({"kept": file.read_text()})) as org:
        org.token_replies = [
            lambda _: org.token(refresh_token="second"),
            lambda _: org.token(refresh_token="third"),
        ]
        org.replies = [EXPIRED, lambda _: answer(LIMITS)]
        connect(org.url, login).read_limits()

        assert (handed, file.read_text()) == (["second", "third"], "third")
        assert file.stat().st_mode & 0o077 == 0
        connect(org.url, login).read_limits()

    sent = [seen.body.decode().split("refresh_token=")[-1] for seen in org.logins]
    assert sent == ["first", "second", "third"]


def test_processes_that_share_a_rotated_refresh_token_use_the_newest(connect, tmp_path):
    login = RefreshToken("app", "first", file=tmp_path / "token")
    names = iter(["second", "third", "fourth"])
    with scripted_org(answer(LIMITS)) as org:
        org.token_replies = [lambda _: org.token(refresh_token=next(names))]
        one, other = connect(org.url, login), connect(org.url, login)
        one.read_limits()
        other.read_limits()
        org.replies = [EXPIRED, answer(LIMITS)]
        one.read_limits()

    sent = [seen.body.decode().split("refresh_token=")[-1] for seen in org.logins]
    assert sent == ["first", "second", "third"]


def test_logins_with_a_shared_refresh_token_come_one_after_the_other(connect, tmp_path):
    file = tmp_path / "token"
    login = RefreshToken("app", "first", file=file)
    with scripted_org(answer(LIMITS)) as org:
        org.token_replies = [lambda _: org.token(refresh_token=f"token-{len(org.logins)}")]
        clients = [connect(org.url, login) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda client: client.read_limits(), clients))

    sent = [seen.body.decode().split("refresh_token=")[-1] for seen in org.logins]
    assert sent == ["first", "token-1", "token-2", "token-3"]
    assert [name.name for name in tmp_path.glob("*") if name.suffix != ".lock"] == ["token"]


def test_a_login_that_is_refused_says_what_to_do_and_is_not_repeated(connect, waits):
    with scripted_org() as org:
        org.token_replies = [answer({"error": "invalid_client", "error_description": "no"}, 400)]
        with pytest.raises(OAuthError, match="client_secret"):
            connect(org.url).read_limits()

    assert (len(org.logins), waits) == (1, [])


def test_a_login_that_cannot_be_served_now_is_repeated(connect, waits):
    with scripted_org(answer(LIMITS)) as org:
        org.token_replies = [answer({"error": "unknown_error"}, 400), lambda _: org.token()]
        connect(org.url).read_limits()

    assert len(waits) == 1


# --- whom the token is sent to


def test_a_redirect_within_the_org_is_followed(connect):
    moved = answer("", 302, Location="/services/data/v66.0/limits/")
    with scripted_org(moved, answer(LIMITS)) as org:
        connect(org.url).read_limits()

    assert org.requests[1].target == "/services/data/v66.0/limits/"


def test_redirects_without_end_are_given_up(connect):
    with (
        scripted_org(answer("", 302, Location="/services/data/v66.0/limits")) as org,
        pytest.raises(AnswerError, match="without end"),
    ):
        connect(org.url).read_limits()

    assert len(org.requests) == 4


def test_nothing_is_sent_to_a_host_that_a_redirect_names(connect):
    with (
        scripted_org(answer(LIMITS)) as hostile,
        scripted_org(answer("", 302, Location=hostile.url + "/x")) as org,
        pytest.raises(ForeignHostError, match="Nothing was sent"),
    ):
        connect(org.url).read_limits()

    assert hostile.requests == []


def test_nothing_is_sent_to_a_host_that_a_page_names_as_the_next(connect):
    with scripted_org(answer(LIMITS)) as hostile:
        page = {
            "totalSize": 2,
            "done": False,
            "records": [{}],
            "nextRecordsUrl": hostile.url + "/services/data/v66.0/query/0r8-1",
        }
        with scripted_org(answer(page)) as org, pytest.raises(ForeignHostError):
            list(connect(org.url).rest_pages("SELECT Id FROM Account"))

    assert hostile.requests == []


def test_nothing_is_sent_to_a_host_that_the_login_names(connect):
    with scripted_org(answer(LIMITS)) as hostile, scripted_org(answer(LIMITS)) as org:
        org.token_replies = [lambda _: org.token(instance_url=hostile.url)]
        with pytest.raises(ForeignHostError):
            connect(org.url).read_limits()

    assert (hostile.requests, org.requests) == ([], [])


def test_the_token_outranks_a_netrc_file(connect, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password hush\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted_org(answer(LIMITS)) as org:
        connect(org.url).read_limits()

    assert org.requests[0].headers["authorization"].startswith("Bearer 00D")


def test_calls_name_their_client_and_accept_gzip(connect):
    with scripted_org(answer(LIMITS)) as org:
        connect(org.url, client_name="harbour").read_limits()

    headers = org.requests[0].headers
    assert headers["sforce-call-options"] == "client=harbour"
    assert headers["accept-encoding"] == "gzip"


# --- bodies


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (csv_page(PAGE, length=len(PAGE) + 5), BrokenBodyError),
        (packed(PAGE, cut=9), BrokenBodyError),
        (csv_page(b"not gzip at all", Content_Encoding="gzip"), BrokenBodyError),
        (chunked(PAGE, whole=False), BrokenBodyError),
        (csv_page(PAGE, Content_Encoding="br"), BrokenBodyError),
        (csv_page(PAGE[:-15], rows=""), BrokenBodyError),  # within a quoted value
        (csv_page(PAGE, rows="3"), RowCountError),
        (csv_page(b"", rows="1"), RowCountError),
    ],
)
def test_a_page_that_stays_incomplete_leaves_the_file_as_it_was(connect, waits, broken, error):
    file = io.BytesIO(b"before")
    file.seek(6)
    with scripted_org(broken) as org, pytest.raises(error) as caught:
        connect(org.url).bulk.download_page("750", None, 1000, file)

    assert file.getvalue() == b"before"
    assert (caught.value.attempts, len(waits)) == (6, 5)
    assert isinstance(caught.value, TransientError)


@pytest.mark.parametrize(
    "broken",
    [
        csv_page(PAGE[:20], length=len(PAGE)),
        packed(PAGE, cut=9),
        chunked(PAGE, whole=False),
        csv_page(PAGE, rows="3"),
        csv_page(PAGE * 3, rows="1"),
    ],
)
@pytest.mark.parametrize("whole", [csv_page(), packed(PAGE), chunked(PAGE)])
def test_a_page_that_breaks_off_is_fetched_again_from_its_start(connect, broken, whole):
    file = io.BytesIO()
    with scripted_org(broken, whole) as org:
        page = connect(org.url).bulk.download_page("750", None, 1000, file)

    assert file.getvalue() == PAGE
    assert (page.rows, page.bytes, page.next_locator) == (2, len(PAGE), None)


def test_a_file_that_cannot_go_back_gets_whole_pages_only(connect):
    class Pipe(io.RawIOBase):
        got = b""

        def writable(self):
            return True

        def write(self, data):
            self.got += bytes(data)
            return len(data)

    pipe = Pipe()
    with scripted_org(csv_page(PAGE[:20], length=len(PAGE)), csv_page()) as org:
        connect(org.url).bulk.download_page("750", None, 1000, pipe)

    assert pipe.got == PAGE


def test_gzip_files_that_follow_each_other_are_one_body(connect):
    file = io.BytesIO()
    body = gzip.compress(PAGE[:20]) + gzip.compress(PAGE[20:])
    with scripted_org(csv_page(body, Content_Encoding="gzip")) as org:
        connect(org.url).bulk.download_page("750", None, 1000, file)

    assert file.getvalue() == PAGE


def test_a_page_that_unpacks_to_a_thousandfold_is_read(connect):
    value = b"x" * 20_000_000
    body = b'"X"\n"' + value + b'"\n'
    file = io.BytesIO()
    with scripted_org(csv_page(gzip.compress(body), rows="1", Content_Encoding="gzip")) as org:
        page = connect(org.url).bulk.download_page("750", None, 1000, file)

    assert (page.rows, page.bytes) == (1, len(body))


@pytest.mark.parametrize("body", ["<html>maintenance</html>", '{"totalSize": 1'])
def test_a_body_that_is_not_json_is_a_clear_error(connect, waits, body):
    with (
        scripted_org(answer(body, Content_Type="text/html")) as org,
        pytest.raises(AnswerError, match=r"text/html.*isn't JSON"),
    ):
        connect(org.url).rest_page("SELECT Id FROM Account")

    assert waits == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"records": []},
        {"totalSize": 1, "done": False, "records": []},
    ],
)
def test_json_that_is_no_page_is_a_clear_error(connect, body):
    with scripted_org(answer(body)) as org, pytest.raises(AnswerError):
        connect(org.url).rest_page("SELECT Id FROM Account")


def test_json_that_is_no_job_is_a_clear_error(connect):
    with (
        scripted_org(answer({"id": "750"})) as org,
        pytest.raises(AnswerError, match="isn't a job"),
    ):
        connect(org.url).bulk.info("750")


def test_an_answer_without_date_is_a_clear_error(connect):
    with scripted_org(answer(LIMITS, Date="")) as org, pytest.raises(AnswerError, match="Date"):
        connect(org.url).read_limits()


# --- pages


def test_rest_pages_that_hold_fewer_rows_than_announced_are_an_error(connect):
    first = {"totalSize": 3, "done": False, "records": [{}], "nextRecordsUrl": "/next"}
    last = {"totalSize": 3, "done": True, "records": [{}]}
    with (
        scripted_org(answer(first), answer(last)) as org,
        pytest.raises(RowCountError, match="announced 3 rows and 2 came"),
    ):
        list(connect(org.url).rest_pages("SELECT Id FROM Account"))


def test_rest_pages_that_go_in_a_circle_are_an_error(connect):
    page = {"totalSize": 3, "done": False, "records": [{}], "nextRecordsUrl": "/next"}
    with scripted_org(answer(page)) as org, pytest.raises(LocatorLoopError):
        list(connect(org.url).rest_pages("SELECT Id FROM Account"))

    assert len(org.requests) == 2


def test_a_bulk_page_that_names_itself_as_the_next_is_an_error(connect):
    with scripted_org(csv_page(locator="MTA")) as org, pytest.raises(LocatorLoopError):
        connect(org.url).bulk.download_page("750", "MTA", 1000, io.BytesIO())


def test_a_bulk_page_that_points_back_to_an_earlier_one_is_an_error(connect):
    job = {**JOB, "state": "JobComplete", "numberRecordsProcessed": 6}
    with scripted_org(
        answer(job), csv_page(locator="A"), csv_page(locator="B"), csv_page(locator="A")
    ) as org:
        client = connect(org.url)
        pages = client.bulk.pages(client.bulk.info("750"), lambda _: io.BytesIO())
        with pytest.raises(LocatorLoopError):
            list(pages)

    assert len(org.requests) == 4


def test_bulk_pages_that_hold_fewer_rows_than_the_job_are_an_error(connect):
    job = {**JOB, "state": "JobComplete", "numberRecordsProcessed": 3}
    with scripted_org(answer(job), csv_page()) as org:
        client = connect(org.url)
        pages = client.bulk.pages(client.bulk.info("750"), lambda _: io.BytesIO())
        with pytest.raises(RowCountError, match="announced 3 rows and 2 came"):
            list(pages)


def test_cookies_are_not_kept(connect):
    with scripted_org(answer(LIMITS, Set_Cookie="BrowserId=x; path=/")) as org:
        client = connect(org.url)
        client.read_limits()
        client.read_limits()

    assert "cookie" not in org.requests[1].headers


def test_jobs_are_listed_on_by_their_locator_whatever_the_path_says(connect):
    first = {
        "done": False,
        "records": [{**JOB, "id": "750B"}],
        "nextRecordsUrl": "/services/data/v66.0/jobs/ingest?queryLocator=01gRM%2B-1000",
    }
    last = {"done": True, "records": [{**JOB, "id": "750A"}], "nextRecordsUrl": None}
    with scripted_org(answer(first), answer(last)) as org:
        jobs = connect(org.url).bulk.list_jobs()

    assert [job.id for job in jobs] == ["750A", "750B"]
    assert org.requests[1].target == (
        "/services/data/v66.0/jobs/query?jobType=V2Query&queryLocator=01gRM%2B-1000"
    )


def test_result_pages_are_read_by_both_spellings_and_followed(connect):
    results = "/services/data/v66.0/jobs/query/750/results"
    first = {
        "resultPages": [{"resultUrl": results}, {"resultLink": f"{results}?locator=aB%2Bc"}],
        "nextRecordsUrl": "/services/data/v66.0/jobs/query/750/resultpages?locator=x",
        "done": False,
    }
    last = {"resultPages": [{"resultUrl": f"{results}?locator=d+e"}], "done": True}
    with scripted_org(answer(first), answer(last)) as org:
        assert connect(org.url).bulk.result_locators("750") == [None, "aB+c", "d+e"]


# --- the reserve


def test_the_call_that_would_touch_the_reserve_is_not_made(connect):
    before_last = answer(LIMITS, Sforce_Limit_Info="api-usage=14899/15000")
    last = answer(LIMITS, Sforce_Limit_Info="api-usage=14900/15000")
    with scripted_org(before_last, last) as org:
        client = connect(org.url, reserve=100)
        client.read_limits()
        client.read_limits()
        with pytest.raises(DeferredError, match="100 of 15,000 API requests left"):
            client.read_limits()

    assert (len(org.requests), client.api_calls) == (2, 2)


def test_a_job_is_submitted_only_when_the_allowance_is_known(connect):
    nothing_left = answer(LIMITS, Sforce_Limit_Info="api-usage=14950/15000")
    with scripted_org(nothing_left) as org, pytest.raises(DeferredError) as caught:
        connect(org.url, reserve=100).bulk.submit("SELECT Id FROM Account")

    assert [seen.method for seen in org.requests] == ["GET"]
    assert (caught.value.left, caught.value.reserve) == (50, 100)


# --- rows read again


def test_rows_read_in_the_millisecond_of_the_moment_are_read_once_more(waits):
    # Images keep milliseconds, cut off: such a read would count as one that isn't later.
    rows = {"totalSize": 0, "done": True, "records": []}
    ticks = itertools.count()
    with scripted_org(answer(rows), answer(rows, Date="Wed, 06 May 2026 07:25:38 GMT")) as org:
        login = ClientCredentials("tidegate", "tidegate-secret")
        settings = ConnectionSettings("salesforce", org.url, login)
        transport = Transport(settings, sleep=waits.append, monotonic=lambda: next(ticks) / 2000)
        with SalesforceClient(settings, transport=transport) as client:
            after = datetime(2026, 5, 6, 7, 25, 36, 999_000, UTC)
            _, read = client.read_rows("Account", ["Id"], ["001000000000001AAA"], after)

    assert read.lo == datetime(2026, 5, 6, 7, 25, 37, 999_500, UTC)
    assert len(org.requests) == 2
