"""The contract for a place: what a backend gives, and all that it sees of nbcompile besides `nbcompile.model`.

A place is a content store and a runner of jobs. Files are known by their sha256: bytes are put once, and a job names its inputs
by digest. A job is known by its key and attempt: submitted twice, it runs once. `docs/writing-a-backend.md` starts from here.
"""

from nbcompile.backend.contract import (
    API_VERSION,
    Backend,
    Capabilities,
    Cause,
    Completed,
    Environment,
    Job,
    JobInput,
    JobKey,
    JobRef,
    JobState,
    JobStatus,
    Opening,
    PlaceEvent,
    RunId,
    Session,
    Stream,
    run_id,
)
from nbcompile.backend.credentials import AgentIdentity, Challenge, Credential, Lease, PrivateKey, Prompt, Secret
from nbcompile.backend.errors import AuthExpired, CertificateEnded, Denied, Fatal, Lost, Retryable, Unsupported
from nbcompile.backend.options import json_schema, option, read_options
from nbcompile.backend.survey import Queue, Survey
from nbcompile.model.output import Output

__all__ = [
    "API_VERSION",
    "AgentIdentity",
    "AuthExpired",
    "Backend",
    "Capabilities",
    "Cause",
    "CertificateEnded",
    "Challenge",
    "Completed",
    "Credential",
    "Denied",
    "Environment",
    "Fatal",
    "Job",
    "JobInput",
    "JobKey",
    "JobRef",
    "JobState",
    "JobStatus",
    "Lease",
    "Lost",
    "Opening",
    "Output",
    "PlaceEvent",
    "PrivateKey",
    "Prompt",
    "Queue",
    "Retryable",
    "RunId",
    "Secret",
    "Session",
    "Stream",
    "Survey",
    "Unsupported",
    "json_schema",
    "option",
    "read_options",
    "run_id",
]
