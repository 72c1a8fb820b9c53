"use strict";
// The table of a board: sorting, filtering, searching, choosing columns, choosing systems to compare.
(function () {
  var table = document.getElementById("board"), body = table.tBodies[0], head = table.tHead.rows[0];
  var rows = Array.from(body.rows), original = rows.slice(), first = names(), extra = null, chosen = [];
  var q = document.getElementById("q"), strategy = document.getElementById("strategy"), trust = document.getElementById("trust");
  var view = sandglass.state();

  function names() { return Array.from(head.cells).map(function (cell) { return cell.dataset.c || ""; }); }
  function place(name) { return names().indexOf(name); }

  function facts(row) {
    var cell = row.cells[place("name")], parts = cell.querySelectorAll("bdi");
    return { model: parts[0].textContent, strategy: parts[1].textContent, trust: cell.querySelector("em").textContent };
  }
  var known = new Map(rows.map(function (row) { return [row, facts(row)]; }));

  function value(row, at) {
    var node = row.cells[at] && row.cells[at].firstChild;
    return node ? node.textContent.trim() : "";
  }
  function compare(name, down) {
    var at = place(name), words = name === "name" || name === "states", keys = new Map();
    rows.forEach(function (row) {
      var found = value(row, at);
      keys.set(row, words ? (name === "name" ? known.get(row).model + " " + known.get(row).strategy : found) : parseFloat(found));
    });
    return function (a, b) {
      var x = keys.get(a), y = keys.get(b);
      if (words) return (down ? -1 : 1) * x.localeCompare(y);
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
      return down ? y - x : x - y;
    };
  }

  function sort(name, down) {
    Array.from(head.cells).forEach(function (cell) {
      if (cell.dataset.c === name) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    table.classList.toggle("sorted", Boolean(name));
    rows = original.slice();
    if (name) rows.sort(compare(name, down));
    body.append.apply(body, rows);
    view.set("sort", name || "");
    view.set("down", name && down ? "1" : "");
    save();
  }

  function filter() {
    var words = q.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    original.forEach(function (row) {
      var fact = known.get(row), text = (fact.model + " " + fact.strategy).toLowerCase();
      var keep = words.every(function (word) { return text.indexOf(word) >= 0; })
        && (!strategy.value || fact.strategy.split(":")[0] === strategy.value)
        && (!trust.value || fact.trust === trust.value);
      row.hidden = !keep;
      shown += keep;
    });
    document.getElementById("count").textContent = shown === original.length ? "" : shown + " of " + original.length + " systems";
    view.set("q", q.value);
    view.set("strategy", strategy.value);
    view.set("trust", trust.value);
    save();
  }

  function save() {
    var kept = {};
    view.forEach(function (found, name) { kept[name] = found; });
    sandglass.keep(kept);
  }

  function heading(cell) {
    var name = cell.dataset.c;
    if (!name) return;
    var button = sandglass.el("button", { type: "button" });
    button.append.apply(button, Array.from(cell.childNodes));
    cell.append(button);
    button.addEventListener("click", function () {
      var sorted = cell.getAttribute("aria-sort"), usual = cell.dataset.b === "1";
      if (!sorted) sort(name, usual);
      else if ((sorted === "descending") === usual) sort(name, !usual);
      else sort("", false);
    });
  }

  // Columns that are not in the page come from a data file, already written as text.
  function add(column, number) {
    var cell = sandglass.el("th", { scope: "col", class: "n", "data-c": column[0], "data-b": String(column[4]) }, column[1]);
    if (column[2]) cell.append(" ", sandglass.el("i", {}, column[2]));
    head.insertBefore(cell, head.lastElementChild);
    heading(cell);
    original.forEach(function (row) {
      var found = extra.rows[row.id][number], parts = Array.isArray(found) ? found : [found];
      var made = sandglass.el("td", { class: parts[2] ? "n m" : "n" }, parts[0]);
      if (parts[2]) made.append("†");
      if (parts[1]) made.append(sandglass.el("small", {}, parts[1]));
      row.insertBefore(made, row.lastElementChild);
    });
  }

  function show(wanted) {
    extra.columns.forEach(function (column, number) {
      var on = wanted.indexOf(column[0]) >= 0, at = place(column[0]);
      if (on && at < 0) { add(column, number); at = place(column[0]); }
      if (at < 0) return;
      [head].concat(original).forEach(function (row) {
        row.cells[at].hidden = !on;
        var drawn = row.cells[at + 1];
        if (drawn && drawn.classList.contains("fc")) drawn.hidden = !on;
      });
    });
    var usual = extra.columns.map(function (c) { return c[0]; }).filter(function (name) { return first.indexOf(name) >= 0; });
    view.set("columns", usual.join() === wanted.join() ? "" : wanted.join());
    save();
  }

  function picker() {
    var box = document.getElementById("columns"), groups = {};
    extra.columns.forEach(function (column) {
      var group = groups[column[3]];
      if (!group) {
        group = groups[column[3]] = sandglass.el("fieldset", {}, sandglass.el("legend", {}, column[3]));
        box.append(group);
      }
      var tick = sandglass.el("input", { type: "checkbox", value: column[0] }), at = place(column[0]);
      tick.checked = at >= 0 && !head.cells[at].hidden;
      group.append(sandglass.el("label", {}, tick, column[1]));
    });
    box.addEventListener("change", function () {
      show(Array.from(box.querySelectorAll("input:checked")).map(function (tick) { return tick.value; }));
    });
  }

  function more(done) {
    if (extra) return done();
    sandglass.load(table.dataset.columns, "columns", function (data) {
      if (!data || extra) return;
      extra = data;
      done();
    });
  }

  function choose() {
    var link = document.getElementById("compare");
    link.hidden = chosen.length < 2;
    link.textContent = "Compare " + chosen.length;
    link.hash = "runs=" + chosen.join();
    original.forEach(function (row) {
      var tick = row.querySelector(".pick");
      tick.disabled = !tick.checked && chosen.length >= 5;
    });
  }

  Array.from(head.cells).forEach(heading);
  original.forEach(function (row) {
    var tick = sandglass.el("input", { type: "checkbox", class: "pick", "aria-label": "compare " + known.get(row).model + " " + known.get(row).strategy });
    row.cells[place("name")].prepend(tick);
    tick.addEventListener("change", function () {
      chosen = chosen.filter(function (slug) { return slug !== row.id; });
      if (tick.checked) chosen.push(row.id);
      choose();
    });
  });
  document.getElementById("picker").addEventListener("toggle", function () {
    if (!document.getElementById("columns").childElementCount) more(picker);
  });
  document.addEventListener("keydown", function (event) {
    var open = document.getElementById("picker");
    if (event.key === "Escape" && open.open) { open.open = false; open.firstElementChild.focus(); }
    if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) { event.preventDefault(); q.focus(); }
  });
  [q, strategy, trust].forEach(function (input) {
    input.value = view.get(input.id) || "";
    input.addEventListener("input", filter);
  });
  filter();
  function restore() { if (view.get("sort")) sort(view.get("sort"), view.get("down") === "1"); }
  var wanted = view.get("columns");
  if (wanted) more(function () { show(wanted.split(",")); restore(); });
  else restore();
})();
