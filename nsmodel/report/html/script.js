"use strict";
// Steps through the states of the page. Without this script all of them are shown, one after the other.
(() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const steps = [...document.querySelectorAll(".step")];
  const rows = [...document.querySelectorAll(".lanes tbody tr")];
  const last = steps.length - 1;
  const folded = new Set();
  let current = -1;

  // A panel that says "as in step 3" gets what step 3 shows, without the marks of what changed there.
  function fill(panel) {
    if (!panel.dataset.like || panel.querySelector(".body")) return;
    const kind = panel.dataset.kind;
    const source = steps[panel.dataset.like].querySelector(`.panel[data-kind="${kind}"] > .body`);
    const copy = source.cloneNode(true);
    copy.classList.add("before");
    panel.append(copy);
  }

  function fold(panel) {
    const shut = folded.has(panel.dataset.kind);
    panel.classList.toggle("folded", shut);
    panel.querySelector("h3 > button").setAttribute("aria-expanded", String(!shut));
  }

  // Scrolls a box, and not the page, so that a row in it is seen.
  function reveal(box, row) {
    if (box.scrollHeight <= box.clientHeight) return;
    const [seen, wanted] = [box.getBoundingClientRect(), row.getBoundingClientRect()];
    const inside = wanted.top > seen.top + 40 && wanted.bottom < Math.min(seen.bottom, innerHeight) - 40;
    if (!inside) box.scrollTop += wanted.top - seen.top - box.clientHeight / 3;
  }

  function show(number, { focus = false } = {}) {
    const wanted = Math.max(0, Math.min(last, number));
    if (wanted === current) return;
    current = wanted;
    steps.forEach((step, i) => step.classList.toggle("current", i === current));
    for (const panel of steps[current].querySelectorAll(".panel")) {
      fill(panel);
      fold(panel);
    }
    rows.forEach((row, i) => {
      const link = row.querySelector("a");
      if (i === current) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
      row.classList.toggle("current", i === current);
    });
    for (const box of [rows[current].closest(".calls"), rows[current].closest(".scroll")]) reveal(box, rows[current]);
    $("where").textContent = `${current} / ${last}`;
    for (const id of ["first", "previous"]) $(id).disabled = current === 0;
    for (const id of ["next", "last"]) $(id).disabled = current === last;
    $("told").textContent = steps[current].dataset.label;
    if (focus) rows[current].querySelector("a").focus({ preventScroll: true });
  }

  function go(number, options) {
    show(number, options);
    history.replaceState(null, "", `#step-${current}`);
  }

  function fromAddress() {
    const match = /^#step-(\d+)$/.exec(location.hash);
    if (match) show(Number(match[1]));
    else if (current < 0) show(0);
  }

  // -- dark and light: what the system says, until the switch says something else

  const asks = matchMedia("(prefers-color-scheme: dark)");
  const kept = { get: () => { try { return localStorage.getItem("nsmodel-theme"); } catch { return null; } },
                 set: (value) => { try { localStorage.setItem("nsmodel-theme", value); } catch { /* not kept */ } } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : asks.matches);

  function paint() {
    $("theme").setAttribute("aria-pressed", String(isDark()));
  }

  function toggle() {
    root.dataset.theme = isDark() ? "light" : "dark";
    kept.set(root.dataset.theme);
    paint();
  }

  // -- keys

  const keys = {
    ArrowRight: () => go(current + 1), ArrowLeft: () => go(current - 1),
    j: () => go(current + 1), k: () => go(current - 1),
    Home: () => go(0), End: () => go(last),
    d: toggle, "?": () => $("keys").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
    const target = event.target;
    if (target.closest("input, select, textarea")) return;
    const inCalls = target.closest(".lanes");
    // A line that is wider than its box is scrolled by the arrows.
    const scrolls = target.closest(".file") && target.scrollWidth > target.clientWidth && event.key.startsWith("Arrow");
    if (scrolls) return;
    if (inCalls && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      go(current + (event.key === "ArrowDown" ? 1 : -1), { focus: true });
    } else if (Object.hasOwn(keys, event.key)) {
      keys[event.key]();
      if (inCalls) rows[current].querySelector("a").focus({ preventScroll: true });
    } else {
      return;
    }
    event.preventDefault();
  });

  // -- the beginning

  const theme = kept.get();
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  document.querySelector(".tools").hidden = false;
  document.querySelector(".bar").hidden = false;
  for (const heading of document.querySelectorAll(".panel > h3")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const kind = heading.parentElement.dataset.kind;
      if (!folded.delete(kind)) folded.add(kind);
      fold(heading.parentElement);
    });
  }
  $("first").addEventListener("click", () => go(0));
  $("previous").addEventListener("click", () => go(current - 1));
  $("next").addEventListener("click", () => go(current + 1));
  $("last").addEventListener("click", () => go(last));
  $("theme").addEventListener("click", toggle);
  $("help").addEventListener("click", () => $("keys").showModal());
  asks.addEventListener("change", paint);
  addEventListener("hashchange", fromAddress);
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  paint();
  fromAddress();
})();
