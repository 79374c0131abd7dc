"""Translators: sources erased and weights forced in one step, against by hand."""

import keras
import numpy as np
import pytest

import regard
import toy_pairs
from light_compilation import light_compilation, light_jit
from regard.errors import ArgumentError, DataError
from regard.text import SequenceVocabulary
from regard.text.padding import pad
from regard.text.special_ids import BEGIN_ID, END_ID
from regard.translation import TranslatorConfig
from regard.translation.artifact import TrainedTranslator
from regard.translation.seq2seq import Seq2Seq
from regard.trust import TrustReport, Verdict, examine, translator_subject
from regard.trust.examined_words import WORDS, drawn_words, function_ids
from regard.trust.subject import Baseline
from regard.trust.translator_subject import TranslatorSubject
from regard.trust.word_effects import choices, erased_figures
from regard.trust.word_groups import CONTENT, FUNCTION, NEITHER, word_groups
from regard.trust.writer import Steps, Writer

pytestmark = pytest.mark.backends

RANDOM = np.random.default_rng(0)
WORDS_OF = [f"w{number}" for number in range(40)]
# Words of few types, so that there are function words, and a sign.
LINES = [
    " ".join([*RANDOM.choice(WORDS_OF, RANDOM.integers(2, 7)), "."]) for _ in range(40)
]
LINES[0] = " ".join([*WORDS_OF, "."])
UNITS = 6


@pytest.fixture(autouse=True, scope="module")
def _light():
    with light_compilation():
        yield


def planted(change=None, **settings):
    """A translator whose weights do not vanish, with some of them changed."""
    vocabulary = SequenceVocabulary.train(LINES)
    size = len(vocabulary)
    chosen = {"units": UNITS, "embedding_units": 5, "num_heads": 2, **settings}
    model = Seq2Seq(size, size, **chosen, seed=0)
    generator = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(generator.normal(0, 0.8, variable.shape))
    if change is not None:
        change(model)
    config = TranslatorConfig(**chosen)
    trained = TrainedTranslator(vocabulary, vocabulary, config, 0, model)
    return regard.Translator.of(trained)


@pytest.fixture(scope="module")
def translator():
    return planted()


@pytest.fixture(scope="module")
def pairs(translator):
    """Some pairs as ids, what writing them gave, and steps of them."""
    trained = translator.trained
    sources, targets = (
        [each.ids for each in trained.source.encode(lines)]
        for lines in (LINES[1:4], LINES[4:7])
    )
    writer = Writer(trained.model)
    written = writer.write(sources, targets)
    pair, index = np.array([0, 0, 1, 2]), np.array([0, 2, 1, 2])
    target = np.array([written.targets[p][i] for p, i in zip(pair, index, strict=True)])
    steps = Steps(pair, index, target, written.probabilities[pair, index])
    return writer, sources, targets, written, steps


def softmax(scores):
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def told(model, sources, targets):
    """The probabilities of each step, targets being told; 0 masks a source token."""
    before = [np.concatenate([[BEGIN_ID], target]) for target in targets]
    width = [16, 16]
    padded = [
        pad(rows, len(rows), size)
        for rows, size in zip((sources, before), width, strict=True)
    ]
    logits = light_jit(lambda pair: model(pair, training=False))(padded)
    return softmax(keras.ops.convert_to_numpy(logits).astype(float))


