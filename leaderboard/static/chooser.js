"use strict";
// Choosing up to five systems: chips of the chosen ones, and a list of the others.
sandglass.chooser = function (box, runs, chosen, changed) {
  var MOST = 5;
  function draw() {
    box.replaceChildren();
    chosen.forEach(function (slug, number) {
      var run = runs.find(function (other) { return other.slug === slug; });
      var remove = sandglass.el("button", { type: "button", "aria-label": "remove " + run.label }, "×");
      remove.addEventListener("click", function () { set(chosen.filter(function (other) { return other !== slug; })); });
      var words = number || !box.dataset.base ? run.label : run.label + " (baseline)";
      box.append(sandglass.el("span", { class: "chip" }, sandglass.el("bdi", {}, words), remove));
    });
    if (chosen.length >= Math.min(MOST, runs.length)) return;
    var list = sandglass.el("select", { "aria-label": "add a system" }, sandglass.el("option", { value: "" }, "add a system …"));
    runs.forEach(function (run) {
      if (chosen.indexOf(run.slug) < 0) list.append(sandglass.el("option", { value: run.slug }, run.label));
    });
    list.addEventListener("change", function () { if (list.value) set(chosen.concat(list.value)); });
    box.append(list);
  }
  function set(wanted) {
    chosen = wanted.slice(0, MOST);
    draw();
    changed(chosen);
  }
  draw();
};

// The systems that an address names, those that there are and each once; else the first two.
sandglass.wanted = function (runs) {
  var named = (sandglass.state().get("runs") || "").split(",");
  var found = runs.map(function (run) { return run.slug; });
  var some = named.filter(function (slug, n) { return found.indexOf(slug) >= 0 && named.indexOf(slug) === n; });
  return some.length ? some.slice(0, 5) : found.slice(0, 2);
};
