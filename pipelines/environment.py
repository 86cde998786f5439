"""What the environment says: the only place that looks there, and it looks at no secret.

A value that may be secret becomes a ``dg.EnvVar``, which Dagster reads when a run starts and never
shows. With nothing set the org is the emulator of this checkout, and the warehouse a DuckDB file.
"""

import os
from pathlib import Path
from typing import Any

import dagster as dg
from dotenv import load_dotenv

from assets.spelling import nearest
from resources.salesforce.resource import (
    ClientCredentialsLogin,
    JwtBearerLogin,
    PasswordLogin,
    RefreshTokenLogin,
)

CHECKOUT = Path(__file__).resolve().parent.parent
STATE_FOLDER = CHECKOUT / ".tidegate"
DAGSTER_HOME = STATE_FOLDER / "dagster"
EMULATOR_PORT = 8040
PUBSUB_PORT = 8041
PUBSUB = "api.pubsub.salesforce.com:7443"
LANDING_KEEP_DAYS = 7
MOST_KEEP_DAYS = 36_500
# Made-up records need no secret, and the demo must run with nothing set.
EMULATOR_MASK_KEY = "the records of the emulator are made up"

Auth = ClientCredentialsLogin | JwtBearerLogin | RefreshTokenLogin | PasswordLogin

FLOWS = ("client_credentials", "jwt_bearer", "refresh_token", "password")


class EnvironmentValueError(ValueError):
    """A variable has a value that can't be used."""


def load_env_file() -> None:
    """Take over what the checkout's ``.env`` says and the environment doesn't, as Dagster does."""
    load_dotenv(CHECKOUT / ".env", override=False)


def login_url(prefix: str = "SALESFORCE") -> str:
    """Where to log in; the emulator if nothing is said."""
    port = os.environ.get("EMULATOR_PORT", str(EMULATOR_PORT))
    return os.environ.get(f"{prefix}_LOGIN_URL") or f"http://127.0.0.1:{port}"


def is_emulator(prefix: str = "SALESFORCE") -> bool:
    """Whether the connection falls back on the emulator."""
    return not os.environ.get(f"{prefix}_LOGIN_URL")


def auth(connection: str, prefix: str = "SALESFORCE") -> Auth:
    """How to log in.

    Raises:
        EnvironmentValueError: The flow isn't one of the four.
    """
    if is_emulator(prefix):
        return ClientCredentialsLogin(client_id="tidegate", client_secret="tidegate-secret")
    flow = os.environ.get(f"{prefix}_FLOW", "client_credentials")
    if flow == "client_credentials":
        return ClientCredentialsLogin(
            client_id=_secret(prefix, "CLIENT_ID"), client_secret=_secret(prefix, "CLIENT_SECRET")
        )
    if flow == "jwt_bearer":
        return JwtBearerLogin(
            client_id=_secret(prefix, "CLIENT_ID"),
            username=_secret(prefix, "USERNAME"),
            private_key_file=_secret(prefix, "PRIVATE_KEY_FILE"),
        )
    if flow == "refresh_token":
        return RefreshTokenLogin(
            client_id=_secret(prefix, "CLIENT_ID"),
            client_secret=_optional_secret(prefix, "CLIENT_SECRET"),
            refresh_token=_secret(prefix, "REFRESH_TOKEN"),
            token_file=str(STATE_FOLDER / f"{connection}.refresh_token"),
        )
    if flow == "password":
        return PasswordLogin(
            client_id=_secret(prefix, "CLIENT_ID"),
            client_secret=_secret(prefix, "CLIENT_SECRET"),
            username=_secret(prefix, "USERNAME"),
            password=_secret(prefix, "PASSWORD"),
            security_token=_optional_secret(prefix, "SECURITY_TOKEN") or "",
        )
    near = nearest(flow, FLOWS)
    hint = f"; did you mean {near}" if near else ""
    raise EnvironmentValueError(f"{prefix}_FLOW is {flow!r}, and must be one of {FLOWS}{hint}")


