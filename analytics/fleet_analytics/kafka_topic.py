"""The topic of session events in Kafka, read once from its start to where it ends now. Leaves no consumer group behind."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource

from .failure import Failure
from .log_record import LogRecord

TIMEOUT_S = 30
BATCH_MESSAGES = 1_000
LAG_CONFIG = "min.compaction.lag.ms"
EVENT_HEADER = "event"


class TopicError(Failure):
    """The topic could not be read; the message says which and what to do."""


class KafkaTopic:
    """`settings` are librdkafka's, for TLS and SASL."""

    def __init__(self, bootstrap: str, topic: str, settings: dict[str, str]) -> None:
        self._topic = topic
        self._place = f"topic {topic} at {bootstrap}"
        self._settings = {"bootstrap.servers": bootstrap, "log_level": "0", **settings}

    def compaction_lag_ms(self) -> int:
        """For how long every single record is there."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, self._topic)
        try:
            admin = AdminClient(self._settings)
            answer = admin.describe_configs([resource], request_timeout=TIMEOUT_S)
            return int(answer[resource].result(TIMEOUT_S)[LAG_CONFIG].value)
        except KafkaException as error:
            raise self._error(str(error)) from error

    def records(self) -> Iterator[LogRecord]:
        """Every record that is there at the call, each partition in order."""
        consumer = Consumer(
            {
                # Named because librdkafka wants a name; nothing is subscribed or committed under it.
                "group.id": "spoke-analytics",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                **self._settings,
            }
        )
        try:
            yield from self._read(consumer)
        except KafkaException as error:
            raise self._error(str(error)) from error
        finally:
            consumer.close()

    def _read(self, consumer: Consumer) -> Iterator[LogRecord]:
        ends = self._ends(consumer)
        consumer.assign([TopicPartition(self._topic, partition, start) for partition, (start, _) in ends.items()])
        left = {partition for partition, (start, end) in ends.items() if start < end}
        heard_s = time.monotonic()
        while left:
            for message in consumer.consume(BATCH_MESSAGES, timeout=1):
                heard_s = time.monotonic()
                error = message.error()
                if error is not None:
                    if error.code() != KafkaError._PARTITION_EOF:
                        raise KafkaException(error)
                    # The last records before the end may have been compacted away: no record would say so.
                    left.discard(message.partition())
                    continue
                end = ends[message.partition()][1]
                if message.offset() < end:
                    yield log_record(message)
                if message.offset() >= end - 1:
                    left.discard(message.partition())
            if time.monotonic() - heard_s > TIMEOUT_S:
                raise self._error(f"nothing came for {TIMEOUT_S} s, with partitions {sorted(left)} not at their end")

    def _ends(self, consumer: Consumer) -> dict[int, tuple[int, int]]:
        topic = consumer.list_topics(self._topic, timeout=TIMEOUT_S).topics[self._topic]
        if topic.error is not None:
            raise KafkaException(topic.error)
        partitions = {partition: TopicPartition(self._topic, partition) for partition in topic.partitions}
        return {
            partition: consumer.get_watermark_offsets(place, timeout=TIMEOUT_S) for partition, place in partitions.items()
        }

    def _error(self, what: str) -> TopicError:
        return TopicError(f"{self._place}: {what}. Check address, topic and credentials, and that Kafka runs.")


def log_record(message: Message) -> LogRecord:
    event = dict(message.headers() or []).get(EVENT_HEADER) or b""
    return LogRecord(
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=message.timestamp()[1],
        key=message.key() or b"",
        value=message.value(),
        event=event.decode("utf-8", "replace"),
    )
