"""A step repeated over time on PyTorch, without Keras between its operations.

At the sizes of a step most of the time goes into what Keras does around an operation:
it converts, compares types and looks for symbolic tensors. All steps do the same to
tensors of the same shapes. So the first one is run and listened to, and the others
repeat its calls of PyTorch, which differentiates them as it does any.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any, NamedTuple

import torch
from keras import tree
from torch.overrides import TorchFunctionMode

from regard.ops.scan.step import Nest, Step, StepPart, bind_parts

# What may be asked of a tensor besides its attributes: the answer is the same in each
# step. Anything else that is no tensor could depend on the numbers of the first one.
_ANSWERED_BY_SHAPE = frozenset(
    {"dim", "size", "numel", "stride", "__len__", "is_floating_point", "is_complex"}
)
# Without a tensor among their arguments, they give the same in each step.
_CONSTANTS = frozenset({"as_tensor", "tensor", "zeros", "ones", "full", "arange"})
# Where the type is right they give the tensor itself.
_CONVERSIONS = frozenset({"to", "long", "int", "float", "bool"})


def unroll(
    step: Step, parts: Mapping[str, StepPart], arguments: tuple[Nest, ...]
) -> tuple[Nest, Nest] | None:
    """Run a step over time, as ``regard.ops.scan.unroll`` promises.

    Args:
        step: The step.
        parts: Its parts.
        arguments: The fixed operands, carry, inputs, marks and constants.

    Returns:
        None where the steps cannot be repeated: in a program that is being compiled or
        vectorised, or where a step asks for the numbers in a tensor.
    """
    fixed, carry, inputs, marks, constants = arguments
    over_time = tree.flatten((inputs, marks))
    staying = tree.flatten((dict(fixed), constants))
    start = tree.flatten(carry)
    count = len(over_time[0])
    if not count or not are_plain([*start, *over_time, *staying]):
        return None
    steps = list(zip(*(tensor.unbind(0) for tensor in over_time), strict=True))
    # Of one tensor that is given twice, both states go their own way.
    moving = [tensor.view_as(tensor) for tensor in (*start, *steps[0])]
    recording = _Recording(moving, staying)
    at = tree.pack_sequence_as((inputs, marks), moving[len(start) :])
    apply = bind_parts(parts, fixed)
    with recording:
        first = step(
            apply, tree.pack_sequence_as(carry, moving[: len(start)]), *at, constants
        )
    results = tree.flatten(first)
    repeat = recording.program(results)
    if repeat is None:
        return None
    written = [results[len(start) :]]
    for at_step in steps[1:]:
        results = repeat(*results[: len(start)], *at_step)
        written.append(results[len(start) :])
    after, output = first
    stacked = [torch.stack(each) for each in zip(*written, strict=True)]
    return (
        tree.pack_sequence_as(after, results[: len(start)]),
        tree.pack_sequence_as(output, stacked),
    )


def unroll_while(
    step: Callable[[Any, Nest], tuple[Nest, Nest]],
    goes_on: Callable[[Any, Nest], Any],
    carry: tuple[Any, Nest],
    blank: Nest,
    constants: Nest,
) -> tuple[Nest, Nest, Any] | None:
    """Run a step, as ``regard.ops.scan.unroll_while`` promises.

    Args:
        step: The step.
        goes_on: Whether there is another one.
        carry: The number of the first step, and what it starts from.
        blank: Outputs of no step.
        constants: The tensors that both read besides.

    Returns:
        None where the numbers of tensors cannot be asked for.
    """
    start = tree.flatten(carry)
    staying = [leaf for leaf in tree.flatten(constants) if leaf is not None]
    if not are_plain([*start, *staying]):
        return None
    if not bool(goes_on(*carry)):
        return carry[1], blank, carry[0]

    def once(*moving: Any) -> list[Any]:
        number, before = tree.pack_sequence_as(carry, moving)
        after, outputs = step(number, before)
        return tree.flatten((goes_on(number + 1, after), number + 1, after, outputs))

    moving = [tensor.view_as(tensor) for tensor in start]
    recording = _Recording(moving, staying)
    with recording:
        results = once(*moving)
    repeat = recording.program(results) or once
    end = 1 + len(start)
    written = [results[end:]]
    while bool(results[0]):
        results = repeat(*results[1:end])
        written.append(results[end:])
    number, after = tree.pack_sequence_as(carry, results[1:end])
    begin = int(carry[0])
    stacked = [
        torch.cat([before[:begin], torch.stack(each)]) if begin else torch.stack(each)
        for before, each in zip(
            tree.flatten(blank), zip(*written, strict=True), strict=True
        )
    ]
    return after, tree.pack_sequence_as(blank, stacked), number


def are_plain(leaves: Sequence[Any]) -> bool:
    """Whether there are numbers in all tensors, and nothing else is listening."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    return all(
        leaf is None
        or (
            type(leaf) in {torch.Tensor, torch.nn.Parameter}
            and not leaf.is_meta
            and not torch._C._functorch.is_functorch_wrapped_tensor(leaf)
        )
        for leaf in leaves
    )


