// The place of hints: the program stays in this browser until it is run, problem by problem.
"use strict";

(() => {
  const { ask, bridges, byId, editor, field, fill, here } = window.ondol;
  const KEPT = 200; // drafts; the oldest goes first
  bridges.h = "hints";

  const work = () => byId("hints-work");
  const box = () => field("hints-code");
  const isOpen = () => document.body.dataset.place === "hints";
  const person = () => document.querySelector(".account-menu summary")?.textContent.trim() ?? "";
  const shown = () => document.querySelector("#hints-problem .problem");
  const idOf = (problem) => [...(problem?.classList ?? [])].find((name) => name.startsWith("at-"))?.slice(3) ?? "";
  const quoted = (name) => decodeURIComponent(shown()?.querySelector(`.${name}`)?.textContent ?? "");

  // --- drafts ----------------------------------------------------------------------------------------------

  // Several people may use one browser, so that a draft bears the name of its writer.
  const key = (problem) => `code:${person()}:${problem}`;

  function keepDraft(problem, text) {
    try {
      localStorage.setItem(key(problem), text);
      localStorage.setItem("code-order", JSON.stringify(order(key(problem))));
    } catch {
      return false; // the browser keeps nothing; the program is in the box all the same
    }
    return true;
  }

  function order(newest) {
    const kept = [newest, ...JSON.parse(localStorage.getItem("code-order") ?? "[]").filter((name) => name !== newest)];
    for (const old of kept.splice(KEPT)) localStorage.removeItem(old);
    return kept;
  }

  function draftOf(problem) {
    try {
      return localStorage.getItem(key(problem));
    } catch {
      return null;
    }
  }

  let current = "";
  let before = null; // what "start over" took away

  function turnTo(problem) {
    current = problem;
    before = null;
    work().classList.remove("picking", "undoable", "kept");
    fill(box(), draftOf(problem) ?? (quoted("last-code") || quoted("first-code")));
    byId("hints-left").scrollTop = 0;
  }

  document.addEventListener("input", (event) => {
    if (event.target !== box() || !current) return;
    work().classList.toggle("kept", keepDraft(current, event.target.value));
    if (event.isTrusted && before !== null && event.target.value !== quoted("first-code")) {
      before = null;
      work().classList.remove("undoable");
    }
  });

  // --- buttons ---------------------------------------------------------------------------------------------

  const run = () => {
    if (!current) return;
    byId("hints-run").click();
  };

  Object.assign(here, {
    run,
    hint: (wish) => current && ask("h", { ...wish, do: "hint" }, true),
    pick: () => {
      work().classList.toggle("picking");
      field("hints-search")?.focus({ preventScroll: true });
    },
    "reset-code": () => {
      const was = box().value;
      if (was === quoted("first-code")) return;
      editor.replace(box(), quoted("first-code"));
      before = was;
      work().classList.add("undoable");
    },
    "undo-code": () => {
      if (before === null) return;
      editor.replace(box(), before);
      before = null;
      work().classList.remove("undoable");
    },
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !isOpen()) return;
    event.preventDefault();
    run();
  });

  // --- what the server paints --------------------------------------------------------------------------------

  const isNarrow = () => matchMedia("(max-width: 900px)").matches;
  const last = {};

  // What has just come is brought to where the reader looks; what is only painted anew is left where it is.
  function showNews(name, element, where) {
    const text = element?.textContent ?? "";
    if (text && last[name] !== undefined && text !== last[name])
      element.scrollIntoView({ block: where, behavior: "smooth" });
    last[name] = text;
  }

  function keepAddress() {
    const url = new URL(location.href);
    if (isOpen() && current) url.searchParams.set("p", current);
    else url.searchParams.delete("p");
    if (url.href !== location.href) history.replaceState(null, "", url);
  }

  new MutationObserver(() => {
    const input = box();
    if (!input) return;
    editor.dress(input);
    const problem = idOf(shown());
    if (problem && problem !== current) turnTo(problem);
    if (!problem) current = "";
    if (input.disabled !== !current) input.disabled = !current; // Gradio enables what it has filled
    keepAddress();
    showNews("results", document.querySelector("#hints-results .verdict"), "nearest");
    showNews("comparison", document.querySelector("#hints-compared h2"), "nearest");
    if (isNarrow()) showNews("hint", document.querySelector("#hints-ladder li.current .hint-text"), "start");
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected", "disabled"] });
})();
