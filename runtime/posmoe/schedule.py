"""Work through a stream in order, on several threads, with a bounded look-ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")


class Group(NamedTuple, Generic[T]):
    """Items taken from a stream, and what the stream raised after them."""

    items: list[T]
    error: BaseException | None


def ordered(
    work: Callable[[Sequence[T]], Sequence[R]],
    items: Iterable[T],
    *,
    size: Callable[[T], int],
    most: int,
    weight: int,
    threads: int,
) -> Generator[R, None, None]:
    """Yield work's results for every item, in order.

    Items go to `work` in groups of at most `most`, closed early when their sizes reach `weight`; at most
    2 * threads groups are under way. `items` is read by the thread that iterates, never further than those
    groups. An exception, of an item or of the stream, is raised after the results of all items before it.
    """
    groups = _groups(iter(items), size, most, weight)
    if threads <= 1:
        for group in groups:
            yield from _deliver(_attempt(work, group.items), group.error)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads, "posmoe") as pool:
        waiting: deque[tuple[Future[list[R | _Failure]], BaseException | None]] = deque()
        try:
            while True:
                for group in islice(groups, 2 * threads - len(waiting)):
                    waiting.append((pool.submit(_attempt, work, group.items), group.error))
                if not waiting:
                    return
                future, error = waiting.popleft()
                yield from _deliver(future.result(), error)
        finally:
            for future, _ in waiting:
                future.cancel()


class _Failure(NamedTuple):
    error: Exception


def _groups(stream: Iterator[T], size: Callable[[T], int], most: int, weight: int) -> Iterator[Group[T]]:
    """Cut a stream into groups; the last one holds the exception that ended the stream, if any."""
    while True:
        items: list[T] = []
        total = 0
        try:
            for item in stream:
                items.append(item)
                total += size(item)
                if len(items) >= most or total >= weight:
                    break
            else:
                if items:
                    yield Group(items, None)
                return
        except Exception as error:
            yield Group(items, error)
            return
        yield Group(items, None)


def _attempt(work: Callable[[Sequence[T]], Sequence[R]], items: list[T]) -> list[R | _Failure]:
    """Results of a group; where it fails as a whole, item by item up to the one that fails."""
    results: list[R | _Failure] = []
    try:
        results.extend(work(items))
        return results
    except Exception as error:
        if len(items) == 1:
            return [_Failure(error)]
    for item in items:
        results.extend(_attempt(work, [item]))
        if isinstance(results[-1], _Failure):
            break
    return results


def _deliver(results: list[R | _Failure], error: BaseException | None) -> Iterator[R]:
    for result in results:
        if isinstance(result, _Failure):
            raise result.error
        yield result
    if error is not None:
        raise error
