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
from typing import Any

from carbon_pipeline.errors import InputError, UserError

CONNECT_S = 3
REQUEST_S = 30
RETRY_S = 5
"""How long to wait for a connection, for an answer, and for a store that answers with errors, seconds."""


class StoreError(UserError):
    """The store cannot be used now; the message says why."""


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
        """
        self.url = url
        try:
            from obstore.exceptions import BaseError
            from obstore.store import LocalStore, from_url
        except ImportError:
            raise InputError(f"{url} needs the extra `store`: pip install 'carbon-pipeline[store]'") from None
        try:
            if is_folder(url):
                self._store: Any = LocalStore(Path(url.removeprefix("file://")).expanduser(), mkdir=True)
                return
            options: dict[str, Any] = {"connect_timeout": f"{CONNECT_S}s", "timeout": f"{REQUEST_S}s"}
            if _allows_http():
                options["allow_http"] = True
            retries = {"max_retries": 2, "retry_timeout": timedelta(seconds=RETRY_S)}
            of_any_kind: Any = from_url  # its overloads want to know the provider
            self._store = of_any_kind(url, client_options=options, retry_config=retries)
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
        from obstore.exceptions import AlreadyExistsError

        if path.stat().st_size < 2**26:
            return self.create(key, path.read_bytes())
        with self._errors():
            try:  # in parts: a store has a limit for what comes at once, which cannot be create-only
                obstore.head(self._store, key)
            except FileNotFoundError:
                obstore.put(self._store, key, path, use_multipart=True)
                return True
            except AlreadyExistsError:
                pass
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
            for chunk in obstore.get(self._store, key).stream(min_chunk_size=2**23):
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
        """List the keys below a prefix, in their order.

        Args:
            prefix: a folder of keys, without the slash at its end.
            after: a key; only those behind it are listed.

        Raises:
            StoreError: the store cannot be used now.
        """
        import obstore

        with self._errors():
            pages = obstore.list(self._store, f"{prefix}/", offset=after)
            return sorted(found["path"] for page in pages for found in page)

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


def is_folder(url: str) -> bool:
    """Whether an address is that of a folder."""
    return url.startswith("file://") or "://" not in url


def _allows_http() -> bool:
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
    return endpoint.startswith("http://") or os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")


def _reason(error: Exception) -> str:
    """The first line of an error of obstore, which is followed by its internals."""
    text = " ".join(str(error).split("\n\nDebug source")[0].split())
    return re.sub(r"(?i)([?&](?:X-Amz-[A-Za-z-]+|sig|signature)=)[^&\s]+", r"\1...", text)[:300] or type(error).__name__
