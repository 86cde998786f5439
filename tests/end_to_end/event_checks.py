"""What a change log and a history must hold, made from what the org told. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.end_to_end.event_truth import Change, Logged, Told
from tests.end_to_end.scenes import Scene

#: Behind the values of `Scene.expected`: whether deleted, and when changed last.
BOOKKEEPING = 2


def values_logged_wrongly(
    scene: Scene, told: Mapping[Change, Told], log: Sequence[Logged]
) -> Iterator[tuple[Change, str, Any, Any]]:
    """Field by field: change, field, what the log says, what the org told."""
    for row in log:
        event = told.get(row.change)
        if event is None:
            continue  # told of elsewhere
        if row.changed != event.changed:
            yield row.change, "_changed_fields", row.changed, event.changed
        for field, (column, make) in scene.columns.items():
            if field not in event.carried:
                continue
            wanted = make(event.values[field]) if field in event.values else None
            if row.values.get(column) != wanted:
                yield row.change, field, row.values.get(column), wanted


class HistoryModel:
    """Folds what the org told of each record: what is known of its fields after each change.

    What isn't told by record makes all records unknown, and so does an event that the log lacks.
    """

    def __init__(self, scene: Scene, told: Mapping[Change, Told], log: Sequence[Logged]) -> None:
        self.scene = scene
        self.known: dict[tuple[str, str], dict[str, Any]] = {}
        self.names = {change[2] for change, event in told.items() if _names_a_record(change, event)}
        logged = {row.change for row in log}
        state: dict[str, dict[str, Any]] = defaultdict(dict)
        for change in sorted(told):
            event, record = told[change], change[2]
            if not _names_a_record(change, event) or change not in logged:
                state.clear()
                continue
            if event.kind.startswith("GAP"):
                state[record] = {}
            elif event.kind in ("CREATE", "UNDELETE"):
                state[record] = dict(event.values)
            else:
                state[record] |= event.values
            self.known[record, event.transaction] = dict(state[record])

    def problems(
        self, versions: Sequence[Mapping[str, Any]], truth: Mapping[str, tuple[Any, ...]]
    ) -> Iterator[str]:
        """What is wrong with a history.

        Args:
            versions: Its rows, by record in the order of their times.
            truth: The org's rows that aren't deleted, as `Scene.expected` has them.
        """
        by_record: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for version in versions:
            by_record[version["id"]].append(version)
        yield from (f"versions of {name}, no record" for name in by_record.keys() - self.names)
        for record, own in by_record.items():
            ends = [one["valid_to"] for one in own if one["valid_to"] is not None]
            if len(ends) != len(own) - 1 or sorted(ends) != [v["valid_from"] for v in own][1:]:
                yield f"versions of {record} overlap or leave a hole"
            yield from self._untrue(record, own)
            yield from self._stale(record, own, truth.get(record))
        yield from self._miscounted(versions)

    def _untrue(self, record: str, own: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        for version in own:
            known = self.known.get((record, version["_transaction_key"]), {})
            for field, value in known.items():
                column, make = self.scene.columns.get(field, ("", None))
                if make and version[column] != make(value):
                    yield f"{record} {version['_change_type']}: {field} is {version[column]!r}"

    def _stale(
        self, record: str, own: Sequence[Mapping[str, Any]], row: tuple[Any, ...] | None
    ) -> Iterator[str]:
        """The last version is what the org has now, if it says that it is sure."""
        [last] = [one for one in own if one["valid_to"] is None] or [own[-1]]
        if row is None or last["_uncertain"]:
            return
        for (field, (column, _)), value in zip(
            self.scene.columns.items(), row[:-BOOKKEEPING], strict=True
        ):
            if field in self.carried and last[column] != value:
                yield f"{record} is {value!r} now, not {last[column]!r} ({field})"

    @property
    def carried(self) -> set[str]:
        """Fields that events told of."""
        return {field for known in self.known.values() for field in known}

    def _miscounted(self, versions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Each change of a record is a version, once."""
        made = Counter(
            (one["id"], one["_transaction_key"]) for one in versions if one["_transaction_key"]
        )
        wanted = Counter(self.known.keys())
        for change in (made - wanted) + (wanted - made):
            yield f"{change}: {made[change]} versions"


def _names_a_record(change: Change, event: Told) -> bool:
    return event.kind != "GAP_OVERFLOW" and not change[2].endswith("*")
