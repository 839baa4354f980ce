// The place of sentiment: a file of reviews is looked at, its columns are matched, and it is sent from here, because
// Gradio's own upload has no owner and stays shut.
"use strict";

(() => {
  const { ask, bridges, byId, here, inline, word } = window.ondol;
  const LOOK_EVERY_MS = 2500;
  const ROLES = ["text", "id", "restaurant", "date", "rating"];
  const WHOLE_BELOW = 8 << 20; // larger text files are judged by their beginning
  const BEGINNING = 4 << 20;
  const JUDGED_ROWS = 200; // a text file with more is not read to its end
  const CUTTABLE = /\.(csv|tsv|txt|jsonl|ndjson)$/i;
  bridges.s = "sentiment";

  let chosen = null; // { file, shape, count, isExact }
  let request = null; // what is on its way
  let aspects = null; // name -> whether it is asked about

  const setup = () => byId("reviews-setup");
  const isOpen = () => document.body.dataset.place === "sentiment";
  const limitMb = () => Number([...(setup()?.classList ?? [])].find((name) => name.startsWith("limit-"))?.slice(6) ?? 0);
  const filled = (key, fields) => Object.entries(fields).reduce((text, [name, value]) => text.replace(`{${name}}`, value), word(key));

  function element(tag, css, text) {
    const made = document.createElement(tag);
    if (css) made.className = css;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function button(css, text, pressed) {
    const made = element("button", css, text);
    made.type = "button";
    made.addEventListener("click", pressed);
    return made;
  }

  function paint(...parts) {
    setup()?.querySelector(".setup-here").replaceChildren(...parts);
  }

  function refuse(text) {
    const line = element("div", "notice notice-error");
    line.setAttribute("role", "alert");
    line.append(element("span", "", text));
    return line;
  }

  function forget() {
    chosen = null;
    byId("reviews-preview")?.replaceChildren();
  }

  // --- sending -------------------------------------------------------------------------------------------

  // XMLHttpRequest, because fetch tells nothing about how far an upload is.
  function send(path, file, fields, key, done) {
    request?.abort();
    const mine = new XMLHttpRequest();
    request = mine;
    const row = element("div", "sending");
    const meter = element("span", "meter-bar");
    const fill = element("i");
    meter.append(fill);
    row.append(element("span", "name", file.name), meter, element("span", "state", word(key)));
    row.append(button("button", word("cancel"), () => mine.abort()));
    paint(row);
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", file, file.name);
    mine.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) fill.style.width = `${Math.round((100 * event.loaded) / event.total)}%`;
    });
    const finished = (what) => {
      if (request === mine) {
        request = null;
        what();
      }
    };
    mine.addEventListener("load", () =>
      finished(() => {
        let told = {};
        try {
          told = JSON.parse(mine.responseText);
        } catch {
          /* not ours: an answer of a proxy in between */
        }
        if (mine.status < 300) done(told);
        else failed(told.detail ?? word("reviews_lost"));
      }),
    );
    for (const kind of ["error", "timeout"]) mine.addEventListener(kind, () => finished(() => failed(word("reviews_lost"))));
    mine.addEventListener("abort", () =>
      finished(() => {
        forget();
        paint(element("p", "muted", word("reviews_cancelled")));
      }),
    );
    mine.open("POST", `/api/v1/sentiment/${path}`);
    mine.send(form);
  }

  function failed(reason) {
    if (chosen?.shape) showColumns(reason);
    else paint(refuse(reason));
  }

  async function look(files) {
    if (!setup()) return;
    forget();
    if (files.length !== 1) return paint(refuse(word("reviews_one")));
    const file = files[0];
    const limit = limitMb();
    if (file.size > limit << 20 && limit) return paint(refuse(filled("reviews_too_large", { limit })));
    const beginning = await beginningOf(file);
    chosen = { file, shape: null };
    send("preview", beginning, {}, "reviews_looking", (shape) => {
      const text = shape.kind === "delimited" || shape.kind === "json_lines";
      const count = shape.row_count * (beginning === file ? 1 : file.size / beginning.size);
      chosen = { file, shape, count: Math.round(count), isExact: !text || shape.row_count < JUDGED_ROWS };
      aspects ??= new Map(word("aspects_built_in").split(",").map((name) => [name, true]));
      showColumns();
    });
    return undefined;
  }

  // As far as its last whole line. A mark at the start says UTF-16, where a byte of 10 need not be a line's end.
  async function beginningOf(file) {
    if (file.size <= WHOLE_BELOW || !CUTTABLE.test(file.name)) return file;
    const bytes = new Uint8Array(await file.slice(0, BEGINNING).arrayBuffer());
    const end = bytes.lastIndexOf(10) + 1;
    if (!end || bytes[0] >= 0xfe) return file;
    return new File([bytes.subarray(0, end)], file.name);
  }

  function start() {
    const { file } = chosen;
    const names = [...aspects].filter(([, wanted]) => wanted).map(([name]) => name);
    const fields = { mapping: JSON.stringify(mapping()), aspects: JSON.stringify(names), name: file.name };
    send("jobs", file, fields, "reviews_sending", (job) => {
      forget();
      paint();
      ask("s", { do: "started", id: job.id });
    });
  }

  // --- columns -------------------------------------------------------------------------------------------

  function mapping() {
    return Object.fromEntries(ROLES.map((role) => [role, chosen.shape.mapping[role] || (role === "text" ? "" : null)]));
  }

  function facts({ shape, count, isExact }) {
    const found = [filled(isExact ? "reviews_rows" : "reviews_about", { count: count.toLocaleString() })];
    if (shape.kind === "sheet") found.push(word("reviews_sheet"));
    if (shape.encoding) found.push(shape.encoding);
    if (shape.kind === "delimited") {
      const mark = shape.delimiter === "\t" ? word("reviews_tab") : shape.delimiter;
      found.push(mark ? `${word("reviews_delimiter")} ${mark}` : word("reviews_no_delimiter"));
    }
    return found.join(" · ");
  }

  function showColumns(reason) {
    const { file, shape } = chosen;
    const found = element("p", "found");
    found.append(element("b", "", file.name), element("span", "facts", facts(chosen)));
    const table = element("div", "columns");
    table.append(element("h3", "", word("reviews_columns")));
    for (const role of ROLES) table.append(columnOf(role, shape));
    const missing = element("p", "reason", word("reviews_pick_text"));
    missing.hidden = Boolean(shape.mapping.text);
    const run = button("button upload-button run", word("reviews_run"), start);
    run.id = "reviews-run";
    run.disabled = !shape.mapping.text;
    const other = button("button", word("reviews_other"), () => {
      forget();
      paint();
    });
    const buttons = element("p", "row-actions");
    buttons.append(run, other);
    paint(found, ...(reason ? [refuse(reason)] : []), table, missing, aspectChips(), buttons);
    showPreview();
  }

  function columnOf(role, shape) {
    const line = element("label", "matching");
    const select = element("select");
    select.name = role;
    const nothing = element("option", "", word("reviews_none"));
    nothing.value = "";
    select.append(nothing);
    for (const name of shape.columns) {
      const option = element("option", "", name);
      option.value = name;
      select.append(option);
    }
    select.value = shape.mapping[role] ?? "";
    select.addEventListener("change", () => {
      shape.mapping[role] = select.value;
      setup().querySelector(".reason").hidden = Boolean(shape.mapping.text);
      byId("reviews-run").disabled = !shape.mapping.text;
      showPreview();
    });
    line.append(element("span", "", word(`reviews_${role}`)), select);
    return line;
  }

  function aspectChips() {
    const box = element("div", "aspects");
    box.append(element("h3", "", word("reviews_aspects")));
    const chips = element("p", "chips");
    for (const [name, wanted] of aspects) {
      const chip = button("chip", name, () => {
        aspects.set(name, !aspects.get(name));
        chip.setAttribute("aria-pressed", String(aspects.get(name)));
      });
      chip.setAttribute("aria-pressed", String(wanted));
      chips.append(chip);
    }
    const more = button("chip more", "+", () => {
      const { form, input } = inline("", word("reviews_new_aspect"), (text) => {
        const name = text.split(/\s+/).join(" ").slice(0, 40);
        if (name) aspects.set(name, true);
        box.replaceWith(aspectChips());
      });
      more.replaceWith(form);
      input.focus();
    });
    more.setAttribute("aria-label", word("reviews_add_aspect"));
    chips.append(more);
    box.append(chips, element("p", "facts muted", word("reviews_aspects_info")));
    return box;
  }

  function showPreview() {
    const place = byId("reviews-preview");
    if (!place) return;
    const { shape } = chosen;
    const roleOf = (name) => ROLES.filter((role) => shape.mapping[role] === name);
    const card = element("section", "card");
    card.append(element("h2", "", filled("reviews_preview", { count: shape.preview.length })));
    const scrolls = element("div", "scrolls");
    scrolls.tabIndex = 0;
    scrolls.setAttribute("role", "region");
    scrolls.setAttribute("aria-label", chosen.file.name);
    const table = element("table", "preview");
    const head = table.createTHead().insertRow();
    for (const name of shape.columns) {
      const cell = element("th", "", name);
      cell.scope = "col";
      for (const role of roleOf(name)) cell.append(" ", element("span", "badge ok", word(`reviews_${role}`)));
      head.append(cell);
    }
    const body = table.createTBody();
    for (const row of shape.preview) {
      const line = body.insertRow();
      row.forEach((cell, number) => {
        line.insertCell().textContent = cell;
        line.lastChild.classList.toggle("matched", roleOf(shape.columns[number]).length > 0);
      });
    }
    scrolls.append(table);
    card.append(scrolls);
    place.replaceChildren(card);
  }

  // --- buttons, drag and drop ----------------------------------------------------------------------------

  here["reviews-choose"] = () => {
    const input = document.createElement("input");
    input.type = "file";
    input.id = "reviews-chooser";
    input.accept = ".csv,.tsv,.txt,.xlsx,.xls,.ods,.json,.jsonl,.ndjson";
    input.hidden = true;
    input.addEventListener("change", () => {
      look(input.files);
      input.remove();
    });
    byId("reviews-chooser")?.remove();
    byId("places").append(input);
    input.click();
  };

  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const mark = (on) => setup()?.classList.toggle("dropping", on);

  document.addEventListener("dragover", (event) => {
    if (!isOpen() || !carriesFiles(event)) return;
    event.preventDefault(); // a file that misses must not take the place of the page
    mark(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  document.addEventListener("drop", (event) => {
    if (!isOpen() || !carriesFiles(event)) return;
    event.preventDefault();
    mark(false);
    look(event.dataTransfer.files);
  });

  // --- what the server paints ------------------------------------------------------------------------------

  setInterval(() => {
    if (!document.hidden && isOpen() && byId("sentiment-job")?.classList.contains("busy")) byId("sentiment-refresh")?.click();
  }, LOOK_EVERY_MS);

  const openTables = new Set();
  document.addEventListener(
    "toggle",
    (event) => {
      const key = event.target.matches?.(".as-table") && [...event.target.classList].find((name) => name.startsWith("k-"));
      if (key) openTables[event.target.open ? "add" : "delete"](key);
    },
    true,
  );

  function keepAddress() {
    const url = new URL(location.href);
    const job = [...(byId("sentiment-job")?.classList ?? [])].find((name) => name.startsWith("at-"))?.slice(3);
    if (job && isOpen()) url.searchParams.set("job", job);
    else if (document.body.dataset.place) url.searchParams.delete("job");
    if (url.href !== location.href) history.replaceState(null, "", url);
  }

  new MutationObserver(() => {
    if (!byId("places")) return;
    if (byId("sentiment-left")) keepAddress();
    for (const key of openTables) document.querySelector(`.as-table.${key}:not([open])`)?.setAttribute("open", "");
    for (const plot of document.querySelectorAll("#sentiment-charts .js-plotly-plot:not([role])")) {
      plot.setAttribute("role", "img"); // the numbers are in the table above it
      plot.setAttribute("aria-label", plot.closest(".card")?.querySelector("h2")?.textContent ?? "");
    }
  }).observe(document.documentElement, { childList: true, subtree: true });

  window.addEventListener("beforeunload", (event) => {
    if (request) event.preventDefault();
  });
})();
