"""The runner of jobs.

One loop, in the main thread, starts the commands, reads their output and notices their ends. What takes long before
that, the credentials of a role, is prepared in threads, ahead of its turn.
"""

from __future__ import annotations

import os
import select
import selectors
import signal
import time
from bisect import insort
from collections import deque
from contextlib import ExitStack, contextmanager
from operator import itemgetter

from awsenv import launch
from awsenv.agent import harden
from awsenv.each.guard import Guard
from awsenv.each.jobs import FRESH, Ready, Result
from awsenv.each.preparation import THREADS, Preparation
from awsenv.each.running import LONGEST_LINE, Running, Stream
from awsenv.errors import AwsenvError, ExitCode, LaunchError
from awsenv.signals import drain, woken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Protocol

    from awsenv.each.jobs import Job

    class Watcher(Protocol):
        """Is told what happens."""

        def output(self, job: Job, descriptor: int, lines: bytes) -> None:
            """Whole lines have come from the command, on its standard output (1) or error (2)."""

        def ended(self, result: Result) -> None:
            """A job has ended."""

        def passed(self, running: int, *, is_stopping: bool) -> float | None:
            """Time has passed, with *running* commands. Return the seconds after which to be told again."""

        def paused(self) -> None:
            """The process is about to be stopped (Ctrl-Z)."""


GRACE = 10.0
"""Seconds that commands get to end after a signal, before they are killed."""

LINGER = 1.0
"""Seconds that what a command leaves behind in its process group gets to end by itself, and then after SIGTERM."""

_POLL = 0.02
"""Seconds between two looks at what a command has left behind."""

