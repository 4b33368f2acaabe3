"""The Celery app: messages carry an id and nothing else, and are only hints to look into the database."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from services.jobs.settings import Settings

__all__ = ["RUN_JOB", "VALIDATE_DATASET", "make_queue", "ping", "publish_dataset", "publish_job"]

RUN_JOB = "wsmis.run_job"
VALIDATE_DATASET = "wsmis.validate_dataset"

CONNECT_SECONDS = 2

log = logging.getLogger(__name__)


def make_queue(settings: Settings) -> Celery:
    """The app of API, worker and reconciler on the Redis of ``settings``.

    Messages are acknowledged when they arrive and never come back: the claim, the lease and the
    reconciler do what late acknowledgements cannot (docs: Celery's visibility time-out).
    """
    queue = Celery("wsmis", broker=_broker(settings.redis_url), set_as_current=False)
    queue.conf.update(
        task_default_queue="wsmis",
        task_ignore_result=True,
        task_acks_late=False,
        task_serializer="json",
        accept_content=["json"],
        enable_utc=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_hijack_root_logger=False,
        broker_connection_timeout=CONNECT_SECONDS,
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_connect_timeout": CONNECT_SECONDS, "socket_keepalive": True},
    )
    return queue


def publish_job(queue: Celery, job: str) -> bool:
    """Say that ``job`` is queued; false, and a log line, if Redis is away: the reconciler says it again."""
    return _publish(queue, RUN_JOB, job)


def publish_dataset(queue: Celery, dataset: str) -> bool:
    """Say that ``dataset`` is to be validated; false as for jobs."""
    return _publish(queue, VALIDATE_DATASET, dataset)


def ping(queue: Celery) -> bool:
    """True if Redis answers."""
    try:
        with queue.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            return bool(connection.default_channel.client.ping())
    except (OperationalError, OSError, *_redis_errors(queue)):
        return False


def _publish(queue: Celery, task: str, subject: str) -> bool:
    try:
        queue.send_task(task, args=[subject], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("not published, left to the reconciler: %s(%s): %s", task, subject, error)
        return False
    return True


def _redis_errors(queue: Celery) -> tuple[Any, ...]:
    return tuple(queue.connection_for_write().connection_errors)


def _broker(url: str) -> str:
    """Celery's own form of a `unix:///path` URL."""
    return f"redis+socket://{url.removeprefix('unix://')}" if url.startswith("unix://") else url
