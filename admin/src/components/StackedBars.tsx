import Box from "@mui/material/Box";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { use as register } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect } from "react";

import type { Drawing } from "./ChartFrame.tsx";
import { useDrawing, useDrawingStyle } from "./useDrawing.ts";

register([BarChart, LineChart, GridComponent, TooltipComponent, SVGRenderer]);

/**
 * Bars over time, one series on top of the other, those below zero under the
 * axis; lines across them, on an axis of their own where there are bars, too.
 * Hidden from assistive technology: ChartFrame says the same in a table.
 */
export default function StackedBars({
  labels,
  series,
  height,
  format,
  formatShort,
  onSelect,
}: Drawing) {
  const { element, chart } = useDrawing(onSelect);
  const { c, base, tooltip, label } = useDrawingStyle();
  const hasLine = series.some(({ kind }) => kind === "line");
  const hasBars = series.some(({ kind }) => kind !== "line");
  const hasTwo = hasLine && hasBars;

  useEffect(() => {
    const valueAxis = {
      type: "value",
      minInterval: 1,
      axisLabel: { ...label, formatter: (value: number) => formatShort(value) },
      splitLine: { lineStyle: { color: c.line } },
    };
    chart.current?.setOption(
      {
        ...base,
        grid: { left: 4, right: 4, top: 12, bottom: 4, containLabel: true },
        tooltip: {
          ...tooltip,
          valueFormatter: (value: unknown) => format(Number(value)),
        },
        xAxis: {
          type: "category",
          data: [...labels],
          axisTick: { show: false },
          axisLine: { onZero: false, lineStyle: { color: c.line } },
          axisLabel: { ...label, hideOverlap: true },
        },
        yAxis: hasTwo
          ? [
              valueAxis,
              {
                ...valueAxis,
                // What lines measure is not what bars do.
                scale: true,
                position: "right",
                splitLine: { show: false },
              },
            ]
          : valueAxis,
        series: series.map((one) =>
          one.kind === "line"
            ? {
                type: "line",
                name: one.name,
                yAxisIndex: hasTwo ? 1 : 0,
                data: [...one.values],
                symbol: labels.length > 40 ? "none" : "circle",
                symbolSize: 5,
                lineStyle: { color: one.color, width: 2.25 },
                itemStyle: { color: one.color },
                z: 3,
              }
            : {
                type: "bar",
                name: one.name,
                stack: "all",
                barMaxWidth: 26,
                barCategoryGap: "25%",
                data: [...one.values],
                itemStyle: { color: one.color },
              },
        ),
      },
      { notMerge: true },
    );
  }, [
    labels,
    series,
    format,
    formatShort,
    c,
    base,
    tooltip,
    label,
    hasTwo,
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
