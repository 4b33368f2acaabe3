import logging
import socket

import pytest
import redis

from services.jobs import Settings, make_queue, ping, publish_dataset, publish_job


def test_a_message_carries_the_id_alone(redis_url: str) -> None:
    queue = make_queue(Settings(redis_url=redis_url))
    assert ping(queue)
    assert publish_job(queue, "job_1")
    assert publish_dataset(queue, "ds_1")
    heard = []
    with queue.connection_for_read() as connection, connection.SimpleQueue("wsmis") as messages:
        for _ in range(2):
            message = messages.get(block=True, timeout=5)
            heard.append((message.headers["task"], message.payload[0]))
            message.ack()
    assert heard == [("wsmis.run_job", ["job_1"]), ("wsmis.validate_dataset", ["ds_1"])]
    queue.close()


def test_a_redis_that_is_away_is_told_and_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and not listening: every connection is refused
        queue = make_queue(Settings(redis_url=f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"))
        assert not ping(queue)
        with caplog.at_level(logging.WARNING):
            assert not publish_job(queue, "job_1")
        assert "left to the reconciler: wsmis.run_job(job_1)" in caplog.text
        queue.close()


def test_a_private_redis_is_reached_by_its_socket(redis_server: str) -> None:
    with redis.Redis.from_url(redis_server) as client:
        folder = client.config_get("dir")["dir"]
    assert make_queue(Settings(redis_url=f"unix://{folder}/redis.sock")).conf.broker_url == (
        f"redis+socket://{folder}/redis.sock"
    )
