"""``AttentionDecoder`` in float64 NumPy: row by row, from the equations."""

from dataclasses import dataclass

import numpy as np
from clauses import Array

import oracle

Weights = dict[str, Array]


@dataclass(frozen=True)
class Task:
    """The source, inputs and first state of one row of a batch.

    Args:
        memory: ``(keys, features)``.
        steps: The number of steps.
        memory_mask: ``(keys,)``, True where a key is valid.
        inputs: ``(steps, features)`` or None.
        inputs_mask: ``(steps,)``, True where a step is valid.
        previous: For each step the symbol that it reads as the one before; -1 for its
            own. None: always its own.
        state: The state before the first step.
        given: ``(heads, steps, keys)``, weights in place of its own, or None.
    """

    memory: Array
    steps: int
    memory_mask: Array
    inputs: Array | None
    inputs_mask: Array
    previous: Array | None
    state: list[Array]
    given: Array | None = None


@dataclass(frozen=True)
class Oracle:
    """A decoder with its weights, called as the layer is, on NumPy arrays."""

    weights: Weights
    cell: str = "gru"
    score: str = "additive"
    order: str = "bahdanau"
    num_heads: int = 1
    input_feeding: bool = False
    feedback: str | None = None

    @property
    def units(self) -> int:
        """The width of the state."""
        return self.weights["cell_kernel"].shape[0]

    def __call__(
        self,
        memory: Array,
        inputs: Array | None = None,
        *,
        steps: int | None = None,
        memory_mask: Array | None = None,
        inputs_mask: Array | None = None,
        previous: Array | None = None,
        initial_state: list[Array] | None = None,
        given: Array | None = None,
    ) -> tuple[Array, Array]:
        """Output ``(batch, steps, …)`` and weights ``(batch, heads, steps, keys)``."""
        batch, keys, _ = memory.shape
        steps = steps or inputs.shape[1]
        if memory_mask is None:
            memory_mask = np.ones((batch, keys), bool)
        if inputs_mask is None:
            inputs_mask = np.ones((batch, steps), bool)
        states = initial_state or [np.zeros((batch, self.units))] * 2
        rows = [
            self.row(
                Task(
                    np.where(memory_mask[i][:, None], memory[i], 0).astype(float),
                    steps,
                    memory_mask[i],
                    None if inputs is None else inputs[i].astype(float),
                    inputs_mask[i],
                    None if previous is None else previous[i],
                    [state[i].astype(float) for state in states],
                    None if given is None else given[i].astype(float),
                )
            )
            for i in range(batch)
        ]
        outputs, weights = zip(*rows, strict=True)
        return np.stack(outputs), np.stack(weights)

    def row(self, task: Task) -> tuple[Array, Array]:
        """One sequence: outputs ``(steps, …)``, weights ``(heads, steps, keys)``."""
        state, fed = task.state, np.zeros(self.units)
        prediction = self.nothing()
        outputs, weights = [], []
        for t in range(task.steps):
            if task.previous is not None and task.previous[t] >= 0:
                prediction = self.one_hot(task.previous[t])
            valid = task.inputs_mask[t]
            # A masked step is made of zeros and forgotten.
            x = None if task.inputs is None else task.inputs[t] * valid
            first = self.order == "bahdanau"
            attended = self.attend(state[0], task, t) if first else None
            new = self.advance(x, attended, fed, prediction, state)
            context, row = attended or self.attend(new[0], task, t)
            w, b = self.weights["output_kernel"], self.weights["output_bias"]
            output = np.tanh(np.concatenate([new[0], context]) @ w + b)
            symbols = self.predict(output)
            outputs.append(output if symbols is None else symbols)
            weights.append(row * valid)
            if not valid:
                continue
            state, fed, prediction = new, output, self.feed(symbols)
        return np.stack(outputs), np.stack(weights, axis=1)

    def attend(self, hidden: Array, task: Task, step: int) -> tuple[Array, Array]:
        """Context and weights ``(heads, keys)`` of the query of a step."""
        own = {
            name.removeprefix("score_"): weight
            for name, weight in self.weights.items()
            if name.startswith("score_")
        }
        plain = {"heads": self.num_heads} if "dot" in self.score else {}
        scores = getattr(oracle, self.score)(
            hidden[None, None], task.memory[None], **plain, **own
        )
        attention = oracle.masked_softmax(scores, task.memory_mask)[0, :, 0]
        if task.given is not None:
            attention = task.given[:, step]
        shares = np.split(task.memory, self.num_heads, axis=1)
        context = [row @ share for row, share in zip(attention, shares, strict=True)]
        return np.concatenate(context), attention

    def advance(
        self,
        x: Array | None,
        attended: tuple[Array, Array] | None,
        fed: Array,
        prediction: Array | None,
        state: list[Array],
    ) -> list[Array]:
        """The next state, as the books write the cell."""
        gate_inputs = self.weights["bias"].copy()
        if x is not None:
            gate_inputs += x @ self.weights["input_kernel"]
        if attended is not None:
            gate_inputs += attended[0] @ self.weights["context_kernel"]
        if self.input_feeding:
            gate_inputs += fed @ self.weights["output_gates_kernel"]
        if prediction is not None:
            gate_inputs += prediction @ self.weights["feedback_kernel"]
        own = state[0] @ self.weights["cell_kernel"]
        if self.cell == "gru":
            return self.gru(gate_inputs, own + self.weights["cell_bias"], state[0])
        return self.lstm(gate_inputs + own, state[1])

    @staticmethod
    def gru(gate_inputs: Array, own: Array, before: Array) -> list[Array]:
        """Update, reset and candidate."""
        (z, r, new), (own_z, own_r, own_new) = (
            np.split(gate_inputs, 3),
            np.split(own, 3),
        )
        keep, reset = sigmoid(z + own_z), sigmoid(r + own_r)
        return [keep * before + (1 - keep) * np.tanh(new + reset * own_new)]

    @staticmethod
    def lstm(gates: Array, memory: Array) -> list[Array]:
        """Enter, forget, candidate and leave."""
        enter, forget, candidate, leave = np.split(gates, 4)
        memory = sigmoid(forget) * memory + sigmoid(enter) * np.tanh(candidate)
        return [sigmoid(leave) * np.tanh(memory), memory]

    def predict(self, output: Array) -> Array | None:
        """The probabilities of the symbols, None where none are predicted."""
        if "prediction_kernel" not in self.weights:
            return None
        scores = output @ self.weights["prediction_kernel"]
        powers = np.exp(scores + self.weights["prediction_bias"])
        return powers / powers.sum()

    def feed(self, prediction: Array | None) -> Array | None:
        """The prediction as the next step reads it, None where it reads none."""
        if prediction is None or self.feedback is None:
            return None
        if self.feedback == "softmax":
            return prediction
        return self.one_hot(prediction.argmax())

    def nothing(self) -> Array | None:
        """The feedback that the first step reads."""
        return None if self.feedback is None else 0 * self.one_hot(0)

    def one_hot(self, symbol: int) -> Array:
        """1 at the symbol."""
        return np.eye(self.weights["prediction_bias"].shape[0])[symbol]


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``."""
    return 1 / (1 + np.exp(-x))
