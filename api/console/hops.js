// How long each hop took: venue to us, us to the record, record to this browser. Three clocks are read, so a hop may be
// negative when they differ; that is shown as it is. A snapshot is no event and is not counted.

import { span } from './clock.js';
import { el, one, setText, svg, sync } from './dom.js';

const KEPT = 60;
const CHART = { width: 300, height: 72, gap: 1 };
const CEILING_LEAST_MS = 10;
export const HOPS = [
  { name: 'venue → received', class: 'venue' },
  { name: 'received → recorded', class: 'us' },
  { name: 'recorded → browser', class: 'browser' },
];

// The three spans in milliseconds, or null when the event does not carry all its times.
export function hopsOf(event) {
  const { venue, received, recorded } = event.data?.times || {};
  if (event.kind === 'snapshot' || venue == null || received == null || recorded == null) return null;
  return [received - venue, recorded - received, event.at_ms - recorded];
}

export class Hops {
  constructor(body, chart) {
    this.body = body;
    this.chart = chart;
    this.clear();
  }

  clear() {
    this.samples = [];
    this.seen = 0;
    this.isStale = true;
  }

  take(event) {
    const hops = hopsOf(event);
    if (!hops) return;
    this.samples = [...this.samples, hops].slice(-KEPT);
    this.seen += 1;
    this.isStale = true;
  }

  draw() {
    if (!this.isStale) return;
    this.isStale = false;
    this.drawNumbers();
    this.drawChart();
    const words = this.samples.length ? `the newest ${this.samples.length} of ${this.seen}` : 'no event yet';
    setText(one('#hops-count'), words);
  }

  drawNumbers() {
    sync(this.body, HOPS, {
      key: (hop) => hop.class,
      make: (hop) => {
        const name = el('th', { scope: 'row' }, el('i', { class: `key ${hop.class}` }), el('span', { text: hop.name }));
        return el('tr', {}, name, el('td'), el('td'), el('td'));
      },
      update: (row, hop) => {
        const spans = this.samples.map((sample) => sample[HOPS.indexOf(hop)]);
        const sorted = [...spans].sort((a, b) => a - b);
        const shown = [spans.at(-1), sorted[Math.floor((sorted.length - 1) / 2)], sorted.at(-1)];
        shown.forEach((ms, index) => setText(row.cells[index + 1], ms === undefined ? '—' : span(ms)));
      },
    });
  }

  // Stacked bars, newest at the right. One that is taller than the chart is cut and marked: the others stay readable.
  drawChart() {
    const ceiling = ceilingOf(this.samples);
    const step = CHART.width / KEPT;
    const bars = this.samples.map((sample, index) => {
      const x = (KEPT - this.samples.length + index) * step;
      return bar(sample, { x, width: step - CHART.gap, height: CHART.height, ceiling });
    });
    this.chart.replaceChildren(...bars);
    setText(one('#spark-top'), this.samples.length ? `full height ${span(ceiling)}` : '');
  }
}

export function bar(sample, { x, width, height, ceiling }) {
  const group = svg('g', {}, svg('title', { text: sample.map((ms, index) => `${HOPS[index].name} ${span(ms)}`).join(', ') }));
  let top = height;
  sample.forEach((ms, index) => {
    const tall = Math.min(top, Math.max((Math.max(0, ms) / ceiling) * height, ms > 0 ? 0.75 : 0));
    top -= tall;
    if (tall) group.append(svg('rect', { class: HOPS[index].class, x, y: top, width, height: tall }));
  });
  if (top <= 0) group.append(svg('rect', { class: 'cut', x, y: 0, width, height: 2 }));
  return group;
}

function ceilingOf(samples) {
  const totals = samples.map(total).sort((a, b) => a - b);
  const high = totals[Math.floor((totals.length - 1) * 0.9)] || 0;
  return Math.max(CEILING_LEAST_MS, Math.ceil(high * 1.2));
}

export function total(sample) {
  return sample.reduce((sum, ms) => sum + Math.max(0, ms), 0);
}
