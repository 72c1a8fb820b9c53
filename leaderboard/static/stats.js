"use strict";
// The paired test and interval of `sandglass compare`, on sums per cluster: the same exchanges, so the same p-values.
var stats = (function () {
  var MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n, MASK128 = (1n << 128n) - 1n, MASK64 = (1n << 64n) - 1n;
  var ROUNDING = 1e-12;

  // Raw 64-bit words of NumPy's PCG64 from a given state (O'Neill 2014, XSL-RR output).
  function words(state, increment) {
    return function () {
      state = (state * MULTIPLIER + increment) & MASK128;
      var mixed = (state >> 64n ^ state) & MASK64, turn = state >> 122n;
      return (mixed >> turn | mixed << (64n - turn)) & MASK64;
    };
  }

  // Which clusters change sides in each exchange: all ways where they are few, else drawn.
  function exchanges(units, flips, stream) {
    var exact = units < 31 && Math.pow(2, units) <= flips, found = [], number, unit;
    if (exact) {
      for (number = 0; number < 1 << units; number += 1) {
        var some = [];
        for (unit = 0; unit < units; unit += 1) if (number >> unit & 1) some.push(unit);
        found.push(some);
      }
      return { sets: found, exact: true };
    }
    var next = words(BigInt(stream[0]), BigInt(stream[1]));
    for (number = 0; number < flips; number += 1) {
      var chosen = [];
      for (var start = 0; start < units; start += 64) {
        var word = next(), halves = [Number(word & 0xffffffffn), Number(word >> 32n)];
        for (unit = 0; unit < 64 && start + unit < units; unit += 1) {
          if (halves[unit >> 5] >>> (unit & 31) & 1) chosen.push(start + unit);
        }
      }
      found.push(chosen);
    }
    return { sets: found, exact: false };
  }

  function total(list) { return list.reduce(function (sum, value) { return sum + value; }, 0); }
  function filled(sums, counts) { return { values: sums[0], presences: sums[1] || counts }; }
  function value(sums, counts) {
    var found = filled(sums, counts), number = total(found.presences);
    return number ? total(found.values) / number : null;
  }

  // Two-sided p of the first less the second by cluster sign flip.
  function test(first, second, counts, flips) {
    var x = filled(first, counts), y = filled(second, counts);
    var tx = total(x.values), nx = total(x.presences), ty = total(y.values), ny = total(y.presences);
    if (!nx || !ny) return null;
    var moved = x.values.map(function (v, c) { return y.values[c] - v; });
    var present = x.presences.map(function (n, c) { return y.presences[c] - n; });
    var observed = tx / nx - ty / ny, least = Math.abs(observed) - ROUNDING * Math.max(Math.abs(tx / nx), Math.abs(ty / ny));
    var larger = 0;
    flips.sets.forEach(function (chosen) {
      var dv = 0, dn = 0;
      for (var n = 0; n < chosen.length; n += 1) { dv += moved[chosen[n]]; dn += present[chosen[n]]; }
      if (!(Math.abs((tx + dv) / (nx + dn) - (ty - dv) / (ny - dn)) < least)) larger += 1;
    });
    return { difference: observed, p: flips.exact ? larger / flips.sets.length : (1 + larger) / (1 + flips.sets.length) };
  }

  // t interval of the difference with the leave-one-cluster-out error and Kish's effective number of clusters.
  function interval(first, second, counts, level) {
    var x = filled(first, counts), y = filled(second, counts), keep = [];
    counts.forEach(function (count, c) {
      if (x.values[c] || x.presences[c] || y.values[c] || y.presences[c]) keep.push(c);
    });
    if (keep.length < 2) return null;
    var tx = total(x.values), nx = total(x.presences), ty = total(y.values), ny = total(y.presences);
    var difference = tx / nx - ty / ny, squares = 0;
    keep.forEach(function (c) {
      var left = (tx - x.values[c]) / (nx - x.presences[c]) - (ty - y.values[c]) / (ny - y.presences[c]);
      squares += Math.pow(left - difference, 2);
    });
    var weights = keep.map(function (c) { return counts[c]; });
    var effective = Math.pow(total(weights), 2) / total(weights.map(function (w) { return w * w; }));
    var half = quantile(Math.max(effective - 1, 1), 0.5 + level / 2) * Math.sqrt((1 - 1 / keep.length) * squares);
    return isFinite(half) ? [difference - half, difference + half] : null;
  }

  // Quantile of Student's t, by bisection on its distribution.
  function quantile(df, p) {
    var low = 0, high = 1;
    while (distribution(df, high) < p) high *= 2;
    for (var n = 0; n < 80; n += 1) {
      var middle = (low + high) / 2;
      if (distribution(df, middle) < p) low = middle; else high = middle;
    }
    return (low + high) / 2;
  }
  function distribution(df, t) { return 1 - beta(df / (df + t * t), df / 2, 0.5) / 2; }

  // Regularised incomplete beta function by Lentz's continued fraction (Press et al., Numerical Recipes, 6.4).
  function beta(x, a, b) {
    if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
    if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a);
    var c = 1, d = 1 / guarded(1 - (a + b) * x / (a + 1)), h = d;
    for (var m = 1; m < 300; m += 1) {
      var even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 / guarded(1 + even * d); c = guarded(1 + even / c); h *= d * c;
      var odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 / guarded(1 + odd * d); c = guarded(1 + odd / c); h *= d * c;
      if (Math.abs(d * c - 1) < 1e-15) break;
    }
    return Math.exp(a * Math.log(x) + b * Math.log(1 - x) + gamma(a + b) - gamma(a) - gamma(b)) * h / a;
  }
  function guarded(value) { return Math.abs(value) < 1e-300 ? 1e-300 : value; }

  // Logarithm of the gamma function (Lanczos, g = 7, n = 9).
  var LANCZOS = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
  function gamma(z) {
    if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - gamma(1 - z);
    var sum = LANCZOS[0], t = z + 6.5;
    for (var n = 1; n < 9; n += 1) sum += LANCZOS[n] / (z - 1 + n);
    return 0.5 * Math.log(2 * Math.PI) + (z - 0.5) * Math.log(t) - t + Math.log(sum);
  }

  // Holm's adjustment, in the order given.
  function holm(ps) {
    var order = ps.map(function (_, n) { return n; }).sort(function (a, b) { return ps[a] - ps[b]; });
    var adjusted = [], running = 0;
    order.forEach(function (number, rank) {
      running = Math.max(running, Math.min(1, (ps.length - rank) * ps[number]));
      adjusted[number] = running;
    });
    return adjusted;
  }

  return { exchanges: exchanges, value: value, test: test, interval: interval, quantile: quantile, holm: holm };
})();