def near(actual, expected, atol=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def test_given_targets_are_written_as_in_one_pass(translator, pairs):
    _, sources, targets, written, _ = pairs
    expected = told(translator.trained.model, sources, targets)
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        steps = len(target) + 1
        near(written.probabilities[row, :steps], expected[row, :steps])
        np.testing.assert_array_equal(written.targets[row], [*target, END_ID])
        assert not written.weights[row, :, :, len(source) :].any()


def test_its_own_target_is_that_of_greedy_search(translator):
    trained = translator.trained
    sources = [each.ids for each in trained.source.encode(LINES[:6])]
    written = Writer(trained.model).write(sources, None)
    for row, (best,) in enumerate(translator.translate(LINES[:6], beam=1)):
        ids = written.targets[row]
        ids = ids[ids != END_ID]
        assert tuple(trained.target.tokens(ids)) == best.target_tokens
        weights = written.weights[row, :, : len(ids), : len(sources[row])]
        near(weights.mean(axis=0), best.alignment)


def test_weights_forced_in_one_step_are_those_by_hand(translator, pairs):
    writer, sources, _, written, steps = pairs
    model = translator.trained.model
    own = written.weights[steps.pair, :, steps.index]
    generator = np.random.default_rng(2)
    other = softmax(generator.normal(size=own.shape)) * (own > 0)
    said = writer.forced(written, steps, np.stack([own, other], axis=1))
    # Its own weights give its own answer: the state before is what it was.
    assert said.largest[:, 0].max() < 1e-6
    assert np.abs(said.lost[:, 0]).max() < 1e-5
    assert not said.changed[:, 0].any()

    def value(name):
        decoder = {each.name: each for each in model.decoder.weights}
        return keras.ops.convert_to_numpy(decoder[name]).astype(float)

    # The cell of Luong's order is advanced before it looks: what it then is can be told
    # from a step under the model's own weights.
    state = keras.tree.map_structure(
        lambda each: keras.ops.convert_to_tensor(each[steps.pair, steps.index]),
        written.states,
    )
    previous = [
        written.before[p][i] for p, i in zip(steps.pair, steps.index, strict=True)
    ]
    padded = pad([sources[pair] for pair in steps.pair], len(steps), 16)
    _, _, after = light_jit(
        lambda previous, state, source: model.advance(
            previous, state, model.encode(source).memory
        )
    )(np.array(previous), state, padded)
    hiddens = keras.ops.convert_to_numpy(after.cell[0]).astype(float)
    for row, hidden in enumerate(hiddens):
        context = np.einsum("hk,hkd->hd", other[row], written.values[steps.pair[row]])
        context = context.reshape(-1)
        output = np.tanh(
            np.concatenate([hidden, context]) @ value("output_kernel")
            + value("output_bias")
        )
        logits = model.logits(output[None].astype("float32"))
        answer = softmax(keras.ops.convert_to_numpy(logits)[0].astype(float))
        before = steps.probabilities[row].astype(float)
        near(said.moved[row, 1], np.abs(answer - before).sum() / 2, 1e-6)
        near(said.largest[row, 1], np.abs(answer - before).max(), 1e-6)
        near(said.entropy[row, 1], -(answer * np.log(answer)).sum())
        symbol = steps.target[row]
        near(said.lost[row, 1], np.log(before[symbol] / answer[symbol]))
        assert said.changed[row, 1] == (answer.argmax() != before.argmax())
    assert said.moved[:, 1].max() > 0.05
    # There are two choices, and the first is what is said undisturbed.
    near(said.between, said.moved[:, [1, 1]], 1e-6)


@pytest.mark.parametrize("eraser", ["hole", "swap"])
def test_erased_sources_are_read_anew(translator, eraser):
    subject = TranslatorSubject(translator, LINES[1:4], LINES[4:7])
    made = eraser_of(subject, eraser)
    model = translator.trained.model
    words = np.arange(len(made.steps))
    generator = np.random.default_rng(3)
    keep = (generator.random(made.baseline.valid.shape) < 0.6) & made.baseline.valid
    # One word of which nothing is erased, and one of which everything is.
    keep[0], keep[1] = made.baseline.valid[0], False
    moved, lost, changed = made.answers(words, keep)
    assert moved[0] < 1e-6
    sources, erased, targets = [], [], []
    for word in words.tolist():
        pair = made.steps.pair[word]
        source = made.sources[pair]
        others = 0 if eraser == "hole" else made.swapped[pair, : len(source)]
        sources.append(source)
        erased.append(np.where(keep[word, : len(source)], source, others))
        targets.append(made.before[pair][1:])
    places = words, made.steps.index
    before = told(model, sources, targets)[places]
    after = told(model, erased, targets)[places]
    near(moved, np.abs(after - before).sum(axis=-1) / 2)
    symbols = words, made.steps.target
    near(lost, np.log(before[symbols] / after[symbols]), 1e-4)
    np.testing.assert_array_equal(changed, after.argmax(-1) != before.argmax(-1))


def eraser_of(subject, name):
    """The eraser that a subject makes for all of its pairs."""
    made = []
    plain = translator_subject.WordEraser

    def keeping(**arguments):
        made.append(plain(**arguments))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translator_subject, "WordEraser", keeping)
        subject.measure(np.arange(len(subject)), seed=0)
    return next(each for each in made if each.name == name)


