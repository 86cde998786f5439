"""Any history of changes, late commits among them, leaves the rows that a plain model says."""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Late commits come due between the second and the third step of the clock.
STEP_S, LATE_S = 100, 250

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "create",
                "update",
                "delete",
                "undelete",
                "purge",
                "late create",
                "late update",
                "tick",
            ]
        ),
        st.integers(0, 5),
    ),
    min_size=4,
    max_size=14,
)


@dataclass
class Model:
    """What the org should hold: Id → [Name, deleted]; late changes in the order of their dues."""

    rows: dict = field(default_factory=dict)
    late: list = field(default_factory=list)
    now: int = 0

    def tick(self):
        self.now += STEP_S
        for change in [one for one in self.late if one[0] <= self.now]:
            self.commit(change)

    def commit(self, change):
        self.late.remove(change)
        _, row_id, name = change
        self.rows[row_id] = [name, False]

    def wait_for_lock(self, row_id):
        """A late update of a row commits before anything else is done to the row."""
        for change in [one for one in self.late if one[1] == row_id and row_id in self.rows]:
            self.commit(change)


def apply_step(org, model, step, choice, name):
    alive = sorted(row_id for row_id, row in model.rows.items() if not row[1])
    binned = sorted(row_id for row_id, row in model.rows.items() if row[1])
    chosen = {"undelete": binned, "purge": alive + binned}.get(step, alive)
    row_id = chosen[choice % len(chosen)] if chosen else None
    late = {"commit_after_s": LATE_S} if step.startswith("late") else {}
    due = model.now + LATE_S
    if step == "tick":
        org.advance(STEP_S)
        model.tick()
    elif step.endswith("create"):
        (made,) = org.change("Account", create=[{"Name": name}], **late)
        if late:
            model.late.append((due, made, name))
        else:
            model.rows[made] = [name, False]
    elif row_id is not None:
        model.wait_for_lock(row_id)
        if step.endswith("update"):
            org.change("Account", update=[{"Id": row_id, "Name": name}], **late)
            if late:
                model.late.append((due, row_id, name))
            else:
                model.rows[row_id][0] = name
        else:
            org.change("Account", **{step: [row_id]})
            model.rows[row_id][1] = step == "delete"
            if step == "purge":
                del model.rows[row_id]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_history_leaves_the_rows_that_a_plain_model_says(org, steps):
    org.reset()
    org.set_clock("2026-03-01T00:00:00Z")
    model, stamps = Model(), {}

    for number, (step, choice) in enumerate(steps):
        apply_step(org, model, step, choice, f"name {number}")

        seen = org.rows("Account", "Id", "Name", "IsDeleted", "SystemModstamp", deleted=True)
        assert {row["Id"]: [row["Name"], row["IsDeleted"]] for row in seen} == model.rows
        for row in seen:
            assert stamps.get(row["Id"], "") <= row["SystemModstamp"]
            stamps[row["Id"]] = row["SystemModstamp"]
