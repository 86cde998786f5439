"""Which addresses are the org's own, and may be followed and trusted with its token."""

from urllib.parse import urljoin, urlsplit

from resources.salesforce.errors import ForeignHostError, SettingsError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Where Salesforce runs orgs: commercial, government and the one in China.
SALESFORCE_DOMAINS = (
    "salesforce.com",
    "force.com",
    "cloudforce.com",
    "salesforce.mil",
    "sfcrmproducts.cn",
)
DEFAULT_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> str:
    """Scheme, host and port of an address: ``https://acme.my.salesforce.com``."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    name = f"[{host}]" if ":" in host else host
    port = _port(url)
    return f"{parts.scheme}://{name}" + (
        f":{port}" if port and port != DEFAULT_PORTS.get(parts.scheme) else ""
    )


def is_loopback(url: str) -> bool:
    """Whether the address is this machine."""
    return (urlsplit(url).hostname or "").lower() in LOOPBACK


def check_scheme(setting: str, url: str) -> None:
    """Refuse anything but https, except http to this machine."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise SettingsError(setting, f'"{url}" holds no host')
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)):
        return
    raise SettingsError(setting, f"{parts.scheme}://{parts.hostname} must be https")


def check_instance_url(instance_url: str, login_url: str) -> str:
    """The origin that a login answer sends us to, if it can be the org's.

    That is the login host itself, a host under Salesforce's domains, or, when the login was on
    this machine, this machine under the same port.
    """
    found = origin(instance_url)
    if found == origin(login_url):
        return found
    if is_loopback(login_url):
        if is_loopback(found) and _port(found) == _port(login_url):
            return found
    elif urlsplit(found).scheme == "https" and _under_salesforce(found):
        return found
    raise ForeignHostError("instance_url of the login answer", found, "the org's")


def own_url(source: str, target: str, instance_url: str) -> str:
    """``target`` (an address or a path) made absolute, if it stays on the org's host."""
    absolute = urljoin(instance_url + "/", target)
    if origin(absolute) != instance_url or "@" in urlsplit(absolute).netloc:
        raise ForeignHostError(source, origin(absolute), instance_url)
    return absolute


def _under_salesforce(url: str) -> bool:
    host = (urlsplit(url).hostname or "").lower()
    return any(host == domain or host.endswith("." + domain) for domain in SALESFORCE_DOMAINS)


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    try:
        return parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError as error:
        raise SettingsError("login_url", f"the port of {parts.hostname} isn't a number") from error
