// The pod in every open page: its light in the header, and a banner before it stops. Looking is no activity.
"use strict";

(() => {
  const { byId, here, word } = window.ondol;
  const EVERY_MS = 5000;
  const NO_POD = "no_pod";
  let told = null; // what the server said last
  let skew = 0; // our clock less the server's, in ms

  const now = () => Date.now() - skew;
  const isAdmin = () => byId("pod-pill")?.classList.contains("admin") ?? false;

  function left(moment) {
    const whole = Math.max(0, Math.round((Date.parse(moment) - now()) / 1000));
    const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (number) => String(number).padStart(2, "0");
    return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  }

  // --- the light in the header ---------------------------------------------------------------------------

  function state() {
    const timed = (key, moment) => word(key).replace("{time}", left(moment));
    const awake = told.keep_awake_until && Date.parse(told.keep_awake_until) > now() ? told.keep_awake_until : null;
    switch (told.phase) {
      case "warned":
        return ["warn", timed("pod_pill_stops", told.until)];
      case "draining":
      case "requested":
        return ["busy", word("pod_pill_stopping")];
      case "stopped":
        return ["off", word("pod_pill_off")];
      case "retrying":
      case "escalated":
        return isAdmin() ? ["busy", word("pod_pill_stuck")] : ["ok", word("pod_pill_on")];
    }
    if (!isAdmin()) return ["ok", word("pod_pill_on")];
    if (told.standing === "no_key") return ["warn", word("pod_pill_no_key")];
    if (awake) return ["ok", timed("pod_pill_awake", awake)];
    if (told.stops_at) return ["warn", timed("pod_pill_stops", told.stops_at)];
    const works = told.signals?.some((signal) => signal.verdict === "busy");
    return ["ok", word(works ? "pod_pill_busy" : "pod_pill_on")];
  }

  function paint() {
    const pill = byId("pod-pill");
    if (!pill || !told) return;
    const hidden = told.standing === NO_POD || (told.standing === "no_key" && !isAdmin());
    pill.hidden = hidden;
    if (hidden) return;
    const [light, words] = state();
    const rate = told.money?.rate_usd;
    const price = rate && told.phase !== "stopped" ? `$${rate.toFixed(2)}/h · ` : "";
    for (const css of ["ok", "warn", "busy", "off"]) pill.classList.toggle(`light-${css}`, css === light);
    pill.querySelector(".words").textContent = price + words;
    pill.setAttribute("aria-label", `${word("pod_pill")}: ${price}${words}`);
    warn();
  }

  // --- the banner ----------------------------------------------------------------------------------------

  function warn() {
    const draining = told.is_draining;
    const kept = told.called_off_by_work !== false;
    const key = told.phase === "warned" ? (kept ? "pod_banner_warned" : "pod_banner_limit") : draining ? "pod_banner_draining" : "";
    let line = byId("pod-banner");
    if (!key) {
      line?.remove();
      document.documentElement.style.removeProperty("--pod-banner");
      return;
    }
    if (!line) line = newBanner();
    const text = line.querySelector(".text");
    if (text.textContent !== word(key)) text.textContent = word(key); // an alert that is written anew is read anew
    line.querySelector(".left").textContent = told.phase === "warned" ? left(told.until) : "";
    document.documentElement.style.setProperty("--pod-banner", `${line.offsetHeight}px`);
  }

  function newBanner() {
    const line = document.createElement("div");
    line.id = "pod-banner";
    const text = document.createElement("span");
    text.className = "text";
    text.setAttribute("role", "alert");
    const time = document.createElement("b");
    time.className = "left";
    time.setAttribute("aria-hidden", "true");
    line.append(time, text);
    if (isAdmin()) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "act act-pod-awake";
      button.textContent = word("pod_banner_awake");
      line.append(button);
    }
    byId("places").append(line);
    return line;
  }

  here["pod-awake"] = async (_wish, button) => {
    button.disabled = true;
    try {
      const answer = await fetch("/api/v1/pod/keep-awake", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ minutes: 30 }),
      });
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.detail);
      told = said;
      paint();
      if (document.body.dataset.place === "pod") byId("pod-again")?.click();
    } catch (error) {
      button.disabled = false;
      button.textContent = error instanceof TypeError ? word("pod_order_lost") : error.message;
    }
  };

  // --- looking -------------------------------------------------------------------------------------------

  async function look() {
    if (document.hidden || told?.standing === NO_POD || !byId("pod-pill")) return;
    try {
      const answer = await fetch("/api/v1/pod", { cache: "no-store" });
      if (!answer.ok) return;
      told = await answer.json();
      const served = Date.parse(told.at ?? answer.headers.get("date") ?? "");
      if (served) skew = Date.now() - served;
      paint();
    } catch {
      // The page's own banner says that the server is away.
    }
  }

  // The server does not know the reader's zone.
  function localTimes() {
    const language = document.documentElement.lang;
    for (const time of document.querySelectorAll("time.clock:not(.written)")) {
      time.classList.add("written");
      const moment = new Date(time.dateTime);
      const today = moment.toDateString() === new Date().toDateString();
      const date = today ? {} : { month: "short", day: "numeric" };
      const seconds = time.closest(".badge") ? { second: "2-digit" } : {};
      time.textContent = moment.toLocaleString(language, { ...date, hour: "2-digit", minute: "2-digit", hour12: false, ...seconds });
    }
  }

  function tick() {
    if (document.hidden || !told) return;
    paint();
    for (const time of document.querySelectorAll("time.countdown")) time.textContent = left(time.dateTime);
    for (const arc of document.querySelectorAll("#pod-page .ring .arc")) {
      const time = arc.closest(".ring").querySelector("time.countdown");
      const whole = Number(arc.dataset.whole);
      if (!time || !whole) continue;
      const share = Math.min(1, Math.max(0, (Date.parse(time.dateTime) - now()) / 1000 / whole));
      arc.setAttribute("stroke-dasharray", `${(100 * share).toFixed(1)} 100`);
    }
  }

  document.addEventListener("visibilitychange", look);
  setInterval(look, EVERY_MS);
  setInterval(tick, 1000);
  let first = true;
  new MutationObserver(() => {
    localTimes();
    if (!first || !byId("pod-pill") || !byId("places")) return;
    first = false;
    look();
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
