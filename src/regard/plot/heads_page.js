"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("heads-data").textContent);
  const packed = atob($("heads-weights").textContent);
  const root = document.querySelector("main.regard");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const view = $("heads-view");
  const canvas = view.querySelector("canvas");
  const thumbs = [...document.querySelectorAll("button.thumb")];
  const choose = $("heads-query");
  const rows = [...document.querySelectorAll("#heads-table tbody tr")];
  const at = { head: 0, query: -1, key: -1, hover: null };
  let lines = true;
  let box = null;

  // A byte is 255 times the square root of the share of the head's largest weight.
  const heads = [];
  let offset = 0;
  for (const layer of data.layers) {
    for (const top of layer.tops) {
      const names = [data.names[layer.rows], data.names[layer.columns]];
      heads.push({ layer, top, offset, rows: names[0], columns: names[1] });
      offset += names[0].length * names[1].length;
    }
  }
  const shareOf = (byte) => (byte / 255) ** 2;
  const endOf = (head) => Math.max(head.top, Math.min(1, 4 / head.columns.length));
  const weight = (head, row, column) =>
    head.top *
    shareOf(packed.charCodeAt(head.offset + row * head.columns.length + column));
  const shown = (value) => value.toFixed(value < 0.0995 ? 3 : 2);
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const shades = () => (dark.matches ? data.dark : data.light);
  const level = (head, value) =>
    Math.round(Math.min(value / endOf(head), 1) * (data.light.length - 1));
  const place = (names, index) => `${names[index]} (${index})`;

  function drawThumb(canvas, head) {
    const [height, width] = [head.rows.length, head.columns.length];
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const steps = shades().map((shade) => {
      const [red, green, blue] = [1, 3, 5].map((n) => parseInt(shade.substr(n, 2), 16));
      return (255 << 24) | (blue << 16) | (green << 8) | red;
    });
    const table = new Uint32Array(256);
    for (let byte = 0; byte < 256; byte += 1) {
      table[byte] = steps[level(head, head.top * shareOf(byte))];
    }
    for (let index = 0; index < pixels.length; index += 1) {
      pixels[index] = table[packed.charCodeAt(head.offset + index)];
    }
    context.putImageData(image, 0, 0);
  }

  // What the picture is drawn with: the room of names, and the size of a row or cell.
  function measured(context, head) {
    const small = Math.max(head.rows.length, head.columns.length) > 40;
    const size = small ? 11 : 13;
    context.font = `${size}px ${getComputedStyle(root).fontFamily}`;
    const longest = (names) =>
      names.reduce((most, name) => Math.max(most, context.measureText(name).width), 0);
    const room = Math.min(view.clientWidth * 0.34, 150);
    const left = Math.ceil(Math.min(longest(head.rows), room)) + 8;
    const above = Math.ceil(Math.min(longest(head.columns), room)) + 8;
    const width = view.clientWidth - 2;
    if (lines) {
      const step = size + 6;
      const most = Math.max(head.rows.length, head.columns.length);
      const middle = Math.min(Math.max(width - left - above, 80), 460);
      return { size, step, left, right: left + middle, above: 6, width: left + middle + above,
        height: most * step + 12, cell: 0 };
    }
    const fitting = (width - left) / head.columns.length;
    const cell = Math.max(size, Math.min(26, Math.floor(fitting)));
    return { size, left, above, cell, step: cell, right: left,
      width: Math.max(left + cell * head.columns.length + 2, 60),
      height: above + cell * head.rows.length + 2 };
  }

  // Shorter lists stand in the middle of the longer one.
  const top = (names) => box.above + (box.height - 12 - names.length * box.step) / 2;
  const inRightToLeft = /[\u0591-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

  function write(context, name, x, y, align, room) {
    context.direction = inRightToLeft.test(name) ? "rtl" : "ltr";
    context.textAlign = align;
    let label = name;
    const fits = (text) => context.measureText(text).width <= room;
    if (!fits(label)) {
      let length = [...label].length;
      while (length > 1 && !fits(`${[...label].slice(0, length).join("")}…`)) length -= 1;
      label = `${[...label].slice(0, length).join("")}…`;
    }
    context.fillText(label, x, y);
  }

  function draw() {
    const head = heads[at.head];
    const scale = devicePixelRatio || 1;
    const context = canvas.getContext("2d");
    box = measured(context, head);
    canvas.width = Math.round(box.width * scale);
    canvas.height = Math.round(box.height * scale);
    canvas.style.width = `${box.width}px`;
    canvas.style.height = `${box.height}px`;
    context.scale(scale, scale);
    context.font = `${box.size}px ${getComputedStyle(root).fontFamily}`;
    context.textBaseline = "middle";
    (lines ? drawLines : drawCells)(context, head);
  }

  // Where all queries are drawn, each has the lines to its strongest keys.
  function leastShown(head, row) {
    const values = head.columns.map((_, column) => weight(head, row, column));
    return values.sort((a, b) => b - a)[Math.min(data.most, values.length) - 1];
  }

  function drawLines(context, head) {
    const active = at.hover || { query: at.query, key: -1 };
    const [rowTop, columnTop] = [top(head.rows), top(head.columns)];
    const middle = (start, index) => start + (index + 0.5) * box.step;
    const palette = shades();
    context.strokeStyle = color("--link");
    context.lineCap = "round";
    // Lines of one shade are one path: thousands of strokes take a second.
    const paths = palette.map(() => null);
    const [start, stop] = [box.left + 3, box.right - 3];
    const bend = (stop - start) * 0.35;
    for (let row = 0; row < head.rows.length; row += 1) {
      if (active.query >= 0 && active.query !== row) continue;
      const from = middle(rowTop, row);
      const least = active.query < 0 && active.key < 0 ? leastShown(head, row) : 0;
      for (let column = 0; column < head.columns.length; column += 1) {
        if (active.key >= 0 && active.key !== column) continue;
        const value = weight(head, row, column);
        const shade = level(head, value);
        if (!shade || value < least) continue;
        const to = middle(columnTop, column);
        paths[shade] = paths[shade] || new Path2D();
        paths[shade].moveTo(start, from);
        paths[shade].bezierCurveTo(start + bend, from, stop - bend, to, stop, to);
      }
    }
    paths.forEach((path, shade) => {
      if (!path) return;
      const share = shade / (palette.length - 1);
      context.globalAlpha = 0.06 + 0.94 * share;
      context.lineWidth = 0.5 + 3.5 * share;
      context.stroke(path);
    });
    context.globalAlpha = 1;
    for (const side of ["query", "key"]) {
      const isQuery = side === "query";
      const names = isQuery ? head.rows : head.columns;
      const start = isQuery ? rowTop : columnTop;
      names.forEach((name, index) => {
        const chosen = active[side] === index;
        const value = isQuery
          ? active.key >= 0 ? weight(head, index, active.key) : -1
          : active.query >= 0 ? weight(head, active.query, index) : -1;
        const shade = value >= 0 ? level(head, value) : 0;
        const [x, width] = isQuery ? [0, box.left] : [box.right, box.width - box.right];
        if (shade) {
          context.fillStyle = palette[shade];
          context.fillRect(x, start + index * box.step + 1, width, box.step - 2);
        }
        context.fillStyle = shade ? data[dark.matches ? "darkInk" : "lightInk"][shade] : color("--ink");
        write(context, name, isQuery ? box.left - 4 : box.right + 4, middle(start, index),
          isQuery ? "right" : "left", width - 6);
        if (chosen) outline(context, x + 1, start + index * box.step + 1, width - 2, box.step - 2);
      });
    }
  }

  function outline(context, x, y, width, height) {
    context.strokeStyle = color("--ink");
    context.lineWidth = 1.5;
    context.strokeRect(x, y, width, height);
  }

  function drawCells(context, head) {
    const palette = shades();
    const [rowCount, columnCount] = [head.rows.length, head.columns.length];
    const { cell, left, above } = box;
    for (let row = 0; row < rowCount; row += 1) {
      for (let column = 0; column < columnCount; column += 1) {
        context.fillStyle = palette[level(head, weight(head, row, column))];
        context.fillRect(left + column * cell, above + row * cell, cell, cell);
      }
    }
    context.strokeStyle = color("--line");
    context.lineWidth = 0.5;
    context.beginPath();
    for (let row = 0; row <= rowCount; row += 1) {
      context.moveTo(left, above + row * cell);
      context.lineTo(left + columnCount * cell, above + row * cell);
    }
    for (let column = 0; column <= columnCount; column += 1) {
      context.moveTo(left + column * cell, above);
      context.lineTo(left + column * cell, above + rowCount * cell);
    }
    context.stroke();
    const active = at.hover || at;
    context.fillStyle = color("--ink");
    head.rows.forEach((name, row) => {
      write(context, name, left - 4, above + (row + 0.5) * cell, "right", left - 6);
    });
    head.columns.forEach((name, column) => {
      context.save();
      context.translate(left + (column + 0.5) * cell, above - 4);
      context.rotate(-Math.PI / 2);
      write(context, name, 0, 0, "left", above - 6);
      context.restore();
    });
    if (active.query >= 0) {
      outline(context, left, above + active.query * cell, columnCount * cell, cell);
    }
    if (active.key >= 0) {
      outline(context, left + active.key * cell, above, cell, rowCount * cell);
    }
  }

  // What is under the pointer: a query, a key, or both.
  function under(event) {
    const head = heads[at.head];
    const edge = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - edge.left, event.clientY - edge.top];
    const inside = (value, names) => (value >= 0 && value < names.length ? value : -1);
    if (lines) {
      const query = inside(Math.floor((y - top(head.rows)) / box.step), head.rows);
      const key = inside(Math.floor((y - top(head.columns)) / box.step), head.columns);
      if (x < (box.left + box.right) / 2) return query < 0 ? null : { query, key: -1 };
      return key < 0 ? null : { query: -1, key };
    }
    const query = inside(Math.floor((y - box.above) / box.cell), head.rows);
    const key = inside(Math.floor((x - box.left) / box.cell), head.columns);
    return query < 0 ? null : { query, key };
  }

  function said(active) {
    const head = heads[at.head];
    const { query, key } = active;
    if (query >= 0 && key >= 0) {
      return `${place(head.rows, query)} looks at ${place(head.columns, key)} with ` +
        `${shown(weight(head, query, key))}`;
    }
    const count = query >= 0 ? head.columns.length : head.rows.length;
    const value = (index) =>
      query >= 0 ? weight(head, query, index) : weight(head, index, key);
    const order = [...Array(count).keys()].sort((a, b) => value(b) - value(a)).slice(0, 3);
    const names = query >= 0 ? head.columns : head.rows;
    const list = order.map((n) => `${place(names, n)} ${shown(value(n))}`).join(", ");
    if (query >= 0) return `${place(head.rows, query)} looks most at: ${list}`;
    if (key >= 0) return `${place(head.columns, key)} is looked at most by: ${list}`;
    const most = Math.min(data.most, head.columns.length);
    const keys = most === 1 ? "strongest key" : `${most} strongest keys`;
    const each = lines ? ` Now each query has lines to its ${keys}.` : "";
    return `Point at a token, or choose a query.${each}`;
  }

  function say() {
    const text = said(at.hover || at);
    if ($("heads-said").textContent !== text) $("heads-said").textContent = text;
  }

  function listKeys() {
    const head = heads[at.head];
    const body = $("heads-keys");
    body.replaceChildren();
    body.closest("details").hidden = at.query < 0;
    if (at.query < 0) return;
    $("heads-keys-of").textContent = `The strongest keys of ${place(head.rows, at.query)}`;
    const value = (index) => weight(head, at.query, index);
    const order = [...head.columns.keys()].sort((a, b) => value(b) - value(a));
    for (const index of order.slice(0, 10)) {
      const row = body.insertRow();
      const name = document.createElement("bdi");
      name.textContent = head.columns[index];
      row.insertCell().append(name);
      for (const text of [shown(value(index)), String(index)]) {
        const cell = row.insertCell();
        cell.className = "number";
        cell.textContent = text;
      }
    }
  }

  function listQueries() {
    const head = heads[at.head];
    const options = head.rows.map((name, index) => new Option(`${index}  ${name}`, index));
    choose.replaceChildren(new Option("all", -1), ...options);
    if (at.query >= head.rows.length) at.query = -1;
    if (at.key >= head.columns.length) at.key = -1;
    choose.value = at.query;
  }

  function changed() {
    at.hover = null;
    choose.value = at.query;
    draw();
    say();
    listKeys();
  }

  function open(number, isScrolled) {
    at.head = number;
    const { layer } = heads[number];
    const inLayer = number - layer.start;
    $("heads-title").textContent = `${layer.name}, head ${inLayer}`;
    $("heads-figures").textContent = layer.figures[inLayer];
    $("heads-end").textContent = shown(endOf(heads[number]));
    thumbs.forEach((thumb, index) => {
      thumb.setAttribute("aria-pressed", String(index === number));
      thumb.tabIndex = index === number ? 0 : -1;
    });
    rows.forEach((row) => {
      row.classList.toggle("open", Number(row.dataset.head) === number);
    });
    listQueries();
    changed();
    view.setAttribute("aria-label", `Attention of ${$("heads-title").textContent}`);
    const below = $("heads-opened").getBoundingClientRect().top > innerHeight * 0.75;
    if (isScrolled && below) $("heads-opened").scrollIntoView({ block: "start" });
  }

  function step(number, side) {
    const head = heads[at.head];
    const names = side === "query" ? head.rows : head.columns;
    at[side] = Math.max(0, Math.min(names.length - 1, at[side] + number));
    changed();
  }

  thumbs.forEach((thumb, number) => {
    thumb.addEventListener("click", () => open(number, true));
    thumb.addEventListener("keydown", (event) => {
      const { layer } = heads[number];
      const index = data.layers.indexOf(layer);
      const neighbour = (by) => {
        const next = data.layers[index + by];
        return next ? next.start + Math.min(number - layer.start, next.tops.length - 1) : number;
      };
      const next = {
        ArrowRight: number + 1, ArrowLeft: number - 1, Home: 0, End: thumbs.length - 1,
        ArrowDown: neighbour(1), ArrowUp: neighbour(-1),
      }[event.key];
      if (next === undefined || !thumbs[next]) return;
      event.preventDefault();
      open(next, false);
      thumbs[next].focus();
    });
  });
  document.querySelectorAll("#heads-table button.opens").forEach((button) => {
    button.addEventListener("click", () => {
      open(Number(button.closest("tr").dataset.head), false);
      $("heads-opened").scrollIntoView({ block: "start" });
    });
  });
  document.querySelectorAll("#heads-table th button").forEach((button) => {
    button.addEventListener("click", () => {
      const header = button.closest("th");
      const column = [...header.parentNode.children].indexOf(header);
      const rising = header.getAttribute("aria-sort") === "descending";
      document.querySelectorAll("#heads-table th[aria-sort]").forEach((other) => {
        other.removeAttribute("aria-sort");
      });
      header.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const number = (row) => {
        const value = parseFloat(row.children[column].dataset.value);
        return Number.isNaN(value) ? -Infinity : value;
      };
      rows.sort((a, b) => (rising ? 1 : -1) * (number(a) - number(b)));
      $("heads-table").tBodies[0].append(...rows);
    });
  });
  document.querySelectorAll('input[name="heads-look"]').forEach((input) => {
    input.addEventListener("change", () => {
      lines = input.value === "lines";
      changed();
    });
  });
  choose.addEventListener("change", () => {
    at.query = Number(choose.value);
    at.key = -1;
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    const found = under(event);
    const same = found && at.hover && found.query === at.hover.query && found.key === at.hover.key;
    if (same || (!found && !at.hover)) return;
    at.hover = found;
    draw();
    say();
  });
  canvas.addEventListener("pointerleave", () => {
    at.hover = null;
    draw();
    say();
  });
  canvas.addEventListener("click", (event) => {
    const found = under(event);
    const isSame = found && found.query === at.query && found.key === at.key;
    at.query = found && !isSame ? found.query : -1;
    at.key = found && !isSame ? found.key : -1;
    changed();
  });
  view.addEventListener("keydown", (event) => {
    const moves = {
      ArrowDown: [1, "query"], ArrowUp: [-1, "query"],
      ArrowRight: [1, "key"], ArrowLeft: [-1, "key"],
    };
    if (event.key === "Escape") {
      at.query = -1;
      at.key = -1;
      changed();
    } else if (moves[event.key]) {
      step(...moves[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  });

  const drawThumbs = () =>
    thumbs.forEach((thumb, number) => drawThumb(thumb.firstElementChild, heads[number]));
  dark.addEventListener("change", () => {
    drawThumbs();
    draw();
  });
  let width = view.clientWidth;
  addEventListener("resize", () => {
    if (view.clientWidth !== width) draw();
    width = view.clientWidth;
  });
  root.classList.add("drawn");
  drawThumbs();
  open(0, false);
})();
