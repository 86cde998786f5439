"""The token goes to the org's own host and nowhere else."""

import pytest

from resources.salesforce.errors import ForeignHostError, SettingsError
from resources.salesforce.hosts import check_instance_url, check_scheme, origin, own_url

ORG = "https://acme.my.salesforce.com"


@pytest.mark.parametrize(
    ("instance", "login"),
    [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://ACME.my.salesforce.com:443/", "https://login.salesforce.com"),
        ("https://na1.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.mil", "https://login.salesforce.com"),
        ("https://sf.acme.example", "https://sf.acme.example"),
        ("http://localhost:8040", "http://127.0.0.1:8040"),
    ],
)
def test_hosts_of_salesforce_or_of_the_login_are_the_orgs(instance, login):
    assert check_instance_url(instance, login) == origin(instance)


@pytest.mark.parametrize(
    ("instance", "login"),
    [
        ("https://evil.example", "https://login.salesforce.com"),
        ("https://salesforce.com.evil.example", "https://login.salesforce.com"),
        ("https://evilsalesforce.com", "https://login.salesforce.com"),
        ("http://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://login.salesforce.com@evil.example", "https://login.salesforce.com"),
        ("http://127.0.0.1:9999", "http://127.0.0.1:8040"),
        ("http://127.0.0.1:8040", "https://login.salesforce.com"),
        ("https://acme.my.salesforce.com", "http://127.0.0.1:8040"),
    ],
)
def test_an_instance_url_elsewhere_is_refused(instance, login):
    with pytest.raises(ForeignHostError):
        check_instance_url(instance, login)


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/services/data",
        "//evil.example/services/data",
        "http://acme.my.salesforce.com/services/data",
        "https://acme.my.salesforce.com:8443/services",
        "https://acme.my.salesforce.com@evil.example/",
        "https://user:pass@acme.my.salesforce.com/",
    ],
)
def test_addresses_on_another_origin_are_not_followed(target):
    with pytest.raises(ForeignHostError):
        own_url("nextRecordsUrl", target, ORG)


def test_paths_and_own_addresses_are_followed():
    path = "/services/data/v66.0/query/0r8xx-2000"

    assert own_url("nextRecordsUrl", path, ORG) == ORG + path
    assert own_url("nextRecordsUrl", ORG + path, ORG) == ORG + path


@pytest.mark.parametrize("url", ["http://acme.my.salesforce.com", "ftp://127.0.0.1", "https://"])
def test_only_https_and_loopback_http_are_spoken(url):
    with pytest.raises(SettingsError):
        check_scheme("login_url", url)


def test_http_to_this_machine_is_spoken():
    check_scheme("login_url", "http://127.0.0.1:8040")
    check_scheme("login_url", "http://[::1]:8040")
