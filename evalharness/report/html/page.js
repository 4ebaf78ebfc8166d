"use strict";
// Everything that came from a model or an eval set reaches the page by textContent alone.
(function () {
  const STEP = 200, WORDS = 800;
  const BAD = { flip: 1, worse: 1 }, ABSENT = { unscored: 1, failed: 1 };

  function make(tag, text, name) {
    const node = document.createElement(tag);
    if (text !== undefined && text !== null) node.textContent = text;
    if (name) node.className = name;
    return node;
  }

  function number(value) {
    return value === null ? "–" : String(+value.toPrecision(3));
  }

  // Longest common subsequence over words, as [text, changed] pieces of both sides.
  function wordDiff(before, after) {
    const split = (text) => text.match(/\s+|\S+/g) || [];
    const all = [split(before), split(after)];
    const a = all[0].slice(0, WORDS), b = all[1].slice(0, WORDS), wide = b.length + 1;
    const best = new Uint16Array((a.length + 1) * wide);
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        best[i * wide + j] = a[i] === b[j] ? best[(i + 1) * wide + j + 1] + 1
          : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    const left = [], right = [];
    const put = (pieces, text, changed) => {
      const last = pieces[pieces.length - 1];
      if (last && last[1] === changed) last[0] += text; else pieces.push([text, changed]);
    };
    let i = 0, j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) { put(left, a[i++], false); put(right, b[j++], false); }
      else if (j >= b.length || (i < a.length && best[(i + 1) * wide + j] >= best[i * wide + j + 1])) put(left, a[i++], true);
      else put(right, b[j++], true);
    }
    [left, right].forEach((pieces, side) => {
      const rest = all[side].slice(WORDS).join("");
      if (rest) put(pieces, rest, false);
    });
    return [left, right];
  }

  function answer(title, pieces, tag) {
    const box = make("div");
    box.append(make("h3", title));
    const pre = make("pre");
    for (const [text, changed] of pieces) pre.append(changed ? make(tag, text) : text);
    box.append(pre);
    return box;
  }

  function block(cell, title, text) {
    if (!text) return;
    cell.append(make("h3", title), make("pre", text));
  }

  function scores(item, data) {
    const scroll = make("div", null, "scroll");
    const table = make("table"), head = make("tr"), body = make("tbody");
    for (const name of ["Scorer", "Base", "New", "Change", "Reason"].filter((name) => data.sides || (name !== "Base" && name !== "Change"))) { const th = make("th", name); th.scope = "col"; head.append(th); }
    for (const name of data.scorers) {
      const s = item.s[name];
      if (!s) continue;
      const row = make("tr"), th = make("th", name, "keep");
      th.scope = "row";
      row.append(th);
      if (data.sides) row.append(make("td", number(s[0]), "n"));
      row.append(make("td", number(s[1]), "n"));
      if (data.sides) row.append(make("td", s[3], "keep " + s[3].replace(" ", "-")));
      row.append(make("td", s[4] + (s[5] ? (s[4] ? "  " : "") + s[5] : "")));
      body.append(row);
    }
    const thead = make("thead");
    thead.append(head);
    table.append(thead, body);
    scroll.append(table);
    return scroll;
  }

  function detail(item, data, columns) {
    const row = make("tr", null, "open"), cell = make("td");
    cell.colSpan = columns;
    block(cell, "Input", item.q);
    block(cell, "Target", item.t);
    if (data.sides) {
      const pair = make("div", null, "pair");
      const both = item.o !== null && item.n !== null ? wordDiff(item.o, item.n) : [[[item.o || "(not kept)", false]], [[item.n || "(not asked)", false]]];
      pair.append(answer("Old", both[0], "del"), answer("New", both[1], "ins"));
      cell.append(pair);
    } else block(cell, "Answer", item.n);
    cell.append(make("h3", "Scores"), scores(item, data));
    if (item.f.length) cell.append(make("p", item.f.join(" · "), "facts"));
    const slices = Object.entries(item.m).map(([k, v]) => k + " " + v).join(" · ");
    if (slices) cell.append(make("p", slices, "facts"));
    row.append(cell);
    return row;
  }

  function select(label, options) {
    const box = make("label", label), field = make("select");
    options.forEach(([value, text]) => { const option = make("option", text); option.value = value; field.append(option); });
    field.setAttribute("aria-label", label);
    box.append(field);
    return [box, field];
  }

  function browse(section) {
    const anchor = section.dataset.for, source = document.getElementById(anchor + "-data");
    if (!source) return;
    const data = JSON.parse(source.textContent), items = data.cases;
    let shown = STEP, found = items;

    const outcomes = (item, only) => (only ? [item.s[only]] : data.judged.map((n) => item.s[n])).filter(Boolean).map((s) => s[3]);
    const state = (item, only) => {
      const all = outcomes(item, only);
      for (const word of ["flip", "worse", "failed", "unscored", "better", "same"]) if (all.includes(word)) return word;
      return all[0] || "same";
    };
    const tests = {
      all: () => true,
      changed: (item, only) => outcomes(item, only).some((w) => BAD[w] || w === "better"),
      worse: (item, only) => outcomes(item, only).some((w) => BAD[w]),
      better: (item, only) => outcomes(item, only).includes("better"),
      same: (item, only) => outcomes(item, only).every((w) => w === "same"),
      absent: (item, only) => outcomes(item, only).some((w) => ABSENT[w]),
    };
    const count = (name) => items.reduce((n, item) => n + (tests[name](item, "") ? 1 : 0), 0);

    const controls = make("div", null, "controls");
    const searchBox = make("label", "Search"), search = make("input");
    search.type = "search";
    search.placeholder = "id, input, answer, reason";
    search.setAttribute("aria-label", "Search");
    searchBox.append(search);
    const kinds = data.sides
      ? [["all", "All"], ["changed", "Changed"], ["worse", "Worse"], ["better", "Better"], ["same", "The same"], ["absent", "Without a score"]]
      : [["all", "All"]];
    const [showBox, show] = select("Show", kinds.map(([v, t]) => [v, t + " (" + count(v) + ")"]));
    const [byBox, by] = select("Scorer", [["", data.sides ? "Any judged" : "All"]].concat(data.scorers.map((n) => [n, n])));
    const pairs = [];
    for (const field of data.fields)
      for (const value of [...new Set(items.map((item) => item.m[field]).filter((v) => v !== undefined))].sort())
        pairs.push([JSON.stringify([field, value]), field + " " + value]);
    const [sliceBox, slice] = select("Slice", [["", "All"]].concat(pairs));
    const [sortBox, sort] = select("Sort", data.sides ? [["worst", "Worst first"], ["best", "Best first"], ["order", "Planned order"], ["id", "Id"]]
      : [["order", "File order"], ["worst", "Lowest first"], ["best", "Highest first"], ["id", "Id"]]);
    controls.append(searchBox);
    if (data.sides) controls.append(showBox);
    controls.append(byBox);
    if (pairs.length) controls.append(sliceBox);
    controls.append(sortBox);

    const status = make("p", "", "facts");
    status.setAttribute("role", "status");
    const scroll = make("div", null, "scroll"), table = make("table", null, "list"), head = make("thead"), body = make("tbody");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Cases of " + section.dataset.name);
    table.append(head, body);
    scroll.append(table);
    const more = make("button", "", "more");
    more.type = "button";
    section.append(controls, status, scroll, more);

    const key = (item, only) => {
      const use = only ? [only] : data.judged;
      let least = Infinity;
      for (const name of use) {
        const s = item.s[name], value = s ? (data.sides ? s[2] : s[1]) : null;
        if (value !== null && value !== undefined) least = Math.min(least, (value) / (data.scale[name] || 1));
      }
      return least;
    };
    const text = (item) => item.x || (item.x = [item.id, item.q, item.t, item.o, item.n, ...Object.values(item.s).map((s) => s[4])].join("\n").toLowerCase());
    const columns = () => (by.value ? [by.value] : data.judged.slice(0, 3));

    function draw() {
      const names = columns();
      head.replaceChildren();
      const top = make("tr");
      for (const name of [...(data.sides ? ["Change"] : []), "Case", ...names, data.sides ? "New answer" : "Answer"]) {
        const th = make("th", name, name === "New answer" || name === "Answer" ? "answer" : names.includes(name) ? "n" : "");
        th.scope = "col";
        top.append(th);
      }
      head.append(top);
      body.replaceChildren();
      for (const item of found.slice(0, shown)) body.append(line(item, names));
      status.textContent = found.length + " of " + items.length + " cases";
      more.hidden = found.length <= shown;
      more.textContent = "Show " + Math.min(STEP, found.length - shown) + " more";
    }

    function line(item, names) {
      const row = make("tr"), word = data.sides ? state(item, by.value) : "";
      const name = make("td"), button = make("button", item.id);
      button.type = "button";
      button.setAttribute("aria-expanded", "false");
      button.addEventListener("click", () => toggle(row, button, item));
      name.append(button);
      if (data.sides) row.append(make("td", word, "keep " + word.replace(" ", "-")));
      row.append(name);
      for (const n of names) {
        const s = item.s[n];
        row.append(make("td", !s ? "–" : data.sides ? number(s[0]) + " → " + number(s[1]) : number(s[1]), "n"));
      }
      row.append(make("td", (item.n || "").length > 140 ? `${item.n.slice(0, 139)}…` : item.n || "", "answer"));
      row.dataset.case = item.id;
      return row;
    }

    function toggle(row, button, item) {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) row.nextSibling.remove();
      else row.after(detail(item, data, columns().length + (data.sides ? 3 : 2)));
    }

    function refresh() {
      const wanted = search.value.trim().toLowerCase(), only = by.value, test = tests[show.value] || tests.all;
      const place = slice.value ? JSON.parse(slice.value) : null;
      found = items.filter((item) => test(item, only) && (!place || item.m[place[0]] === place[1]) && (!wanted || text(item).includes(wanted)));
      const mode = sort.value;
      if (mode === "id") found.sort((p, q) => (p.id < q.id ? -1 : 1));
      else if (mode !== "order") {
        const keys = new Map(found.map((item) => [item, key(item, only)]));
        const sign = mode === "worst" ? 1 : -1;
        found.sort((p, q) => { const a = keys.get(p), b = keys.get(q); return a === b ? 0 : a === Infinity ? 1 : b === Infinity ? -1 : sign * (a - b); });
      }
      shown = STEP;
      draw();
    }

    function follow() {
      let id;
      try { id = decodeURIComponent((location.hash.match(/^#case=(.*)$/) || [])[1] || ""); } catch { return; }
      if (!id || !items.some((item) => item.id === id)) return;
      search.value = ""; show.value = "all"; by.value = ""; slice.value = "";
      refresh();
      shown = Math.max(shown, found.findIndex((item) => item.id === id) + 1);
      draw();
      const row = [...body.children].find((r) => r.dataset.case === id), button = row.querySelector("button");
      button.click();
      button.focus({ preventScroll: true });
      row.scrollIntoView({ block: "start" });
    }

    let timer;
    search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(refresh, 120); });
    for (const field of [show, by, slice, sort]) field.addEventListener("change", refresh);
    more.addEventListener("click", () => { shown += STEP; draw(); });
    window.addEventListener("hashchange", follow);
    refresh();
    follow();
  }

  document.querySelectorAll("section.cases").forEach(browse);
})();
