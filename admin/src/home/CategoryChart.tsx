import Box from "@mui/material/Box";
import { BarChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import type { EChartsType } from "echarts/core";
import { init, use as register } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

import { formatCount } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";

register([BarChart, GridComponent, TooltipComponent, SVGRenderer]);

export type CategoryBar = { code: string; label: string; count: number };

/**
 * The picture of the figures that stand beside it as links: screen readers and
 * the keyboard use those, so the drawing itself is hidden from them.
 */
export default function CategoryChart({
  bars,
  onSelect,
}: {
  bars: readonly CategoryBar[];
  onSelect: (code: string) => void;
}) {
  const c = useTokens();
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const select = useRef(onSelect);
  useEffect(() => {
    select.current = onSelect;
  }, [onSelect]);

  useEffect(() => {
    if (element.current === null) return undefined;
    const made = init(element.current, null, { renderer: "svg" });
    chart.current = made;
    made.on("click", (event) => {
      const bar = event.data as { code?: string } | undefined;
      if (bar?.code !== undefined) select.current(bar.code);
    });
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
      animationDuration: 500,
      grid: { left: 0, right: 0, top: 26, bottom: 30 },
      textStyle: { fontFamily: "Instrument Sans, system-ui, sans-serif" },
      tooltip: {
        trigger: "item",
        backgroundColor: c.ink,
        borderWidth: 0,
        textStyle: { color: c.onInk, fontSize: 12 },
        formatter: (params: { name: string; value: number }) =>
          `${params.name}: ${formatCount(params.value)}`,
      },
      xAxis: {
        type: "category",
        data: bars.map((bar) => bar.label),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: c.line } },
        axisLabel: {
          color: c.quiet,
          fontSize: 11.5,
          interval: 0,
          hideOverlap: true,
        },
      },
      yAxis: { type: "value", show: false },
      series: [
        {
          type: "bar",
          barMaxWidth: 46,
          barMinHeight: 3,
          cursor: "pointer",
          data: bars.map((bar) => ({ value: bar.count, code: bar.code })),
          itemStyle: { color: c.accent, borderRadius: [7, 7, 0, 0] },
          emphasis: { itemStyle: { color: c.ink } },
          label: {
            show: true,
            position: "top",
            color: c.text,
            fontWeight: 600,
            fontSize: 12,
            formatter: ({ value }: { value: number }) => formatCount(value),
          },
        },
      ],
    });
  }, [bars, c]);

  return (
    <Box ref={element} aria-hidden="true" sx={{ width: "100%", height: 300 }} />
  );
}