def auth_as_set(connection: str, prefix: str = "SALESFORCE") -> Auth:
    """How to log in, with nothing in place of variables that aren't set.

    Dagster itself would refuse them before anything of ours runs, with its own error.
    """
    login = auth(connection, prefix)
    blank: dict[str, Any] = {
        name: "" if name in _unset(login) else value for name, value in login if name != "flow"
    }
    return type(login)(**blank)


def login_problem(connection: str, prefix: str = "SALESFORCE") -> str | None:
    """Why the connection can't log in: which variables the chosen flow needs and nobody has set."""
    unset = _unset(auth(connection, prefix)).values()
    if not unset:
        return None
    return (
        f"{prefix}_LOGIN_URL is set, but not {', '.join(unset)}, without which the connection "
        f"{connection} can't log in. Set what is missing in the environment or in .env; "
        ".env.example says what each flow needs"
    )


def _unset(login: Auth) -> dict[str, str]:
    """Settings whose variable isn't set, with its name."""
    variables = {name: value.env_var_name for name, value in login if isinstance(value, dg.EnvVar)}
    return {name: one for name, one in variables.items() if not os.environ.get(one)}


def api_version(prefix: str = "SALESFORCE") -> str | None:
    """The version of Salesforce's API, if the environment says one."""
    return os.environ.get(f"{prefix}_API_VERSION")


def pubsub(prefix: str = "SALESFORCE") -> str:
    """Where the Pub/Sub API is; the emulator's if the connection falls back on it."""
    port = os.environ.get("PUBSUB_PORT", str(PUBSUB_PORT))
    default = f"127.0.0.1:{port}" if is_emulator(prefix) else PUBSUB
    return os.environ.get(f"{prefix}_PUBSUB") or default


def landing_url() -> str:
    """Where raw pages, frames and ledgers lie."""
    return os.environ.get("TIDEGATE_LANDING_URL") or str(STATE_FOLDER / "landing")


def landing_keep_days() -> float:
    """How long they lie there.

    Raises:
        EnvironmentValueError: It isn't a number of days, at least one.
    """
    text = os.environ.get("TIDEGATE_LANDING_KEEP_DAYS") or str(LANDING_KEEP_DAYS)
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 1 <= days <= MOST_KEEP_DAYS:
        raise EnvironmentValueError(
            f"TIDEGATE_LANDING_KEEP_DAYS is {text!r}, and must be a number of days, at least 1 "
            f"and at most {MOST_KEEP_DAYS:,}: an extract that broke off is continued within one day"
        )
    return days


def warehouse_url(variable: str = "TIDEGATE_WAREHOUSE_URL") -> str:
    """Where the tables lie; a URL may hold a password, so it is read when a run starts."""
    if os.environ.get(variable):
        return dg.EnvVar(variable)
    return f"duckdb:///{STATE_FOLDER / 'warehouse.duckdb'}"


def warehouse_kind(variable: str = "TIDEGATE_WAREHOUSE_URL") -> str:
    """The warehouse's product, as Dagster names its icon."""
    scheme = (os.environ.get(variable) or "duckdb:").split(":", 1)[0].split("+", 1)[0]
    return "postgres" if scheme.startswith("postgres") else scheme


def mask_key() -> str:
    """What masks are made with; empty if there's none."""
    if os.environ.get("TIDEGATE_MASK_KEY"):
        return dg.EnvVar("TIDEGATE_MASK_KEY")
    return EMULATOR_MASK_KEY if is_emulator() else ""


def _secret(prefix: str, name: str) -> str:
    return dg.EnvVar(f"{prefix}_{name}")


def _optional_secret(prefix: str, name: str) -> str | None:
    return dg.EnvVar(f"{prefix}_{name}") if os.environ.get(f"{prefix}_{name}") else None
