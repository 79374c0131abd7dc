"""Translate and look: encoder, decoder, a loop that writes, and the heatmap."""

import regard  # noqa: I001 - before Keras: where no backend is chosen it takes JAX

import keras
import numpy as np

START, UNITS = 1, 48
task = regard.tasks.get("reverse", length=6, cardinality=10)
train, test = task.split(3_000, 100, seed=0)


def ids_of(texts):
    """Symbols as numbers from 2 on; 0 is padding, 1 begins a target."""
    return np.array([[int(symbol) + 2 for symbol in text.split()] for text in texts])


sources, targets = ids_of(train.source_texts), ids_of(train.target_texts)
size = int(max(sources.max(), targets.max())) + 1
before = np.insert(targets[:, :-1], 0, START, axis=1)  # what is known at each step

keras.utils.set_random_seed(0)
source = keras.Input((None,), dtype="int32")
told = keras.Input((None,), dtype="int32")
embedded = keras.layers.Embedding(size, 32, mask_zero=True)(source)
memory = keras.layers.Bidirectional(keras.layers.GRU(UNITS, return_sequences=True))(
    embedded
)
written = keras.layers.Embedding(size, 32)(told)
decoder = regard.layers.AttentionDecoder(UNITS, score="additive", name="decoder")
model = keras.Model([source, told], keras.layers.Dense(size)(decoder(memory, written)))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.Adam(0.01), loss)
model.fit([sources, before], targets, batch_size=64, epochs=6, verbose=0)

observed = regard.observe(model)
question, gold = ids_of(test.source_texts), ids_of(test.target_texts)
length = gold.shape[1]

# Each pass gives a symbol more and the weights of all steps: no second model.
known = np.full((len(question), length), START)
for step in range(length):
    result = observed.predict([question, known], verbose=0)
    symbols = result.outputs[:, step].argmax(axis=-1)
    if step + 1 < length:
        known[:, step + 1] = symbols
answers = result.outputs.argmax(axis=-1)
print("right as a whole", np.mean((answers == gold).all(axis=1)))

weights = result.attention["decoder"].mean()  # the average over heads
on_gold = weights.weights[:, np.arange(length), np.arange(length)[::-1]].mean()
print(f"weight on the symbol that was written {on_gold:.2f}, evenly {1 / length:.2f}")

given = observed.predict([question, np.roll(before[:100], 1)], verbose=0)
wrong = given.outputs.argmax(axis=-1)
print("told the wrong symbols", np.mean((wrong == gold).all(axis=1)))

heatmap = regard.plot.alignment(
    weights.select(batch=0), test.source_texts[0].split(), test.target_texts[0].split()
)
heatmap.save("heatmap.html")
print(heatmap)

translator = regard.Translator(
    seed=0, units=32, embedding_units=32, epochs=6, dropout=0.0, learning_rate=0.01
)
translator.fit(train.source_texts[:1500], train.target_texts[:1500])
best = translator.translate(test.source_texts[0], beam=3)[0]
print(best.text, f"{best.log_probability:.2f}")
regard.plot.alignment(best).save("translation.html")
