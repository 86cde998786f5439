"""The command line: what Dagster's UI does, from a shell."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from pipelines import report

if TYPE_CHECKING:
    from pipelines.project import Project

app = typer.Typer(
    help="Keeps a Salesforce org and a data warehouse in step.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_DAY = ["%Y-%m-%d"]
# Where there's no terminal, rich would squeeze tables into 80 columns.
_WIDTH = None if sys.stdout.isatty() else 120
_out = Console(width=_WIDTH)
_err = Console(stderr=True, width=_WIDTH)


@app.callback()
def main() -> None:
    """Keeps a Salesforce org and a data warehouse in step."""
    from pipelines.environment import load_env_file

    load_env_file()


@app.command()
def sync(
    name: Annotated[str | None, typer.Argument(help="A sync's name; without it, all.")] = None,
    objects: Annotated[
        list[str] | None, typer.Option("--object", help="Only this object; may be repeated.")
    ] = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=_DAY, help="From the window that holds this day."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=_DAY, help="Through the window that holds this day."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="All windows, from the beginning.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Bring objects into the warehouse: the missing windows, or those of the given days."""
    from pipelines.instance import open_instance
    from pipelines.project import UsageError
    from pipelines.sync_command import orders, run_orders
    from resources.salesforce.errors import DeferredError, SalesforceError

    if full and (first or last):
        _end(report.USAGE, "--full means all windows: leave out --from and --to.")
    project = _load()
    with open_instance() as instance:
        try:
            chosen = project.choose(name, objects or [])
            project.require_logins(sync.spec.org for sync in chosen)
            found = orders(
                instance,
                project,
                chosen,
                first=first.date() if first else None,
                last=last.date() if last else None,
                full=full,
            )
        except UsageError as error:
            _end(report.USAGE, str(error))
        except DeferredError as error:
            _end(report.DEFERRED, str(error))
        except SalesforceError as error:
            _end(report.FAILED, str(error))
        outcomes = run_orders(instance, project, found, _err)
    if as_json:
        print(report.as_json(outcomes))
    elif outcomes:
        _out.print(report.outcome_table(outcomes))
    else:
        _out.print("Nothing to do: every window is there.")
    report.print_errors(outcomes, _err)
    raise typer.Exit(report.exit_code(outcomes))


