"""The tables, as SQLAlchemy classes."""

from services.jobs.tables.access import ApiKey, IdempotencyKey
from services.jobs.tables.dataset import Dataset
from services.jobs.tables.job import Attempt, Job, JobEvent, JobInput
from services.jobs.tables.pipeline import Pipeline, PipelineJob
from services.jobs.tables.table import Table

__all__ = [
    "ApiKey",
    "Attempt",
    "Dataset",
    "IdempotencyKey",
    "Job",
    "JobEvent",
    "JobInput",
    "Pipeline",
    "PipelineJob",
    "Table",
]
