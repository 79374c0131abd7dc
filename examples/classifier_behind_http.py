"""A trained LSTM behind HTTP: score and attention of one pass, not of two models."""

import json  # noqa: I001 - regard before Keras: where no backend is chosen it takes JAX
import threading
import time
import urllib.request

import regard

import keras
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

messages = regard.tasks.SupportMessages().sample(1_000, seed=0)
labels = sorted({one.label for one in messages})
words = sorted({word for one in messages for word in one.text.lower().split()})
number_of = {word: number for number, word in enumerate(words, start=2)}
LENGTH = 80


def ids_of(texts):
    """Words as numbers, 1 for unknown ones, filled up with 0."""
    ids = np.zeros((len(texts), LENGTH), "int32")
    for row, text in zip(ids, texts, strict=True):
        numbers = [number_of.get(word, 1) for word in text.lower().split()[:LENGTH]]
        row[: len(numbers)] = numbers
    return ids


keras.utils.set_random_seed(0)
tokens = keras.Input((LENGTH,), dtype="int32")
states = keras.layers.Embedding(len(words) + 2, 32, mask_zero=True)(tokens)
states = keras.layers.LSTM(32, return_sequences=True)(states)
pooled, weights = regard.layers.AttentionPooling("context", units=32, name="look")(
    states, return_attention_scores=True
)
answer = keras.layers.Dense(len(labels), activation="softmax")(pooled)
model = keras.Model(tokens, answer)
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
model.fit(
    ids_of([one.text for one in messages]),
    np.array([labels.index(one.label) for one in messages]),
    epochs=4,
    verbose=0,
)

weights_model = keras.Model(tokens, weights)
question = ids_of(["Hello, my parcel never arrived. Please help!"])


def two_models():
    return model.predict(question, verbose=0), weights_model.predict(
        question, verbose=0
    )


observed = regard.observe(model)


def one_pass():
    result = observed.predict_on_batch(question)
    return result.outputs, result.attention["look"].weights


def milliseconds(ask, times=20):
    ask()  # compiles
    begin = time.perf_counter()
    for _ in range(times):
        ask()
    return (time.perf_counter() - begin) / times * 1_000


for old, new in zip(two_models(), one_pass(), strict=True):
    print("the same numbers:", np.allclose(old, new, atol=1e-5))
print(f"two models {milliseconds(two_models):.1f} ms a question")
print(f"one pass   {milliseconds(one_pass):.1f} ms a question")


async def explain(request):
    text = (await request.json())["text"]
    result = observed.predict_on_batch(ids_of([text]))
    shown = text.split()[:LENGTH]
    look = result.attention["look"].select(batch=0, heads=0).weights
    return JSONResponse(
        {
            "scores": dict(zip(labels, result.outputs[0].tolist(), strict=True)),
            "tokens": shown,
            "weights": look[: len(shown)].tolist(),
        }
    )


app = Starlette(routes=[Route("/explain", explain, methods=["POST"])])
server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.05)
port = server.servers[0].sockets[0].getsockname()[1]

request = urllib.request.Request(
    f"http://127.0.0.1:{port}/explain",
    json.dumps({"text": "Hello, my parcel never arrived. Please help!"}).encode(),
    {"Content-Type": "application/json"},
)
with urllib.request.urlopen(request) as reply:  # noqa: S310 - our own address
    told = json.load(reply)
server.should_exit = True
thread.join()

print(max(told["scores"], key=told["scores"].get))
for token, weight in zip(told["tokens"], told["weights"], strict=True):
    print(f"{weight:.2f}  {token}")
regard.plot.text(told["tokens"], np.array(told["weights"])).save("why.html")