_CHUNK = select.PIPE_BUF
"""Bytes that a pipe takes without blocking if it takes any (POSIX)."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_OTHERS = (signal.SIGCHLD, signal.SIGTSTP)


class Runner:
    """Runs jobs. It heeds the signals that end awsenv: it passes the first one on, and kills after the second.

    Args:
        jobs: The jobs, in the order in which they are to begin.
        prepare: Returns a job with its environment and its final words. Several threads call it.
        at_once: How many commands run at once.
        fails_fast: Whether the first failure ends the others.
        grace: Seconds that commands get to end after a signal.
        linger: Seconds that what they leave behind gets to end by itself, and again after SIGTERM.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        prepare: Callable[[Job], Ready],
        *,
        at_once: int,
        fails_fast: bool = False,
        grace: float = GRACE,
        linger: float = LINGER,
    ) -> None:
        self.jobs = jobs
        """The jobs."""
        self._preparation = Preparation(lambda number: prepare(jobs[number]), min(THREADS, len(jobs)))
        self._at_once = at_once
        self._fails_fast = fails_fast
        self._grace = grace
        self._linger = linger
        self._left = deque(range(len(jobs)))
        self._ready: list[tuple[int, Ready | AwsenvError]] = []
        self._running: dict[int, Running] = {}
        self._results: dict[int, Result] = {}
        self._signals: list[int] = []
        self._heeded = 0
        self._has_ended_one = self._is_to_pause = False
        self._kill_at: float | None = None
        self._is_stopping = False
        self._is_mute = False
        self._watcher: Watcher
        self._selector: selectors.BaseSelector
        self._guard: Guard
        self._wake = -1
        self.broken: OSError | None = None
        """Why the output could not be handed on, which has ended the jobs."""

    @property
    def signals(self) -> Sequence[int]:
        """The signals that have come."""
        return self._signals

    def run(self, watcher: Watcher) -> list[Result]:
        """Run the jobs, and return how they have ended, in their order. Only for the main thread."""
        self._watcher = watcher
        harden.adopt_orphans()
        with ExitStack() as stack:
            self._wake = stack.enter_context(woken())
            stack.enter_context(_handlers(self._note))
            self._guard = stack.enter_context(Guard())
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._selector.register(self._wake, selectors.EVENT_READ)
            stack.enter_context(self._preparation)
            self._selector.register(self._preparation.news, selectors.EVENT_READ)
            try:
                while not self._is_done():
                    self._turn()
            finally:
                # A fault of our own must leave no command behind.
                for each in self._running.values():
                    each.send(signal.SIGKILL)
        return [self._results[number] for number in range(len(self.jobs))]

    def write(self, descriptor: int, data: bytes) -> None:
        """Write to *descriptor*, and heed signals while it takes nothing. For the watcher.

        Raises:
            OSError: It cannot be written.
        """
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        poll.register(self._wake, select.POLLIN)
        view = memoryview(data)
        while view and not self._is_mute:
            seconds = self._seconds()
            events = dict(poll.poll(None if seconds is None else seconds * 1000))
            self._heed()
            if descriptor in events:
                view = view[os.write(descriptor, view[:_CHUNK]) :]

    def _note(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._has_ended_one = True
        elif number == signal.SIGTSTP:
            self._is_to_pause = True
        else:
            self._signals.append(number)

    def _is_done(self) -> bool:
        return len(self._results) == len(self.jobs)

    def _turn(self) -> None:
        """Do what is due, and wait for more."""
        if self._is_stopping:
            self._give_up()
        self._want()
        self._begin()
        if self._is_done():
            return
        pause = self._watcher.passed(len(self._running), is_stopping=self._is_stopping)
        pauses = [each for each in (pause, self._seconds()) if each is not None]
        for key, _ in self._selector.select(min(pauses, default=None)):
            if key.data is None:
                drain(key.fd)
            else:
                self._read(*key.data)
        self._heed()
        for number, made in self._preparation.made():
            if number in self._results:
                continue  # the jobs were stopped meanwhile
            if not isinstance(made, Ready | AwsenvError):
                raise made
            insort(self._ready, (number, made), key=itemgetter(0))
        self._reap()

    def _want(self) -> None:
        """Let the threads prepare the next jobs: enough for those that end soon, and no more, since roles expire."""
        while self._left and self._preparation.at_work + len(self._ready) < self._at_once + THREADS:
            self._preparation.want(self._left.popleft())

    def _begin(self) -> None:
        while self._ready and len(self._running) < self._at_once:
            number, ready = self._ready[0]
            if self._at_once == 1 and any(each not in self._results for each in range(number)):
                return  # one after the other means in their order
            del self._ready[0]
            if isinstance(ready, AwsenvError):
                self._fail(number, self.jobs[number], ready)
            elif time.monotonic() - ready.at > FRESH:
                self._preparation.want(number)
            else:
                try:
                    self._start(number, ready)
                except AwsenvError as error:
                    self._fail(number, ready.job, error)

    def _fail(self, number: int, job: Job, error: AwsenvError) -> None:
        """Finish a job whose command could not be started, with the status that `exec` would have."""
        status = error.exit_code if isinstance(error, LaunchError) else ExitCode.EXEC_FAILED
        self._finish(number, Result(job, status, error=error))

    def _start(self, number: int, ready: Ready) -> None:
        pipes, begun = [os.pipe() for _ in range(2)], time.monotonic()
        try:
            pid = launch.start(ready.job.argv, ready.environ, *(writes for _, writes in pipes))
        except AwsenvError:
            for reads, _ in pipes:
                os.close(reads)
            raise
        finally:
            for _, writes in pipes:
                os.close(writes)
        self._guard.add(pid)
        streams = [Stream(each, reads) for each, (reads, _) in enumerate(pipes, start=1)]
        running = self._running[number] = Running(number, ready.job, pid, streams, begun)
        for stream in streams:
            os.set_blocking(stream.descriptor, False)
            self._selector.register(stream.descriptor, selectors.EVENT_READ, (running, stream))

    def _read(self, running: Running, stream: Stream) -> bool:
        """Hand on what a command has written, and return whether there may be more at once."""
        try:
            data = os.read(stream.descriptor, LONGEST_LINE)
        except BlockingIOError:
            return False
        if not data:
            self._close(running, stream)
            return False
        self._hand_on(running.job, stream.number, stream.lines(data))
        return True

    def _close(self, running: Running, stream: Stream) -> None:
        self._selector.unregister(stream.descriptor)
        os.close(stream.descriptor)
        running.streams.remove(stream)
        self._hand_on(running.job, stream.number, stream.lines(b""))

    def _hand_on(self, job: Job, number: int, lines: bytes) -> None:
        if lines:
            with self._telling():
                self._watcher.output(job, number, lines)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Stop the jobs if nobody takes their output."""
        try:
            yield
        except OSError as error:
            self.broken = self.broken or error
            self._is_mute = True
            self.stop(signal.SIGTERM)

    def _reap(self) -> None:
        """Notice which commands have ended, and finish those that have left nothing behind."""
        now, may_have_ended, self._has_ended_one = time.monotonic(), self._has_ended_one, False
        for running in list(self._running.values()):
            if running.status is None and not may_have_ended:
                continue
            if running.status is None:
                pid, status = os.waitpid(running.pid, os.WNOHANG)
                if not pid:
                    continue
                code = os.waitstatus_to_exitcode(status)
                running.status, running.ended = code if code >= 0 else 128 - code, now
            if not running.is_gone(now, self._linger):
                continue
            self._guard.remove(running.pid)
            for stream in list(running.streams):
                while self._read(running, stream):
                    pass
                if stream in running.streams:
                    self._close(running, stream)  # a daemon that has left the group holds it open
            del self._running[running.number]
            seconds = running.ended - running.begun
            self._finish(running.number, Result(running.job, running.status, seconds, is_stopped=running.is_stopped))

    def _finish(self, number: int, result: Result) -> None:
        self._results[number] = result
        with self._telling():
            self._watcher.ended(result)
        if result.status and self._fails_fast and not self._is_stopping:
            self.stop(signal.SIGTERM)

    def _heed(self) -> None:
        """Heed the signals that have come, and kill those whose grace is over."""
        drain(self._wake)
        if self._is_to_pause:
            self._pause()
        while self._heeded < len(self._signals):
            number = self._signals[self._heeded]
            self._heeded += 1
            if self._kill_at is None:
                self.stop(number)
            else:
                self._is_mute = self._kill_at <= time.monotonic()
                self._kill_at = time.monotonic()
        if self._kill_at is not None and self._kill_at <= time.monotonic():
            for running in self._running.values():
                running.send(signal.SIGKILL)

    def _pause(self) -> None:
        """Stop the commands and this process, as after Ctrl-Z, until the shell lets it go on."""
        self._is_to_pause = False
        for running in self._running.values():
            running.send(signal.SIGSTOP)
        self._watcher.paused()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
        for running in self._running.values():
            running.send(signal.SIGCONT)

    def stop(self, number: int) -> None:
        """Begin no more jobs, and send a signal to those that run."""
        self._is_stopping = True
        self._kill_at = self._kill_at or time.monotonic() + self._grace
        for running in self._running.values():
            running.is_stopped = running.status is None
            running.send(number)
        self._left.clear()
        self._ready.clear()

    def _give_up(self) -> None:
        """Finish the jobs that have not begun. Not in `stop`: the watcher may be in the middle of a line."""
        for number, job in enumerate(self.jobs):
            if number not in self._results and number not in self._running:
                self._finish(number, Result(job, None, is_stopped=True))

    def _seconds(self) -> float | None:
        """Return the seconds until something is due; None: nothing is before something happens."""
        if any(each.status is not None for each in self._running.values()):
            return _POLL
        if self._kill_at is None:
            return None
        left = self._kill_at - time.monotonic()
        return left if left > 0 else _POLL


@contextmanager
def _handlers(note: Callable[[int], object]) -> Iterator[None]:
    """Note the signals that end awsenv, unless they are ignored, and that of a command that ends."""
    before = {number: signal.getsignal(number) for number in (*_ENDING, *_OTHERS)}
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN or number == signal.SIGCHLD:
                signal.signal(number, lambda number, _frame: note(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
