"""A master key in a hardware module, over PKCS#11: it wraps and unwraps there, and never leaves.

The source is a URI of RFC 7512: `pkcs11:token=bowstreet;object=master?module-path=/usr/lib/softhsm/libsofthsm2.so`. The PIN is
read from the environment variable BOWSTREET_PKCS11_PIN, never from the URI, which stands in configuration files.
"""

import os
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from bowstreet.accountability.keys import NONCE_BYTES
from bowstreet.errors import KeyUnavailable, MalformedConfiguration

PIN = "BOWSTREET_PKCS11_PIN"


class Pkcs11MasterKey:
    """AES-GCM inside the module.

    Raises:
        MalformedConfiguration: for a source that does not say which module, token and key.
        KeyUnavailable: the module, the token, the PIN or the key is not there.
    """

    def __init__(self, source: str) -> None:
        try:
            import pkcs11  # an extra: most have no such module
        except ImportError as error:
            raise KeyUnavailable(
                "the package python-pkcs11 is not installed", remedy="pip install 'bowstreet[pkcs11]'"
            ) from error
        self._pkcs11 = pkcs11
        module, token, label = read_uri(source)
        self._session: Any = None
        try:
            self._session = _session(module, token)
            self._key: Any = self._session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=label)
        except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError) as error:
            if self._session is not None:
                _session.cache_clear()
                self._session.close()
            raise KeyUnavailable(
                f"the key '{label}' of the token '{token}' cannot be used ({type(error).__name__})",
                remedy=f"check the module's path, the token's label and {PIN}",
            ) from error
        self._name = f"mk-pkcs11-{token}-{label}"

    @property
    def name(self) -> str:
        return self._name

    def wrap(self, key: bytes, context: bytes) -> bytes:
        nonce = bytes(self._session.generate_random(8 * NONCE_BYTES))
        return nonce + bytes(self._do(self._key.encrypt, key, nonce, context))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return bytes(self._do(self._key.decrypt, wrapped[NONCE_BYTES:], wrapped[:NONCE_BYTES], context))

    def _do(self, act: Any, data: bytes, nonce: bytes, context: bytes) -> Any:
        parameters = self._pkcs11.GCMParams(nonce, context, 128)
        try:
            return act(data, mechanism=self._pkcs11.Mechanism.AES_GCM, mechanism_param=parameters)
        except self._pkcs11.exceptions.PKCS11Error as error:
            raise KeyUnavailable(
                f"the master key {self._name} refuses ({type(error).__name__})",
                remedy="look at the hardware module, and whether this data was written under its key",
            ) from error


@cache
def _session(module: str, token: str) -> Any:
    """A module knows one log-in of a process to a token; a second one it refuses."""
    import pkcs11

    return pkcs11.lib(module).get_token(token_label=token).open(user_pin=os.environ.get(PIN))


def read_uri(source: str) -> tuple[str, str, str]:
    """Module path, token label and key label. Raises `MalformedConfiguration`."""
    path, _, query = source.removeprefix("pkcs11:").partition("?")
    said = {name: unquote(value) for name, _, value in (part.partition("=") for part in path.split(";"))}
    said |= dict(parse_qsl(query))
    try:
        return said["module-path"], said["token"], said["object"]
    except KeyError as error:
        raise MalformedConfiguration(
            f"a pkcs11 source needs {error.args[0]}", remedy="pkcs11:token=LABEL;object=LABEL?module-path=/path/of/module.so"
        ) from error
