// What a reader who waits for the engine sees in every place: how far its preparation is, or why it does not go on.
"use strict";

(() => {
  const { byId, word } = window.ondol;
  const resized = new ResizeObserver(([entry]) => {
    document.documentElement.style.setProperty("--engine-banner", `${entry.target.offsetHeight}px`);
  });
  let asked = 0; // an answer that comes after a newer question is of the past

  function newBanner() {
    const line = document.createElement("div");
    line.id = "engine-banner";
    const title = document.createElement("b");
    title.setAttribute("role", "status");
    const details = document.createElement("span");
    details.className = "details";
    line.append(title, details);
    byId("places").append(line);
    resized.observe(line);
    return line;
  }

  function bar(line, preparation) {
    let progress = line.querySelector("progress");
    if (!preparation.under_way || !preparation.total_bytes) return progress?.remove();
    if (!progress) {
      progress = document.createElement("progress");
      progress.setAttribute("aria-label", word("engine_progress"));
      line.append(progress);
    }
    progress.max = preparation.total_bytes;
    progress.value = preparation.done_bytes;
    return undefined;
  }

  function paint(preparation) {
    let line = byId("engine-banner");
    const isTold = preparation && (preparation.under_way || preparation.trouble);
    if (!isTold) {
      resized.disconnect();
      line?.remove();
      document.documentElement.style.removeProperty("--engine-banner");
      return;
    }
    line ??= newBanner();
    const title = word(preparation.under_way ? "engine_banner_waiting" : "engine_banner_failed");
    const head = line.querySelector("b");
    if (head.textContent !== title) head.textContent = title; // what is written anew is read aloud anew
    const said = preparation.under_way ? [preparation.text, preparation.trouble] : [preparation.trouble];
    line.querySelector(".details").textContent = said.filter(Boolean).join(" · ");
    bar(line, preparation);
  }

  document.addEventListener("ondol-engine", async (event) => {
    asked += 1;
    const mine = asked;
    if (event.detail === "ready") return paint(null);
    try {
      const answer = await fetch("/api/v1/engine", { cache: "no-store" });
      if (!answer.ok || mine !== asked) return undefined;
      const told = await answer.json();
      if (mine === asked) paint(told.preparation);
    } catch {
      // The page's own banner says that the server is away.
    }
    return undefined;
  });
})();
