"""Recurrent sequence to sequence: an encoder, and a decoder that looks at it."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from regard._typing import Tensor
from regard._validate import check_choice, check_count, check_share
from regard.layers import GRU, LSTM, AttentionDecoder, DecoderState, PreparedMemory
from regard.ops import products_in, project
from regard.ops.products import PRODUCTS, products_asked

CELLS = {"gru": GRU, "lstm": LSTM}
# The logarithm of nothing, finite.
_NONE = -1e9
# A logit that is lower than any other, those of what a search leaves out too.
_LOWEST = -1e30
#: Where ``Seq2Seq.columns`` has more columns, it has a multiple of it.
WIDTH_STEP = 128


class EncodedSource(NamedTuple):
    """A source, ready for a decoder.

    Args:
        memory: What the decoder looks at.
        state: The state before the first step.
    """

    memory: PreparedMemory
    state: DecoderState


class OtherSymbols(NamedTuple):
    r"""What the logits of symbols that are left out add up to, nearly.

    With :math:`b_i` their biases, :math:`\mu` and :math:`C` the mean and covariance of
    their columns :math:`w_i`, each weighed by :math:`e^{b_i}`,

    .. math::
        \ln \sum_i e^{h w_i + b_i} \approx \ln \sum_i e^{b_i} + h \mu
        + \tfrac{1}{2} h C h^T,

    exact where the logits are normally distributed. Where their variance :math:`s^2` is
    more than :math:`2 \ln n`, the highest of :math:`n` make up the sum, and the last
    term is :math:`s \sqrt{2 \ln n} - \ln n`.

    Args:
        log_sum: Of the biases, ``()``.
        mean: ``(features,)``.
        covariance: ``(features, features)``.
        log_count: :math:`\ln n`, ``()``.

    References:
        Derrida: Random-energy model (1981), https://doi.org/10.1103/PhysRevB.24.2613.
    """

    log_sum: Tensor
    mean: Tensor
    covariance: Tensor
    log_count: Tensor

    @classmethod
    def of(cls, kernel: Tensor, bias: Tensor, symbols: Tensor) -> "OtherSymbols":
        """Those of all but some symbols.

        Args:
            kernel: ``(features, symbols)``, the columns of all symbols.
            bias: ``(symbols,)``.
            symbols: Those that are not among them.
        """
        kernel, bias = ops.cast(kernel, "float32"), ops.cast(bias, "float32")
        count = bias.shape[0]
        kept = ops.scatter(symbols[:, None], ops.ones_like(symbols), (count,)) > 0
        log_sum = ops.logsumexp(ops.where(kept, _NONE, bias))
        shares = ops.where(kept, 0.0, ops.exp(bias - log_sum))
        mean = ops.matmul(kernel, shares)
        spread = (kernel - mean[:, None]) * ops.sqrt(shares)
        covariance = ops.matmul(spread, ops.transpose(spread))
        log_count = math.log(max(count - symbols.shape[0], 1))
        return cls(log_sum, mean, covariance, ops.convert_to_tensor(log_count))

    def joined(self, logits: Tensor, features: Tensor) -> Tensor:
        """Logits in which padding, the first symbol, stands for the others as well.

        Args:
            logits: ``(…, symbols)``.
            features: ``(…, features)``, what the logits are made of.
        """
        features = ops.cast(features, "float32")
        spread = ops.matmul(features, self.covariance) * features
        variance = ops.sum(spread, axis=-1, keepdims=True)
        ends = 2 * self.log_count
        beyond = ops.sqrt(ends * ops.maximum(variance, ends)) - self.log_count
        more = ops.where(variance > ends, beyond, variance / 2)
        mean = ops.matmul(features, self.mean[:, None])
        logits = ops.cast(logits, "float32")
        others = ops.logaddexp(logits[..., :1], self.log_sum + mean + more)
        return ops.where(ops.arange(logits.shape[-1]) == 0, others, logits)


class OutputColumns(NamedTuple):
    """The part of the output layer that predicts some symbols.

    Args:
        kernel: ``(features, symbols)``.
        bias: ``(symbols,)``.
        others: The symbols that are left out; None: there are none.
    """

    kernel: Any
    bias: Any
    others: OtherSymbols | None = None


@keras.saving.register_keras_serializable(package="regard")
class Seq2Seq(keras.Model):
    r"""Recurrent sequence to sequence with attention.

    Embeddings, one or more recurrent encoder layers, an ``AttentionDecoder`` whose
    first state is :math:`\tanh` of a projection of the encoder's last one, and a
    projection of its output to the symbols of the target. Id 0 is padding.

    Args:
        source_symbols: The number of ids of the source.
        target_symbols: The number of ids of the target.
        units: The width of the encoder in each direction, and of the decoder.
        embedding_units: The width of both embeddings.
        cell: ``"gru"`` or ``"lstm"``.
        encoder_layers: The number of encoder layers.
        bidirectional: Whether the encoder reads in both directions.
        score: The score of the attention, as in ``AttentionDecoder``.
        order: ``"bahdanau"`` or ``"luong"``.
        num_heads: The number of heads.
        attention_units: The width of the additive score's hidden layer.
        input_feeding: Whether the output of a step is an input of the next.
        tie_embeddings: Whether the embedding of the target also is the projection to
            its symbols.
        dropout: The share of embedded symbols' features, of the features between
            encoder layers and of the output dropped in training.
        attention_dropout: The share of attention weights dropped in training.
        products: How training and searches multiply with the weights, as for
            ``regard.ops.products_in``: ``"float32"``, ``"bfloat16"`` or ``"auto"``. Set
            anew it holds for what is compiled from then on. Elsewhere, where weights
            are looked at or explained, it is float32.
        seed: What initial values and dropout depend on; None: on chance.
        **kwargs: What every Keras model takes: ``name``, ``dtype``.

    Call arguments:
        inputs: Source ids ``(batch, source)`` and the target moved by one, ``(batch,
            target)``, as a pair: the step that writes a symbol reads the one before.
        training: Whether dropout is on.

    Output shape:
        ``(batch, target, target_symbols)``, logits.

    References:
        Bahdanau, Cho, Bengio (2014), https://arxiv.org/abs/1409.0473. Tied
        embeddings: Press, Wolf (2016), https://arxiv.org/abs/1608.05859.
    """

    def __init__(
        self,
        source_symbols: int,
        target_symbols: int,
        units: int = 256,
        embedding_units: int = 256,
        *,
        cell: str = "gru",
        encoder_layers: int = 1,
        bidirectional: bool = True,
        score: str = "additive",
        order: str = "luong",
        num_heads: int = 1,
        attention_units: int | None = None,
        input_feeding: bool = True,
        tie_embeddings: bool = True,
        dropout: float = 0.3,
        attention_dropout: float = 0.0,
        products: str = "float32",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._settings: dict[str, Any] = {
            "source_symbols": check_count("source_symbols", source_symbols),
            "target_symbols": check_count("target_symbols", target_symbols),
            "units": check_count("units", units),
            "embedding_units": check_count("embedding_units", embedding_units),
            "cell": check_choice("cell", cell, CELLS),
            "encoder_layers": check_count("encoder_layers", encoder_layers),
            "bidirectional": bidirectional,
            "score": score,
            "order": order,
            "num_heads": num_heads,
            "attention_units": attention_units,
            "input_feeding": input_feeding,
            "tie_embeddings": tie_embeddings,
            "dropout": check_share("dropout", dropout),
            "attention_dropout": attention_dropout,
            "seed": seed,
        }
        self.products = check_choice("products", products, PRODUCTS)
        draw = _seeds(seed)
        self.source_embedding = _embedding(
            "source_embedding", source_symbols, embedding_units, draw()
        )
        self.target_embedding = _embedding(
            "target_embedding", target_symbols, embedding_units, draw()
        )
        self.encoder = [
            _recurrent(f"encoder_{index}", cell, units, bidirectional, draw())
            for index in range(encoder_layers)
        ]
        self.bridge = [
            keras.layers.Dense(
                units,
                activation="tanh",
                kernel_initializer=keras.initializers.GlorotUniform(draw()),
                name=f"bridge_{index}",
            )
            for index in range(2 if cell == "lstm" else 1)
        ]
        self.decoder = AttentionDecoder(
            units,
            cell,
            score,
            order,
            num_heads,
            attention_units=attention_units,
            input_feeding=input_feeding,
            dropout=attention_dropout,
            kernel_initializer=keras.initializers.GlorotUniform(draw()),
            recurrent_initializer=keras.initializers.Orthogonal(seed=draw()),
            seed=draw(),
            name="decoder",
        )
        width = embedding_units if tie_embeddings else target_symbols
        self.projection = keras.layers.Dense(
            width,
            kernel_initializer=keras.initializers.GlorotUniform(draw()),
            name="projection",
        )
        self.dropouts = {
            name: keras.layers.Dropout(dropout, seed=draw(), name=f"drop_{name}")
            for name in ("source", "target", "encoder", "output")
        }
        self.build()

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002 - all is known
        """Make all variables: every width is known without an input."""
        of = self._settings
        width = of["embedding_units"]
        memory = of["units"] * (2 if of["bidirectional"] else 1)
        self.source_embedding.build()
        self.target_embedding.build()
        for index, layer in enumerate(self.encoder):
            layer.build((None, None, memory if index else width))
        for layer in self.bridge:
            layer.build((None, memory))
        self.decoder.build((None, None, memory), (None, None, width))
        self.projection.build((None, None, of["units"]))
        if of["tie_embeddings"]:
            self.output_bias = self.add_weight(
                name="output_bias", shape=(of["target_symbols"],), initializer="zeros"
            )
        self.built = True

    @property
    def symbols(self) -> tuple[int, int]:
        """The numbers of ids of source and target."""
        return self._settings["source_symbols"], self._settings["target_symbols"]

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        """Logits of every step; see the class for arguments and shapes."""
        source, before = inputs
        with products_in(self.products if training else products_asked()):
            memory, mask, state = self._encode(source, training)
            embedded = self.dropouts["target"](
                self.target_embedding(before), training=training
            )
            output = self.decoder(
                memory,
                embedded,
                initial_state=state,
                memory_mask=mask,
                training=training,
            )
            return self.logits(self.dropouts["output"](output, training=training))

    def told(self, source: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and attention of every step where the target before it is told.

        Args:
            source: ``(batch, source)`` of ids; 0 is padding.
            before: ``(batch, target)``, the target moved by one.

        Returns:
            ``(batch, target, target_symbols)`` and ``(batch, heads, target, source)``.
        """
        memory, mask, state = self._encode(source, training=False)
        output, weights = self.decoder(
            memory,
            self.target_embedding(before),
            initial_state=state,
            memory_mask=mask,
            return_attention_scores=True,
        )
        return self.logits(output), weights

    def encode(self, source: Tensor) -> EncodedSource:
        """Read a source once, for many steps of ``step``.

        Args:
            source: ``(batch, source)`` of ids; 0 is padding.
        """
        memory, mask, state = self._encode(source, training=False)
        first = self.decoder.first_state(ops.shape(source)[0], state)
        return EncodedSource(self.decoder.prepare(memory, mask), first)

    def step(
        self,
        previous: Tensor,
        state: DecoderState,
        memory: PreparedMemory,
        columns: OutputColumns | None = None,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """Write one symbol.

        Args:
            previous: The symbols before, ``(batch, [hypotheses])``.
            state: That of the step before, each ``(batch, [hypotheses,] features)``.
            memory: The source.
            columns: Of the symbols that may be written; None: of all.

        Returns:
            Logits ``(batch, [hypotheses,] symbols)``, weights ``(batch, [hypotheses,]
            heads, source)`` and the next state.
        """
        output, weights, state = self.advance(previous, state, memory)
        return self.logits(output, columns), weights, state

    def advance(
        self,
        previous: Tensor,
        state: DecoderState,
        memory: PreparedMemory,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, DecoderState]:
        """As ``step``, up to what ``logits`` makes logits of.

        Args:
            previous: The symbols before, ``(batch, [hypotheses])``.
            state: That of the step before, each ``(batch, [hypotheses,] features)``.
            memory: The source.
            weights: ``(batch, [hypotheses,] heads, source)``, applied in place of its
                own in this step, the state before being what it is; None: its own.

        Returns:
            Output ``(batch, [hypotheses,] units)``, weights and the next state.
        """
        embedded = self.target_embedding(previous)
        return self.decoder.step(embedded, state, memory, weights)

    def _encode(
        self, source: Tensor, training: bool | None
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        mask = ops.not_equal(source, 0)
        states = self.source_embedding(source)
        states = self.dropouts["source"](states, training=training)
        last: list[Tensor] = []
        for index, layer in enumerate(self.encoder):
            if index:
                states = self.dropouts["encoder"](states, training=training)
            states, *last = layer(states, mask=mask, training=training)
        count = len(self.bridge)
        sides = [last[start : start + count] for start in range(0, len(last), count)]
        joined = (ops.concatenate(side, axis=-1) for side in zip(*sides, strict=True))
        first = [
            bridge(state) for bridge, state in zip(self.bridge, joined, strict=True)
        ]
        return states, mask, first

    def logits(self, output: Tensor, columns: OutputColumns | None = None) -> Tensor:
        """The logits of the target's symbols, of an output ``(…, units)``.

        Args:
            output: What ``advance`` gives.
            columns: Of the symbols whose logits are asked for; None: of all.
        """
        if self._settings["tie_embeddings"]:
            output = _affine(output, self.projection.kernel, self.projection.bias)
        kernel, bias, others = columns or self._all_columns()
        logits = _affine(output, kernel, bias)
        return logits if others is None else others.joined(logits, output)

    def columns(self, symbols: Tensor | None = None) -> OutputColumns:
        """What ``logits`` takes for these symbols alone.

        More than ``WIDTH_STEP`` become a multiple of it, so that what is asked of so
        many logits at a time needs no copy of them: the last ones are lower than any.

        Args:
            symbols: ``(symbols,)`` in rising order, the first of them padding; None:
                all.
        """
        kernel, bias, others = self._all_columns()
        kernel, bias = ops.convert_to_tensor(kernel), ops.convert_to_tensor(bias)
        if symbols is not None:
            others = OtherSymbols.of(kernel, bias, symbols)
            # Of a transposed table rows are taken.
            rows = ops.take(ops.transpose(kernel), symbols, axis=0)
            kernel, bias = ops.transpose(rows), ops.take(bias, symbols)
        count = bias.shape[0]
        more = -count % WIDTH_STEP
        if more and count > WIDTH_STEP:
            kernel = ops.pad(kernel, ((0, 0), (0, more)))
            bias = ops.pad(bias, ((0, more),), constant_values=_LOWEST)
        return OutputColumns(kernel, bias, others)

    def _all_columns(self) -> OutputColumns:
        if not self._settings["tie_embeddings"]:
            return OutputColumns(self.projection.kernel, self.projection.bias)
        table = self.target_embedding.embeddings
        return OutputColumns(ops.transpose(table), self.output_bias)

    def get_config(self) -> dict[str, Any]:
        """The arguments the model can be made anew from."""
        products = {"products": self.products}
        return {**super().get_config(), **self._settings, **products}


def _affine(features: Tensor, kernel: Any, bias: Any) -> Tensor:
    dtype = features.dtype
    return project(features, ops.cast(kernel, dtype), ops.cast(bias, dtype))


def _embedding(
    name: str, symbols: int, width: int, seed: int | None
) -> keras.layers.Embedding:
    """A table of vectors, about as long as 1 each at the start."""
    # No mask travels with it: the model makes the one mask that is needed.
    return keras.layers.Embedding(
        symbols,
        width,
        embeddings_initializer=keras.initializers.RandomNormal(
            stddev=width**-0.5, seed=seed
        ),
        name=name,
    )


def _recurrent(
    name: str, cell: str, units: int, bidirectional: bool, seed: int | None
) -> keras.layers.Layer:
    """A recurrent layer that gives all its states, and the last one by itself.

    Args:
        name: Its name.
        cell: One of ``CELLS``.
        units: Its width in each direction.
        bidirectional: Whether it reads in both directions.
        seed: What its initial values depend on.
    """
    layer = CELLS[cell](
        units,
        return_sequences=True,
        return_state=True,
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seed),
        seed=seed,
        name=name,
    )
    return keras.layers.Bidirectional(layer, name=name) if bidirectional else layer


def _seeds(seed: int | None) -> Callable[[], int | None]:
    """A function that gives a new seed at each call, or always None."""
    if seed is None:
        return lambda: None
    numbers = itertools.count(1_000_003 * seed)
    # No backend takes a wider seed.
    return lambda: next(numbers) % 2**31
