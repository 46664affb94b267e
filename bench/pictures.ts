// `node bench/pictures.ts BEFORE.json AFTER.json FOLDER`: the pictures of docs/performance.md, from two reports of
// `npm run bench -- --out`: processor time per call with its floors, and memory while a million keys came in.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EChartsOption } from "echarts";
import { draw } from "./draw.ts";
import { FLOORS, type Floor, judgedFigure } from "./floors.ts";
import { digits } from "./report.ts";
import type { MemorySample, Report, Result } from "./result.ts";

/** Texts are measured without a font here, hence the room between them. */
const LEGEND = { top: 8, itemGap: 60 };
const COLOURS = { before: "#b8c0cc", after: "#2563eb", floor: "#dc2626" };

const [before, after, folder] = process.argv.slice(2);
if (before === undefined || after === undefined || folder === undefined)
  throw new Error("usage: node bench/pictures.ts BEFORE.json AFTER.json FOLDER");
const reports = [before, after].map((file): Report => JSON.parse(readFileSync(file, "utf8")));
const [old, now] = reports as [Report, Report];
draw(join(folder, "cpu-per-call.svg"), 560, cpuPerCall(old.results, now.results));
draw(join(folder, "memory.svg"), 380, memoryOverTime(now.memory));

/** One pair of bars for each workload that has a floor in processor time per call, on a logarithmic scale. */
function cpuPerCall(older: readonly Result[], newer: readonly Result[]): EChartsOption {
  const floors = FLOORS.filter(({ figure }) => figure === "cpuUsPerCall").toReversed();
  const figure = (results: readonly Result[], floor: Floor): number | undefined => {
    const found = results.find(({ workload, inFlight }) => workload === floor.workload && inFlight === floor.inFlight);
    return found && judgedFigure(found, floor);
  };
  const bars = (results: readonly Result[]) => floors.map((floor) => Number(digits(figure(results, floor))));
  const label = { show: true, position: "right" as const };
  return {
    legend: LEGEND,
    grid: { left: 230, right: 60, top: 44, bottom: 48 },
    xAxis: { type: "log", name: "CPU µs per call", nameLocation: "middle", nameGap: 30 },
    yAxis: { type: "category", data: floors.map(({ workload, inFlight }) => `${workload}, ${inFlight} in flight`) },
    series: [
      { name: "before", type: "bar", data: bars(older), label, itemStyle: { color: COLOURS.before } },
      { name: "now", type: "bar", data: bars(newer), label, itemStyle: { color: COLOURS.after } },
      {
        name: "floor",
        type: "scatter",
        symbol: "rect",
        symbolSize: [3, 30],
        data: floors.map(({ floor }) => floor),
        itemStyle: { color: COLOURS.floor },
        z: 3,
      },
    ],
  };
}

function memoryOverTime(samples: readonly MemorySample[]): EChartsOption {
  const line = (name: string, of: "anonymousMb" | "residentMb", color: string): object => ({
    name,
    type: "line",
    showSymbol: false,
    lineStyle: { color },
    itemStyle: { color },
    data: samples.map((sample) => [sample.seconds, sample[of]]),
  });
  const starts = samples.filter(({ phase }, i) => phase !== samples[i - 1]?.phase);
  const marks = starts.map(({ phase, seconds }) => ({
    xAxis: seconds,
    label: { formatter: phase, position: "insideEndTop" },
  }));
  const resident = line("all of it, with mapped files", "residentMb", COLOURS.before);
  return {
    legend: LEGEND,
    grid: { left: 60, right: 60, top: 64, bottom: 48 },
    xAxis: { type: "value", name: "seconds", nameLocation: "middle", nameGap: 28, max: "dataMax" },
    yAxis: { type: "value", name: "MB" },
    series: [
      { ...resident, markLine: { symbol: "none", silent: true, lineStyle: { color: "#888" }, data: marks } },
      line("the server's own", "anonymousMb", COLOURS.after),
    ] as NonNullable<EChartsOption["series"]>,
  };
}
