"""What Prometheus reads."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE_LATEST
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """The metrics of one service."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        by = ["endpoint", "engine"]
        self.requests = Counter("posmoe_requests", "Requests answered.", [*by, "status"], registry=registry)
        self.seconds = Histogram(
            "posmoe_request_seconds",
            "From a request's head to the end of its answer.",
            by,
            buckets=SECONDS,
            registry=registry,
        )
        self.words = Counter("posmoe_words", "Words parsed.", ["engine"], registry=registry)
        self.texts = Histogram(
            "posmoe_batch_texts",
            "Texts computed together.",
            ["engine"],
            buckets=[4**i for i in range(7)],
            registry=registry,
        )
        self.queue = Gauge("posmoe_queue_length", "Requests that wait for an engine.", ["engine"], registry=registry)
        self.busy = Gauge("posmoe_requests_in_progress", "Requests under way.", registry=registry)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)
