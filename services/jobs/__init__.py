"""Jobs as rows: tables, states, claims, submission; shared by API and worker."""

from services.jobs.claims import Claim, claim_next, renew, started
from services.jobs.control import cancel, delete, lock_job, retry
from services.jobs.database import Database
from services.jobs.datasets import (
    DatasetClaim,
    DatasetRequest,
    Findings,
    claim_dataset,
    delete_dataset,
    finish_dataset,
    register_dataset,
    renew_dataset,
)
from services.jobs.errors import Conflict, Fenced, Forbidden, NotConfigured, NotFound, Stale, Unauthorized
from services.jobs.gates import change_min_score
from services.jobs.idempotency import Idempotency, make_once
from services.jobs.keys import Caller, Scope, authenticate, make_key, scopes_of
from services.jobs.outcomes import Ended, fail, finish_cancel, record, release, succeed
from services.jobs.pipelines import (
    PipelineRequest,
    cancel_pipeline,
    delete_pipeline,
    pipeline_status,
    retry_pipeline,
    submit_pipeline,
)
from services.jobs.program_log import configure_log
from services.jobs.queue import RUN_JOB, VALIDATE_DATASET, make_queue, ping, publish_dataset, publish_job
from services.jobs.reconciliation import Reconciled, reconcile
from services.jobs.repository import (
    events_after,
    find_dataset,
    get_dataset,
    get_job,
    get_pipeline,
    get_status,
    list_datasets,
    list_jobs,
    list_pipelines,
)
from services.jobs.run_specs import run_spec
from services.jobs.schema import migrate
from services.jobs.settings import Settings
from services.jobs.status import ACTIVE, FINAL, TRANSITIONS, AttemptOutcome, DatasetStatus, Reason, Status
from services.jobs.submission import JobRequest, PreparedJob, prepare_job, store_job
from services.jobs.times import utc_now

__all__ = [
    "ACTIVE",
    "FINAL",
    "RUN_JOB",
    "TRANSITIONS",
    "VALIDATE_DATASET",
    "AttemptOutcome",
    "Caller",
    "Claim",
    "Conflict",
    "Database",
    "DatasetClaim",
    "DatasetRequest",
    "DatasetStatus",
    "Ended",
    "Fenced",
    "Findings",
    "Forbidden",
    "Idempotency",
    "JobRequest",
    "NotConfigured",
    "NotFound",
    "PipelineRequest",
    "PreparedJob",
    "Reason",
    "Reconciled",
    "Scope",
    "Settings",
    "Stale",
    "Status",
    "Unauthorized",
    "authenticate",
    "cancel",
    "cancel_pipeline",
    "change_min_score",
    "claim_dataset",
    "claim_next",
    "configure_log",
    "delete",
    "delete_dataset",
    "delete_pipeline",
    "events_after",
    "fail",
    "find_dataset",
    "finish_cancel",
    "finish_dataset",
    "get_dataset",
    "get_job",
    "get_pipeline",
    "get_status",
    "list_datasets",
    "list_jobs",
    "list_pipelines",
    "lock_job",
    "make_key",
    "make_once",
    "make_queue",
    "migrate",
    "ping",
    "pipeline_status",
    "prepare_job",
    "publish_dataset",
    "publish_job",
    "reconcile",
    "record",
    "register_dataset",
    "release",
    "renew",
    "renew_dataset",
    "retry",
    "retry_pipeline",
    "run_spec",
    "scopes_of",
    "started",
    "store_job",
    "submit_pipeline",
    "succeed",
    "utc_now",
]
