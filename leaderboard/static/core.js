"use strict";
// What all pages share: the theme, data handed over by classic scripts, and the state kept in the address.
var sandglass = (function () {
  var root = document.documentElement, waiting = {}, known = {};
  root.classList.add("js");

  function remembered() {
    try { return localStorage.getItem("theme"); } catch (error) { return null; }
  }
  var theme = remembered();
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;

  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("theme");
    button.addEventListener("click", function () {
      var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch (error) { /* it lasts for this page */ }
    });
  });

  // A data file calls register; load asks for one and calls back once it is there, with null where it cannot be had.
  function register(name, data) {
    known[name] = data;
    (waiting[name] || []).forEach(function (done) { done(data); });
    delete waiting[name];
  }
  function load(path, name, done) {
    if (name in known) return done(known[name]);
    if (waiting[name]) return waiting[name].push(done);
    waiting[name] = [done];
    var script = document.createElement("script");
    script.src = path;
    script.onerror = function () { register(name, null); };
    document.head.appendChild(script);
  }
  function loadAll(files, done) {
    var left = files.length, found = files.map(function () { return null; });
    if (!left) done(found);
    files.forEach(function (file, number) {
      load(file[0], file[1], function (data) {
        found[number] = data;
        left -= 1;
        if (!left) done(found);
      });
    });
  }

  // The part of the address after # holds the view, so that every view has an address.
  function state() { return new URLSearchParams(location.hash.slice(1)); }
  var own = null;
  function keep(values) {
    var kept = new URLSearchParams();
    Object.keys(values).forEach(function (name) { if (values[name]) kept.set(name, values[name]); });
    history.replaceState(null, "", "#" + kept.toString());
    own = location.hash;
  }

  // An address that somebody else wrote is shown anew; the change of a jump may be told after the view was kept.
  addEventListener("hashchange", function () {
    if (location.hash.indexOf("=") > 0 && location.hash !== own) location.reload();
  });

  // Elements from text only: nothing is ever read as markup.
  function el(name, attributes) {
    var made = name.indexOf("svg:") ? document.createElement(name)
      : document.createElementNS("http://www.w3.org/2000/svg", name.slice(4));
    Object.keys(attributes || {}).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    for (var n = 2; n < arguments.length; n += 1) {
      if (arguments[n] !== null && arguments[n] !== undefined) made.append(arguments[n]);
    }
    return made;
  }
  function text(name, words, className) {
    return el(name, className ? { class: className } : {}, el("bdi", {}, String(words)));
  }

  return { register: register, load: load, loadAll: loadAll, state: state, keep: keep, el: el, text: text };
})();
