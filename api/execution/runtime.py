"""What compiled operations call: an execution, the places of its answer, and what is awaited for them.

An answer is built in place. Its dictionaries and lists are there at once, with null where a value is still awaited; a
job puts it there when it has come. So there is one task for an execution, however many fields wait, or none, where
somebody is called back in the end: a future that a resolver returns is waited for as it is, and only coroutines become
tasks.

A *position* is a place in the answer: the position around it, its key, the name of the object type it is a field of,
the dictionary or list that holds it, and whether it may be null. Positions link up to the root, so a path is worked out
only where somebody asks for it, and an error finds the nearest place that may be null by walking up.
"""

from asyncio import (
    CancelledError,
    Future,
    current_task,
    ensure_future,
    get_running_loop,
    isfuture,
    wait,
)
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    default_field_resolver,
    default_type_resolver,
    located_error,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues, get_variable_values
from graphql.pyutils import Path, gather_with_cancel, is_awaitable
from graphql.type import GraphQLResolveInfoHelpers

from api.execution.ahead import unwrapped
from api.execution.awaiting import dispose, drop, forget, hear, leave, settle

NO_FORMS: Mapping[str, Any] = MappingProxyType({})

Position: TypeAlias = tuple["Position | None", str | int, str | None, Any, bool]
# Takes the object, the execution and the object's position; returns the value, or something that is awaited for it.
Resolve: TypeAlias = Callable[[Any, "Execution", Position | None], Any]
Complete: TypeAlias = Callable[["Execution", Any, Position], Any]
# Hears that there is nothing more to wait for, or which bug of ours ended the wait.
Done: TypeAlias = Callable[[Exception | None], None]


class Later(Exception):
    """A value cannot be completed before something has been awaited."""

    def __init__(self, awaitable: Awaitable[Any], complete: Complete) -> None:
        super().__init__()
        self.awaitable = awaitable
        self.complete = complete


class Spot:
    """What is known of a position before execution: a field of an operation, or the items of its list."""

    __slots__ = (
        "ahead", "complete", "definition", "forms", "found_out", "key", "nodes", "nullable", "parent", "selected",
    )  # fmt: skip

    def __init__(
        self, parent: GraphQLObjectType, key: str, definition: GraphQLField, nodes: list[FieldNode], *, nullable: bool
    ) -> None:
        self.parent = parent
        self.key = key
        self.definition = definition
        self.nodes = nodes
        self.nullable = nullable
        self.complete: Complete = _unset
        # The names of the fields below, by path.
        self.selected: dict[tuple[str, ...], frozenset[str]] = {}
        # What a resolver has found out of these.
        self.found_out: dict[Any, Any] = {}
        # By what the lists of the field's object can be written, by their names.
        self.forms: Mapping[str, Any] = NO_FORMS
        # What is selected of the field's object and may be begun before that has come, and how.
        self.ahead: Sequence[tuple[Spot, Resolve]] = ()

    @property
    def name(self) -> str:
        """The field's name."""
        return self.nodes[0].name.value


class Cancelled(Exception):
    """What a field waited for was cancelled, and not because of the execution."""


class Job:
    """A value that is awaited for a position."""

    __slots__ = ("awaitable", "complete", "execution", "future", "is_ours", "position", "spot")

    def __init__(
        self, execution: "Execution", spot: Spot, position: Position, awaitable: Awaitable[Any], complete: Complete
    ) -> None:
        self.execution = execution
        self.spot = spot
        self.position = position
        self.awaitable = awaitable
        self.complete = complete
        self.future: Future[Any] | None = None
        # A future that a resolver returned may be others' too: it is waited for, and never cancelled.
        self.is_ours = not isfuture(awaitable)

    def __call__(self, _: "Future[Any]") -> None:
        """Hear that the value has come."""
        self.execution.wake(self)


class Plan:
    """What the executions of one operation have in common."""

    __slots__ = ("document", "fragments", "operation", "schema")

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self.schema = schema
        self.document = document
        self.operation = operation
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }


