"""Register, look at, forget data sets."""

from __future__ import annotations

import shutil

from services.api.datasets.schemas import DatasetView
from services.api.pages import Page, page
from services.api.state import State
from services.jobs import (
    DatasetRequest,
    delete_dataset,
    get_dataset,
    list_datasets,
    publish_dataset,
    register_dataset,
)

__all__ = ["forget", "listed", "register", "shown"]


def register(service: State, request: DatasetRequest) -> DatasetView:
    """Store the data set and have a worker validate it."""
    with service.database.writing() as session:
        view = DatasetView.of(register_dataset(session, request, service.settings))
    publish_dataset(service.queue, view.id)
    return view


def listed(service: State, *, name: str | None, cursor: str | None, limit: int) -> Page[DatasetView]:
    """A page of data sets, newest first."""
    with service.database.reading() as session:
        rows = list_datasets(session, name=name, before=cursor, limit=limit + 1)
    return page(rows, limit, view=DatasetView.of, cursor=lambda row: row.id)


def shown(service: State, reference: str) -> DatasetView:
    """The data set with an id or name."""
    with service.database.reading() as session:
        return DatasetView.of(get_dataset(session, reference))


def forget(service: State, reference: str) -> None:
    """Forget a data set that nothing was made from, with its index; its files stay where they are."""
    with service.database.writing() as session:
        dataset = get_dataset(session, reference)
        delete_dataset(session, dataset)
    shutil.rmtree(service.settings.dataset_folder(dataset.id), ignore_errors=True)
