"use strict";
// Up to five systems against the first: differences with intervals, tests adjusted after Holm, and flipped segments.
(function () {
  var box = document.getElementById("compare"), report = document.getElementById("report"), folder = box.dataset.root;
  var el = sandglass.el, LEVEL = 0.95, MOST_FLIPS = 60, flips = null;

  sandglass.load(folder + "index.js", "index", function (index) {
    if (!index) { report.textContent = "The data of this page cannot be loaded."; return; }
    var runs = index.runs.filter(function (run) { return run.comparable; });
    var chosen = document.getElementById("chosen");
    chosen.dataset.base = "1";
    function show(slugs) {
      sandglass.keep({ runs: slugs.join() });
      var files = slugs.map(function (slug) { return [folder + slug + "-scores.js", slug + "-scores"]; });
      sandglass.loadAll(files, function (scores) {
        draw(index, slugs.map(function (slug) { return runs.find(function (run) { return run.slug === slug; }); }), scores);
      });
    }
    var first = sandglass.wanted(runs);
    sandglass.chooser(chosen, runs, first, show);
    show(first);
  });

  function number(column, value) { return (value * column.factor).toFixed(column.digits); }
  function signed(column, value) { return (value > 0 ? "+" : "") + number(column, value).replace("-", "−"); }
  function chance(p, least) { return p <= least ? "≤ " + least.toPrecision(2) : p < 0.001 ? p.toExponential(1) : p.toFixed(3); }

  function draw(index, runs, scores) {
    report.replaceChildren();
    if (runs.length < 2 || scores.indexOf(null) >= 0) {
      report.append(el("p", {}, runs.length < 2 ? "Choose two systems or more." : "The scores cannot be loaded."));
      return;
    }
    flips = flips || stats.exchanges(index.counts.length, index.flips, index.stream);
    var columns = index.columns.filter(function (column) { return scores.every(function (one) { return one.sums[column.name]; }); });
    var tests = compared(index, columns, scores);
    report.append(notes(runs), table(columns, runs, tests), remarks(index, columns, runs));
    runs.slice(1).forEach(function (run, n) { report.append(changes(index, runs[0], run, scores[0].verdicts, scores[n + 1].verdicts)); });
  }

  // [column][run] with value, difference, ends, p, p adjusted for all that is shown, and the verdict.
  function compared(index, columns, scores) {
    var all = [], found = columns.map(function (column) {
      var base = scores[0].sums[column.name];
      return scores.map(function (one, n) {
        var sums = one.sums[column.name], cell = { value: stats.value(sums, index.counts), better: 0 };
        if (!n) return cell;
        var test = stats.test(sums, base, index.counts, flips);
        if (!test) return cell;
        cell.difference = test.difference;
        cell.p = test.p;
        cell.ends = stats.interval(sums, base, index.counts, LEVEL);
        if (cell.ends && column.factor === 100) cell.ends = [Math.max(-1, cell.ends[0]), Math.min(1, cell.ends[1])];
        if (column.better) all.push([cell, column]);
        return cell;
      });
    });
    stats.holm(all.map(function (pair) { return pair[0].p; })).forEach(function (p, n) {
      var cell = all[n][0];
      cell.holm = p;
      if (p <= 1 - LEVEL + 1e-12 && cell.difference) cell.better = Math.sign(cell.difference) * all[n][1].better;
    });
    return found;
  }

  function table(columns, runs, tests) {
    var head = el("tr", {}, el("th", { scope: "col", class: "name" }, "metric"));
    runs.forEach(function (run, n) {
      var cell = el("th", { scope: "col", class: "n" }, el("bdi", {}, run.label));
      if (!n) cell.append(el("small", {}, "baseline"));
      head.append(cell);
    });
    var body = el("tbody");
    var least = flips.exact ? 0 : 1 / (1 + flips.sets.length);
    columns.forEach(function (column, c) {
      var row = el("tr", {}, el("th", { scope: "row", class: "name" }, column.label, column.unit ? el("i", {}, " " + column.unit) : null));
      tests[c].forEach(function (cell, n) {
        var made = el("td", { class: "n" }, cell.value === null ? "–" : number(column, cell.value));
        if (runs[n].marked.indexOf(column.name) >= 0) made.append("†");
        if (n && cell.difference !== undefined) {
          var ends = cell.ends ? " [" + signed(column, cell.ends[0]) + ", " + signed(column, cell.ends[1]) + "]" : "";
          made.append(el("small", {}, signed(column, cell.difference) + ends));
          var p = cell.holm === undefined ? "p " + chance(cell.p, least) + ", not judged" : "p " + chance(cell.holm, least);
          made.append(el("small", {}, p));
          if (cell.better) made.append(el("small", { class: cell.better > 0 ? "good" : "bad" }, cell.better > 0 ? "▲ better" : "▼ worse"));
        }
        row.append(made);
      });
      body.append(row);
    });
    return el("div", { class: "scroll", role: "region", "aria-label": "Comparison", tabindex: "0" },
      el("table", { class: "data" }, el("thead", {}, head), body));
  }

  function notes(runs) {
    var some = runs.filter(function (run) { return run.notes.length; });
    if (!some.length) return "";
    var note = el("div", { class: "note", role: "note" }, el("strong", {}, "Shown, not ranked. "));
    some.forEach(function (run) { note.append(el("bdi", {}, run.label), ": " + run.notes.join("; ") + ". "); });
    return note;
  }

  function remarks(index, columns, runs) {
    var way = flips.exact ? "in all " + flips.sets.length.toLocaleString("en") + " ways" : flips.sets.length.toLocaleString("en") + " times";
    var words = "Small print under a value: difference to the baseline with its 95 % interval, then p: whole clusters exchanged "
      + way + ", two-sided, adjusted after Holm over all metrics and systems shown that can be better or worse. sandglass compare prints the same.";
    var marked = columns.some(function (column) { return runs.some(function (run) { return run.marked.indexOf(column.name) >= 0; }); });
    return el("p", { class: "quiet" }, words + (marked ? " † chosen by what this measures with: no evidence." : ""));
  }

  function changes(index, base, run, before, after) {
    var gained = [], lost = [];
    for (var n = 0; n < before.length; n += 1) {
      if (before[n] === "0" && after[n] === "1") gained.push(index.segments[n]);
      if (before[n] === "1" && after[n] === "0") lost.push(index.segments[n]);
    }
    var part = el("section", {}, el("h3", {}, el("bdi", {}, run.label), " against ", el("bdi", {}, base.label)));
    if (!before || !after) { part.append(el("p", {}, "There is no verdict on segments to compare.")); return part; }
    part.append(el("p", {}, "Segments that changed on " + index.headline + ": " + gained.length + " gained, " + lost.length + " lost."));
    [["gained", gained], ["lost", lost]].forEach(function (group) {
      if (!group[1].length) return;
      var list = el("ul", { class: "flips" });
      group[1].slice(0, MOST_FLIPS).forEach(function (id) { list.append(el("li", {}, link(id, base, run))); });
      var more = group[1].length - MOST_FLIPS;
      if (more > 0) list.append(el("li", { class: "quiet" }, "and " + more + " more"));
      part.append(el("details", {}, el("summary", {}, group[1].length + " " + group[0]), list));
    });
    return part;
  }

  function link(id, base, run) {
    if (box.dataset.sampled !== "1") return el("bdi", {}, id);
    var state = new URLSearchParams({ runs: base.slug + "," + run.slug, segment: id });
    return el("a", { href: box.dataset.samples + "#" + state }, el("bdi", {}, id));
  }
})();
