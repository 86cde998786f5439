"""We can't log in, or aren't let in with the token we got."""

from resources.salesforce.errors.root import SalesforceError


class AuthError(SalesforceError):
    """Logging in, or staying logged in, doesn't work."""


class OAuthError(AuthError):
    """The token endpoint refused. ``error`` is OAuth's code; decide by that, never by the text."""

    def __init__(self, host: str, flow: str, error: str, description: str, advice: str) -> None:
        super().__init__(host, flow, error, description, advice)
        self.host, self.flow, self.error = host, flow, error
        self.description, self.advice = description, advice

    def __str__(self) -> str:
        said = f" ({self.description})" if self.description else ""
        return f"{self.host} refused the {self.flow} login: {self.error}{said}. {self.advice}"


class SessionError(AuthError):
    """The org refuses the access token, and a new one wouldn't help or didn't."""

    def __init__(self, method: str, path: str, code: str, renewed: bool) -> None:
        super().__init__(method, path, code, renewed)
        self.method, self.path, self.code, self.renewed = method, path, code, renewed

    def __str__(self) -> str:
        when = "even right after a new login" if self.renewed else "and a new login wouldn't help"
        return (
            f"The org refuses our token for {self.method} {self.path} ({self.code}), {when}. Check "
            "that the app grants the `api` scope and that the user may use the API."
        )
