"""Where schemas come from: the files of a SpokeMQ release, or a schema registry that speaks the Confluent API."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from fastavro import parse_schema

from .failure import Failure

TIMEOUT_S = 10

ParsedSchema = dict[str, Any]


class SchemaSourceError(Failure):
    """Schemas could not be had; the message says from where and what to do."""


class SchemaSource(Protocol):
    def schema(self, schema_id: int) -> ParsedSchema | None:
        """None: there is no schema of this id."""


class RepositorySchemas:
    """The folder `schemas/`: what values are written with when no registry is used."""

    def __init__(self, directory: Path) -> None:
        try:
            ids = json.loads((directory / "ids.json").read_text("utf-8"))
            self._by_id = {
                int(schema_id): (entry["version"], parse_schema(json.loads((directory / entry["file"]).read_text("utf-8"))))
                for schema_id, entry in ids.items()
            }
        except (OSError, ValueError, KeyError) as error:
            raise SchemaSourceError(
                f"{directory} does not hold the schemas of a SpokeMQ release ({error}). Name its schemas/ with --schemas."
            ) from error

    def schema(self, schema_id: int) -> ParsedSchema | None:
        return self._by_id[schema_id][1] if schema_id in self._by_id else None

    def newest(self, record_name: str) -> ParsedSchema | None:
        """What a value of any version is read as."""
        versions = [each for each in self._by_id.values() if each[1]["name"] == record_name]
        return max(versions, key=lambda each: each[0])[1] if versions else None


class RegistrySchemas:
    """A registry; every schema is asked for once."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self._base = urllib.parse.urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if parts.username is not None:
            user = urllib.parse.unquote(parts.username)
            password = urllib.parse.unquote(parts.password or "")
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        self._known: dict[int, ParsedSchema | None] = {}

    def schema(self, schema_id: int) -> ParsedSchema | None:
        if schema_id not in self._known:
            self._known[schema_id] = self._fetch(schema_id)
        return self._known[schema_id]

    def _fetch(self, schema_id: int) -> ParsedSchema | None:
        request = urllib.request.Request(f"{self._base}/schemas/ids/{schema_id}", headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return parse_schema(json.loads(json.load(response)["schema"]))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise self._error(f"it answered {error.code}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._error(str(error)) from error

    def _error(self, what: str) -> SchemaSourceError:
        return SchemaSourceError(
            f"Schema registry {self._base}: {what}. Check the URL (Apicurio's ends in /apis/ccompat/v7) and that it runs."
        )
