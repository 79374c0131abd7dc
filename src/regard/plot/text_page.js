"use strict";
(() => {
  const root = document.querySelector("main.regard");
  const list = root.querySelector(".cards");
  const cards = [...list.querySelectorAll("article")];
  const entries = [...root.querySelectorAll("nav li")];
  const { steps, faint, stops } = list.dataset;
  root.classList.add("scripted");

  const signed = (value, digits) =>
    `${value < 0 ? "-" : "+"}${Math.abs(value / 1000).toFixed(digits)}`;

  // Shade one text by one row of its numbers, as the page was shaded when it was made.
  function shade(section, row) {
    const isSigned = section.dataset.shade === "contributions";
    const words = [...section.querySelectorAll(".text [data-w]")];
    const values = section.dataset.rows.split(";")[row].split(",").map(Number);
    const sizes = values.map(Math.abs);
    const end = Number(section.dataset.ends.split(",")[row]);
    const shown = (value) => (isSigned ? signed(value, 3) : (value / 1000).toFixed(3));
    const ranked = values.map((_, place) => place).filter((place) => values[place]);
    ranked.sort((a, b) => sizes[b] - sizes[a]);
    const reached = new Set(ranked.slice(0, stops));
    words.forEach((word, place) => {
      const level = end ? Math.round(Math.min(sizes[place] / end, 1) * steps) : 0;
      const against = values[place] < 0;
      word.className = level ? `${against ? "n" : "w"}${level}` : "";
      if (against && level >= faint) word.classList.add("against");
      word.dataset.w = shown(values[place]);
      if (reached.has(place)) {
        word.tabIndex = 0;
        word.setAttribute(
          "aria-description",
          `${isSigned ? "adds" : "weight"} ${word.dataset.w}`,
        );
      } else {
        word.removeAttribute("tabindex");
        word.removeAttribute("aria-description");
      }
    });
    const ends = section.querySelectorAll(".legend>span");
    ends[0].textContent = isSigned ? shown(-end) : "0";
    ends[2].textContent = shown(end);
  }

  const names = new WeakMap();
  for (const section of list.querySelectorAll("[data-rows]")) {
    const choice = section.querySelector("select");
    const isSigned = section.dataset.shade === "contributions";
    const labels = isSigned ? JSON.parse(section.dataset.names) : [];
    names.set(section, labels);
    section.dataset.first = choice.selectedIndex;
    choice.addEventListener("change", () => {
      shade(section, choice.selectedIndex);
      const label = labels[choice.selectedIndex];
      if (!isSigned) return;
      const said = section.querySelector(".legend bdi");
      section.querySelector(".toward").textContent = label;
      said.textContent = label;
      const [share] = choice.selectedOptions[0].textContent.match(/ \([^()]*\)$/);
      said.nextSibling.data = said.nextSibling.data.replace(/^ \([^)]*\)/, share);
      const other = section.querySelector(".other");
      if (other) other.textContent = labels[1 - choice.selectedIndex];
    });
  }

  const bar = root.querySelector(".asks");
  if (!bar) return;
  const asked = Object.fromEntries(
    [...bar.querySelectorAll("[data-ask]")].map((each) => [each.dataset.ask, each]),
  );
  const told = root.querySelector("[role=status]");
  const valueOf = (name) => (asked[name] ? asked[name].value : "");
  const limit = (name, none) =>
    asked[name].value === "" ? none : Number(asked[name].value) / 100;
  const has = (places, place) => (places || "").split(" ").includes(place);
  const share = (card) => Number(card.dataset.p);

  const placeOf = (card) =>
    card.dataset.right ? parseInt(card.dataset.right, 10) : Number.MAX_SAFE_INTEGER;
  const orders = {
    "-p": (a, b) => share(b) - share(a),
    p: (a, b) => share(a) - share(b),
    label: (a, b) => Number(a.dataset.label) - Number(b.dataset.label),
    right: (a, b) => placeOf(a) - placeOf(b),
    wrong: (a, b) =>
      (b.dataset.verdict === "wrong") - (a.dataset.verdict === "wrong") ||
      share(b) - share(a),
  };

  function isAsked(card) {
    const { label, right, verdict } = card.dataset;
    // A hundredth of a per cent of room: what is shown is rounded.
    return (
      (!valueOf("label") || has(label, valueOf("label"))) &&
      (!valueOf("right") || has(right, valueOf("right"))) &&
      (!valueOf("verdict") || verdict === valueOf("verdict")) &&
      share(card) >= limit("from", 0) - 1e-4 &&
      share(card) <= limit("to", 1) + 1e-4
    );
  }

  function show() {
    const places = cards.map((_, place) => place);
    const order = orders[valueOf("order")];
    // Where nothing tells two apart, they stay as they came; so do those without one.
    if (order) {
      places.sort((a, b) => order(cards[a], cards[b]) || a - b);
    }
    let count = 0;
    for (const place of places) {
      const hidden = !isAsked(cards[place]);
      count += !hidden;
      for (const each of [cards[place], entries[place]]) each.hidden = hidden;
    }
    list.append(...places.map((place) => cards[place]));
    entries[0].parentNode.append(...places.map((place) => entries[place]));
    const all = told.dataset.of;
    told.textContent =
      count === cards.length ? `All ${all}.` : `${count.toLocaleString("en")} of ${all}.`;
  }

  function turn() {
    const label = valueOf("toward");
    for (const section of list.querySelectorAll("[data-shade=contributions]")) {
      if (!names.has(section)) continue;
      const choice = section.querySelector("select");
      const place = names.get(section).indexOf(label);
      const next = place < 0 ? Number(section.dataset.first) : place;
      if (next === choice.selectedIndex) continue;
      choice.selectedIndex = next;
      choice.dispatchEvent(new Event("change"));
    }
  }

  bar.addEventListener("input", (event) => {
    if (event.target === asked.toward) turn();
    else show();
  });
  bar.querySelector("button").addEventListener("click", () => {
    for (const each of Object.values(asked)) {
      each.value = { from: "0", to: "100" }[each.dataset.ask] || "";
    }
    turn();
    show();
  });
})();
