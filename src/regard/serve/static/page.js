// Asks the service and shows what it says. What a result looks like is made by the
// renderer of regard.plot, on the server; here it is put in its place, and a written
// word lights up the words of the source it looked at.

const LEVELS = 25;
const find = (id) => document.getElementById(id);
const form = find("question");
const models = new Map();
let asking = null;

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

function address(asked) {
  const told = new URLSearchParams({ model: find("model").value, text: asked.inputs });
  if (asked.beam) {
    told.set("beam", asked.beam);
    told.set("best", asked.n_best);
  }
  return `#${told}`;
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
  showSearch();
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

function show(reply, asked) {
  const made = articles(reply.predictions[0]);
  const nothing = element("p", { textContent: "There is nothing to say about this text." });
  find("results").replaceChildren(...(made.length ? made : [nothing]));
  find("link").href = address(asked);
  find("link").hidden = false;
  history.replaceState(null, "", address(asked));
  find("status").textContent = "";
}

function complain(error) {
  find("results").replaceChildren();
  find("link").hidden = true;
  find("status").textContent = "";
  find("error").textContent = error.message;
  find("error").hidden = false;
}

async function ask() {
  asking?.abort();
  const mine = (asking = new AbortController());
  const button = form.querySelector("button");
  const asked = question();
  find("error").hidden = true;
  find("status").textContent = "Asking …";
  button.disabled = true;
  try {
    const name = encodeURIComponent(find("model").value);
    const response = await fetch(`v1/models/${name}/predict`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
      signal: mine.signal,
    });
    show(await read(response), asked);
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
  showSearch();
  fromAddress();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
find("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
find("model").addEventListener("change", showSearch);
find("beam").addEventListener("change", showCounts);
addEventListener("hashchange", fromAddress);
begin().catch(complain);
