// What admins see of the hints place: its sub-places, and files of problems on their way in.
"use strict";

(() => {
  const { ask, bridges, byId, here, word } = window.ondol;
  const LARGEST = 1_400_000; // bytes of a file that fit into one request of the page
  const SUBS = ["work", "report", "problems"];
  bridges.t = "teach";

  const place = () => byId("hints");
  const state = () => document.querySelector("#teach-problems .import-state");

  function turnTo(name) {
    place().classList.remove(...SUBS.map((sub) => `sub-${sub}`));
    place().classList.add(`sub-${name}`);
    mark(name);
    if (name !== "work") byId("teach-refresh")?.click();
  }

  function mark(name) {
    for (const button of document.querySelectorAll("#teach-nav .act-sub")) {
      if (button.classList.contains(`of-${name}`)) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
  }

  async function take(file, mode) {
    const tell = (text) => state() && (state().textContent = text);
    if (file.size > LARGEST) return tell(word("import_too_large"));
    tell(`${file.name} · ${word("import_busy")}`);
    try {
      const text = await file.text();
      ask("t", { do: "import", id: file.name, arg: mode, text });
    } catch {
      tell(word("import_unreadable"));
    }
    return undefined;
  }

  Object.assign(here, {
    sub: (wish) => turnTo(wish.arg),
    import: (wish) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "file", accept: ".json,application/json", id: "problem-chooser", hidden: true });
      input.addEventListener("change", () => {
        if (input.files[0]) take(input.files[0], wish.arg);
        input.remove();
      });
      byId("problem-chooser")?.remove();
      byId("places").append(input);
      input.click();
    },
  });

  new MutationObserver(() => {
    const nav = document.querySelector("#teach-nav .act-sub");
    if (!nav || document.querySelector("#teach-nav [aria-current]")) return;
    mark(SUBS.find((sub) => place().classList.contains(`sub-${sub}`)) ?? "work");
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
