"""How long result pages and frames stay is said by the environment."""

import pytest

from pipelines.environment import EnvironmentValueError, landing_keep_days


def test_they_stay_a_week_unless_the_environment_says_otherwise(monkeypatch):
    monkeypatch.delenv("TIDEGATE_LANDING_KEEP_DAYS", raising=False)
    assert landing_keep_days() == 7
    monkeypatch.setenv("TIDEGATE_LANDING_KEEP_DAYS", "2.5")
    assert landing_keep_days() == 2.5


@pytest.mark.parametrize("text", ["a week", "0.5", "-1", "nan", "inf"])
def test_days_that_would_delete_what_a_crash_left_are_refused(monkeypatch, text):
    monkeypatch.setenv("TIDEGATE_LANDING_KEEP_DAYS", text)

    with pytest.raises(EnvironmentValueError, match="at least 1"):
        landing_keep_days()
