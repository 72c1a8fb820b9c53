"use strict";
// The sample browser: one segment, what up to five systems made of it, and the keyboard.
(function () {
  var box = document.getElementById("browser"), folder = box.dataset.root, place = document.getElementById("sample");
  var list = document.getElementById("segment"), show = document.getElementById("show"), count = document.getElementById("count");
  var el = sandglass.el, text = sandglass.text, index = null, chosen = [], current = 0, order = [];
  var VERDICTS = ["usable", "in bounds", "events kept"];

  sandglass.load(folder + "index.js", "index", function (data) {
    if (!data) { place.textContent = "The data of this page cannot be loaded."; return; }
    index = data;
    var runs = index.runs.filter(function (run) { return run.shards.length; }), state = sandglass.state();
    chosen = sandglass.wanted(runs);
    current = Math.max(0, index.segments.indexOf(state.get("segment") || ""));
    show.value = state.get("show") || "all";
    if (!show.value) show.value = "all";
    sandglass.chooser(document.getElementById("chosen"), runs, chosen, function (slugs) { chosen = slugs; filter(); });
    filter();
  });

  // The segments to walk through: all, or those whose verdicts fit.
  function filter() {
    var files = show.value === "all" ? [] : chosen.map(function (slug) { return [folder + slug + "-scores.js", slug + "-scores"]; });
    sandglass.loadAll(files, function (scores) {
      var verdicts = scores.map(function (one) { return one ? one.verdicts : ""; });
      order = index.segments.map(function (_, n) { return n; }).filter(function (n) { return fits(verdicts, n); });
      list.replaceChildren();
      order.forEach(function (n) { list.append(el("option", { value: String(n) }, index.segments[n])); });
      count.textContent = order.length + " of " + index.segments.length + " segments";
      if (order.indexOf(current) < 0 && order.length) current = order[0];
      draw();
    });
  }
  function fits(verdicts, n) {
    var passed = verdicts.filter(function (one) { return one[n] === "1"; }).length;
    var failed = verdicts.filter(function (one) { return one[n] === "0"; }).length;
    return show.value === "all" || (show.value === "differ" && passed && failed) || (show.value === "lost" && failed)
      || (show.value === "won" && passed && !failed);
  }

  function shard(starts, n) {
    var number = 0;
    while (number + 1 < starts.length && starts[number + 1] <= n) number += 1;
    return number;
  }

  function draw() {
    sandglass.keep({ runs: chosen.join(), segment: index.segments[current], show: show.value === "all" ? "" : show.value });
    if (!order.length) { place.replaceChildren(el("p", {}, "No segment is like that.")); return; }
    list.value = String(current);
    var wanted = current, runs = chosen.map(function (slug) { return index.runs.find(function (run) { return run.slug === slug; }); });
    var places = [["sources", index.sources]].concat(runs.map(function (run) { return [run.slug, run.shards]; }));
    var files = places.map(function (one) {
      var name = one[0] + "-" + shard(one[1], wanted);
      return [folder + name + ".js", name];
    });
    sandglass.loadAll(files, function (found) {
      if (wanted !== current) return;
      var entries = found.map(function (data, n) { return data && data[wanted - places[n][1][shard(places[n][1], wanted)]]; });
      var cards = el("div", { class: "cards" });
      runs.forEach(function (run, n) { cards.append(card(run, entries[0], entries[n + 1])); });
      place.replaceChildren(source(entries[0]), cards);
    });
  }

  function source(data) {
    if (!data) return el("p", {}, "The source of this segment is not here.");
    var made = el("div", { class: "source" });
    data.b.forEach(function (words) { made.append(text("p", words, "ctx")); });
    made.append(text("p", data.t, "src"));
    data.a.forEach(function (words) { made.append(text("p", words, "ctx")); });
    var facts = [data.c, data.d, data.s ? data.s + " s on screen" : ""].filter(Boolean).join(" · ");
    made.append(text("p", facts, "ctx meta"));
    if (data.r) made.append(text("p", "reference: " + data.r, "ctx"));
    return made;
  }

  function card(run, data, records) {
    var made = el("article", { class: "out" }, text("h3", run.label));
    if (run.notes.length) made.append(text("p", run.notes.join("; "), "quiet"));
    if (!records) { made.append(el("p", {}, "Nothing is stored for this segment.")); return made; }
    records.forEach(function (record) {
      if (records.length > 1) made.append(text("p", "repeat " + record.i, "label"));
      output(made, data, record);
    });
    return made;
  }

  function output(made, data, record) {
    made.append(text("p", record.t || "(nothing)", "hyp"));
    made.append(verdicts(record));
    if (record.d) made.append(text("p", record.d, "quiet"));
    if (data && data.k && record.n !== undefined && record.n !== null) made.append(bar(data.k[0], data.k[1], record.n));
    if (record.b !== undefined) {
      made.append(el("p", { class: "label" }, "back-translation" + (record.bx ? " (" + record.bx + ")" : "")), text("p", record.b));
    }
    if (record.e && record.e.length) made.append(el("p", { class: "label" }, "core events"), events(record.e));
    Object.keys(record.m || {}).sort().forEach(function (name) { made.append(measurement(name, record.m[name])); });
    if (record.c) made.append(candidates(record.c));
  }

  function verdicts(record) {
    var made = el("p", { class: "verdicts" });
    if (record.x !== "ok") made.append(el("span", { class: "bad" }, record.x));
    (record.v || []).forEach(function (passed, n) {
      if (passed !== null) made.append(el("span", { class: passed ? "good" : "bad" }, (passed ? "✓ " : "✗ ") + VERDICTS[n]));
    });
    return made;
  }

  // The budget as a line from nothing to what is needed, the admissible counts on it, and where the output stands.
  function bar(low, high, amount) {
    var end = Math.max(high, amount) * 1.15 || 1, share = function (n) { return (100 * Math.max(0, n) / end).toFixed(2) + "%"; };
    var off = amount > high ? "+" + (amount - high) : amount < low ? "−" + (low - amount) : "within";
    var words = amount + " " + index.unit + ", budget " + (low === high ? low : low + " to " + high) + ": " + off;
    var made = el("svg:svg", { class: "bar", role: "img", "aria-label": words });
    made.append(
      el("svg:rect", { class: "track", x: "0", y: "3", width: "100%", height: "8", rx: "4" }),
      el("svg:rect", { class: "room", x: share(low - 0.5), y: "3", width: share(high - low + 1), height: "8" }),
      el("svg:line", { class: "mark", x1: share(amount), x2: share(amount), y1: "0", y2: "14" }),
      el("svg:text", { x: "0", y: "25" }, words));
    return made;
  }

  function events(all) {
    var list = el("ul");
    all.forEach(function (event) {
      var words = (event[1] === null ? "" : event[1] ? "✓ kept: " : "✗ lost: ") + event[0];
      var closest = event[2] ? "closest: " + event[2] + (event[3] === null ? "" : ", cosine " + event[3].toFixed(2)) : "";
      var detail = [closest, event[4] ? "failed: " + event[4] : ""].filter(Boolean).join("; ");
      list.append(el("li", { class: event[1] === 0 ? "bad" : "good" }, el("bdi", {}, words),
        detail ? el("span", { class: "quiet" }, " — ", el("bdi", {}, detail)) : null));
    });
    return list;
  }

  function measurement(name, found) {
    var value = found[0] === null ? found[1] : String(found[0]);
    var made = el("details", {}, el("summary", {}, el("bdi", {}, name + ": " + value)));
    if (found[2]) made.append(text("p", found[2], "quiet"));
    found[3].forEach(function (answer) { made.append(text("p", answer)); });
    return found[2] || found[3].length ? made : text("p", name + ": " + value, "label");
  }

  function candidates(all) {
    var list = el("ul");
    all.forEach(function (one) {
      var facts = [one[2] === null ? "" : one[2] + " syllables", one[3] === null ? "" : "score " + one[3], one[1] === "ok" ? "" : one[1]];
      list.append(el("li", {}, el("bdi", {}, one[0]), el("span", { class: "quiet" }, " — " + facts.filter(Boolean).join(", "))));
    });
    return el("details", {}, el("summary", {}, all.length + " candidates"), list);
  }

  function step(by) {
    var at = order.indexOf(current) + by;
    if (at < 0 || at >= order.length) return;
    current = order[at];
    draw();
  }

  list.addEventListener("change", function () { current = Number(list.value); draw(); });
  show.addEventListener("change", filter);
  document.getElementById("previous").addEventListener("click", function () { step(-1); });
  document.getElementById("next").addEventListener("click", function () { step(1); });
  document.addEventListener("keydown", function (event) {
    if (!index || event.ctrlKey || event.altKey || event.metaKey || /INPUT|SELECT/.test(document.activeElement.tagName)) return;
    if (event.key === "ArrowLeft" || event.key === "k") step(-1);
    else if (event.key === "ArrowRight" || event.key === "j") step(1);
    else if (event.key === "d") { show.value = "differ"; filter(); step(1); }
    else return;
    event.preventDefault();
  });
})();
