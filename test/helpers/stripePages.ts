import type { BrowserContext } from "playwright-core";

import type { StripeStandIn } from "./stripeStandIn.ts";

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");

/**
 * The pages of Stripe that the stand-in's API leads to, for a browser: a heading,
 * and the ways back that the last call named. The addresses are those of real life
 * in form (https, another host), so what the admin checks of them holds.
 */
export async function serveStripePages(
  context: BrowserContext,
  stripe: Pick<StripeStandIn, "calls">,
): Promise<void> {
  await context.route(
    /^https:\/\/(checkout|billing)\.stripe\.example\//,
    async (route) => {
      const form = stripe.calls.at(-1)?.form ?? {};
      const back = {
        Pay: form["success_url"],
        "Go back": form["cancel_url"],
        Confirm: form["flow_data[after_completion][redirect][return_url]"],
        Return: form["return_url"],
      };
      const links = Object.entries(back).flatMap(([name, href]) =>
        href === undefined ? [] : [`<a href="${escape(href)}">${name}</a>`],
      );
      await route.fulfill({
        contentType: "text/html; charset=utf-8",
        body: `<!doctype html><html lang="en"><title>Stripe</title><h1>Stripe’s page</h1>${links.join(" ")}</html>`,
      });
    },
  );
}
