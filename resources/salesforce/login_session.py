"""The one valid token of a client: got when first needed, renewed once when it ends."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock

from resources.salesforce.auth import Token, token_form
from resources.salesforce.settings import ConnectionSettings, RefreshToken

PostToken = Callable[[Callable[[], dict[str, str]]], Token]


class LoginSession:
    """Hands out the token to all threads of a client.

    ``post_token`` sends the form to the token endpoint; it gets a function, because an assertion
    must be signed anew for each attempt.
    """

    def __init__(self, settings: ConnectionSettings, post_token: PostToken) -> None:
        self._settings = settings
        self._post_token = post_token
        self._lock = Lock()
        self._token: Token | None = None
        self._refresh_token = ""

    def current(self) -> Token:
        """The token in use, after logging in if there is none yet."""
        with self._lock:
            return self._token or self._log_in()

    def renew(self, refused: Token) -> Token:
        """A token other than ``refused``; logs in only if no other thread has done so since."""
        with self._lock:
            if self._token and self._token.access_token != refused.access_token:
                return self._token
            return self._log_in()

    def _log_in(self) -> Token:
        login = self._settings.login
        file = login.file if isinstance(login, RefreshToken) else None
        # A rotated token works once: whoever logs in by this file has it alone until then.
        with _alone_with(file) if file else nullcontext():
            token = self._post_token(self._form)
            if isinstance(login, RefreshToken) and token.refresh_token:
                self._keep(login, token.refresh_token)
        self._token = token
        return token

    def _form(self) -> dict[str, str]:
        login = self._settings.login
        if isinstance(login, RefreshToken):
            # The file first: another process may have rotated the token since our last login.
            self._refresh_token = _kept(login.file) or self._refresh_token or login.refresh_token
        return token_form(login, self._settings.login_url, self._refresh_token)

    def _keep(self, login: RefreshToken, rotated: str) -> None:
        # The old one died with this answer: whatever happens next, the new one must survive us.
        self._refresh_token = rotated
        if login.file:
            _write(login.file, rotated)
        if login.keep:
            login.keep(rotated)


@contextmanager
def _alone_with(file: Path) -> Iterator[None]:
    """Keeps other processes and threads out; the operating system frees it with the process."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _kept(file: Path | None) -> str:
    return file.read_text(encoding="ascii").strip() if file and file.exists() else ""


def _write(file: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner only, on disk before we go on."""
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(draft, file)
