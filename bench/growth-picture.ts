// `node bench/growth-picture.ts GROWTH.json PICTURE.svg`: the picture of docs/performance.md, from the file that
// `npm run bench:growth` writes: processor time, memory and disk, and waiting, over the number of records.

import { readFileSync } from "node:fs";
import type { EChartsOption } from "echarts";
import { draw } from "./draw.ts";
import type { GrowthReport, Stop } from "./growth.ts";

interface Panel {
  readonly title: string;
  readonly lines: readonly (readonly [name: string, color: string, of: (stop: Stop) => number])[];
}

const BLUE = "#2563eb";
const RED = "#dc2626";
const GREY = "#8590a2";
const GREEN = "#16a34a";
const PANEL = { top: 84, height: 190, apart: 265 };
const MIB = 1024 * 1024;

const PANELS: readonly Panel[] = [
  {
    title: "processor time",
    lines: [
      ["CPU ms per 1,000 entries written", BLUE, (stop) => stop.cpuMsPer1000],
      ["CPU µs per get", RED, (stop) => stop.getCpuUs],
    ],
  },
  {
    title: "MB",
    lines: [
      ["log", BLUE, (stop) => stop.logBytes / MIB],
      ["index", GREEN, (stop) => stop.indexBytes / MIB],
      ["memory of its own", RED, (stop) => stop.anonymousMb],
      ["memory with mapped files", GREY, (stop) => stop.residentMb],
    ],
  },
  {
    title: "ms",
    lines: [
      ["index behind the log", BLUE, (stop) => stop.indexLagMs],
      ["close", GREY, (stop) => stop.closeMs],
      ["open, until the first get", RED, (stop) => stop.openMs],
    ],
  },
];

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined)
  throw new Error("usage: node bench/growth-picture.ts GROWTH.json PICTURE.svg");
const { stops }: GrowthReport = JSON.parse(readFileSync(from, "utf8"));
draw(to, PANELS.length * PANEL.apart + 20, curves());

function curves(): EChartsOption {
  const top = (i: number): number => PANEL.top + i * PANEL.apart;
  const records = stops.map((stop) => stop.records);
  // Of memory, disk and waiting it is the slope that counts: on two logarithmic scales, in proportion is a straight line.
  const scale = (i: number): "value" | "log" => (i === 0 ? "value" : "log");
  return {
    legend: PANELS.map(({ lines }, i) => ({ top: top(i) - 58, itemGap: 44, data: lines.map(([name]) => name) })),
    grid: PANELS.map((_, i) => ({ top: top(i), height: PANEL.height - 30, left: 70, right: 60 })),
    xAxis: PANELS.map((_, i) => ({
      type: "log",
      gridIndex: i,
      min: records[0] as number,
      max: records.at(-1) as number,
      name: "records",
      nameLocation: "middle",
      nameGap: 26,
      axisLabel: { formatter: (n: number) => n.toLocaleString("en") },
    })),
    yAxis: PANELS.map(({ title }, i) => ({
      type: scale(i),
      gridIndex: i,
      name: title,
      min: scale(i) === "log" ? 1 : 0,
    })),
    series: PANELS.flatMap(({ lines }, i) =>
      lines.map(([name, color, of]) => ({
        name,
        type: "line" as const,
        xAxisIndex: i,
        yAxisIndex: i,
        lineStyle: { color },
        itemStyle: { color },
        data: stops.map((stop) => [stop.records, of(stop)]),
      })),
    ),
  };
}
