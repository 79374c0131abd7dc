// Asks the service and shows what it says. What a result looks like is made by the
// renderer of regard.plot, on the server; here it is put in its place, and a written
// word lights up the words of the source it looked at.

const LEVELS = 25;
const find = (id) => document.getElementById(id);
const form = find("question");
const models = new Map();
const NOTE = "The shade shows where the model looked, not why it decided.";
let asking = null;
let style = null;

function element(name, options = {}, ...children) {
  const made = Object.assign(document.createElement(name), options);
  made.append(...children);
  return made;
}

// What programs are told of the limit that was hit, in words for people.
const LIMITS = {
  characters: (most) => `This text is too long: ${most} characters are the most.`,
  tokens: (most) => `This text is too long: ${most} words and signs are the most.`,
  body_bytes: () => "This text is too long.",
  queue: () => "Many are asking at this moment. Try again in a while.",
  seconds: () => "The answer took too long. A shorter text takes less time.",
  read_seconds: () => "The text came too slowly. Try again.",
};

async function read(response) {
  const reply = await response.json().catch(() => null);
  if (response.ok && reply) return reply;
  const words = LIMITS[reply?.limit];
  if (words) throw new Error(words(Number(reply.allowed).toLocaleString("en")));
  throw new Error(reply?.detail ?? `The service answered ${response.status}.`);
}

// ---- the question, in the form and in the address ----

function chosen() {
  return models.get(find("model").value);
}

function question() {
  const asked = { inputs: find("text").value, html: true };
  if (chosen().beams.length) {
    asked.beam = Number(find("beam").value);
    asked.n_best = Number(find("best").value);
  }
  return asked;
}

function address(asked, model) {
  const told = new URLSearchParams({ model: model.name, text: asked.inputs });
  if (asked.beam) {
    told.set("beam", asked.beam);
    told.set("best", asked.n_best);
  }
  return `#${told}`;
}

function link(asked, model) {
  const told = address(asked, model);
  find("link").href = told;
  find("link").hidden = false;
  history.replaceState(null, "", told);
}

// ---- what is known of the model ----

const PERCENT = new Set(["accuracy", "macro_f1", "expected_calibration_error"]);
const NAMES = {
  macro_f1: "macro F1",
  expected_calibration_error: "calibration error",
  validation_loss: "loss",
};
const UNITS = { loss: "nats", validation_loss: "nats a symbol" };
const MOST_LABELS = 12;

function counted(number) {
  return number.toLocaleString("en");
}

function measured([name, value]) {
  const isShare = PERCENT.has(name) && value >= 0 && value <= 1;
  const shown = isShare ? `${(100 * value).toFixed(1)}\u00a0%` : value.toFixed(4);
  const called = NAMES[name] ?? name.replaceAll("_", " ");
  return [called, shown, UNITS[name]].filter(Boolean).join("\u00a0");
}

function isolated(texts) {
  return texts.flatMap((text, index) => [
    index ? ", " : "",
    element("bdi", { textContent: text }),
  ]);
}

function facts(about) {
  const known = [];
  const told = about.labels.slice(0, MOST_LABELS);
  const more = about.labels.length - told.length;
  if (told.length) {
    known.push(["Labels", isolated(told), more ? ` and ${counted(more)} more` : ""]);
  }
  if (about.source && about.target) {
    known.push(["From and to", isolated([about.source, about.target])]);
  }
  const day = about.trained?.match(/^\d{4}-\d\d-\d\d/)?.[0];
  const size = about.trained_on === null ? "" : `on ${counted(about.trained_on)} examples`;
  if (day || size) known.push(["Trained", [day, size].filter(Boolean).join(", ")]);
  const measures = Object.entries(about.measures).map(measured);
  if (measures.length) {
    const held = about.held_out ? `On ${counted(about.held_out)} held out` : "Measured";
    known.push([held, measures.join(", ")]);
  }
  if (about.max_tokens) known.push(["Reads", `${counted(about.max_tokens)} tokens at most`]);
  return known.map(([name, ...parts]) =>
    element("div", {}, element("dt", { textContent: name }), element("dd", {}, ...parts.flat())),
  );
}

function example(text) {
  const button = element("button", { type: "button", className: "example", dir: "auto", lang: "" });
  button.append(element("span", { textContent: text }));
  button.addEventListener("click", () => {
    find("text").value = text;
    ask();
  });
  return element("li", {}, button);
}

