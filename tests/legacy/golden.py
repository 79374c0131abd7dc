"""The golden cases: what the layers of their time gave, read from files."""

import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from old_files import OLD_FILES
from regard import legacy

ALL = sorted(
    f"{path.parent.name}/{path.stem}"
    for path in OLD_FILES.glob("*/*.json")
    if path.stem != "mask_bug_documentation"  # Documents what is not to be repeated.
)
# What the inputs of whole models are called, the first that a case has.
MODEL_INPUTS = (
    ("encoder_inputs", "decoder_inputs"),
    ("encoder_ids", "decoder_seq"),
    ("encoder_seq", "decoder_seq"),
    ("ids",),
    ("onehot",),
    ("x_raw",),
    ("x",),
)
# The names of a context in the golden files, whatever the layer.
CONTEXTS = ("context", "values", "attention_vector", "probabilities_y")
# And those of attention weights.
ATTENTIONS = ("attention", "energies", "attention_vec")


@dataclass(frozen=True)
class Golden:
    """One case."""

    name: str

    @property
    def kind(self):
        return self.name.split("/")[0]

    @cached_property
    def facts(self):
        return json.loads((OLD_FILES / f"{self.name}.json").read_text("utf-8"))

    @cached_property
    def arrays(self):
        with np.load(OLD_FILES / f"{self.name}.npz") as stored:
            return dict(stored)

    @property
    def options(self):
        return self.facts["options"]

    def file(self, suffix):
        return OLD_FILES / f"{self.name}{suffix}"

    @property
    def inputs(self):
        """The inputs of the layer itself."""
        names = ("encoder_seq", "decoder_seq")
        if f"in.{names[0]}" in self.arrays:
            return [self.arrays[f"in.{name}"] for name in names]
        return self.arrays["in.x"]

    @property
    def mask(self):
        return self.arrays.get("in.mask")

    def mask_for(self, layer):
        """The mask that reaches the layer."""
        if isinstance(layer, legacy.AttentionLayer):
            return None
        return self.mask

    @property
    def model_inputs(self):
        for names in MODEL_INPUTS:
            keys = [f"in.{name}" for name in names]
            if all(key in self.arrays for key in keys):
                inputs = [self.arrays[key] for key in keys]
                return inputs if len(inputs) > 1 else inputs[0]
        raise KeyError(self.name)

    @property
    def weights(self):
        """In their order in the file."""
        return {
            name.removeprefix("weight."): array
            for name, array in self.arrays.items()
            if name.startswith("weight.")
        }

    def expected(self, name, precision="out"):
        return self.arrays.get(f"{precision}.{name}")

    def context(self, precision="out"):
        return self._first(CONTEXTS, precision)

    def attention(self, precision="out"):
        return self._first(ATTENTIONS, precision)

    def _first(self, names, precision):
        expected = (self.expected(name, precision) for name in names)
        return next((array for array in expected if array is not None), None)

    @property
    def tolerance(self):
        """1e-5, but 5e-3 for rows of queries that are padding, where stated."""
        return 1e-5


# Padded queries with a padded window are computed at a magnitude of 1e4.
COARSE = {"seq_self_attention/additive_embedding_mask"}


def renamed(case, layer):
    """The golden weights under the names that the layer has for them."""
    weights = {}
    for name, array in case.weights.items():
        short = name.removesuffix(".kernel").removeprefix("attention.")
        weights[{"attention_score_vec": "luong_w"}.get(short, short)] = array
    return [weights[variable.name] for variable in layer.weights]


def assert_close(actual, expected, tolerance):
    """The numbers agree, whatever axes of length 1 there are."""
    np.testing.assert_allclose(
        np.reshape(actual, expected.shape), expected, rtol=0, atol=tolerance
    )


def make(case, **settings):
    """The layer of a case, unbuilt, as one would write it today."""
    return MAKERS[case.kind](case, **settings)


def _chosen(case, *names):
    return {name: case.options[name] for name in names if name in case.options}


def _kaggle(case, **settings):
    steps = case.arrays["in.mask" if case.mask is not None else "in.x"].shape[1]
    return legacy.KaggleAttention(
        steps,
        bias="b" in case.weights or "attention.b" in case.weights,
        return_attention=case.options.get("return_attention", False),
        **settings,
    )


def _with_context(case, **settings):
    return legacy.AttentionWithContext(
        bias="b" in case.weights,
        **_chosen(case, "variant", "return_coefficients"),
        **settings,
    )


def _version(case):
    return {"version": case.options["version"][:4]}


def _seq_self(case, **settings):
    names = ("units", "attention_width", "attention_type", "attention_activation")
    names += ("return_attention", "history_only", "attention_regularizer_weight")
    return legacy.SeqSelfAttention(
        **_chosen(case, *names), **_version(case), **settings
    )


def _seq_weighted(case, **settings):
    names = ("use_bias", "return_attention")
    return legacy.SeqWeightedAttention(
        **_chosen(case, *names), **_version(case), **settings
    )


def _decoder(case, **settings):
    return legacy.AttentionDecoder(
        case.options["units"], case.options["output_dim"], **settings
    )


def _many_to_one(case, **settings):
    return legacy.ManyToOneAttention(
        case.options["units"], case.options["score"], **settings
    )


MAKERS = {
    "kaggle_attention": _kaggle,
    "attention_with_context": _with_context,
    "thushv89_attention": lambda _, **settings: legacy.AttentionLayer(**settings),
    "philipperemy_attention": _many_to_one,
    "seq_self_attention": _seq_self,
    "seq_weighted_attention": _seq_weighted,
    "attention_decoder": _decoder,
    "prob_attention": lambda _, **settings: legacy.ProbAttention(**settings),
}
LAYER_CASES = [name for name in ALL if name.split("/")[0] in MAKERS]


def reading(case):
    """The options that a reader has to give for a case."""
    if case.kind == "attention_with_context":
        return {"variant": case.options["variant"]}
    return {"version": case.options["version"][:4]} if case.kind[:4] == "seq_" else {}
