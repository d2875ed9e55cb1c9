"""Which tasks of a graph are ready while a schedule of it is made, and since when."""

from npusim.analysis.work_graph import WorkGraph


class TaskProgress:
    """Which tasks are ready, complete, and since when."""

    def __init__(self, graph: WorkGraph) -> None:
        self._graph = graph
        self._waits_for = [len(tasks) for tasks in graph.predecessors]
        self._blocks_left = [len(blocks) for blocks in graph.task_blocks]
        self._end_ps = [0] * graph.task_count
        self.ready_ps = [0] * graph.task_count

    def first(self) -> list[int]:
        """Tasks with blocks that are ready from the start."""
        roots = [task for task, count in enumerate(self._waits_for) if not count]
        return self._opened(roots)

    def block_done(self, task: int, end_ps: int) -> list[int]:
        """A block of ``task`` ends; returns the tasks with blocks that this makes ready."""
        self._end_ps[task] = max(self._end_ps[task], end_ps)
        self._blocks_left[task] -= 1
        return [] if self._blocks_left[task] else self._opened(self._complete(task))

    def _complete(self, task: int) -> list[int]:
        ready, end_ps = [], self._end_ps[task]
        ready_ps, waits_for = self.ready_ps, self._waits_for
        for successor in self._graph.successors[task]:
            ready_ps[successor] = max(ready_ps[successor], end_ps)
            waits_for[successor] -= 1
            if not waits_for[successor]:
                ready.append(successor)
        return ready

    def _opened(self, ready: list[int]) -> list[int]:
        """``ready`` with each dummy, which is complete at once, replaced by what it opens."""
        found = []
        for task in ready:  # grows while it is walked
            if self._blocks_left[task]:
                found.append(task)
            else:
                self._end_ps[task] = self.ready_ps[task]
                ready += self._complete(task)
        return found
