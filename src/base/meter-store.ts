// A Meter that keeps what it is told, until somebody asks. The series of one metric are bounded: a label that takes ever new
// values ends in one series, whose labels all say `overflow`.

import { METER_SERIES_MAX } from "./limits.ts";
import { Histogram, type Labels, METRICS, type MetricFamily, type MetricName } from "./metrics.ts";
import type { Meter } from "./observe.ts";

/** The value of every label beyond what is kept apart. */
export const OVERFLOW = "overflow";

const NO_LABELS: Labels = {};

interface Series {
  readonly labels: Labels;
  value: number;
  readonly histogram: Histogram | undefined;
}

export class MeterStore implements Meter {
  readonly #series = new Map<MetricName, Map<string, Series>>();
  readonly #seriesMax: number;

  constructor(seriesMax: number = METER_SERIES_MAX) {
    this.#seriesMax = seriesMax;
  }

  count(name: MetricName, value = 1, labels: Labels = NO_LABELS): void {
    this.#of(name, labels).value += value;
  }

  gauge(name: MetricName, value: number, labels: Labels = NO_LABELS): void {
    this.#of(name, labels).value = value;
  }

  observe(name: MetricName, value: number, labels: Labels = NO_LABELS): void {
    this.#of(name, labels).histogram?.observe(value);
  }

  /** Every metric that something has been told of. */
  families(): MetricFamily[] {
    return [...this.#series].map(([name, series]) => {
      const { type, help } = METRICS[name];
      const samples = [...series.values()].map(({ labels, value, histogram }) => ({
        labels,
        value: histogram ?? value,
      }));
      return { name, type, help, samples };
    });
  }

  #of(name: MetricName, labels: Labels): Series {
    let known = this.#series.get(name);
    if (known === undefined) {
      known = new Map();
      this.#series.set(name, known);
    }
    const key = keyOf(name, labels);
    return known.get(key) ?? this.#add(name, known, key, labels);
  }

  #add(name: MetricName, known: Map<string, Series>, key: string, labels: Labels): Series {
    if (known.size >= this.#seriesMax) {
      labels = Object.fromEntries(METRICS[name].labels.map((label) => [label, OVERFLOW]));
      key = keyOf(name, labels);
      const overflow = known.get(key);
      if (overflow !== undefined) return overflow;
    }
    const series = { labels, value: 0, histogram: METRICS[name].type === "histogram" ? new Histogram() : undefined };
    known.set(key, series);
    return series;
  }
}

function keyOf(name: MetricName, labels: Labels): string {
  return METRICS[name].labels.map((label) => labels[label] ?? "").join("\n");
}
