import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";

/** Serious findings in words: the rule, and where. */
export async function findings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    // Our pages hold no frame, so the check may run inside the page itself.
    .setLegacyMode(true)
    .options({ resultTypes: ["violations"] })
    .analyze();
  return violations
    .filter(({ impact }) => impact === "critical" || impact === "serious")
    .flatMap(({ id, nodes }) =>
      nodes.map(
        (node) =>
          `${id}: ${node.target.join(" ")} ${node.failureSummary ?? ""}`,
      ),
    );
}
