// What makes the pages pleasant; every page does its work without it. One file, no library, nothing from elsewhere.
(() => {
  "use strict";
  const root = document.documentElement;
  const body = document.body;
  root.classList.add("scripted");

  const kept = {
    get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
    set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* a full or closed store loses comfort only */ } },
    drop: (name) => { try { localStorage.removeItem(name); } catch { /* as above */ } },
    names: () => { try { return Object.keys(localStorage); } catch { return []; } },
  };

  // --- keyboard -----------------------------------------------------------
  const dialog = document.getElementById("keys");
  const keysOn = document.getElementById("keys-on");
  if (keysOn) {
    keysOn.checked = kept.get("collect.keys") !== "off";
    keysOn.addEventListener("change", () => kept.set("collect.keys", keysOn.checked ? "on" : "off"));
  }
  const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
  let going = 0;

  const showKeys = () => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => { menu.open = false; });
    if (dialog && !dialog.open) dialog.showModal();
  };

  const step = (direction) => {
    const rows = [...document.querySelectorAll("table[data-list] > tbody > tr, ol[data-list] > li")].filter((row) => row.querySelector("a"));
    if (!rows.length) return false;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? (direction > 0 ? 0 : rows.length - 1) : at + direction))];
    next.querySelector("a").focus();
    next.scrollIntoView({ block: "nearest" });
    const list = next.closest("[data-pane]");
    if (list) showInPane(list, next.querySelector("a"));
    return true;
  };

  // A list with a pane beside it: the row in focus is shown there, and keys press what the pane offers.
  let paneTimer = 0;
  const showInPane = (list, link) => {
    list.querySelectorAll("a[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "true");
    clearTimeout(paneTimer);
    paneTimer = setTimeout(() => swap(link.href, list.dataset.pane, false), 120);
  };
  const pressInPane = (event) => {
    const list = document.querySelector("[data-pane]");
    const row = event.target.closest("[data-pane] > li");
    if (!list || (event.key === "Enter" && !event.target.matches("[data-pane] a[aria-current]"))) return false;
    if (event.key === "x" && row) { row.querySelector("input[type=checkbox]")?.click(); return true; }
    const found = document.querySelector(`#${list.dataset.pane} [data-key="${CSS.escape(event.key)}"]`);
    if (!found || document.getElementById(list.dataset.pane).hasAttribute("aria-busy")) return false;
    if (found.matches("details")) {
      found.open = true;
      found.querySelector("input:not([type=hidden]), textarea")?.focus();
    } else {
      sessionStorage.setItem("collect.row", "1");
      found.click();
    }
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    if (event.key === "?" && dialog) { event.preventDefault(); showKeys(); return; }
    if (dialog?.open || (keysOn && !keysOn.checked)) return;
    if (Date.now() < going) {
      going = 0;
      const link = [...document.querySelectorAll("a[data-go]")].find((one) => one.dataset.go === event.key.toLowerCase());
      if (link) { event.preventDefault(); location.assign(link.href); }
      return;
    }
    if (event.key === "g") { going = Date.now() + 1500; return; }
    if (event.key === "/") {
      const search = document.querySelector("[data-hotkey='/']");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
    if ((event.key === "j" && step(1)) || (event.key === "k" && step(-1)) || pressInPane(event)) event.preventDefault();
  });

  // --- menus ----------------------------------------------------------------
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    const action = event.target.closest("[data-action]")?.dataset.action;
    if (action === "keys") showKeys();
    if (action === "print") window.print();
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && (event.target.closest("details.menu[open]") ?? document.querySelector("details.menu[open]"));
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  // --- colours ----------------------------------------------------------------
  document.addEventListener("submit", (event) => {
    const form = event.target.closest(".theme-switch");
    const theme = event.submitter?.value;
    if (!form || !theme) return;
    event.preventDefault();
    root.dataset.theme = theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    document.querySelectorAll(".theme-switch button").forEach((button) => {
      if (button.value === theme) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current");
    });
  });

  // --- drafts: what is typed into a note outlives a lost session or connection ---
  const draftName = (area) => `collect.draft.${body.dataset.user}.${location.pathname}.${area.name}`;
  const fresh = sessionStorage.getItem("collect.sent") ?? "";
  const refused = document.querySelector("[aria-invalid='true'], .notice-bad, [data-refused]");

  const restore = (scope) => scope.querySelectorAll("textarea[name]:not([data-no-draft])").forEach((area) => {
    const draft = kept.get(draftName(area));
    if (draft && !area.value) { area.value = draft; area.dispatchEvent(new Event("input", { bubbles: true })); }
  });

  // What was sent is done with once a page of ours says so; the sign-in page or an error says it was not.
  sessionStorage.removeItem("collect.sent");
  if (body.dataset.user) {
    if (fresh && !refused) fresh.split("\n").forEach(kept.drop);
    restore(document);
    document.addEventListener("input", (event) => {
      if (!event.target.matches("textarea[name]:not([data-no-draft])")) return;
      if (event.target.value) kept.set(draftName(event.target), event.target.value); else kept.drop(draftName(event.target));
    });
    document.addEventListener("submit", (event) => {
      const names = [...event.target.querySelectorAll("textarea[name]:not([data-no-draft])")].map(draftName);
      if (names.length) sessionStorage.setItem("collect.sent", names.join("\n"));
      if (event.target.matches("[data-leaves]")) kept.names().filter((name) => name.startsWith("collect.draft.")).forEach(kept.drop);
    });
  }

  // --- filters: the result is swapped in, the address follows -------------------
  const announce = document.getElementById("announce");
  let waiting = null;
  let shownAt = location.pathname + location.search;

  const swap = async (url, id, push) => {
    waiting?.abort();
    waiting = new AbortController();
    const place = document.getElementById(id);
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { headers: { "X-Block": id }, signal: waiting.signal });
      if (!answer.ok || answer.headers.get("X-Block") !== id) { location.assign(url); return; }
      place.innerHTML = await answer.text();
      place.removeAttribute("aria-busy");
      history[push ? "pushState" : "replaceState"]({ swapped: true }, "", url);
      shownAt = location.pathname + location.search;
      document.querySelectorAll("input[type=hidden][name=next]").forEach((field) => { field.value = location.pathname + location.search; });
      restore(place);
      announce.textContent = "";
      announce.textContent = announce.dataset.loaded;
    } catch (problem) {
      if (problem.name !== "AbortError") location.assign(url);
    }
  };

  const addressOf = (form) => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => typeof value === "string" && value !== ""));
    const text = query.toString();
    return form.getAttribute("action").split("?")[0] + (text ? `?${text}` : "");
  };

  let timer = 0;
  const filtered = (event) => {
    const form = event.target.closest("form[data-swap]");
    if (!form || !document.getElementById(form.dataset.swap)) return;
    if (event.type === "submit") event.preventDefault();
    clearTimeout(timer);
    timer = setTimeout(() => {
      // Leaving a field also says "change": nothing is fetched where the list shows it already.
      const url = addressOf(form);
      const shown = event.type !== "submit" && new URL(url, location.href).href === location.href;
      if (!shown && form.checkValidity()) swap(url, form.dataset.swap, false);
    }, event.type === "input" ? 400 : 0);
  };
  document.addEventListener("submit", filtered);
  document.addEventListener("change", filtered);
  document.addEventListener("input", (event) => { if (event.target.matches("form[data-swap] input[type=text], form[data-swap] input[type=search]")) filtered(event); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap-link]");
    const place = link?.closest("[data-block]");
    if (!place || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    swap(link.href, place.dataset.block, true).then(() => place.querySelector(".region")?.focus());
  });
  // Accepted by key: the next row has the focus, so that the next key meets it.
  if (sessionStorage.getItem("collect.row")) document.querySelector("[data-pane] a[aria-current]")?.focus();
  sessionStorage.removeItem("collect.row");
  // Back and forward between swapped results load anew; a jump within the page (the skip link) does not.
  window.addEventListener("popstate", () => { if (location.pathname + location.search !== shownAt) location.reload(); });

  // --- progress: what is under way is looked at again until it is done ----------
  const underWay = document.querySelector("[data-poll]");
  const lookAgain = async () => {
    const answer = await fetch(underWay.dataset.poll, { headers: { "X-Block": underWay.id } }).catch(() => null);
    if (answer && (answer.redirected || answer.headers.get("X-Block") !== underWay.id)) { location.assign(underWay.dataset.poll); return; }
    if (answer) underWay.innerHTML = await answer.text();
    setTimeout(lookAgain, 1500);
  };
  if (underWay) setTimeout(lookAgain, 1500);
})();
