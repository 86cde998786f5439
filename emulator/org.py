"""One Salesforce org: everything that has state, put together, and put back by `reset`."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from emulator.auth.keys import key_pair
from emulator.auth.sessions import Sessions
from emulator.auth.users import User, find_user
from emulator.auth.web_login import WebLogins
from emulator.bulk.jobs import Jobs
from emulator.clock import Clock
from emulator.errors import UsageError
from emulator.events.journal import Journal, Selection
from emulator.events.managed import ManagedSubscriptions
from emulator.faults import Faults
from emulator.ids import make_id
from emulator.limits import Limits
from emulator.request_log import RequestLog
from emulator.rest.pages import Pages
from emulator.schema.live_fields import FieldEdits
from emulator.schema.load import load_schema
from emulator.schema.model import Schema
from emulator.seeding import seed_rows
from emulator.settings import CLIENT_ID, DEMO_CDC_OBJECTS, USERNAME, Settings
from emulator.store.database import Database
from emulator.store.rows import Rows
from emulator.store.tables import recreate_tables

REFRESH_SCOPE = "refresh_token api"
# An empty response at least that often [pubsub docs].
KEEPALIVE_S = 270.0
DATABASE_FILE = "org.duckdb"


class Org:
    """The org that one process serves. `url` is known once the socket is bound."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        kept = _read_state(settings.data_folder)
        # By object and field, in the words of a schema file: see `live_schema`.
        self.field_edits: FieldEdits = kept["fields"] if kept else {}
        self.editing = threading.Lock()
        self.schema = load_schema(settings.schema_file, self.field_edits)
        _check_names(self, settings)
        self.clock = Clock(settings.clock)
        self.temporary_folder = _temporary_folder(settings.data_folder)
        self.folder = settings.data_folder or self.temporary_folder
        self.keys = key_pair(self.folder)
        file = settings.data_folder and settings.data_folder / DATABASE_FILE
        self.database = Database(file, self.temporary_folder)
        self.limits = Limits(self.clock.now)
        self.faults = Faults()
        self.journal = Journal(self.database, self.schema, self.faults, self.clock.now)
        self.managed = ManagedSubscriptions(self.journal)
        self.event_keepalive_s = KEEPALIVE_S
        self.rows = Rows(self.database, self.schema, self.journal)
        self.requests = RequestLog()
        self.pages = Pages(self.database)
        self.jobs = Jobs(self)
        self.rotates_refresh_tokens = False
        self.web_logins = WebLogins()
        self.url = ""
        self.pubsub_address: str | None = None
        self.schema_changed = self.clock.now().replace(microsecond=0)
        if kept is None:
            self._seed(settings.seed, settings.rows)
            self._set_cdc(settings.seed)
        else:
            self._keep_on(kept)
        self.organization_id = self._organization_id()
        self.sessions = Sessions(self.organization_id)
        self.refresh_token = self._default_refresh_token()
        self.save_state()

    @property
    def admin(self) -> User:
        """The user as whom client credentials and the controls act."""
        with self.database.reader() as connection:
            user = find_user(connection, "Username", USERNAME)
        assert user is not None, f"the base records hold no user {USERNAME}"
        return user

    def settle(self) -> datetime:
        """Make due late commits visible; returns the org's time."""
        now = self.clock.now()
        self.rows.settle(now)
        return now

    def reset(self, seed: str | None = None) -> None:
        """As freshly started: rows, clock, tokens, jobs, faults, limits, log."""
        self.faults.clear()
        self.jobs.clear()
        self.pages.clear()
        self.clock.restart(self.settings.clock)
        self.rows.clear()
        self._forget_edits()
        self.schema_changed = self.clock.now().replace(microsecond=0)
        self.journal.clear()
        self.managed.set({})
        self.event_keepalive_s = KEEPALIVE_S
        self.limits.clear()
        self.requests.clear()
        self.sessions.clear()
        self.web_logins.clear()
        self.rotates_refresh_tokens = False
        self._seed(seed or self.settings.seed, self.settings.rows if seed is None else {})
        self._set_cdc(seed or self.settings.seed)
        self.refresh_token = self._default_refresh_token(self.refresh_token)
        self.save_state()

    def adopt(self, schema: Schema, edits: FieldEdits) -> None:
        """Have these objects and fields from now on; the tables have them already."""
        self.schema, self.field_edits = schema, edits
        self.rows.schema = schema
        self.journal.adopt(schema)
        # Later than the last change, though both may happen within a second.
        now = self.clock.now().replace(microsecond=0)
        self.schema_changed = max(now, self.schema_changed + timedelta(seconds=1))
        self.save_state()

    def save_state(self) -> None:
        """Note in the data folder what isn't a row."""
        if self.settings.data_folder is not None:
            state = {
                "clock_offset_s": self.clock.offset_s,
                "cdc": list(self.journal.selection.objects),
                "channels": {k: list(v) for k, v in self.journal.selection.channels.items()},
                "fields": self.field_edits,
            }
            (self.folder / "state.json").write_text(json.dumps(state))

    def close(self) -> None:
        """Stop the workers, close the database, remove temporary files."""
        self.jobs.close()
        self.save_state()
        self.database.close()
        shutil.rmtree(self.temporary_folder, ignore_errors=True)

    def _forget_edits(self) -> None:
        with self.editing:
            if not self.field_edits:
                return
            schema = load_schema(self.settings.schema_file)
            edited = [schema.objects[name] for name in self.field_edits]
            tables = [sobject for sobject in edited if sobject.has_rows]
            self.database.write(lambda connection: recreate_tables(connection, tables))
            self.adopt(schema, {})

    def _seed(self, seed: str, rows: Mapping[str, int]) -> None:
        now = self.clock.now().replace(microsecond=0)
        self.rows.load(lambda connection: seed_rows(connection, self.schema, seed, rows, now))

    def _set_cdc(self, seed: str) -> None:
        chosen = self.settings.cdc_objects
        default = DEMO_CDC_OBJECTS if seed == "demo" else ()
        self.journal.select(Selection(default if chosen is None else chosen))

    def _keep_on(self, state: Mapping[str, Any]) -> None:
        if self.settings.clock is None:
            self.clock.offset_s = float(state["clock_offset_s"])
        chosen = self.settings.cdc_objects
        objects = tuple(state["cdc"]) if chosen is None else chosen
        channels = {name: tuple(members) for name, members in state["channels"].items()}
        self.journal.select(Selection(objects, channels))

    def _organization_id(self) -> str:
        with self.database.reader() as connection:
            row = connection.execute('SELECT "Id" FROM "Organization" LIMIT 1').fetchone()
        return str(row[0]) if row else make_id("00D", 1)

    def _default_refresh_token(self, token: str | None = None) -> str:
        return self.sessions.approve(self.admin.id, CLIENT_ID, REFRESH_SCOPE, token)


def _temporary_folder(data_folder: Path | None) -> Path:
    """Where results are spooled; within a data folder, what a killed process left is removed."""
    if data_folder is None:
        return Path(tempfile.mkdtemp(prefix="tidegate-emulator-"))
    folder = data_folder / "tmp"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _check_names(org: Org, settings: Settings) -> None:
    for option, names in (("--rows", settings.rows), ("--cdc", settings.cdc_objects or ())):
        for name in names:
            if name not in org.schema.objects:
                raise UsageError(f"{option} {name}: the org has no object of that name")


def _read_state(folder: Path | None) -> dict[str, Any] | None:
    """What a data folder says beside its rows; None where there are none yet."""
    if folder is None or not (folder / DATABASE_FILE).exists():
        return None
    file = folder / "state.json"
    state: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return {"clock_offset_s": 0.0, "cdc": [], "channels": {}, "fields": {}} | state
