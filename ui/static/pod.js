// The place of the pod: refreshed while it is open and in sight, its dialogs, and its forms.
"use strict";

(() => {
  const { ask, bridges, byId, field, here, word } = window.ondol;
  const REFRESH_MS = 3000;
  const PATIENCE_MS = 15000; // an answer that takes longer is not waited for
  bridges.p = "pod";

  const page = () => byId("pod-page");
  const isOpen = () => document.body.dataset.place === "pod" && !document.hidden;

  // --- painted anew --------------------------------------------------------------------------------------

  let asked = 0;
  let painted = null; // the element that was there when it was asked for

  // An answer that was under way when another part was opened paints the part that was left.
  const isLate = () => !page().classList.contains(field("pod-view")?.value ?? "user");

  setInterval(() => {
    if (!isOpen() || !page() || !(page().matches(".live, .user") || isLate())) return;
    if (Date.now() - asked < (painted === page() ? PATIENCE_MS : REFRESH_MS)) return;
    asked = Date.now();
    painted = page();
    byId("pod-again")?.click();
  }, 500);

  // A repaint takes the button away that had the focus; the same one of the new picture gets it back.
  let focused = "";
  document.addEventListener("focusin", (event) => {
    focused = event.target.closest?.("#pod-page .act")?.className ?? "";
  });
  new MutationObserver(() => {
    if (!focused || document.activeElement !== document.body) return;
    [...document.querySelectorAll("#pod-page .act")].find((button) => button.className === focused)?.focus();
  }).observe(document.documentElement, { childList: true, subtree: true });

  // --- asked once more -----------------------------------------------------------------------------------

  function dialog(words) {
    byId("pod-dialog")?.remove();
    const box = document.createElement("dialog");
    box.id = "pod-dialog";
    box.append(...[...words.childNodes].map((node) => node.cloneNode(true)));
    box.setAttribute("aria-label", box.querySelector("h2")?.textContent ?? "");
    box.addEventListener("click", (event) => event.target === box && box.close()); // the veil around it
    box.addEventListener("close", () => box.remove());
    byId("places").append(box); // below Gradio's container, where our rules hold
    box.showModal();
    return box;
  }

  const localTime = (moment) => new Date(moment - new Date(moment).getTimezoneOffset() * 60000).toISOString().slice(0, 16);

  Object.assign(here, {
    "ask-stop": (wish) => {
      const words = document.querySelector(wish.id ? `.dialog-words.stop-${wish.id}` : ".dialog-words[class*=' stop-']");
      if (words) dialog(words).querySelector(".act-close-dialog").focus();
    },
    "confirm-stop": (wish, button) => {
      const box = button.closest("dialog");
      ask("p", { do: "stop", id: wish.id, text: box.querySelector(".reason").value.trim() });
      box.close();
    },
    "awake-until": () => {
      const words = document.querySelector(".awake-words");
      if (!words) return;
      const input = dialog(words).querySelector(".moment");
      const now = Date.now();
      input.min = localTime(now);
      input.max = localTime(now + 24 * 3600_000);
      input.value = localTime(now + 4 * 3600_000);
      input.focus();
    },
    "confirm-awake": (_wish, button) => {
      const box = button.closest("dialog");
      const input = box.querySelector(".moment");
      const moment = new Date(input.value);
      const ahead = moment - Date.now();
      const usable = ahead > 0 && ahead <= 24 * 3600_000;
      input.setCustomValidity(usable ? "" : word("pod_awake_wrong"));
      if (!usable) {
        input.reportValidity();
        input.addEventListener("input", () => input.setCustomValidity(""), { once: true });
        return;
      }
      ask("p", { do: "awake-until", text: moment.toISOString() });
      box.close();
    },
    "close-dialog": (_wish, button) => button.closest("dialog").close(),
  });

  // --- forms ---------------------------------------------------------------------------------------------

  function gathered(form) {
    const found = {};
    for (const field of form.querySelectorAll("[name]"))
      found[field.name] = field.type === "checkbox" ? field.checked : field.value;
    for (const list of form.querySelectorAll(".day-rows"))
      found[list.dataset.name] = [...list.querySelectorAll(".day-row")].map((row) => ({
        days: [...row.querySelectorAll("[data-day]")].filter((box) => box.checked).map((box) => Number(box.dataset.day)),
        ...Object.fromEntries([...row.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part.value])),
      }));
    return found;
  }

  function send(button, action) {
    const form = button.closest("form");
    if (form.reportValidity()) ask("p", { do: action, text: JSON.stringify(gathered(form)) });
  }

  Object.assign(here, {
    "form-save": (_wish, button) => send(button, "save"),
    "form-replay": (_wish, button) => send(button, "replay"),
    "form-prices": (_wish, button) => send(button, "prices"),
    "add-row": (_wish, button) => {
      const spare = button.closest("section").querySelector("template");
      const list = button.closest("section").querySelector(".day-rows");
      list.append(spare.content.cloneNode(true));
      list.lastElementChild.querySelector("input[type=time]").focus();
    },
    "drop-row": (_wish, button) => button.closest(".day-row").remove(),
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest?.(".pod-form");
    if (!form) return;
    event.preventDefault(); // Enter in a field saves
    form.querySelector(".act-form-save, .act-form-prices")?.click();
  });
})();
