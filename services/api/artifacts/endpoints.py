"""/jobs/{job}/artifacts: the manifest; /artifacts/{job}/{path}: a file, by range if so asked."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from services.api.files import file_under
from services.api.state import Service, State, requires
from services.jobs import NotFound, Scope, get_job
from wsmis_core.spec import MANIFEST_FILE, Manifest

__all__ = ["router"]

router = APIRouter(tags=["artifacts"], dependencies=[requires(Scope.READ)])


@router.get("/jobs/{job}/artifacts")
def manifest(service: Service, job: str) -> Manifest:
    """What the job left: every file with size and SHA-256, and where it comes from."""
    return Manifest.model_validate_json(file_under(_folder(service, job), MANIFEST_FILE).read_bytes())


@router.get("/artifacts/{job}/{path:path}", response_class=FileResponse)
def download(service: Service, job: str, path: str) -> FileResponse:
    """One file of a job's artifact; `Range` is honoured."""
    return FileResponse(
        file_under(_folder(service, job), path), headers={"X-Content-Type-Options": "nosniff"}
    )


def _folder(service: State, job: str) -> Path:
    """The folder of a job's artifact, also where its gate has stopped it; raises NotFound."""
    with service.database.reading() as session:
        row = get_job(session, job)
    if row.artifact_digest is None:
        raise NotFound(
            f"the job {job} is {row.status} and has left no artifact.",
            remedy="Wait until it has succeeded.",
        )
    return service.settings.artifact_folder(job)
