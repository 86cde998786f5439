"""Plays one random load against an org: tables change, things go wrong, runs are killed.

After each table's load has come to its end, each row has exactly one outcome, and the org holds
exactly what the outcomes say. `python -m tests.end_to_end.load_play --seed 7` plays one again.
"""

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from tests.emulator_process import Org, running_org
from tests.end_to_end.load_process import LoadPlace, LoadProcess
from tests.end_to_end.load_scenes import (
    KEY,
    NOTES,
    OBJECT,
    PARENTS,
    READ,
    SCENES,
    LoadScene,
    Row,
    comparable,
)

TABLES = 3
MOST_KILLS = 3
MOST_RUNS = 12
# Steps of the upload ledger and of outbound, which end with a file.
MOMENTS = [
    *("frames.json", "intent.json", "part.json", "rows.csv", "job_intent.json", "job.json"),
    *("uploaded.json", "sending.json", "closed.json", "landed.json", "recorded.json"),
    *("answer.arrow", "failed.csv", "round-000.json", "round-001.json"),
]
COLUMN_TYPES = {
    "order_no": "VARCHAR",
    "id": "VARCHAR",
    "amount": "DECIMAL(18, 2)",
    "note": "VARCHAR",
    "status": "VARCHAR",
    "customer": "VARCHAR",
}


@dataclass(frozen=True)
class Trouble:
    """What must happen with each table, besides what happens by chance.

    Args:
        faults: Names of faults that are set.
        kill_at: Every kill comes soon after this file.
        alone: How often what was killed is gone on with by the load alone, 0 to 1.
    """

    faults: tuple[str, ...] = ()
    kill_at: str | None = None
    alone: float = 0.4


def play(seed: int, org: Org, folder: Path, trouble: Trouble = Trouble()) -> Counter[str]:
    """One example: what was done, by kind.

    Raises:
        AssertionError: The org isn't what the outcomes say, or a row has none, or several.
    """
    return _Play(seed, org, folder, trouble).act()


