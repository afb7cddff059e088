"""The only module that speaks to object stores: S3, Google Cloud, Azure or a folder, through obstore.

Credentials and addresses come from the provider's own environment variables (`AWS_*`, `GOOGLE_*`, `AZURE_*`). Nothing
of energy is in here.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.errors import InputError, UserError

CONNECT_S = 3
REQUEST_S = 30
LARGE_S = 3600
RETRY_S = 5
"""How long to wait for a connection, for a small or a large answer, and while there are errors, seconds."""

LARGE_BYTES = 2**23
"""Size from which on a file is sent in parts."""


class StoreError(UserError):
    """The store cannot be used now; the message says why."""


class StoredObject(NamedTuple):
    """An object: its key, its size in bytes, and when it was written, by the clock of the store."""

    key: str
    size: int
    modified_at: datetime


class ObjectStore:
    """A store, or a part of one. Keys are texts with slashes; those that begin alike are near one another.

    Example:
        >>> import tempfile
        >>> store = ObjectStore(f"file://{tempfile.mkdtemp()}")
        >>> store.create("greetings/1", b"hello"), store.create("greetings/1", b"again"), store.get("greetings/1")
        (True, False, b'hello')
    """

    def __init__(self, url: str):
        """Prepare a store; nothing is asked yet.

        Args:
            url: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, or a folder.

        Raises:
            InputError: obstore is not installed, or the address or the provider's variables are not usable.
            StoreError: it is a folder that does not exist.
        """
        self.url = url
        try:
            from obstore.exceptions import BaseError
            from obstore.store import LocalStore, from_url
        except ImportError:
            raise InputError(f"{url} needs the extra `store`: pip install 'carbon-pipeline[store]'") from None
        try:
            if is_folder(url):
                folder = Path(url.removeprefix("file://")).expanduser()
                if not folder.is_dir():  # to make it could hide that a disk is not mounted
                    raise StoreError(f"{url} does not exist: create that folder, or mount it")
                self._store: Any = LocalStore(folder)
                self._patient = self._store
                return
            options: dict[str, Any] = {"connect_timeout": f"{CONNECT_S}s"}
            if _allows_http():
                options["allow_http"] = True
            retries = {"max_retries": 2, "retry_timeout": timedelta(seconds=RETRY_S)}
            of_any_kind: Any = from_url  # its overloads want to know the provider
            self._store, self._patient = (
                of_any_kind(url, client_options=options | {"timeout": f"{wait_s}s"}, retry_config=retries)
                for wait_s in (REQUEST_S, LARGE_S)
            )
        except (BaseError, ValueError, OSError) as error:
            raise InputError(f"{url} is no store that can be used: {_reason(error)}") from None

    def create(self, key: str, content: bytes) -> bool:
        """Write an object unless there is one: of several that try at the same time, one succeeds.

        Returns:
            Whether it was written.

        Raises:
            StoreError: the store cannot be used now.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._errors():
            try:
                obstore.put(self._store, key, content, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def create_from(self, key: str, path: Path) -> bool:
        """Write a file as an object unless there is one, see `create`."""
        import obstore

        if path.stat().st_size < LARGE_BYTES:
            return self.create(key, path.read_bytes())
        with self._errors():
            try:  # what is sent in parts cannot be create-only
                obstore.head(self._store, key)
            except FileNotFoundError:
                obstore.put(self._patient, key, path, use_multipart=True)
                return True
        return False

    def replace(self, key: str, content: bytes) -> None:
        """Write an object, in place of the one that there may be.

        Raises:
            StoreError: the store cannot be used now.
        """
        import obstore

        with self._errors():
            obstore.put(self._store, key, content)

    def get(self, key: str) -> bytes | None:
        """Read an object; None if there is none.

        Raises:
            StoreError: the store cannot be used now.
        """
        import obstore

        with self._errors():
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError:
                return None

    def download(self, key: str, path: Path) -> None:
        """Write an object into a file.

        Raises:
            StoreError: the store cannot be used now, or has no such object.
        """
        import obstore

        with self._errors(), path.open("wb") as file:
            for chunk in obstore.get(self._patient, key).stream(min_chunk_size=2**23):
                file.write(chunk)

    def modified_at(self, key: str) -> datetime:
        """When an object was written, by the clock of the store.

        Raises:
            StoreError: the store cannot be used now, or has no such object.
        """
        import obstore

        with self._errors():
            found: datetime = obstore.head(self._store, key)["last_modified"]
            return found

    def keys(self, prefix: str, after: str | None = None) -> list[str]:
        """The keys of `objects`."""
        return [found.key for found in self.objects(prefix, after)]

    def objects(self, prefix: str, after: str | None = None) -> list[StoredObject]:
        """List what is below a prefix, in the order of the keys.

        Args:
            prefix: a folder of keys, without the slash at its end.
            after: a key; only those behind it are listed.

        Raises:
            StoreError: the store cannot be used now.
        """
        import obstore

        with self._errors():
            pages = obstore.list(self._store, f"{prefix}/", offset=after)
            found = [StoredObject(each["path"], each["size"], each["last_modified"]) for page in pages for each in page]
            return sorted(found)

    def folders(self, prefix: str) -> list[str]:
        """List the folders of keys directly below a prefix, without it.

        Raises:
            StoreError: the store cannot be used now.
        """
        import obstore

        with self._errors():
            found = obstore.list_with_delimiter(self._store, f"{prefix}/")
            return sorted(name.removeprefix(f"{prefix}/").rstrip("/") for name in found["common_prefixes"])

    def delete(self, keys: list[str]) -> None:
        """Delete objects.

        Raises:
            StoreError: the store cannot be used now.
        """
        import obstore

        with self._errors():
            if keys:
                obstore.delete(self._store, keys)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise StoreError(f"{self.url} cannot be used now: {_reason(error)}") from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # obstore's, of a token that is none, for example
                raise
            raise StoreError(f"{self.url} cannot be used: {_reason(error)}") from None


def is_folder(url: str) -> bool:
    """Whether an address is that of a folder."""
    return url.startswith("file://") or "://" not in url


def _allows_http() -> bool:
    """Whether the endpoint of S3 is one without encryption.

    Raises:
        InputError: it is no address.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
    if endpoint and not re.match(r"https?://[^/\s]", endpoint):
        raise InputError("AWS_ENDPOINT_URL has to begin with http:// or https://")
    return endpoint.startswith("http://") or os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")


MEANINGS = {
    "InvalidAccessKeyId": "it does not know the key in AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not fit the key",
    "NoSuchBucket": "there is no such bucket",
    "AccessDenied": "these credentials may not do that: listing, reading, writing and deleting are needed",
    "169.254.169.254": "there are no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
    "metadata.google.internal": "there are no credentials: GOOGLE_APPLICATION_CREDENTIALS is not set",
    "error sending request": "nothing answers there",
    "operation timed out": "it does not answer in time",
}
"""What parts of obstore's messages mean to a user."""


def _reason(error: BaseException) -> str:
    """What an error of obstore means, or the first line of its message, which is followed by internals."""
    whole = str(error)
    for part, meaning in MEANINGS.items():
        if part in whole:
            endpoint = os.environ.get("AWS_ENDPOINT_URL", "") if "answer" in meaning else ""
            return meaning + (f" ({re.sub('://[^/@]+@', '://...@', endpoint)})" if endpoint else "")
    text = " ".join(whole.split("\n\nDebug source")[0].split())
    text = re.sub(r"://[^/@\s]+@", "://...@", text)
    return re.sub(r"(?i)([?&](?:X-Amz-[A-Za-z-]+|sig|signature)=)[^&\s]+", r"\1...", text)[:300] or type(error).__name__
