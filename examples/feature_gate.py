"""Which column matters: a gate over the features, beside two ways that mislead."""

import regard  # noqa: I001 - before Keras: where no backend is chosen it takes JAX

import keras
import numpy as np

task = regard.tasks.get("column", columns=32, label=10)
train, test = task.sample(4_000, seed=0), task.sample(1_000, seed=1)

keras.utils.set_random_seed(0)
features = keras.Input((32,))
gated = regard.layers.FeatureAttention(name="gate")(features)
hidden = keras.layers.Dense(64, activation="relu", name="hidden")(gated)
model = keras.Model(features, keras.layers.Dense(1, activation="sigmoid")(hidden))
model.compile("adam", "binary_crossentropy")
model.fit(train.inputs, train.targets, epochs=20, verbose=0)

result = regard.observe(model).predict(test.inputs, verbose=0)
print("right", task.score(result.outputs[:, 0], test).accuracy)

gate = result.attention["gate"]
mean = gate.weights.mean(axis=(0, 1))
columns = [f"column {number}" for number in range(32)]
print(f"on column {mean.argmax()}: {mean.max():.2f}, evenly it were {1 / 32:.2f}")
regard.plot.bars(mean, columns, sort=True, most=8).save("gate.html")

untrained = regard.layers.FeatureAttention()
_, weights = untrained(test.inputs, return_attention_scores=True)
alone = np.asarray(keras.ops.convert_to_numpy(weights)).mean(axis=(0, 1))
print(f"a gate that has not learned: {alone.max():.2f} on column {alone.argmax()}")

first = np.abs(model.get_layer("hidden").get_weights()[0]).sum(axis=1)
first = first / first.sum()
print(f"sizes of weights: {first.max():.2f} on column {first.argmax()}")

swapped = test.inputs.copy()
swapped[:, 10] = np.random.default_rng(0).permutation(swapped[:, 10])
moved = model.predict(swapped, verbose=0)[:, 0]
print("right with column 10 shuffled", task.score(moved, test).accuracy)

activations = keras.Model(features, model.get_layer("hidden").output)
print("activations of any layer", activations.predict(test.inputs, verbose=0).shape)
