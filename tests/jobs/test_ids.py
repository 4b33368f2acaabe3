from concurrent.futures import ThreadPoolExecutor

from services.jobs.ids import make_id


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [make_id("job") for _ in range(2000)]
    assert made == sorted(set(made))
    assert all(len(one) == 30 and one.startswith("job_") for one in made)


def test_threads_make_different_ids() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: make_id("ds"), range(2000)))
    assert len(set(made)) == 2000
