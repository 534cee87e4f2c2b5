"""Values of log records: one Avro record in the Confluent wire format, `0x00 | schema id, 4 bytes | body`."""

from __future__ import annotations

import io
import struct
from typing import Any

from fastavro import schemaless_reader

from .log_record import LogRecord, UnreadableRecord
from .schemas import ParsedSchema, RepositorySchemas, SchemaSource

HEADER = struct.Struct(">BI")
MAGIC = 0


class ValueReader:
    """
    Reads what any release wrote as what this program was built for. Values from before a registry was used carry the ids
    of the repository; a record's key says which record its value is, so that they cannot be mistaken.
    """

    def __init__(self, repository: RepositorySchemas, registry: SchemaSource | None = None) -> None:
        self._repository = repository
        self._sources: list[SchemaSource] = [repository] if registry is None else [registry, repository]

    def read(self, record: LogRecord) -> dict[str, Any]:
        value = record.value or b""
        if len(value) < HEADER.size or value[0] != MAGIC:
            raise UnreadableRecord(f"{record.place}: the value is not in the Confluent wire format. Is this SpokeMQ's topic?")
        _, schema_id = HEADER.unpack_from(value)
        name = record.record_name
        written_as = self._schema(schema_id, name)
        if written_as is None:
            raise UnreadableRecord(
                f"{record.place}: no {name} has the schema id {schema_id}. "
                "Name the schemas of a newer release with --schemas, or the registry with --registry."
            )
        body = io.BytesIO(value[HEADER.size :])
        try:
            fields = schemaless_reader(body, written_as, self._repository.newest(name))
        except Exception as error:  # fastavro has no class of its own for what bad bytes can cause
            raise UnreadableRecord(f"{record.place}: the value does not follow schema {schema_id} ({error!r}).") from error
        if body.read(1):
            raise UnreadableRecord(f"{record.place}: the value does not end where schema {schema_id} ends.")
        return dict(fields)

    def _schema(self, schema_id: int, name: str) -> ParsedSchema | None:
        for source in self._sources:
            schema = source.schema(schema_id)
            # In a registry an id may stand for anything of anybody's, also for a schema that has no name.
            if isinstance(schema, dict) and schema.get("name") == name:
                return schema
        return None