def test_its_own_weights_give_the_words_of_a_decoder_that_looks_first():
    other = planted(
        cell="lstm",
        order="bahdanau",
        score="general",
        input_feeding=False,
        tie_embeddings=False,
        bidirectional=False,
    )
    measured = TranslatorSubject(other, LINES[1:4]).measure(np.arange(3), seed=0)
    assert measured.replay.max() < 1e-6
    assert measured.moved.min() > 1e-3


def test_what_is_forced_keeps_the_sum_and_the_place():
    weights = np.array([[[0.5, 0.3, 0.2, 0.0], [0.1, 0.8, 0.1, 0.0]]])
    baseline = Baseline(np.ones((1, 2)), weights, np.array([3]), None, {})
    shuffled = np.array([[[2, 0, 1, 0]] * 20])
    chances = type("Chances", (), {"shuffled": shuffled})
    own, zeroed, even, *others = choices(baseline, chances)[0]
    np.testing.assert_array_equal(own, weights[0])
    # The key that the heads look at most together is the second.
    near(zeroed, [[5 / 7, 0, 2 / 7, 0], [0.5, 0, 0.5, 0]], 1e-12)
    near(even, [[1 / 3, 1 / 3, 1 / 3, 0]] * 2, 1e-12)
    near(others[0], [[0.2, 0.5, 0.3, 0], [0.1, 0.1, 0.8, 0]], 1e-12)


def test_content_and_function_words_are_drawn_alike():
    group = np.array([FUNCTION] * 7 + [CONTENT] * 3 + [NEITHER])
    seen = set()
    for seed in range(80):
        noise = np.random.default_rng(seed).random(len(group))
        steps = drawn_words(group, noise, np.arange(10))
        assert len(steps) == WORDS
        assert (group[steps] == CONTENT).sum() == WORDS // 2
        assert steps == sorted(steps)
        seen |= set(steps)
    assert seen == set(range(10))
    # Where there are too few of one, more of the other; and the end as a last resort.
    assert len(drawn_words(np.full(5, FUNCTION), np.arange(5.0), np.arange(5))) == WORDS
    assert drawn_words(np.array([NEITHER]), np.zeros(1), np.array([], int)) == [0]


def test_function_words_are_frequent_types_and_signs(translator):
    vocabulary = translator.trained.target
    ids = function_ids(vocabulary)
    names = vocabulary.tokens(ids)
    assert "." in names
    assert len(ids) == (len(vocabulary) - 4) // 10
    assert function_ids(SequenceVocabulary.train(LINES, "character")) is None


class OffByOne:
    """Erasing the token after the one that is looked at makes words less probable."""

    baseline = Baseline(
        np.ones((2, 2)),
        np.array([[[0.1, 0.7, 0.1, 0.1]], [[0.8, 0.1, 0.1, 0.0]]]),
        np.array([4, 3]),
        None,
        {},
    )

    def answers(self, rows, keep):
        erased = (self.baseline.valid[rows] & ~keep).argmax(axis=1)
        is_after = erased == np.array([2, 1])[rows]
        return 0.5 * is_after, 2.0 * is_after, 1.0 * is_after


