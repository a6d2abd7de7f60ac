"""Standard input, a password, becomes the line of the user elastic in the file realm."""

import base64
import hashlib
import os
import sys

ROUNDS = 10_000


def line(password: str, salt: bytes) -> str:
    """Return the line of the file ``users``."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS, dklen=32)
    encoded = (base64.b64encode(part).decode() for part in (salt, key))
    return f"elastic:{{PBKDF2}}{ROUNDS}${'$'.join(encoded)}"


if __name__ == "__main__":
    print(line(sys.stdin.read().strip(), os.urandom(32)))
