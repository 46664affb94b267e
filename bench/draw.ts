// A chart as a picture in a file, drawn without a browser.

import { writeFileSync } from "node:fs";
import { type EChartsOption, init } from "echarts";

const WIDTH = 900;

export function draw(file: string, height: number, option: EChartsOption): void {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  chart.setOption({ animation: false, backgroundColor: "#ffffff", ...option });
  writeFileSync(file, `${chart.renderToSVGString()}\n`);
  chart.dispose();
}
