import type { EChartsType } from "echarts/core";
import { init } from "echarts/core";
import type { RefObject } from "react";
import { useEffect, useMemo, useRef, useState } from "react";

import { useTokens } from "../theme/useTokens.ts";

const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * An ECharts drawing that follows the size of its element: the element, the
 * drawing in it, and how wide it is.
 */
export const useDrawing = (
  onSelect: ((at: number) => void) | null,
): {
  element: RefObject<HTMLDivElement | null>;
  chart: RefObject<EChartsType | null>;
  width: number;
} => {
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const select = useRef(onSelect);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    select.current = onSelect;
  }, [onSelect]);
  useEffect(() => {
    const node = element.current;
    if (node === null) return undefined;
    const made = init(node, null, { renderer: "svg" });
    chart.current = made;
    // Anywhere above or below a place on the axis: bars may be a pixel high.
    made.getZr().on("click", (event) => {
      const at = made.convertFromPixel({ gridIndex: 0 }, [
        event.offsetX,
        event.offsetY,
      ]);
      const inside = made.containPixel({ gridIndex: 0 }, [
        event.offsetX,
        event.offsetY,
      ]);
      if (inside && Array.isArray(at)) select.current?.(Math.round(at[0] ?? 0));
    });
    const observer = new ResizeObserver(() => {
      made.resize();
      setWidth(node.clientWidth);
    });
    observer.observe(node);
    return () => {
      observer.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  return { element, chart, width };
};

/** What all drawings look like. */
export const useDrawingStyle = () => {
  const c = useTokens();
  return useMemo(
    () => ({
      c,
      base: {
        animation: !isStill(),
        animationDuration: 400,
        textStyle: { fontFamily: "Instrument Sans, system-ui, sans-serif" },
      },
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { opacity: 0.12 } },
        backgroundColor: c.ink,
        borderWidth: 0,
        textStyle: { color: c.onInk, fontSize: 12 },
        confine: true,
      },
      label: { color: c.quiet, fontSize: 11.5 },
    }),
    [c],
  );
};
