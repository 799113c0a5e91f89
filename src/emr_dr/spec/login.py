"""A user and password as they were found where a spec says: checked, and never shown."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """User and password for HTTP basic authentication.

    Raises:
        ValueError: They cannot be used so; the text says why, and nothing of what they are.
    """

    user: str
    password: str

    def __post_init__(self) -> None:
        if not self.user:
            raise ValueError("the user is empty")
        if ":" in self.user:
            raise ValueError("the user has a colon, which HTTP basic authentication cannot express")
        if any(unicodedata.category(char) in {"Cc", "Cs"} for char in self.user + self.password):
            raise ValueError("a line break or another character that cannot be sent is in it")

    def __repr__(self) -> str:
        return "Login(hidden)"