class _Play:
    def __init__(self, seed: int, org: Org, folder: Path, trouble: Trouble) -> None:
        self.random, self.org, self.trouble = Random(seed), org, trouble
        self.scene: LoadScene = SCENES[seed % len(SCENES)]
        self.name = f"load {seed} of {self.scene.name}"
        self.place = LoadPlace(folder, org.url, org.client_id, org.client_secret)
        self.mix: Counter[str] = Counter({f"loads of {self.scene.name}": 1})
        self.seen_attempts: set[str] = set()
        #: What the org has accepted, by key: the content that mustn't be sent again.
        self.accepted: dict[str, Row] = {}

    def act(self) -> Counter[str]:
        self.org.control("PUT", "bulk", {"batch_rows": self.random.choice([10, 25])})
        accounts = [{"Name": one, "ERP_Id__c": one} for one in PARENTS]
        ids = self.org.change("Account", create=accounts)
        self.accounts = dict(zip(PARENTS, ids, strict=True))
        self._fill_org()
        source: list[Row] = []
        for _ in range(TABLES):
            source = self.scene.rows(self.random, self._org_rows(), source)
            self._put(source)
            before = self._org_rows()
            self._load()
            self._compare(before, source)
            self._change_org()
        return self.mix

    # ---- what is there before

    def _fill_org(self) -> None:
        # The keys below 300 are among those that an upsert may send.
        rows = [
            {KEY: f"SO-{n}", "Notes__c": self.random.choice(NOTES), "Amount__c": n / 4}
            for n in range(self.random.choice([5, 400]))
        ]
        ids = self.org.change(OBJECT, create=rows)
        self.org.change(OBJECT, delete=self.random.sample(ids, k=len(ids) // 10))

    def _change_org(self) -> None:
        """Somebody deletes records between two loads."""
        live = [row["Id"] for row in self._org_rows() if not row["IsDeleted"]]
        if live and self.scene.spec.operation != "upsert":
            self.org.change(OBJECT, delete=self.random.sample(live, k=len(live) // 20))

    def _org_rows(self) -> list[Row]:
        return self.org.rows(OBJECT, *READ, deleted=True)

    def _put(self, source: list[Row]) -> None:
        self.mix["rows"] += len(source)
        columns = list(self.scene.columns)
        typed = ", ".join(f"{name} {COLUMN_TYPES[name]}" for name in columns)
        with duckdb.connect(str(self.place.warehouse)) as tables:
            tables.execute("CREATE SCHEMA IF NOT EXISTS erp")
            tables.execute(f"CREATE OR REPLACE TABLE erp.orders ({typed})")
            rows = [[row[name] for name in columns] for row in source]
            if rows:
                marks = ", ".join("?" * len(columns))
                tables.executemany(f"INSERT INTO erp.orders VALUES ({marks})", rows)

    # ---- loading

    def _load(self) -> None:
        """Start runs until one comes to its end; kill some, and let things go wrong."""
        self._break_things()
        kills = self.random.randint(1 if self.trouble.kill_at else 0, MOST_KILLS)
        for number in range(MOST_RUNS):
            self.mix["runs"] += 1
            # A load alone goes on with what outbound left, whatever table that was made of.
            alone = 0 < number < MOST_RUNS // 2 and self.random.random() < self.trouble.alone
            self.mix["loads alone"] += alone
            stages = ("load",) if alone else ("outbound", "load")
            run = LoadProcess(self.place, self.scene.spec, stages)
            if kills > 0:
                kills -= 1
                moment, after_s = self._moment()
                if run.kill_when(moment, after_s):
                    self.mix["kills"] += 1
                continue
            if number > MOST_RUNS // 2:
                self.org.faults.clear()
            done = run.finish()
            if done and not alone:
                self.org.faults.clear()
                return
            self.mix["runs that failed"] += not done
        raise AssertionError(f"{self.name}: no end\n{self.place.log.read_text()[-4_000:]}")

    def _moment(self) -> tuple[Callable[[], bool], float]:
        """When to kill: some time after the start, or soon after a step."""
        if self.random.random() < 0.3 and self.trouble.kill_at is None:
            return (lambda: True), self.random.uniform(0.1, 3)
        name = self.trouble.kill_at or self.random.choice(MOMENTS)
        there = len(self._files(name)) + self.random.choice([1, 1, 2, 4])
        return (lambda: len(self._files(name)) >= there), self.random.choice([0, 0.02, 0.2])

    def _files(self, name: str) -> list[Path]:
        return list(self.place.landing.rglob(name))

    def _break_things(self) -> None:
        faults, random = self.org.faults, self.random
        jobs, calls = "*/jobs/ingest*", "*/composite/sobjects*"
        possible: list[tuple[str, Callable[[], object]]] = [
            ("cut results", lambda: faults.cut_connection("*/successfulResults*", 30, times=2)),
            ("cut results", lambda: faults.cut_connection("*/failedResults*", 10)),
            ("lost uploads", lambda: faults.answer(504, [], 2, path="*/batches", method="PUT")),
            ("cut creations", lambda: faults.cut_connection(jobs, 5, method="POST")),
            ("cut closes", lambda: faults.cut_connection(jobs, 5, method="PATCH", times=5)),
            ("cut calls", lambda: faults.cut_connection(calls, 5, method="PATCH", times=2)),
            ("busy", lambda: faults.answer(503, [], path="*/jobs/*", times=2, after=3)),
            ("expired", lambda: faults.add({"expire_token": True}, after=random.randint(1, 12))),
            (
                "failed jobs",
                lambda: faults.add(
                    {"job": "fail", "done_share": random.random()}, random.randint(1, 2), path=jobs
                ),
            ),
            ("aborted jobs", lambda: faults.add({"job": "abort"}, path=jobs)),
            ("locks", lambda: faults.add({"lock": random.random()}, 20, object=OBJECT)),
        ]
        chosen = random.sample(possible, k=random.randint(0, 4))
        chosen += [one for one in possible if one[0] in self.trouble.faults and one not in chosen]
        for name, set_fault in chosen:
            set_fault()
            self.mix[name] += 1

    # ---- afterwards

    def _compare(self, before: list[Row], source: list[Row]) -> None:
        outcomes = self._outcomes()
        self._assert_one_outcome_each(outcomes)
        fresh = [one for one in outcomes if one["attempt"] not in self.seen_attempts]
        self.seen_attempts |= {one["attempt"] for one in outcomes}
        for one in fresh:
            self.mix[f"rows {one['outcome']}"] += 1
        match self.scene.spec.operation:
            case "insert":
                self._compare_inserts(before, source, fresh)
            case "delete" | "hard_delete":
                self._compare_deletes(before, source, fresh)
            case _:
                self._compare_writes(before, source, fresh)

    def _outcomes(self) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.place.warehouse), read_only=True) as tables:
            if not tables.execute(
                "FROM duckdb_tables() WHERE schema_name = '_tidegate'"
            ).fetchall():
                return []
            found = tables.execute(
                "SELECT _attempt AS attempt, key, outcome, sf_id, created, payload "
                "FROM _tidegate.load_outcomes ORDER BY sent_at, _attempt, _part"
            )
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _assert_one_outcome_each(self, outcomes: list[dict[str, Any]]) -> None:
        counts = Counter((one["attempt"], one["key"]) for one in outcomes)
        several = [key for key, number in counts.items() if number > 1]
        assert not several, f"{self.name}: several outcomes of {several[:5]}"
        lost = [
            one["key"] for one in outcomes if one["outcome"] != "accepted" and not one["payload"]
        ]
        assert not lost, f"{self.name}: no payload of {lost[:5]}"

    def _accepted_once(self, fresh: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        accepted = [one for one in fresh if one["outcome"] == "accepted"]
        counts = Counter(one["key"] for one in accepted)
        again = [key for key, number in counts.items() if number > 1]
        assert not again, f"{self.name}: accepted, and sent again: {again[:5]}"
        return {one["key"]: one for one in accepted}

    def _compare_writes(
        self, before: list[Row], source: list[Row], fresh: list[dict[str, Any]]
    ) -> None:
        accepted = self._accepted_once(fresh)
        by, key_field = ("order_no", KEY) if self.scene.spec.external_id else ("id", "Id")
        rows = {row[by]: row for row in source}
        had = {row[key_field]: row for row in before if not row["IsDeleted"]}
        after = self._org_rows()
        has = {row[key_field]: row for row in after if not row["IsDeleted"]}
        self._assert_known(rows, {one["key"] for one in fresh}, accepted)
        wrong = []
        for key in had.keys() | has.keys() | rows.keys():
            expected = comparable(had[key]) if key in had else None
            if key in accepted:
                expected = self.scene.after(had.get(key), rows[key], self.accounts)
            found = comparable(has[key]) if key in has else None
            if found != expected:
                wrong.append(f"{key}: is {found}, should be {expected}, {accepted.get(key)}")
        self._assert_none(wrong, "record(s) that aren't what the outcomes say")
        odd = [
            f"{key}: {one}, there before: {key in had}"
            for key, one in accepted.items()
            if one["sf_id"] != has[key]["Id"] or bool(one["created"]) != (key not in had)
        ]
        self._assert_none(odd, "outcome(s) with a wrong Id, or wrong about who created it")

    def _assert_known(
        self, rows: dict[str, Row], told: set[str], accepted: dict[str, dict[str, Any]]
    ) -> None:
        """Each row has an outcome now, unless its content was accepted before."""
        silent = [key for key in rows.keys() - told if self.accepted.get(key) != rows[key]]
        self._assert_none(silent, "row(s) without an outcome")
        needless = [key for key in accepted if self.accepted.get(key) == rows[key]]
        self._assert_none(needless, "row(s) sent although they were accepted as they are")
        self.accepted |= {key: rows[key] for key in accepted}

    def _compare_inserts(
        self, before: list[Row], source: list[Row], fresh: list[dict[str, Any]]
    ) -> None:
        accepted = self._accepted_once(fresh)
        assert all(one["created"] for one in accepted.values())
        old = {row["Id"] for row in before}
        made = {row["Id"]: comparable(row) for row in self._org_rows() if row["Id"] not in old}
        told = {one["sf_id"] for one in accepted.values()}
        self._assert_none(sorted(made.keys() ^ told), "record(s) that the outcomes don't tell of")
        self.accepted |= {key: {} for key in accepted}
        # What each content should count: at most as often as it stands in the source.
        wanted = Counter(_content(self.scene.after(None, row, self._any_account)) for row in source)
        found = Counter(_content(self.scene_content(row)) for row in made.values())
        keys = self.accepted.keys() | {one["key"] for one in fresh}
        assert len(keys) == len(source), f"{self.name}: {len(keys)} keys, {len(source)} rows"
        more = [content for content, number in found.items() if number > wanted[content]]
        self._assert_none(more, "content(s) more often in the org than in the source")

    @property
    def _any_account(self) -> dict[str, str]:
        """Parents that don't exist, too: such rows fail, and are asked for all the same."""
        return defaultdict(lambda: "none", self.accounts)

    def scene_content(self, row: Row) -> Row:
        return {**row, KEY: None}

    def _compare_deletes(
        self, before: list[Row], source: list[Row], fresh: list[dict[str, Any]]
    ) -> None:
        accepted = self._accepted_once(fresh)
        told = {one["key"] for one in fresh}
        silent = {row["id"] for row in source} - told - self.accepted.keys()
        self._assert_none(sorted(silent), "row(s) without an outcome")
        had = {row["Id"] for row in before if not row["IsDeleted"]}
        has = {row["Id"] for row in self._org_rows() if not row["IsDeleted"]}
        self._assert_none(sorted((had - has) ^ accepted.keys()), "deletion(s) told wrongly")

    def _assert_none(self, wrong: list[Any], what: str) -> None:
        shown = "\n".join(str(one) for one in wrong[:5])
        assert not wrong, f"{self.name}: {len(wrong)} {what}\n{shown}"


def _content(row: Row) -> str:
    return json.dumps(row, sort_keys=True, default=str)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--kill-at")
    parser.add_argument("--alone", type=float, default=Trouble.alone)
    options = parser.parse_args()
    trouble = Trouble(tuple(options.fault), options.kill_at, options.alone)
    with running_org("--seed", "empty") as org:
        for seed in options.seed:
            org.reset()
            with tempfile.TemporaryDirectory(prefix="tidegate-play-") as folder:
                print(seed, dict(play(seed, org, Path(folder), trouble)), flush=True)


if __name__ == "__main__":
    main()
