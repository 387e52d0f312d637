"""What is opened in a scope and has to be closed with it."""

from __future__ import annotations


class Resource:
    """Something that is open, has one owner, and is closed once.

    Attributes:
        owner: the connection in whose scope it was resolved; a second one is
            what must never happen.
        is_open: whether its scope still holds it.
    """

    def __init__(self) -> None:
        self.owner: object = None
        self.is_open = True


class Session(Resource):
    """A session of the user database."""

    # As little as a database needs to be for an example.
    _passwords = {"ada": "analytical", "grace": "compiler"}  # noqa: RUF012

    def accepts(self, username: str, password: str) -> bool:
        """Tell whether the password is the user's."""
        return self._passwords.get(username) == password


class Audit(Resource):
    """The audit trail."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Add one line to the trail."""
        self.lines.append(line)


class KeyStore(Resource):
    """What signs the tokens, for as long as the service runs."""

    def token(self, username: str) -> str:
        """Return a token for a user."""
        return f"token of {username}"