def test_weights_that_are_off_by_one_are_told_by_their_lag():
    erasure = type("Erasure", (), {"gain": {"attention": np.array([0.0, 1.0])}})
    figures = erased_figures(OffByOne(), erasure)
    # At the first and the last token there is nothing on one side.
    for lag, expected in ((-1, 0), (0, 0), (1, 2)):
        np.testing.assert_array_equal(figures[f"lag {lag}"], [expected, np.nan])
    np.testing.assert_array_equal(figures["lost erased_looked_at"], [0, 0])
    near(figures["lost erased_random"], [2 / 4, 2 / 3])
    np.testing.assert_array_equal(figures["lost erased_best"], [2, 2])
    np.testing.assert_array_equal(figures["changed erased_best"], [1, 1])
    np.testing.assert_array_equal(figures["reach"], [2, 2])


def test_groups_are_told_apart():
    changed = np.array([[1.0, 0.0, 1.0, np.nan], [1.0, 1.0, 0.0, 0.0]])
    words = {
        "group": np.array([[0.0, 0.0, 1.0, np.nan], [0.0, 2.0, 1.0, 1.0]]),
        "changed even": changed,
        "reach": np.where(np.isnan(changed), np.nan, changed + 0.01),
        "gain attention": changed,
        "gain leave_one_out": 2 * changed,
        "gain random": 0 * changed,
    }
    groups = word_groups(words, seed=0)
    values = {name: figures["changed even"].value for name, figures in groups.items()}
    assert values == pytest.approx(
        {"all": (2 / 3 + 1 / 2) / 2, "content": 0.75, "function": 0.5}
    )
    assert groups["content"]["prefix_alone"].value == pytest.approx(0.25)
    assert groups["function"]["words"].value == pytest.approx(0.5)


def no_look(model):
    """The decoder never uses what it looks at, nor what the encoder ended with."""
    kernel = next(w for w in model.decoder.weights if w.name == "output_kernel")
    values = keras.ops.convert_to_numpy(kernel).copy()
    values[model.decoder.units :] = 0
    kernel.assign(values)
    for variable in model.bridge[0].weights:
        variable.assign(np.zeros(variable.shape))


def test_a_decoder_that_ignores_the_source_is_no_explanation():
    report = examine(planted(no_look), LINES * 2, n=50, data="lines")
    assert report.verdict is Verdict.CANNOT_TELL
    assert report.gates["room"].interval.value < 1e-4
    assert report.groups["all"]["prefix_alone"].value == 1
    assert report.groups["all"]["moved shuffled"].value < 1e-6
    assert "50 pairs of lines" in report.sentence
    again = TrustReport.from_dict(report.to_dict())
    assert again.groups == report.groups
    assert again.sentence == report.sentence


def test_a_trained_translator_explains(toy_translator):
    sources, _ = toy_pairs.sentences(60, seed=3)
    report = examine(toy_translator, ["", *sources], n=50)
    assert report.verdict is Verdict.EXPLAINS, report.to_text()
    assert report.gates["replay"].interval.value < 1e-5
    figures = report.groups["all"]
    assert figures["lag 0"].low > max(figures["lag -1"].high, figures["lag 1"].high)
    assert figures["lost erased_looked_at"].low > figures["lost erased_random"].high
    # The source without a word is passed over.
    assert 0 not in {each.text for each in report.texts}


def test_the_same_whatever_is_measured_beside(translator):
    subject = TranslatorSubject(translator, LINES[1:12])
    together = subject.measure(np.array([2, 5, 7]), seed=4)
    alone = subject.measure(np.array([5]), seed=4)
    for name, figure in together.words.items():
        near(figure[1], alone.words[name][0], 1e-5)
    near(together.moved[1], alone.moved[0], 1e-6)
    other = subject.measure(np.array([5]), seed=5)
    assert np.abs(other.moved - alone.moved).max() > 1e-6


def test_wrong_pairs_are_refused(translator):
    with pytest.raises(ArgumentError, match="targets"):
        examine(translator, LINES[:3], targets=LINES[:2])
    with pytest.raises(DataError, match="no source"):
        examine(translator, ["", " "])
    with pytest.raises(ArgumentError, match="layer"):
        examine(translator, LINES[:3], layer="decoder")
