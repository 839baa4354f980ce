// Sources of an answer: the marks in it, the panel beside it, and the original in its place.
"use strict";

(() => {
  const { ask, byId, here, word } = window.ondol;
  const narrow = matchMedia("(max-width: 900px)");

  function showPanel() {
    const chat = byId("chat");
    chat.classList.remove("sources-closed", "settings-open");
    chat.classList.toggle("sources-open", narrow.matches);
  }

  function turnTo(number) {
    for (const item of document.querySelectorAll("#sources .source"))
      item.classList.toggle("current", item.classList.contains(`n-${number}`));
    document.querySelector("#sources .source.current")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  Object.assign(here, {
    cite: (wish) => {
      showPanel();
      if (document.querySelector(`#sources .of-${wish.id}`)) turnTo(wish.arg);
      else ask("", wish); // an earlier answer: its sources are not in the page
    },
    sources: (wish) => {
      showPanel();
      if (!document.querySelector(`#sources .of-${wish.id}`)) ask("", wish);
    },
    "close-sources": () => {
      byId("chat").classList.remove("sources-open");
      byId("chat").classList.add("sources-closed");
    },
    "open-passage": (wish, button) => openPassage(wish.id, button),
    "close-passage": () => byId("passage")?.close(),
    "turn-page": (wish) => turnPage(Number(wish.arg)),
  });

  // --- the original --------------------------------------------------------------------------------------

  const made = (tag, css, text = "") => {
    const element = document.createElement(tag);
    element.className = css;
    element.textContent = text;
    return element;
  };

  function button(css, text, title) {
    const element = made("button", `act ${css}`, text);
    element.type = "button";
    element.title = title;
    element.setAttribute("aria-label", title);
    return element;
  }

  function dialog() {
    let box = byId("passage");
    if (box) return box;
    box = document.createElement("dialog");
    box.id = "passage";
    box.addEventListener("click", (event) => event.target === box && box.close()); // the veil around it
    byId("places").append(box); // Gradio's rules, and so ours, hold below its container only
    return box;
  }

  async function openPassage(id, opener) {
    const excerpt = opener.closest(".source")?.querySelectorAll(".excerpt mark") ?? [];
    const words = new Set([...excerpt].map((mark) => mark.textContent));
    const box = dialog();
    box.replaceChildren(made("p", "muted", "…"));
    box.setAttribute("aria-busy", "true");
    if (!box.open) box.showModal();
    try {
      const answer = await fetch(`/api/v1/passages/${id}`);
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.detail);
      box.replaceChildren(...shown(told, words));
    } catch (error) {
      box.replaceChildren(heading(word("open_original")), made("p", "note note-error", error.message || word("passage_gone")));
    }
    box.removeAttribute("aria-busy");
    box.querySelector(".passage.here")?.scrollIntoView({ block: "center" });
    box.querySelector(".act-close-passage").focus();
  }

  function heading(text) {
    const head = made("div", "thread-head");
    head.append(made("h2", "", text), made("span", "spring"), button("act-close-passage tool", "✕", word("close")));
    return head;
  }

  function shown(told, words) {
    const place = [told.path, told.page === null ? "" : word("page").replace("{n}", told.page)].filter(Boolean);
    const head = heading(told.document);
    const parts = [head, made("p", "facts", [told.file_name, ...place].join(" · "))];
    const texts = made("div", "passages");
    for (const passage of told.passages) {
      const current = passage.chunk_id === told.chunk_id;
      const block = made("section", current ? "passage here" : "passage");
      if (passage.path) block.append(made("h3", "", passage.path));
      block.append(current ? marked(passage.text, words) : made("p", "", passage.text));
      texts.append(block);
    }
    if (told.page_picture) {
      const both = made("div", "page-and-text");
      both.append(picture(told), texts);
      parts.push(both);
    } else parts.push(texts);
    return parts;
  }

  function marked(text, words) {
    const paragraph = made("p", "");
    const known = [...words].filter(Boolean).sort((a, b) => b.length - a.length);
    if (!known.length) {
      paragraph.textContent = text;
      return paragraph;
    }
    const pattern = new RegExp(`(${known.map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`);
    text.split(pattern).forEach((piece, place) => paragraph.append(place % 2 ? made("mark", "", piece) : piece));
    return paragraph;
  }

  // --- pages of a PDF ------------------------------------------------------------------------------------

  let leafed = null;

  function picture(told) {
    leafed = { address: told.page_picture, page: told.page ?? 1, pages: told.pages ?? told.page ?? 1 };
    const figure = made("figure", "page-picture");
    const image = document.createElement("img");
    const line = made("figcaption", "");
    line.append(
      button("act-turn-page arg--1", "‹", word("previous_page")),
      made("span", "page-number"),
      button("act-turn-page arg-1", "›", word("next_page")),
    );
    image.addEventListener("error", () => figure.classList.add("broken"));
    figure.append(image, line);
    leafed.figure = figure;
    turnPage(0);
    return figure;
  }

  function turnPage(step) {
    if (!leafed) return;
    leafed.page = Math.min(Math.max(1, leafed.page + step), leafed.pages);
    const image = leafed.figure.querySelector("img");
    image.src = leafed.address.replace("{page}", leafed.page);
    image.alt = word("page_picture").replace("{n}", leafed.page);
    leafed.figure.querySelector(".page-number").textContent = `${leafed.page} / ${leafed.pages}`;
  }
})();
