import Box from "@mui/material/Box";
import { BarChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import type { EChartsType } from "echarts/core";
import { init, use as register } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

import { useTokens } from "../theme/useTokens.ts";

register([BarChart, GridComponent, TooltipComponent, SVGRenderer]);

export type Bars = {
  /** One for each place on the axis. */
  labels: readonly string[];
  series: readonly { name: string; color: string; values: readonly number[] }[];
  height: number;
};

const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Bars over time, one series on top of the other. Hidden from assistive
 * technology: ChartFrame says the same in a table.
 */
export default function StackedBars({ labels, series, height }: Bars) {
  const c = useTokens();
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);

  useEffect(() => {
    if (element.current === null) return undefined;
    const made = init(element.current, null, { renderer: "svg" });
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(element.current);
    return () => {
      observer.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    chart.current?.setOption({
      animation: !isStill(),
      animationDuration: 400,
      grid: { left: 4, right: 4, top: 12, bottom: 4, containLabel: true },
      textStyle: { fontFamily: "Instrument Sans, system-ui, sans-serif" },
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { opacity: 0.12 } },
        backgroundColor: c.ink,
        borderWidth: 0,
        textStyle: { color: c.onInk, fontSize: 12 },
      },
      xAxis: {
        type: "category",
        data: [...labels],
        axisTick: { show: false },
        axisLine: { lineStyle: { color: c.line } },
        axisLabel: { color: c.quiet, fontSize: 11.5, hideOverlap: true },
      },
      yAxis: {
        type: "value",
        minInterval: 1,
        axisLabel: { color: c.quiet, fontSize: 11.5 },
        splitLine: { lineStyle: { color: c.line } },
      },
      series: series.map((one) => ({
        type: "bar",
        name: one.name,
        stack: "all",
        barMaxWidth: 26,
        barCategoryGap: "25%",
        data: [...one.values],
        itemStyle: { color: one.color },
      })),
    });
  }, [labels, series, c]);

  return (
    <Box ref={element} aria-hidden="true" sx={{ width: "100%", height }} />
  );
}