@app.command()
def load(
    name: Annotated[str, typer.Argument(help="A load's name.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent; write nothing.")
    ] = False,
    replay: Annotated[
        str | None,
        typer.Option(help="Send rows kept as `failed` or `unprocessed`, or `all` of them."),
    ] = None,
    as_sent: Annotated[
        bool, typer.Option("--as-sent", help="With --replay: with the values they had then.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Send what changed to the org, and tell what became of each row."""
    from assets.failures import OURS
    from pipelines import load_report
    from pipelines.instance import open_instance
    from pipelines.load_command import load_rows, replay_of, would_do
    from pipelines.project import UsageError
    from resources.salesforce.errors import DeferredError

    project = _load()
    with open_instance() as instance:
        try:
            asked = replay_of(replay, as_sent=as_sent, dry_run=dry_run)
            spec = project.load_named(name)
            project.require_logins([spec.org])
            if dry_run:
                found = would_do(instance, project, spec)
            else:
                outcome, kept, more = load_rows(instance, project, spec, asked, _err)
        except UsageError as error:
            _end(report.USAGE, str(error))
        except DeferredError as error:
            _end(report.DEFERRED, str(error))
        except OURS as error:
            _end(report.FAILED, str(error))
    if dry_run and as_json:
        print(load_report.dry_run_json(spec, found))
    elif dry_run:
        load_report.tell_dry_run(spec, found, _out, _err)
    elif as_json:
        print(load_report.as_json(outcome))
        load_report.tell_error(outcome, _err)
    else:
        load_report.tell(spec, outcome, kept, more, _out, _err)
    raise typer.Exit(report.DONE if dry_run else load_report.exit_code(outcome))


@app.command("listen")
def listen_command(
    channels: Annotated[
        list[str] | None, typer.Option("--channel", help="Only this channel; may be repeated.")
    ] = None,
    run_every: Annotated[
        float,
        typer.Option(min=0, help="Seconds from one run of an object to the next, at least."),
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Follow events until told to stop, and bring them into the warehouse within seconds."""
    from pipelines.instance import open_instance
    from pipelines.listen_command import as_json as channels_as_json
    from pipelines.listen_command import chosen, listen_to
    from pipelines.project import UsageError

    project = _load()
    try:
        subscribed = chosen(project, channels or [])
        project.require_logins({one.org for one in subscribed})
    except UsageError as error:
        _end(report.USAGE, str(error))
    with open_instance(keep_output=False) as instance:
        states = listen_to(instance, project, subscribed, run_every_s=run_every)
    if as_json:
        print(channels_as_json(states))


@app.command("publish")
def publish_command(
    event: Annotated[str, typer.Argument(help="A platform event's API name: Order_Event__e.")],
    file: Annotated[
        str, typer.Argument(help="A .json, .jsonl, .csv or .parquet file; `-` is stdin.")
    ],
    form: Annotated[
        str | None, typer.Option("--format", help="json, csv or parquet, if no suffix says so.")
    ] = None,
    org: Annotated[str, typer.Option(help="A SalesforceConnection's name.")] = "salesforce",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Publish a platform event per row of a file, and tell what became of each."""
    from assets.failures import OURS
    from pipelines import publish_command as publishing
    from pipelines.project import UsageError
    from resources.salesforce.errors import DeferredError

    project = _load()
    try:
        published = publishing.publish(project, org, event, file, form, _err)
    except UsageError as error:
        _end(report.USAGE, str(error))
    except DeferredError as error:
        _end(report.DEFERRED, str(error))
    except OURS as error:
        _end(report.FAILED, str(error))
    if as_json:
        print(publishing.as_json(published))
        publishing.tell_errors(published, _err)
    else:
        publishing.tell(published, _out, _err)
    raise typer.Exit(published.exit_code)


@app.command()
def setup() -> None:
    """Make the folders of this checkout, Dagster's settings, and the limits of its pools."""
    from pipelines.environment import STATE_FOLDER
    from pipelines.instance import dagster_home, open_instance, store_pool_limits

    project = _load()
    (STATE_FOLDER / "landing").mkdir(parents=True, exist_ok=True)
    with open_instance() as instance:
        limits = store_pool_limits(instance, project)
    print(f"Dagster's home is {dagster_home()}", file=sys.stderr)
    for pool, limit in limits.items():
        print(f"At most {limit} steps at once use {pool}", file=sys.stderr)


@app.command()
def demo(
    folder: Annotated[
        Path | None, typer.Option(help="Where the demo's org, files and tables lie.")
    ] = None,
) -> None:
    """Sync the emulator's org, load orders into it, and compare every row and field."""
    from pipelines.demo import run_demo
    from pipelines.environment import STATE_FOLDER

    raise typer.Exit(run_demo(_out, _err, folder or STATE_FOLDER))


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of Dagster's UI.")] = 3000,
    emulator_port: Annotated[int, typer.Option(help="HTTP port of the emulator.")] = 8040,
    pubsub_port: Annotated[int, typer.Option(help="gRPC port of the emulator.")] = 8041,
) -> None:
    """Serve Dagster's UI, with the org emulator unless SALESFORCE_LOGIN_URL is set."""
    from pipelines.dev import run_dev

    code = run_dev(_err, port=port, emulator_port=emulator_port, pubsub_port=pubsub_port)
    raise typer.Exit(code)


def _load() -> Project:
    """The project with all its definitions, or the mistakes in them."""
    from pipelines.components.errors import ConfigurationError
    from pipelines.environment import EnvironmentValueError
    from pipelines.project import Project

    project = Project()
    try:
        project.repository  # noqa: B018 - loads it
    except Exception as error:
        cause: BaseException | None = error
        while not isinstance(cause, ConfigurationError | EnvironmentValueError | None):
            cause = cause.__cause__
        if cause is None:
            raise
        _end(report.USAGE, str(cause))
    return project


def _end(code: int, message: str) -> NoReturn:
    _err.print(message, markup=False)
    raise typer.Exit(code)