function showModel() {
  const { name, kind, about, trust } = chosen();
  find("about").hidden = false;
  find("about-name").textContent = name;
  find("about-kind").textContent = kind.replaceAll("-", " ");
  find("about-text").textContent = about.description;
  find("about-text").hidden = !about.description;
  find("facts").replaceChildren(...facts(about));
  find("about-trust").textContent = trust
    ? `Attention of this model: ${trust.sentence.replaceAll(" %", "\u00a0%")}.`
    : "Whether its attention may be read as reasons was not examined.";
  find("examples").replaceChildren(...about.examples.map(example));
  find("examples-field").hidden = !about.examples.length;
  showSearch();
}

function fill(select, values) {
  const before = select.value;
  select.replaceChildren(
    ...values.map((value) => element("option", { value, textContent: value })),
  );
  if (values.map(String).includes(before)) select.value = before;
}

function showSearch() {
  const { beams } = chosen();
  for (const field of document.querySelectorAll(".search")) {
    field.hidden = !beams.length;
  }
  fill(find("beam"), beams);
  showCounts();
}

function showCounts() {
  const most = Number(find("beam").value);
  fill(find("best"), [1, 2, 3, 4, 5].filter((count) => count <= most));
}

function choose(select, value) {
  if ([...select.options].some((option) => option.value === value)) {
    select.value = value;
  }
}

function fromAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  if (!told.has("text")) return;
  choose(find("model"), told.get("model"));
  showModel();
  choose(find("beam"), told.get("beam"));
  showCounts();
  choose(find("best"), told.get("best"));
  find("text").value = told.get("text");
  ask();
}

// ---- the answer ----

function drawn(html) {
  // The server escaped the texts, and its policy lets nothing in here run.
  const parsed = new DOMParser().parseFromString(html, "text/html");
  return document.importNode(parsed.querySelector("article"), true);
}

function level(weight) {
  return Math.round(Math.min(Math.max(weight, 0), 1) * (LEVELS - 1));
}

function strip(name, kind, tokens) {
  const words = tokens.map((token) =>
    element("span", { className: "word", textContent: token.trim() || "␣" }),
  );
  const label = element("span", { className: "soft", textContent: name });
  const line = element("div", { className: `strip ${kind}`, dir: "auto" }, label, ...words);
  return { line, words };
}

function strips(source, translation) {
  const from = strip("Source", "source", source);
  const written = strip("Written", "written", translation.tokens);
  const light = (row) => {
    from.words.forEach((word, index) => {
      const weight = row === null ? 0 : translation.alignment[row][index];
      const step = level(weight);
      word.className = step ? `word w${step}` : "word";
      word.title = step ? weight.toFixed(3) : "";
    });
    written.words.forEach((word, index) => word.classList.toggle("shown", index === row));
  };
  written.words.forEach((word, row) => {
    word.tabIndex = 0;
    word.setAttribute("aria-description", looked(source, translation.alignment[row]));
    word.addEventListener("pointerenter", () => light(row));
    word.addEventListener("focus", () => light(row));
    word.addEventListener("blur", () => light(null));
  });
  written.line.addEventListener("pointerleave", () => light(null));
  written.line.addEventListener("keydown", (event) => step(event, written.words));
  return element("div", { className: "strips" }, written.line, from.line);
}

function step(event, words) {
  const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!way) return;
  words[words.indexOf(event.target) + way]?.focus();
  event.preventDefault();
}

function looked(source, row) {
  const top = Math.max(...row);
  return `looked most at ${source[row.indexOf(top)]}, weight ${top.toFixed(3)}`;
}

function articles(prediction) {
  if (!prediction.translations) return [drawn(prediction.html)];
  return prediction.translations.map((translation) => {
    const article = drawn(translation.html);
    for (const cell of article.querySelectorAll("td[data-w]")) {
      cell.setAttribute("aria-label", cell.dataset.w);
    }
    const map = article.querySelector(".map");
    map?.before(strips(prediction.tokens, translation));
    return article;
  });
}

// ---- what can be done with an answer ----

function copyOf(drawn, name) {
  // One page that needs no network, as those of regard.plot are.
  const title = element("title", { textContent: name }).outerHTML;
  return (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; ' +
    "style-src 'unsafe-inline'\">\n" +
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n' +
    `${title}\n<style>\n${style}</style>\n</head>\n<body>\n<main class="regard">\n` +
    `${drawn}<p class="soft">${NOTE}</p>\n</main>\n</body>\n</html>\n`
  );
}

