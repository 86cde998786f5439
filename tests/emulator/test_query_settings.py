"""What a query's answer depends on besides its text: the user's settings and the org's."""

import pytest


def found(api, literal):
    rows = api.records(f"SELECT Name FROM Account WHERE CreatedDate = {literal} ORDER BY Name")
    return [row["Name"] for row in rows]


def set_admin(api, **values):
    user_id = api.login["id"].rpartition("/")[2]
    api.org.change("User", update=[{"Id": user_id, **values}])


def create_at(api, *moments):
    for moment in moments:
        api.org.change("Account", create=[{"Name": moment}], modstamp=moment)


@pytest.mark.parametrize(("zone", "count"), [("Asia/Tokyo", 1), ("America/Los_Angeles", 2)])
def test_a_day_is_the_users_day(api, zone, count):
    create_at(api, "2026-05-15T14:00:00Z", "2026-05-15T16:00:00Z")  # 23:00 and 01:00 in Tokyo
    set_admin(api, TimeZoneSidKey=zone)
    api.org.set_clock("2026-05-15T23:00:00Z")

    assert len(found(api, "TODAY")) == count


@pytest.mark.parametrize(("locale", "count"), [("en_US", 2), ("de_DE", 1)])
def test_a_week_begins_on_the_day_of_the_users_locale(api, locale, count):
    create_at(api, "2026-05-10T20:00:00Z", "2026-05-11T20:00:00Z")  # a Sunday and its Monday
    set_admin(api, LocaleSidKey=locale, TimeZoneSidKey="Europe/Berlin")
    api.org.set_clock("2026-05-15T12:00:00Z")

    assert len(found(api, "THIS_WEEK")) == count


def test_a_fiscal_year_begins_in_the_month_that_the_org_says(api):
    create_at(api, "2026-03-15T12:00:00Z", "2026-04-15T12:00:00Z")
    api.org.set_clock("2026-05-15T12:00:00Z")
    calendar_year = found(api, "THIS_FISCAL_YEAR")
    (organization,) = api.org.ids("Organization")
    api.org.change("Organization", update=[{"Id": organization, "FiscalYearStartMonth": 4}])

    assert calendar_year == ["2026-03-15T12:00:00Z", "2026-04-15T12:00:00Z"]
    assert found(api, "THIS_FISCAL_YEAR") == ["2026-04-15T12:00:00Z"]
