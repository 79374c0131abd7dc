"""Replies: what is in them, what cuts them down, and that the library says the same."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pytest
from asgi_client import question, talk

import toy
import toy_pairs
from regard import plot
from regard.types import AttentionMap


@pytest.fixture
def ask(client):
    """The predictions of a model."""

    def ask(name, inputs, **more):
        reply = client.post(
            f"/v1/models/{name}/predict", json={"inputs": inputs, **more}
        )
        assert reply.status_code == 200, reply.text
        assert reply.json()["model"] == name
        return reply.json()["predictions"]

    return ask


def sums_to_one(row):
    """To the last digit, as decimal numbers."""
    return sum(Decimal(str(number)) for number in row) == 1


def same_label(answer, explanation):
    assert answer["label"] == explanation.label
    assert answer["tokens"] == list(explanation.tokens)
    assert answer["offsets"] == explanation.offsets.tolist()
    assert answer["weights"] == pytest.approx(explanation.weights, abs=1e-6)
    shares = dict(zip(explanation.labels, explanation.probabilities, strict=True))
    assert answer["probabilities"] == pytest.approx(shares, abs=1e-6)


def same_translation(answer, translation):
    assert answer["text"] == translation.text
    assert answer["tokens"] == list(translation.target_tokens)
    assert np.allclose(answer["alignment"], translation.alignment, rtol=0, atol=1e-6)
    # A sum of logarithms: float32 keeps it to a share of itself.
    assert answer["log_probability"] == pytest.approx(
        translation.log_probability, rel=1e-6, abs=1e-6
    )


def test_a_classifier_tells_what_explain_tells(ask, toy_classifier):
    text = "the <b>refund</b> 🙂 of my order"
    [answer] = ask("topics", text)
    same_label(answer, toy_classifier.explain(text))
    assert "".join(text[a:b] for a, b in answer["offsets"]) == "".join(answer["tokens"])


def test_a_translator_tells_what_translate_tells(ask, toy_translator):
    sources, _ = toy_pairs.sentences(6, seed=5)
    answers = ask("de-en", sources, n_best=2)
    expected = toy_translator.translate(sources, beam=2, n_best=2)
    for answer, source, best in zip(answers, sources, expected, strict=True):
        assert answer["tokens"] == source.split()
        assert [source[a:b] for a, b in answer["offsets"]] == source.split()
        for pair in zip(answer["translations"], best, strict=True):
            same_translation(*pair)


def test_a_reply_does_not_depend_on_what_else_is_in_its_batch(client, toy_classifier):
    texts, _ = toy.messages(90, seed=3)

    def ask(text):
        asked = {"inputs": text}
        reply = client.post("/v1/models/topics/predict", json=asked)
        return reply.json()["predictions"][0]

    with ThreadPoolExecutor(30) as clients:
        answers = list(clients.map(ask, texts))
    for answer, text in zip(answers, texts, strict=True):
        same_label(answer, toy_classifier.explain(text))
    assert largest_batch(client, "topics") > 1


def largest_batch(client, model):
    lines = client.get("/metrics").text.splitlines()
    counts = dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")
    name = f'{{model="{model}"}}'
    total = float(counts[f"regard_batch_size_sum{name}"])
    return total / float(counts[f"regard_batch_size_count{name}"])


def test_a_translation_is_searched_among_all_symbols(client, ask, monkeypatch):
    """A shortlist is that of a batch: it would depend on what else is asked for."""
    [source], _ = toy_pairs.sentences(1, seed=6)
    expected = ask("de-en", source)
    trained = client.app.state.models["de-en"].engine._trained
    # A dataclass that does not change any more.
    monkeypatch.setitem(trained.__dict__, "shortlist", object())
    assert trained.shortlist is not None
    assert ask("de-en", source) == expected


@pytest.mark.parametrize("name", ["topics", "de-en"])
def test_rows_sum_to_one_to_the_last_digit(ask, name):
    texts, _ = toy.messages(8, seed=4)
    for answer in ask(name, [text[:60] for text in texts]):
        if name == "topics":
            assert sums_to_one(answer["weights"])
            assert sums_to_one(answer["probabilities"].values())
        else:
            [best] = answer["translations"]
            assert all(sums_to_one(row) for row in best["alignment"])


def test_an_empty_text_is_one(ask):
    [answer] = ask("topics", "")
    assert answer["tokens"] == answer["weights"] == []
    [answer] = ask("de-en", " ")
    assert answer["tokens"] == []
    assert all(one["alignment"] == [] for one in answer["translations"])


def test_what_is_not_wanted_is_left_out(ask):
    [answer] = ask("topics", "my refund", weights=False)
    assert set(answer) == {"label", "probabilities", "truncated"}
    [answer] = ask("topics", "my refund", layers=[])
    assert "weights" not in answer
    [answer] = ask("de-en", "eins zwei", layers=[])
    assert "tokens" not in answer
    [answer] = ask("de-en", "eins zwei", weights=False)
    assert set(answer) == {"translations", "truncated"}
    assert "alignment" not in answer["translations"][0]


def test_a_layer_has_the_name_that_it_has_in_its_model(client, ask, toy_translator):
    listed = client.get("/v1/models").json()["models"][1]["layers"]
    assert listed == [toy_translator.trained.model.decoder.name]
    # What it was called here before is understood.
    for name in (*listed, "attention"):
        [answer] = ask("de-en", "eins zwei", layers=[name])
        assert answer["translations"][0]["alignment"]


def test_the_strongest_alone(ask):
    text = "the parcel of my order was in it"
    [whole] = ask("topics", text)
    [answer] = ask("topics", text, top_k=2, layers=["attention"])
    kept = sorted(np.argsort(whole["weights"])[-2:])
    assert answer["tokens"] == [whole["tokens"][index] for index in kept]
    assert answer["weights"] == [whole["weights"][index] for index in kept]
    assert next(iter(answer["probabilities"])) == answer["label"]
    assert len(answer["probabilities"]) == 2


def test_the_strongest_sources_alone(ask):
    [whole] = ask("de-en", "eins zwei drei")
    [answer] = ask("de-en", "eins zwei drei", top_k=1)
    [full], [cut] = whole["translations"], answer["translations"]
    assert "alignment" not in cut
    for row, strongest in zip(full["alignment"], cut["strongest"], strict=True):
        assert strongest == [{"source": int(np.argmax(row)), "weight": max(row)}]


def test_a_wider_beam_is_another_search(ask, toy_translator):
    source = "eins name9x9 drei zehn"
    for beam in (1, 2):
        [answer] = ask("de-en", source, beam=beam, n_best=5)
        assert len(answer["translations"]) == beam
        best = toy_translator.translate([source], beam=beam)[0][0]
        same_translation(answer["translations"][0], best)


def test_the_picture_is_that_of_plot(ask, toy_classifier):
    from regard.plot.text_page import text_article

    text = "<script>alert(1)</script> refund"
    [answer] = ask("topics", text, html=True)
    assert "<script" not in answer["html"]
    # Not the same bytes: the numbers may differ in their last digits.
    assert (
        answer["html"].split(">")[0]
        == text_article(toy_classifier.explain(text)).split(">")[0]
    )
    assert "style=" not in answer["html"]


@pytest.mark.parametrize("name", ["topics", "de-en"])
def test_the_heads_are_a_page_of_plot(ask, name):
    text = "</script><script>alert(1)</script> refund"
    [answer] = ask(name, text, heads_html=True, weights=False)
    [told] = answer.get("translations", [answer])
    assert "html" not in told
    assert told["heads_html"].startswith("<!doctype html>")
    # The script, the data and the weights of the page alone.
    assert told["heads_html"].count("<script") == 3
    [answer] = ask(name, "", heads_html=True)
    assert all("heads_html" not in one for one in answer.get("translations", [answer]))


def test_the_heads_of_a_classifier_are_its_own(ask, toy_classifier):
    text = "the refund of my order"
    [answer] = ask("topics", text, heads_html=True)
    weights = toy_classifier.trained.readings(
        [toy_classifier.trained.reader.read([text])[0].ids]
    )[0].weights
    seen = AttentionMap(weights, ("heads", "keys"), "attention")
    expected = plot.heads(seen, toy_classifier.explain(text).tokens)
    assert len(expected.layers[0].grids) == 2
    for figures in expected.figures.values():
        assert f"entropy {figures.entropy:.3f}" in answer["heads_html"]


def test_nothing_is_compiled_while_users_wait(client, ask):
    import jax

    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: compiled.append(name) if "backend_compile" in name else 0
    )
    texts, _ = toy.messages(8, seed=7)
    for count in (1, 3, 8):
        ask("topics", texts[:count])
        ask("de-en", [text[:70] for text in texts[:count]], beam=1)
        ask("de-en", [text[:20] for text in texts[:count]])
    assert not compiled
    # The same check sees a program that is new.
    jax.jit(lambda number: number + 41)(1)
    assert compiled


def test_a_client_that_leaves_frees_its_place(client, monkeypatch):
    model = client.app.state.models["topics"]
    asks, compute, left = threading.Event(), model.engine.compute, threading.Event()

    def compute_later(jobs):
        asks.set()
        assert left.wait(60)
        return compute(jobs)

    async def leave():
        gone = {"type": "http.disconnect"}
        return await talk(client.app, question(["a"]), gone)

    async def take_the_place_of_one_who_leaves():
        first = asyncio.create_task(talk(client.app, question(["b"])))
        await asyncio.to_thread(asks.wait, 60)
        gone = await leave()
        waiting = len(model.start())
        left.set()
        return (await first).status, gone.status, waiting

    monkeypatch.setattr(model.engine, "compute", compute_later)
    assert client.portal.call(take_the_place_of_one_who_leaves) == (200, 499, 0)


def test_a_client_that_leaves_while_sending_is_no_error(client):
    async def leave():
        half = {"type": "http.request", "body": b"{", "more_body": True}
        return await talk(client.app, half, {"type": "http.disconnect"})

    assert client.portal.call(leave).status == 499