class Execution:
    """One execution of a compiled operation."""

    __slots__ = (
        "_done", "_ending", "_jobs", "_nulled", "_outstanding", "_raw_variables", "_ready", "_variable_values",
        "_waiter", "context", "early", "errors", "is_null", "plan", "root", "variables",
    )  # fmt: skip

    def __init__(
        self, plan: Plan, context: object, root: object, variables: dict[str, Any], raw_variables: Mapping[str, Any]
    ) -> None:
        self.plan = plan
        self.context = context
        self.root = root
        self.variables = variables
        self._raw_variables = raw_variables
        self._variable_values: VariableValues | None = None
        self.errors: list[GraphQLError] = []
        self.is_null = False
        self.early: dict[Spot, Any] = {}
        self._jobs: list[Job] = []
        self._outstanding: set[Job] = set()
        self._ready: list[Job] = []
        # What was begun here and then cancelled.
        self._ending: set[Future[Any]] = set()
        # Who waits for the end: a task, or whoever is called back.
        self._waiter: Future[None] | None = None
        self._done: Done | None = None
        # By identity; they are kept, so no other position can come by the same.
        self._nulled: dict[int, Position] = {}

    @property
    def is_waiting(self) -> bool:
        """Whether something is awaited."""
        return bool(self._jobs)

    @property
    def notes(self) -> int:
        """How much was noted so far that is still to be done, or was wrong."""
        return len(self._jobs) + len(self.errors)

    def place(self, spot: Spot, value: Any, position: Position) -> Any:
        """Complete what a resolver returned for a position; null for now, if it has to be awaited."""
        if type(value) is Future or is_awaitable(value):
            if type(value) is not Future:
                value = unwrapped(value, spot, self, position)
            self._jobs.append(Job(self, spot, position, value, spot.complete))
            return None
        try:
            return spot.complete(self, value, position)
        except Later as later:
            self._jobs.append(Job(self, spot, position, later.awaitable, later.complete))
            return None
        except Exception as error:
            return self.fail(error, spot, position)

    def fail(self, error: Exception, spot: Spot, position: Position) -> None:
        """Note that there is no value for a position, which then is null.

        Raises: GraphQLError, when it may not be.
        """
        located = located_error(error, spot.nodes, path_of(position))
        if not position[4]:
            raise located
        if not self.is_void(position):
            self.errors.append(located)
            self._nulled[id(position)] = position

    def place_in(self, spot: Spot, value: Any, around: Position | None, holder: Any) -> Any:
        """Do as `place`, for a field whose position is rarely needed."""
        return self.place(spot, value, (around, spot.key, spot.parent.name, holder, spot.nullable))

    def fail_in(self, error: Exception, spot: Spot, around: Position | None, holder: Any) -> None:
        """Do as `fail`, for a field whose position is rarely needed."""
        self.fail(error, spot, (around, spot.key, spot.parent.name, holder, spot.nullable))

    def nullify(self, error: GraphQLError) -> None:
        """Note that the whole answer is null."""
        if not self.is_null:
            self.errors.append(error)
            self.is_null = True
            self._abandon(lambda _: True)

    async def finish(self) -> None:
        """Wait for everything that is awaited, and for what is awaited because of it.

        Whatever coroutine was begun here has ended when this ends. A task that is cancelled here cancels them.
        """
        try:
            while self._jobs or self._outstanding:
                jobs, self._jobs = self._jobs, []
                if len(jobs) == 1 and jobs[0].is_ours and not self._outstanding and not self.is_void(jobs[0].position):
                    await self._wait_for(jobs[0])
                    continue
                for job in jobs:
                    self._begin(job)
                if self._outstanding and not self._ready:
                    self._waiter = get_running_loop().create_future()
                    await self._waiter
                    self._waiter = None
                ready, self._ready = self._ready, []
                for job in ready:
                    if job in self._outstanding:
                        self._outstanding.discard(job)
                        self._resume(job)
        finally:
            self._abandon(lambda _: True)
            dispose(job.awaitable for job in self._jobs)
            self._let_go()
            while self._ending:
                await wait(self._ending)

    def then(self, done: Done) -> None:
        """Do as `finish`, without a task: call back, perhaps at once, when nothing is awaited any more."""
        self._done = done
        self._advance()

    def stop(self) -> None:
        """Wait no more, and call nobody back. Coroutines that were begun here are cancelled."""
        self._done = None
        self._abandon(lambda _: True)
        dispose(job.awaitable for job in self._jobs)
        self._let_go()
        self._jobs = []
        for future in self._ending:
            leave(future)

    def _advance(self) -> None:
        """Go as far as can be gone now."""
        done = self._done
        if done is None:
            return
        try:
            while self._jobs or self._ready:
                jobs, self._jobs = self._jobs, []
                for job in jobs:
                    self._begin(job)
                ready, self._ready = self._ready, []
                for job in ready:
                    if job in self._outstanding:
                        self._outstanding.discard(job)
                        self._resume(job)
        except Exception as error:
            self.stop()
            done(error)
            return
        if self._outstanding:
            return
        if self._ending:
            for future in self._ending:
                future.add_done_callback(self._hear_the_end)
            return
        self._let_go()
        self._done = None
        done(None)

    def _let_go(self) -> None:
        """Let go of what was begun ahead of objects that never came."""
        if self.early:
            dispose(self.early.values())
            self.early.clear()

    def _hear_the_end(self, _: "Future[Any]") -> None:
        """Go on after something that was cancelled has ended; it is forgotten before this is called."""
        if not self._ending:
            self._advance()

    def is_void(self, position: Position | None) -> bool:
        """Tell whether a position is inside of one that is null already: what happens there matters no more."""
        if self.is_null:
            return True
        if self._nulled:
            while position is not None:
                if id(position) in self._nulled:
                    return True
                position = position[0]
        return False

    def wake(self, job: Job) -> None:
        """Go on with a job whose value has come."""
        self._ready.append(job)
        if self._done is not None:
            self._advance()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def info(self, spot: Spot, around: Position | None) -> GraphQLResolveInfo[Any]:
        """Return what graphql-core tells a resolver about the field of an object at a position."""
        return GraphQLResolveInfo(
            spot.name,
            spot.nodes,
            spot.definition.type,
            spot.parent,
            Path(path(around), spot.key, spot.parent.name),
            self.plan.schema,
            self.plan.fragments,
            self.root,
            self.plan.operation,
            self.variable_values(),
            self.context,
            is_awaitable,
            None,
            _HELPERS,
        )

    def variable_values(self) -> VariableValues:
        """Return the variables with their origins, as graphql-core keeps them."""
        if self._variable_values is None:
            plan = self.plan
            nodes = plan.operation.variable_definitions or ()
            values = get_variable_values(plan.schema, nodes, dict(self._raw_variables))
            assert isinstance(values, VariableValues)  # noqa: S101 - they were coerced before
            self._variable_values = values._replace(coerced=self.variables)
        return self._variable_values

    def interpreter(self) -> Executor[Any]:
        """Return graphql-core's executor of the same operation, with errors of its own."""
        plan = self.plan
        return Executor(
            plan.schema,
            plan.fragments,
            {name: FragmentDetails(node) for name, node in plan.fragments.items()},
            self.root,
            self.context,
            plan.operation,
            self.variable_values(),
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
        )

    async def _wait_for(self, job: Job) -> None:
        """Wait for the only job there is, which takes no task."""
        try:
            value = await job.awaitable
        except CancelledError:
            task = current_task()
            if task is None or task.cancelling():
                raise
            self._lose(job, Cancelled())
        except Exception as error:
            self._lose(job, error)
        else:
            self._keep(job, value)

    def _begin(self, job: Job) -> None:
        if self.is_void(job.position):
            settle([job.awaitable])
            return
        future = job.future = job.awaitable if type(job.awaitable) is Future else ensure_future(job.awaitable)
        self._outstanding.add(job)
        if future.done():
            self._ready.append(job)
        else:
            future.add_done_callback(job)

    def _resume(self, job: Job) -> None:
        assert job.future is not None  # noqa: S101 - it was started
        try:
            value = job.future.result()
        except CancelledError:
            self._lose(job, Cancelled())
        except Exception as error:
            self._lose(job, error)
        else:
            self._keep(job, value)

    def _keep(self, job: Job, value: Any) -> None:
        """Put a value in its place, once it is complete."""
        position = job.position
        if self.is_void(position):
            drop(value)
            return
        _, key, _, holder, _ = position
        try:
            holder[key] = job.complete(self, value, position)
        except Later as later:
            self._jobs.append(Job(self, job.spot, position, later.awaitable, later.complete))
        except Exception as error:
            self._lose(job, error)

    def _lose(self, job: Job, error: Exception) -> None:
        """Note that an awaited value will never come: the nearest place around it that may be null is null."""
        if self.is_void(job.position):
            return
        located = located_error(error, job.spot.nodes, path_of(job.position))
        position: Position | None = job.position
        while position is not None and not position[4]:
            position = position[0]
        if position is None:
            self.nullify(located)
            return
        _, key, _, holder, _ = position
        holder[key] = None
        self.errors.append(located)
        self._nulled[id(position)] = position
        self._abandon(self.is_void)

    def _abandon(self, is_void: Callable[[Position], bool]) -> None:
        """Stop waiting for values that nobody needs; a future that a resolver returned may be others' too."""
        for job in [job for job in self._outstanding if is_void(job.position)]:
            self._outstanding.discard(job)
            if job.future is not None:
                job.future.remove_done_callback(job)
                job.future.add_done_callback(forget if job.is_ours else hear)
                if job.is_ours and job.future.cancel():
                    self._ending.add(job.future)
                    job.future.add_done_callback(self._ending.discard)


def path(position: Position | None) -> Path | None:
    """Return the path of a position, as graphql-core keeps it."""
    if position is None:
        return None
    return Path(path(position[0]), position[1], position[2])


def path_of(position: Position | None) -> list[str | int]:
    """Return the path of a position."""
    keys: list[str | int] = []
    while position is not None:
        keys.append(position[1])
        position = position[0]
    keys.reverse()
    return keys


def _gather(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    return gather_with_cancel(*values)


_HELPERS = GraphQLResolveInfoHelpers(gather=_gather, track=settle)


def _unset(*_: object) -> Any:
    raise AssertionError("a spot is completed before it is compiled")
