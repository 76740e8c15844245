import Box from "@mui/material/Box";
import { BarChart } from "echarts/charts";
import {
  GridComponent,
  MarkLineComponent,
  TooltipComponent,
} from "echarts/components";
import { use as register } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect } from "react";

import type { Drawing } from "./ChartFrame.tsx";
import { useDrawing, useDrawingStyle } from "./useDrawing.ts";
import { waterfallSteps } from "./waterfallSteps.ts";

register([
  BarChart,
  GridComponent,
  MarkLineComponent,
  TooltipComponent,
  SVGRenderer,
]);

/** Where there is less room than this, names of steps stand at an angle. */
const NARROW = 560;

/**
 * From one total to the next: the first and the last bar stand on the ground, each
 * one between begins where the one before ended. Hidden from assistive
 * technology: ChartFrame says the same in a table.
 */
export default function Waterfall({
  labels,
  series,
  height,
  format,
  formatShort,
  onSelect,
}: Drawing) {
  const { element, chart, width } = useDrawing(onSelect);
  const { c, base, tooltip, label } = useDrawingStyle();
  const isNarrow = width > 0 && width < NARROW;
  const values = series[0]?.values;

  useEffect(() => {
    if (values === undefined) return;
    const steps = waterfallSteps(values);
    const isTotal = (at: number) => at === 0 || at === steps.length - 1;
    const colorOf = (at: number) =>
      isTotal(at) ? c.ink : (values[at] ?? 0) < 0 ? c.error : c.success;
    chart.current?.setOption(
      {
        ...base,
        grid: { left: 4, right: 4, top: 28, bottom: 4, containLabel: true },
        tooltip: {
          ...tooltip,
          formatter: (shown: { dataIndex: number }[]) => {
            const at = shown[0]?.dataIndex ?? 0;
            return `${labels[at] ?? ""}: ${format(values[at] ?? 0)}`;
          },
        },
        xAxis: {
          type: "category",
          data: [...labels],
          axisTick: { show: false },
          axisLine: { lineStyle: { color: c.line } },
          axisLabel: { ...label, interval: 0, rotate: isNarrow ? 38 : 0 },
        },
        yAxis: {
          type: "value",
          axisLabel: { ...label, formatter: formatShort },
          splitLine: { lineStyle: { color: c.line } },
        },
        series: [
          {
            // Holds the others up and is not seen.
            type: "bar",
            stack: "all",
            silent: true,
            barCategoryGap: "28%",
            itemStyle: { color: "transparent" },
            data: steps.map(({ low }) => low),
          },
          {
            type: "bar",
            stack: "all",
            barCategoryGap: "28%",
            data: steps.map(({ low, high }, at) => ({
              value: high - low,
              itemStyle: { color: colorOf(at), borderRadius: 3 },
            })),
            label: {
              // Side by side they would run into each other; the legend or
              // the table has them.
              show: !isNarrow,
              position: "top",
              color: c.text,
              fontSize: 11.5,
              formatter: ({ dataIndex }: { dataIndex: number }) =>
                formatShort(values[dataIndex] ?? 0),
            },
            labelLayout: { hideOverlap: true },
            markLine: {
              silent: true,
              symbol: "none",
              lineStyle: { color: c.control, type: "dotted", width: 1 },
              label: { show: false },
              data: steps
                .slice(0, -1)
                .map(({ after }, at) => [
                  { coord: [at, after] },
                  { coord: [at + 1, after] },
                ]),
            },
          },
        ],
      },
      { notMerge: true },
    );
  }, [
    labels,
    values,
    format,
    formatShort,
    c,
    base,
    tooltip,
    label,
    isNarrow,
    chart,
  ]);

  return (
    <Box
      ref={element}
      aria-hidden="true"
      sx={{
        width: "100%",
        height,
        "& path, & svg": onSelect === null ? {} : { cursor: "pointer" },
      }}
    />
  );
}
