"""`python -m pipelines publish`, from a shell to a subscriber of the org's bus."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipelines.project import UsageError
from pipelines.publish_command import Published, as_json, format_of, tell
from pipelines.publish_progress import told_on
from resources.salesforce.pubsub.publish import REQUEST_EVENTS
from tests.emulator.api import Api
from tests.emulator.event_stream import EventBus
from tests.emulator_process import CHECKOUT, Org
from tests.pipelines.command import Command

EVENT = "Order_Event__e"
FIELDS = ("Order_Id__c", "Action__c", "Payload__c")


@pytest.fixture
def command(org: Org, tmp_path: Path) -> Command:
    # A stream tells what there is and then, soon, that there is nothing more.
    org.control("PUT", "events", {"keepalive_s": 0.2})
    return Command(org, tmp_path)


def on_the_bus(org: Org) -> list[tuple[str, dict]]:
    """Ids and fields of all events of the channel, as a bare subscriber reads them."""
    bus = EventBus(Api(org))
    stream = bus.subscribe(f"/event/{EVENT}", replay_preset="EARLIEST")
    found = []
    try:
        while (response := stream.next()).events:
            found += [(one.event.id, bus.decode(one)) for one in response.events]
            stream.ask(len(response.events))
    finally:
        stream.close()
    return found


def fields_of(events):
    return [tuple(event[name] for name in FIELDS) for _, event in events]


@pytest.mark.slow
def test_rows_of_csv_become_events_with_a_result_each(command: Command):
    file = command.folder / "rows.csv"
    file.write_text('Order_Id__c,Action__c\n007,CREATED\n"8, and\n9",\n')

    code, said = command.json("publish", EVENT, str(file))

    assert (code, said["status"], said["event"]) == (0, "done", EVENT)
    assert [said[name] for name in ("rows", "queued", "refused", "in_doubt", "unsent")] == [
        2,
        2,
        0,
        0,
        0,
    ]
    events = on_the_bus(command.org)
    assert fields_of(events) == [("007", "CREATED", None), ("8, and\n9", None, None)]
    assert [key for key, _ in events] == [one["event_id"] for one in said["results"]]
    assert [(one["row"], one["outcome"]) for one in said["results"]] == [
        (1, "queued"),
        (2, "queued"),
    ]


@pytest.mark.slow
def test_json_on_stdin_and_parquet_become_events(command: Command):
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "publish", EVENT, "-"],
        cwd=CHECKOUT,
        env=command.environment(),
        input='{"Order_Id__c": "2"}\n{"Action__c": "CREATED"}\n',
        capture_output=True,
        text=True,
        timeout=120,
    )
    file = command.folder / "rows.parquet"
    pq.write_table(pa.table({"Payload__c": ["{}"]}), file)
    second = command.run("publish", EVENT, str(file))

    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["Order_Event__e: 2 rows", "  queued 2: the org has it"],
    )
    assert (second.returncode, second.stdout.splitlines()[0]) == (0, "Order_Event__e: 1 row")
    assert fields_of(on_the_bus(command.org)) == [
        ("2", None, None),
        (None, "CREATED", None),
        (None, None, "{}"),
    ]


@pytest.mark.slow
def test_rows_that_the_org_refuses_are_told_apart_from_those_that_it_takes(command: Command):
    command.org.faults.add({"limits": {"HourlyPublishedPlatformEvents": 15}})
    file = command.folder / "rows.jsonl"
    rows = [
        {"Order_Id__c": str(n), "Payload__c": "x" * 1_000_001 if n == 1 else "y"} for n in range(30)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    done = command.run("publish", EVENT, str(file))

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "Order_Event__e: 30 rows",
        "  queued 15: the org has it",
        "  refused 15: it won't be published",
    ]
    refused = " ".join(done.stderr.split())
    assert "row 2 refused: it has 1,000,0" in refused
    assert "row 17 refused: PUBLISH: The number of platform event messages" in refused
    assert [event["Order_Id__c"] for _, event in on_the_bus(command.org)] == [
        str(n) for n in range(16) if n != 1
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "file", "body", "code", "said"),
    [
        (
            "Order_Evnt__e",
            "rows.json",
            '{"Action__c": "CREATED"}',
            1,
            "The org has no platform event Order_Evnt__e that this user can see. Did you mean "
            "Order_Event__e?",
        ),
        (
            EVENT,
            "rows.csv",
            "Order_Id__c,Acton__c\n1,CREATED\n",
            1,
            "Order_Event__e has no field Acton__c (did you mean Action__c?)",
        ),
        (
            EVENT,
            "rows.json",
            '[{"Order_Id__c": "1"}, {"Order_Id__c": 2}]',
            1,
            "Order_Id__c of row 2 isn't text. Nothing was published.",
        ),
        (EVENT, "rows.json", None, 2, "rows.json can't be read: No such file or directory."),
    ],
    ids=["no such event", "no such field", "wrong type", "no such file"],
)
def test_what_cannot_be_published_is_told_with_what_to_do_and_nothing_is(
    command: Command, event, file, body, code, said
):
    if body is not None:
        (command.folder / file).write_text(body)

    done = command.run("publish", event, str(command.folder / file))

    assert (done.returncode, done.stdout) == (code, "")
    # Lines break where the console ends, also within the path.
    assert "".join(said.split()) in "".join(done.stderr.split())
    assert on_the_bus(command.org) == []


@pytest.mark.slow
def test_a_connection_that_is_not_there_is_named_with_the_nearest(command: Command):
    (command.folder / "rows.json").write_text("[]")

    done = command.run("publish", EVENT, str(command.folder / "rows.json"), "--org", "saleforce")

    assert done.returncode == 2
    assert "Did you mean salesforce?" in " ".join(done.stderr.split())


@pytest.mark.slow
def test_an_empty_file_publishes_nothing_and_is_done(command: Command):
    file = command.folder / "rows.jsonl"
    file.write_text("")

    code, said = command.json("publish", EVENT, str(file))

    assert (code, said["rows"], said["results"]) == (0, 0, [])
    assert on_the_bus(command.org) == []


@pytest.mark.parametrize(
    ("source", "form", "found"),
    [
        ("-", None, "json"),
        ("-", "CSV", "csv"),
        ("rows.JSONL", None, "json"),
        ("rows.ndjson", None, "json"),
        ("rows.csv", None, "csv"),
        ("rows.csv", "json", "json"),
        ("rows", "parquet", "parquet"),
    ],
)
def test_the_format_is_what_is_said_or_what_the_suffix_says(source, form, found):
    assert format_of(source, form) == found


@pytest.mark.parametrize(
    ("source", "form", "said"),
    [
        ("rows.xlsx", None, r"rows\.xlsx doesn't end in \.json, .*: say with --format"),
        ("rows", None, "say with --format"),
        ("rows.csv", "xml", "--format takes json, csv, parquet, not xml"),
    ],
)
def test_a_format_that_is_none_is_refused(source, form, said):
    with pytest.raises(UsageError, match=said):
        format_of(source, form)


def result(row, outcome, error=None):
    replay_id = bytes([row]) if outcome == "queued" else None
    return {
        "row": row,
        "event_id": str(row),
        "outcome": outcome,
        "replay_id": replay_id,
        "error": error,
    }


def test_all_outcomes_are_counted_and_twenty_that_failed_are_shown():
    results = [
        result(1, "queued"),
        *(result(n, "in_doubt", "lost") for n in range(2, 4)),
        *(result(n, "unsent", "lost") for n in range(4, 25)),
    ]
    published = Published(EVENT, results)
    out, err = (Console(file=io.StringIO(), width=120) for _ in range(2))

    tell(published, out, err)

    assert out.file.getvalue().splitlines() == [
        "Order_Event__e: 24 rows",
        "  queued 1: the org has it",
        "  in doubt 2: the answer was lost: the org may have it",
        "  unsent 21: never sent",
    ]
    told = err.file.getvalue().splitlines()
    assert (len(told), told[0], told[-1]) == (
        21,
        "row 2 in doubt: lost",
        "and 3 more (--json tells all)",
    )
    assert published.exit_code == 1
    assert json.loads(as_json(published))["results"][0]["replay_id"] == "01"


def test_where_no_bar_can_move_a_line_tells_now_and_then_how_far_it_is():
    console = Console(file=io.StringIO(), width=120)

    with told_on(console, EVENT, 4_000, line_every_s=0) as on_sent:
        on_sent(REQUEST_EVENTS)
        on_sent(4_000)
    with told_on(console, EVENT, 4_000, line_every_s=3_600) as on_sent:
        on_sent(4_000)

    assert console.file.getvalue().splitlines() == [
        "Order_Event__e: 200 of 4,000 rows are sent",
        "Order_Event__e: 4,000 of 4,000 rows are sent",
    ]


def test_on_a_terminal_a_bar_tells_how_far_it_is():
    console = Console(file=io.StringIO(), width=120, force_terminal=True)

    with told_on(console, EVENT, 4_000) as on_sent:
        on_sent(4_000)

    assert "4000/4000" in console.file.getvalue()