class _Call(NamedTuple):
    """A call that is repeated.

    Args:
        function: What is called.
        arguments: The places of its arguments.
        names: The names of those that are given by name, which come last.
        result: The place of its result, or those of its results.
    """

    function: Callable[..., Any]
    arguments: tuple[int, ...]
    names: tuple[str, ...]
    result: int | tuple[int, ...]


class _Recording(TorchFunctionMode):
    """Listens to the calls of a step.

    Every value has a place: the tensors that move, those that stay, the constants, and
    the results of the calls.

    Args:
        moving: The carry and the inputs of the step.
        staying: What is the same in all steps.
    """

    def __init__(self, moving: Sequence[Any], staying: Sequence[Any]) -> None:
        super().__init__()
        # They also keep tensors alive, so that no other one gets the same id.
        self._values: list[Any] = []
        self._places: dict[int, int] = {}
        self._calls: list[_Call] = []
        self._moving = len(moving)
        self._repeatable = True
        self._keeps_gradients = torch.is_grad_enabled()
        for tensor in (*moving, *staying):
            self._place_result(tensor)

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call, and write the call down."""
        del types
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self._repeatable:
            self._write_down(func, args, kwargs, result)
        return result

    def program(self, results: Sequence[Any]) -> Callable[..., list[Any]] | None:
        """What maps the moving tensors of another step to its results, or None."""
        places = [self._places.get(id(result)) for result in results]
        if not self._repeatable or None in places:
            return None
        values, moving = self._values, self._moving
        # Nothing of the first step is kept but what stays.
        for call in self._calls:
            at = call.result if isinstance(call.result, tuple) else (call.result,)
            for place in at:
                values[place] = None
        repeated = list(starmap(_repeated, self._calls))

        def run(*tensors: Any) -> list[Any]:
            now = values.copy()
            now[:moving] = tensors
            for repeat in repeated:
                repeat(now)
            return [now[place] for place in places]  # type: ignore[index]  # none is None

        return run

    def _write_down(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        name = getattr(func, "__name__", "")
        several = isinstance(result, (tuple, list))
        tensors = list(result) if several else [result]
        if not all(isinstance(each, torch.Tensor) for each in tensors) or not tensors:
            # An attribute's getter has this name.
            self._repeatable = name == "__get__" or name in _ANSWERED_BY_SHAPE
            return
        if name in _CONVERSIONS and args and result is args[0]:
            # It has the type already, as it will have in each step.
            return
        if _changes_in_place(name, kwargs):
            self._repeatable = False
        if self._keeps_gradients != torch.is_grad_enabled():
            # Within an operator with a gradient of its own.
            self._repeatable = False
        if name in _CONSTANTS and not _holds_tensor((*args, *kwargs.values())):
            self._place_result(result)
            return
        given = [self._place(each) for each in (*args, *kwargs.values())]
        places = tuple(map(self._place_result, tensors))
        result_at = places if several else places[0]
        self._calls.append(_Call(func, tuple(given), tuple(kwargs), result_at))

    def _place(self, argument: Any) -> int:
        """The place of an argument of a call."""
        if isinstance(argument, torch.Tensor):
            place = self._places.get(id(argument))
            if place is None:
                # It was made where nobody listened.
                self._repeatable = False
            return place or 0
        self._values.append(argument)
        place = len(self._values) - 1
        if isinstance(argument, (tuple, list)) and _holds_tensor(argument):
            members = tuple(self._place(each) for each in argument)
            together = _as_list if isinstance(argument, list) else _as_tuple
            self._calls.append(_Call(together, members, (), place))
        return place

    def _place_result(self, result: Any) -> int:
        self._values.append(result)
        self._places[id(result)] = len(self._values) - 1
        return len(self._values) - 1


def _repeated(
    function: Callable[..., Any],
    arguments: tuple[int, ...],
    names: tuple[str, ...],
    result: int | tuple[int, ...],
) -> Callable[[list[Any]], None]:
    """A call as a function of all values, among which it writes its result."""
    count = len(arguments) - len(names)
    given = _picker(arguments[:count])
    named = _picker(arguments[count:])

    def call(values: list[Any]) -> None:
        if names:
            more = dict(zip(names, named(values), strict=True))
            outcome = function(*given(values), **more)
        else:
            outcome = function(*given(values))
        if isinstance(result, int):
            values[result] = outcome
        else:
            for place, each in zip(result, outcome, strict=True):
                values[place] = each

    return call


def _picker(places: tuple[int, ...]) -> Callable[[list[Any]], tuple[Any, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_holds_tensor, value))
    return isinstance(value, torch.Tensor)


def _changes_in_place(name: str, kwargs: Mapping[str, Any]) -> bool:
    if name.endswith("__"):
        return name.startswith("__i") and name != "__invert__"
    return name.endswith("_") or kwargs.get("out") is not None


def _as_list(*members: Any) -> list[Any]:
    return list(members)


def _as_tuple(*members: Any) -> tuple[Any, ...]:
    return members
