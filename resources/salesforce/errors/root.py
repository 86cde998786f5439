"""The root of every error about Salesforce."""


class SalesforceError(Exception):
    """Anything that went wrong with Salesforce."""
