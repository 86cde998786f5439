"""Every environment variable that Tidegate reads, with a sentence about it.

`docs/configuration.md` lists them from here, and a test compares them with what the code reads.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One variable: what it says, and what holds when it isn't set."""

    name: str
    meaning: str
    unset: str
    secret: bool = False


# Those that begin with SALESFORCE exist once per connection: its `environment` replaces the prefix.
CONNECTION_VARIABLES = (
    Variable(
        "SALESFORCE_LOGIN_URL",
        "Where to log in: the org's My Domain (https://example.my.salesforce.com), or "
        "https://login.salesforce.com or https://test.salesforce.com for a flow that isn't "
        "`client_credentials`.",
        "the emulator on 127.0.0.1; nothing else is needed to log in then",
    ),
    Variable(
        "SALESFORCE_FLOW",
        "How to log in: `client_credentials`, `jwt_bearer`, `refresh_token` or `password`.",
        "`client_credentials`",
    ),
    Variable("SALESFORCE_CLIENT_ID", "Consumer key of the External Client App.", "an error"),
    Variable(
        "SALESFORCE_CLIENT_SECRET",
        "Consumer secret of the app, for every flow but `jwt_bearer`; optional for "
        "`refresh_token`, if the app asks for none.",
        "an error",
        secret=True,
    ),
    Variable(
        "SALESFORCE_USERNAME",
        "The user on whose behalf `jwt_bearer` and `password` log in.",
        "an error",
    ),
    Variable(
        "SALESFORCE_PRIVATE_KEY_FILE",
        "For `jwt_bearer`: path of the PEM file whose certificate was uploaded to the app.",
        "an error",
    ),
    Variable(
        "SALESFORCE_REFRESH_TOKEN",
        "For `refresh_token`: the token to begin with. A rotated one is kept in "
        "`.tidegate/<connection>.refresh_token`, and that file wins from then on.",
        "an error",
        secret=True,
    ),
    Variable(
        "SALESFORCE_PASSWORD", "For `password`: the user's password.", "an error", secret=True
    ),
    Variable(
        "SALESFORCE_SECURITY_TOKEN",
        "For `password`: the user's security token, needed outside trusted networks.",
        "no token is sent",
        secret=True,
    ),
    Variable(
        "SALESFORCE_API_VERSION",
        "Version of Salesforce's API, such as `66.0`.",
        "`api_version` of the connection",
    ),
    Variable(
        "SALESFORCE_PUBSUB",
        "Where the Pub/Sub API is, host and port; orgs in the EU's regions may use "
        "`api.deu.pubsub.salesforce.com:7443`.",
        "`api.pubsub.salesforce.com:7443`; the emulator's where that is the org",
    ),
)

PLACE_VARIABLES = (
    Variable(
        "TIDEGATE_WAREHOUSE_URL",
        "Where the tables are: `duckdb:///file`, relative to the checkout, or `duckdb:////file` "
        "from the root. A connection's `environment` may name another variable.",
        "`.tidegate/warehouse.duckdb` of the checkout",
        secret=True,
    ),
    Variable(
        "TIDEGATE_LANDING_URL",
        "Where result pages, frames and ledgers lie: a folder, or a URL that fsspec knows.",
        "`.tidegate/landing` of the checkout",
    ),
    Variable(
        "TIDEGATE_LANDING_KEEP_DAYS",
        "Days after which they are deleted, by the first step of a day that succeeds; never less "
        "than 1, and never what a run works on. Running `transform` or a table alone needs them.",
        "`7`",
    ),
    Variable(
        "TIDEGATE_MASK_KEY",
        "The key of the hashes that `mask` makes. Another key makes other hashes.",
        "an error in the first run that masks; a fixed key for the emulator's made-up records",
        secret=True,
    ),
)

# `make` and Dagster look at these before anybody reads a .env file.
MACHINE_VARIABLES = (
    Variable(
        "DAGSTER_HOME",
        "Where Dagster keeps run history and its own settings.",
        "`.tidegate/dagster` of the checkout",
    ),
    Variable("EMULATOR_PORT", "Port of the emulator that is the org when none is named.", "`8040`"),
    Variable("PUBSUB_PORT", "Port of that emulator's Pub/Sub API.", "`8041`"),
)

ENV_FILE_VARIABLES = (*CONNECTION_VARIABLES, *PLACE_VARIABLES)
VARIABLES = (*ENV_FILE_VARIABLES, *MACHINE_VARIABLES)
