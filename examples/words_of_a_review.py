"""Words and sentences of a review: a hierarchical attention network."""

import re  # noqa: I001 - regard before Keras: where no backend is chosen it takes JAX

import regard

import keras
import numpy as np

SENTENCES, WORDS = 6, 16
good = ["a lovely film", "funny and warm", "the cast is superb", "i laughed a lot"]
bad = ["a dull film", "slow and cold", "the cast is lost", "i fell asleep"]
neither = [
    "we saw it on friday",
    "it takes two hours",
    "the story is set in rome",
    "my brother came along",
    "there were few people",
]


def reviews(count, seed):
    """Two to five sentences that say nothing, and one that says it."""
    generator = np.random.default_rng(seed)
    texts, opinions, places = [], generator.integers(0, 2, count), []
    for opinion in opinions:
        number = generator.integers(2, 6)
        sentences = list(generator.choice(neither, number, replace=False))
        places.append(int(generator.integers(0, number + 1)))
        said = generator.choice(good if opinion else bad)
        sentences.insert(places[-1], said)
        texts.append(". ".join(sentences) + ".")
    return texts, opinions, places


def sentences_of(text):
    return [part.split() for part in re.split(r"[.!?]+\s*", text) if part]


train_texts, train_opinions, _ = reviews(1_500, seed=0)
vocabulary = sorted({w for t in train_texts for s in sentences_of(t) for w in s})
number_of = {word: number for number, word in enumerate(vocabulary, start=2)}


def ids_of(texts):
    """Words of sentences as numbers, 1 for unknown ones, filled up with 0."""
    ids = np.zeros((len(texts), SENTENCES, WORDS), "int32")
    for review, text in zip(ids, texts, strict=True):
        for row, sentence in zip(review, sentences_of(text), strict=False):
            for place, word in enumerate(sentence[:WORDS]):
                row[place] = number_of.get(word, 1)
    return ids


keras.utils.set_random_seed(0)
texts = keras.Input((SENTENCES, WORDS), dtype="int32")
x = keras.layers.Embedding(len(vocabulary) + 2, 24, mask_zero=True)(texts)
words = regard.layers.AttentionPooling("context", units=24, name="words")
x = keras.layers.TimeDistributed(words, name="each")(x)
x = keras.layers.Masking()(x)  # of sentences, for the GRU
x = keras.layers.Bidirectional(keras.layers.GRU(16, return_sequences=True))(x)
x = regard.layers.AttentionPooling("context", units=24, name="sentences")(x)
model = keras.Model(texts, keras.layers.Dense(1, activation="sigmoid")(x))
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
model.fit(ids_of(train_texts), train_opinions, epochs=3, verbose=0)

test_texts, test_opinions, places = reviews(300, seed=1)
result = regard.observe(model).predict(ids_of(test_texts), verbose=0)
print("right", np.mean((result.outputs[:, 0] > 0.5) == test_opinions))

of_sentences = result.attention["sentences"].mean().weights  # (reviews, sentences)
of_words = result.attention["each/words"].mean().weights  # (reviews, sentences, words)
told = of_sentences[np.arange(300), places].mean()
even = np.mean([1 / len(sentences_of(text)) for text in test_texts])
print(f"on the sentence that says it {told:.2f}, evenly it were {even:.2f}")

as_they_are = of_words / of_words.sum(axis=(1, 2), keepdims=True)
there = as_they_are[np.arange(300), places].sum(axis=1).mean()
print(f"by the weights of words alone {there:.2f}")

review = sentences_of(test_texts[0])
tokens = [word for sentence in review for word in sentence]
both = np.concatenate(
    [
        of_sentences[0, row] * of_words[0, row, : len(sentence)]
        for row, sentence in enumerate(review)
    ]
)
picture = regard.plot.text(tokens, both)
print(picture)
picture.save("review.html")
lines = [" ".join(sentence) for sentence in review]
regard.plot.bars(of_sentences[0, : len(review)], lines).save("sentences.html")
