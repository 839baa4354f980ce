// What the pages do in the browser: pass buttons of our own on to Gradio, keep the address and the draft,
// watch the server, switch language and theme. Gradio's own ways to run script need `unsafe-eval`.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const word = (key) => document.querySelector(`#words .word-${key}`)?.textContent ?? "";
  const DRAWERS = ["history-open", "settings-open", "sources-open"];
  const YEAR = 365 * 24 * 3600;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const keep = (name, value) => {
    document.cookie = `${name}=${value}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
  };

  // --- buttons of ours -> Gradio -----------------------------------------------------------------------

  // Letter in front of a button's name -> place it belongs to; scripts of other places add theirs.
  const bridges = { a: "account", u: "users", d: "documents" };

  const field = (id) => byId(id)?.querySelector("textarea, input");

  function fill(input, value) {
    const prototype = input instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(prototype.prototype, "value").set.call(input, value);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function ask(place, wish, stream = false) {
    const prefix = bridges[place] ?? "bridge";
    const input = field(`${prefix}-message`);
    const button = byId(`${prefix}-${stream ? "stream" : "act"}`);
    if (!input || !button) return;
    fill(input, JSON.stringify({ nonce: Date.now(), ...wish }));
    setTimeout(() => button.click(), 30); // Gradio takes the value over in a microtask of its own
  }

  function wishOf(button) {
    const wish = { do: "", id: "", arg: "", text: "" };
    let place = "";
    for (const name of button.classList) {
      if (name.startsWith("act-")) [, place, wish.do] = /^act-(?:([a-z])-)?(.+)$/.exec(name);
      else if (name.startsWith("id-")) wish.id = name.slice(3);
      else if (name.startsWith("arg-")) wish.arg = name.slice(4);
    }
    return { place, wish };
  }

  const here = {
    place: (wish) => showPlace(wish.arg),
    drawer: (wish) => {
      const open = `${wish.arg}-open`;
      for (const other of DRAWERS) if (other !== open) byId("chat").classList.remove(other);
      byId("chat").classList.toggle(open);
    },
    language: async (wish) => {
      keep("ondol_lang", wish.arg);
      await fetch("/api/v1/me", {
        method: "PATCH",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ language: wish.arg }),
      }).catch(() => undefined);
      location.reload();
    },
    theme: () => {
      const dark = !document.body.classList.contains("dark");
      document.body.classList.toggle("dark", dark);
      keep("ondol_theme", dark ? "dark" : "light");
    },
    copy: (wish, button) => copyAnswer(wish.id, button),
    rename: (wish, button) => rename(wish, button),
    dislike: (wish, button) => (wish.arg === "0" ? ask("", { ...wish, do: "rate" }) : comment(wish, button)),
    example: (_wish, button) => ask("", { do: "ask", text: button.textContent }, true),
    regenerate: (wish) => ask("", wish, true),
  };

  // Scripts of other places add buttons of their own to `here`.
  window.ondol = { ask, bridges, byId, closeDrawers, field, fill, here, inline, word };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".act");
    if (!button) {
      closeMenus(event.target);
      // The veil beside an open drawer, or the one button in it that is Gradio's.
      if (event.target.id === "chat" || event.target.closest?.("#new-chat")) closeDrawers();
      return;
    }
    event.preventDefault();
    if (button.classList.contains("off")) return;
    const { place, wish } = wishOf(button);
    const question = [...button.classList].find((name) => name.startsWith("ask-"));
    if (question && !confirm(word(question.slice(4)))) return;
    if (place === "u") wish.text = button.closest("tr")?.querySelector(".username")?.textContent ?? "";
    if (["open", "undo"].includes(wish.do)) closeDrawers("history-open");
    if (!place && here[wish.do]) here[wish.do](wish, button);
    else ask(place, wish);
    closeMenus(event.target);
  });

  function closeMenus(target) {
    for (const menu of document.querySelectorAll("details.export[open], details.account-menu[open]"))
      if (!menu.contains(target) || target.closest(".menu")) menu.removeAttribute("open");
  }

  function closeDrawers(...names) {
    byId("chat")?.classList.remove(...(names.length ? names : DRAWERS));
  }

  // --- small forms in place ----------------------------------------------------------------------------

  function inline(value, label, done) {
    const form = document.createElement("form");
    form.className = "inline-form";
    const input = document.createElement("input");
    Object.assign(input, { value, maxLength: 200 });
    input.setAttribute("aria-label", label);
    input.placeholder = label;
    let open = true;
    const close = () => {
      if (!open) return; // taking the field out of the page blurs it, which closes it again
      open = false;
      form.remove();
    };
    form.append(input);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      close();
      done(input.value.trim());
    });
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") close();
    });
    return { form, input, close };
  }

  function rename(wish, button) {
    const item = button.closest("li");
    const title = item.querySelector(".title").textContent;
    const { form, input, close } = inline(title, button.title, (text) => {
      if (text && text !== title) ask("", { ...wish, text });
    });
    input.addEventListener("blur", close);
    item.append(form);
    input.select();
  }

  function comment(wish, button) {
    const line = button.closest(".meta");
    if (line.querySelector(".inline-form")) return;
    const { form, input } = inline("", word("comment_ask"), (text) => ask("", { ...wish, do: "rate", text }));
    const send = document.createElement("button");
    send.textContent = word("send");
    form.append(send);
    line.append(form);
    input.focus();
  }

  async function copyAnswer(id, button) {
    const conversation = current();
    const answer = await fetch(`/api/v1/conversations/${conversation}`).then((r) => r.json());
    const message = answer.messages.find((m) => m.id === id);
    if (!message) return;
    await copyText(message.content);
    const label = button.textContent;
    button.textContent = word("copied");
    setTimeout(() => (button.textContent = label), 1500);
  }

  async function copyText(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea"); // plain http away from localhost has no clipboard API
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    return undefined;
  }

  // --- places and address ------------------------------------------------------------------------------

  function showPlace(name) {
    byId(`place-${name}-button`)?.click();
    byId(`${name}-refresh`)?.click();
    closeDrawers();
  }

  function markPlace() {
    const open = document.querySelector("#places [role=tab][aria-selected=true]")?.id ?? "";
    const name = open.replace(/^place-|-button$/g, "");
    if (!name) return;
    document.body.dataset.place = name;
    for (const button of document.querySelectorAll(".place")) {
      if (button.classList.contains(`at-${name}`)) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
  }

  function current() {
    const head = document.querySelector("#thread-head .thread-head");
    return [...(head?.classList ?? [])].find((name) => name.startsWith("at-"))?.slice(3) ?? "";
  }

  function keepAddress() {
    const url = new URL(location.href);
    const name = document.body.dataset.place;
    if (name && name !== "chat") url.searchParams.set("tab", name);
    else url.searchParams.delete("tab");
    const conversation = current();
    if (conversation) url.searchParams.set("c", conversation);
    if (url.href !== location.href) history.replaceState(null, "", url);
  }

  // --- the question box --------------------------------------------------------------------------------

  const draftKey = () => `draft:${current() || "new"}`;

  let keptDraft = "";

  document.addEventListener("input", (event) => {
    if (event.target !== field("question")) return;
    keptDraft = draftKey();
    sessionStorage.setItem(keptDraft, event.target.value);
  });

  // The server empties the box when it has stored the question; until then a reload must bring the words back.
  function forgetSentDraft() {
    if (!keptDraft || field("question")?.value !== "") return;
    sessionStorage.removeItem(keptDraft);
    keptDraft = "";
  }

  function restoreDraft() {
    const box = field("question");
    const draft = sessionStorage.getItem(draftKey());
    if (box && draft && !box.value) fill(box, draft);
  }

  let endsSyllable = false;

  // Gradio sends on `keypress`, which tells nothing of the composition it belongs to.
  document.addEventListener(
    "keypress",
    (event) => {
      if (!endsSyllable || event.key !== "Enter" || event.target !== field("question")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );

  document.addEventListener(
    "keydown",
    (event) => {
      const box = field("question");
      if (event.key === "Enter" && event.target === box) {
        // Enter ends a Hangul syllable first; only the next one sends.
        endsSyllable = event.isComposing || event.keyCode === 229;
        if (endsSyllable) event.stopImmediatePropagation();
      } else if (event.key === "Escape") {
        if (byId("chat")?.matches(".history-open, .settings-open, .sources-open")) closeDrawers();
        else if (byId("stop")?.offsetParent) byId("stop").click();
      } else if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
        event.preventDefault();
        box?.focus();
      } else if (event.key.toLowerCase() === "o" && event.shiftKey && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        byId("new-chat")?.click();
      }
    },
    true,
  );

  // --- the server --------------------------------------------------------------------------------------

  let lost = false;

  function showEngine(check) {
    const pill = byId("engine");
    if (!pill) return;
    const state = check?.state ?? "unreachable";
    document.dispatchEvent(new CustomEvent("ondol-engine", { detail: state }));
    const light = { ready: "ok", loading: "warn" }[state] ?? "busy";
    pill.className = `pill engine light-${light}`;
    pill.querySelector(".words").textContent =
      state === "ready" ? `${check.model ?? ""} · ${word("engine_ready")}` : word(`engine_${state}`) || word("engine_unreachable");
  }

  function banner(text) {
    let line = byId("banner");
    // Gradio says the same once more, in English.
    document.querySelector(".toast-wrap")?.style.setProperty("display", text ? "none" : "");
    if (!text) return line?.remove();
    if (!line) {
      line = document.createElement("div");
      line.id = "banner";
      line.setAttribute("role", "alert");
      byId("places").append(line);
    }
    line.textContent = text;
    return undefined;
  }

  async function watch() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/health", { cache: "no-store" });
      const health = await answer.json();
      if (lost && health.status !== "starting") {
        location.reload(); // Gradio's own connection does not survive a restart of the server; the draft does
        return;
      }
      if (!lost) banner("");
      showEngine(health.checks?.engine);
    } catch {
      lost = true;
      banner(word("offline"));
      showEngine(null);
    }
  }

  document.addEventListener("visibilitychange", watch);
  setInterval(watch, 5000);

  // --- what Gradio paints ------------------------------------------------------------------------------

  let first = true;
  new MutationObserver(() => {
    if (!byId("places") || !document.querySelector("#header .header-bar")) return;
    markPlace();
    keepAddress();
    forgetSentDraft();
    for (const time of document.querySelectorAll("time:not(.local)")) {
      time.classList.add("local");
      time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang);
    }
    // Gradio reads a bubble's source aloud, which for the line of buttons is HTML.
    const html = `[data-testid]:is([aria-label*="<div class="], [aria-label*="<sup>"])`;
    for (const line of document.querySelectorAll(html)) line.removeAttribute("aria-label");
    if (first && document.querySelector("#thread-head .thread-head")) {
      first = false;
      restoreDraft();
      watch();
    }
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
})();
