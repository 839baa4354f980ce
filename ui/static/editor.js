// A box for Python: line numbers, colours, Tab and Enter that know indentation. Escape, then Tab, leaves the box.
"use strict";

(() => {
  const INDENT = "    ";
  const TOKENS = new RegExp(
    [
      String.raw`(?<comment>#[^\n]*)`,
      String.raw`(?<string>[rbfu]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))`,
      String.raw`(?<number>\b\d[\w.]*)`,
      String.raw`(?<keyword>\b(?:and|as|assert|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|True|False|None)\b)`,
      String.raw`(?<call>\b[\p{L}_][\p{L}\p{N}_]*(?=\())`,
    ].join("|"),
    "giu",
  );

  // Typing for the reader, so that the browser's own undo knows of it.
  function type(box, text) {
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
      box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  function replace(box, text) {
    box.focus({ preventScroll: true });
    box.select();
    type(box, text);
    box.setSelectionRange(0, 0);
    box.scrollTop = 0;
  }

  const lineStart = (box) => box.value.lastIndexOf("\n", box.selectionStart - 1) + 1;

  function shift(box, outwards) {
    const start = lineStart(box);
    const end = box.selectionEnd;
    const block = box.value.slice(start, end);
    if (!outwards && box.selectionStart === end) return type(box, INDENT.slice((end - start) % INDENT.length));
    const moved = block.replace(outwards ? /^ {1,4}|^\t/gm : /^(?=.)/gm, outwards ? "" : INDENT);
    if (moved === block) return undefined;
    const from = box.selectionStart;
    const first = moved.split("\n", 1)[0].length - block.split("\n", 1)[0].length;
    box.setSelectionRange(start, end);
    type(box, moved);
    const isPoint = from === end;
    box.setSelectionRange(Math.max(start, from + first), isPoint ? Math.max(start, from + first) : start + moved.length);
    return undefined;
  }

  function newLine(box) {
    const line = box.value.slice(lineStart(box), box.selectionStart);
    const deeper = /:\s*(?:#.*)?$/.test(line) ? INDENT : "";
    type(box, `\n${/^[ \t]*/.exec(line)[0]}${deeper}`);
  }

  function backwards(box) {
    const before = box.value.slice(lineStart(box), box.selectionStart);
    if (box.selectionStart !== box.selectionEnd || !before || /[^ ]/.test(before)) return false;
    const back = before.length % INDENT.length || INDENT.length;
    box.setSelectionRange(box.selectionStart - back, box.selectionStart);
    type(box, "");
    return true;
  }

  let leaves = false; // Escape was pressed: the next Tab goes on to the next field

  function onKey(event) {
    const box = event.target;
    if (event.isComposing || event.keyCode === 229) return;
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Tab" && isPlain && !leaves) {
      event.preventDefault();
      shift(box, event.shiftKey);
    } else if (event.key === "Enter" && isPlain && !event.shiftKey) {
      event.preventDefault();
      newLine(box);
    } else if (event.key === "Backspace" && isPlain) {
      if (backwards(box)) event.preventDefault();
    }
    if (event.key !== "Shift") leaves = event.key === "Escape";
  }

  function coloured(text) {
    const all = document.createDocumentFragment();
    let at = 0;
    for (const found of text.matchAll(TOKENS)) {
      const [kind] = Object.entries(found.groups).find(([, value]) => value !== undefined);
      const span = document.createElement("span");
      span.className = `t-${kind}`;
      span.textContent = found[0];
      all.append(text.slice(at, found.index), span);
      at = found.index + found[0].length;
    }
    all.append(`${text.slice(at)}\n`);
    return all;
  }

  // Draws what stands in the box, whoever wrote it.
  function dress(box) {
    if (box.parentElement.querySelector(".gutter")) return;
    const [gutter, paint] = ["gutter", "paint"].map((name) => {
      const layer = document.createElement("pre");
      layer.className = name;
      layer.setAttribute("aria-hidden", "true");
      box.before(layer);
      return layer;
    });
    box.wrap = "off";
    const follow = () => {
      gutter.scrollTop = box.scrollTop;
      paint.scrollTop = box.scrollTop;
      paint.scrollLeft = box.scrollLeft;
    };
    const draw = () => {
      paint.replaceChildren(coloured(box.value));
      gutter.textContent = Array.from({ length: box.value.split("\n").length }, (_, n) => n + 1).join("\n");
      follow();
    };
    box.addEventListener("input", draw);
    box.addEventListener("keydown", onKey);
    box.addEventListener("blur", () => (leaves = false));
    box.addEventListener("scroll", follow);
    draw();
  }

  window.ondol.editor = { dress, replace };
})();