async function download(page, name) {
  const url = URL.createObjectURL(new Blob([await page()], { type: "text/html" }));
  element("a", { href: url, download: `${name}.html` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function copied(drawn, name) {
  style ??= await (await fetch("page.css")).text();
  return copyOf(drawn, name);
}

function downloader(what, page, name) {
  const button = element("button", {
    type: "button",
    className: "plain",
    textContent: `Download ${what}`,
  });
  button.addEventListener("click", () => download(page, name).catch(complain));
  return button;
}

// Of one question, asked at most once more.
function headsOf(asked, model) {
  let pages = null;
  return async (number) => {
    const { html, ...rest } = asked;
    pages ??= predict(model, { ...rest, weights: false, heads_html: true });
    try {
      const [prediction] = (await pages).predictions;
      return (prediction.translations?.[number] ?? prediction).heads_html;
    } catch (error) {
      pages = null;
      throw error;
    }
  };
}

function headsView(heads, number, model, name) {
  const each = `Each of the ${model.about.heads} heads`;
  const called = model.beams.length ? "As lines from word to word" : each;
  const view = element("details", { className: "heads" });
  const summary = element("summary", { textContent: called });
  const waiting = element("p", { className: "soft", textContent: "Drawing …" });
  view.append(summary, waiting);
  view.addEventListener("toggle", async () => {
    if (!view.open || view.querySelector("iframe")) return;
    try {
      const page = await heads(number);
      const frame = element("iframe", { title: called, srcdoc: page });
      frame.setAttribute("sandbox", "allow-scripts");
      const save = downloader("these heads", async () => page, `${name}-heads`);
      view.replaceChildren(summary, frame, element("p", {}, save));
    } catch (error) {
      waiting.textContent = error.message;
    }
  });
  return view;
}

function withMore(article, drawn, number, model, heads) {
  const name = `${model.name}-${number + 1}`;
  const hasHeads = model.beams.length || model.about.heads > 1;
  const page = () => copied(drawn, name);
  article.append(element("p", { className: "save" }, downloader("this picture", page, name)));
  if (hasHeads && article.querySelector(".scale")) {
    article.append(headsView(heads, number, model, name));
  }
  return article;
}

// What a shell takes as it is. Characters that would only turn what follows around are
// spelt out, which JSON allows.
function command(asked, model) {
  const { html, ...rest } = asked;
  const unseen = /[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
  const spelled = (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const body = JSON.stringify(rest).replace(unseen, spelled).replaceAll("'", "'\\''");
  return (
    `curl '${target(model)}' \\\n` +
    `  -H 'Content-Type: application/json' \\\n  -d '${body}'`
  );
}

function target(model) {
  return new URL(`v1/models/${encodeURIComponent(model.name)}/predict`, document.baseURI).href;
}

function show(reply, asked, model) {
  const heads = headsOf(asked, model);
  const [prediction] = reply.predictions;
  const drawn = (prediction.translations ?? [prediction]).map(({ html }) => html);
  const made = articles(prediction).map((article, number) =>
    withMore(article, drawn[number], number, model, heads),
  );
  const nothing = element("p", { textContent: "There is nothing to say about this text." });
  find("results").replaceChildren(...(made.length ? made : [nothing]));
  link(asked, model);
  find("command").hidden = false;
  find("command").querySelector("code").textContent = command(asked, model);
  find("copied").textContent = "";
  find("status").textContent = "";
}

function complain(error) {
  find("results").replaceChildren();
  find("link").hidden = find("command").hidden = true;
  find("status").textContent = "";
  find("error").textContent = error.message;
  find("error").hidden = false;
}

async function predict(model, asked, signal) {
  const response = await fetch(target(model), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(asked),
    signal,
  });
  return read(response);
}

async function ask() {
  asking?.abort();
  const mine = (asking = new AbortController());
  const button = form.querySelector("button");
  const [model, asked] = [chosen(), question()];
  find("error").hidden = true;
  find("status").textContent = "Asking …";
  button.disabled = true;
  try {
    show(await predict(model, asked, mine.signal), asked, model);
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  } finally {
    if (asking === mine) button.disabled = false;
  }
}

async function begin() {
  const told = await read(await fetch("v1/models"));
  for (const model of told.models) models.set(model.name, model);
  fill(find("model"), [...models.keys()]);
  find("model-field").hidden = models.size < 2;
  showModel();
  fromAddress();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
find("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
find("copy").addEventListener("click", async () => {
  const shown = find("command").querySelector("code");
  try {
    await navigator.clipboard.writeText(shown.textContent);
    find("copied").textContent = "Copied.";
  } catch {
    // Browsers let pages copy at addresses they trust only: https, and this machine.
    getSelection().selectAllChildren(shown);
    find("copied").textContent = "Selected: copy it with Ctrl and C.";
  }
});
find("model").addEventListener("change", showModel);
find("beam").addEventListener("change", showCounts);
addEventListener("hashchange", fromAddress);
begin().catch(complain);
