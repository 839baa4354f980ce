// The place of documents: files are sent from here, because Gradio's own upload has no owner and stays shut.
"use strict";

(() => {
  const { ask, byId, here, inline, word } = window.ondol;
  const AT_ONCE = 2; // files on their way at the same time
  const LOOK_EVERY_MS = 1500;
  const waiting = [];
  const list = document.createElement("div"); // survives what the server paints around it
  list.id = "uploads";
  list.setAttribute("aria-live", "polite");
  let sending = 0;

  const page = () => byId("documents-page");
  const collection = () => [...(page()?.classList ?? [])].find((name) => name.startsWith("of-"))?.slice(3) ?? "";
  const mayChange = () => page()?.classList.contains("changeable") ?? false;
  const isOpen = () => document.body.dataset.place === "documents";

  // --- sending -------------------------------------------------------------------------------------------

  function line(file) {
    const row = document.createElement("div");
    row.className = "sending";
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = file.name;
    const state = document.createElement("span");
    state.className = "state";
    const meter = document.createElement("span");
    meter.className = "meter-bar";
    meter.append(document.createElement("i"));
    row.append(name, meter, state);
    list.append(row);
    return row;
  }

  function tell(row, text, share) {
    row.querySelector(".state").textContent = text;
    if (share !== undefined) row.querySelector("i").style.width = `${Math.round(share * 100)}%`;
  }

  function failed(row, reason) {
    row.classList.add("failed");
    row.querySelector(".meter-bar").remove();
    tell(row, word("upload_failed"));
    const why = document.createElement("span");
    why.className = "reason";
    why.textContent = reason;
    row.append(why);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "act act-forget-upload";
    close.textContent = "✕";
    close.setAttribute("aria-label", word("close"));
    row.insertBefore(close, why);
  }

  function send(files) {
    const target = collection();
    if (!target || !mayChange()) return;
    for (const file of files) waiting.push({ file, target, row: line(file) });
    next();
  }

  function next() {
    while (sending < AT_ONCE && waiting.length) transfer(waiting.shift());
  }

  // XMLHttpRequest, because fetch tells nothing about how far an upload is.
  function transfer({ file, target, row }) {
    sending += 1;
    const form = new FormData();
    form.append("collection_id", target);
    form.append("file", file, file.name);
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) tell(row, word("uploading"), event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      let told = {};
      try {
        told = JSON.parse(request.responseText);
      } catch {
        /* not ours: an answer of a proxy in between */
      }
      if (request.status < 300) row.remove();
      else failed(row, told.detail ?? word("upload_lost"));
      done();
    });
    for (const kind of ["error", "abort", "timeout"])
      request.addEventListener(kind, () => {
        failed(row, word("upload_lost"));
        done();
      });
    request.open("POST", "/api/v1/documents");
    request.send(form);
    tell(row, word("uploading"), 0);
  }

  function done() {
    sending -= 1;
    refresh();
    next();
  }

  // --- buttons -------------------------------------------------------------------------------------------

  Object.assign(here, {
    upload: () => {
      const input = document.createElement("input");
      input.type = "file";
      input.id = "file-chooser";
      input.multiple = true;
      input.hidden = true;
      input.addEventListener("change", () => {
        send(input.files);
        input.remove();
      });
      byId("file-chooser")?.remove();
      byId("places").append(input);
      input.click();
    },
    "forget-upload": (_wish, button) => button.closest(".sending").remove(),
    "name-collection": (_wish, button) => {
      const head = button.closest(".card-head");
      if (head.querySelector(".inline-form")) return;
      const { form, input } = inline("", word("new_collection_name"), (text) => {
        if (text) ask("d", { do: "new", text });
      });
      head.append(form);
      input.focus();
    },
    "rename-collection": (wish, button) => {
      const head = button.closest(".card-head");
      if (head.querySelector(".inline-form")) return;
      const title = head.querySelector("h2").textContent;
      const { form, input } = inline(title, button.title || button.textContent, (text) => {
        if (text && text !== title) ask("d", { ...wish, do: "rename", text });
      });
      head.append(form);
      input.select();
    },
  });

  // --- drag and drop -------------------------------------------------------------------------------------

  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

  document.addEventListener("dragover", (event) => {
    if (!isOpen() || !carriesFiles(event)) return;
    event.preventDefault(); // a file that misses must not take the place of the page
    page()?.classList.toggle("dropping", mayChange());
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) page()?.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    if (!isOpen() || !carriesFiles(event)) return;
    event.preventDefault();
    page()?.classList.remove("dropping");
    send(event.dataTransfer.files);
  });

  // --- what the server paints ------------------------------------------------------------------------------

  const refresh = () => byId("documents-refresh")?.click();

  new MutationObserver(() => {
    const place = document.querySelector("#documents-page .uploads-here");
    if (place && !place.contains(list)) place.append(list);
  }).observe(document.documentElement, { childList: true, subtree: true });

  setInterval(() => {
    if (!document.hidden && isOpen() && page()?.querySelector(".busy") && !page().querySelector(".inline-form")) refresh();
  }, LOOK_EVERY_MS);

  window.addEventListener("beforeunload", (event) => {
    if (sending || waiting.length) event.preventDefault();
  });
})();
