import { useTheme } from "@mui/material/styles";
import {
  useLogout,
  useNotify,
  useTheme as useThemeName,
  useTranslate,
} from "react-admin";

import { openForBrand } from "../auth/openForBrand.ts";
import { useCatalog } from "../catalog/CatalogContext.tsx";
import { navigationFor, withCatalog } from "../layout/navigation.tsx";
import { useSavedViews } from "../savedViews/useSavedViews.ts";
import { useSession } from "../useSession.ts";
import type { Command } from "./commands.ts";

export type RunnableCommand = Command & { run: (() => void) | null };

/** Every page, view and action this person has, as things to search for. */
export const useCommands = (): RunnableCommand[] => {
  const translate = useTranslate();
  const notify = useNotify();
  const logout = useLogout();
  const [, setTheme] = useThemeName();
  const dark = useTheme().palette.mode === "dark";
  const catalog = useCatalog();
  const { session, can } = useSession();
  const { views } = useSavedViews();
  const say = (key: string) => translate(key, { _: key });

  const pages = withCatalog(navigationFor(session, can), catalog, say)
    .flatMap(({ items }) => items)
    .map(({ to, label }): RunnableCommand => ({
      key: `page:${to}`,
      label: say(label),
      also: translate("search.also_page"),
      kind: "page",
      to,
      run: null,
    }));
  const action = (
    key: string,
    label: string,
    also: string,
    does: { to: string } | { run: () => void },
  ): RunnableCommand => ({
    key: `action:${key}`,
    label,
    also,
    kind: "action",
    to: "to" in does ? does.to : null,
    run: "run" in does ? does.run : null,
  });
  const creates = catalog.resources
    .filter(
      (resource) =>
        !resource.hidden &&
        resource.verbs.create &&
        can(resource.name, "create") &&
        // An import begins with a file and an invitation with a dialog.
        !["imports", "invitations"].includes(resource.name),
    )
    .map((resource) =>
      action(
        `create:${resource.name}`,
        translate("catalog.create", { name: resource.singular.toLowerCase() }),
        translate("search.also_create"),
        { to: `/${resource.name}/create` },
      ),
    );
  const places = [
    ...session.brands.map(({ id, name }) => ({
      id: id as string | null,
      name,
    })),
    ...(session.brands.length > 0
      ? [
          {
            id: null,
            name: translate(
              session.staffRole === null
                ? "brand_switch.personal"
                : "brand_switch.staff",
            ),
          },
        ]
      : []),
  ].filter(({ id }) => id !== (session.brand?.id ?? null));

  return [
    ...creates,
    ...(can("imports", "create")
      ? [
          action(
            "import",
            translate(
              session.brand === null ? "imports.into_list" : "search.import",
            ),
            translate("search.also_import"),
            { to: "/imports/create" },
          ),
        ]
      : []),
    action(
      "theme",
      translate(dark ? "app.theme_to_light" : "app.theme_to_dark"),
      translate("search.also_theme"),
      { run: () => setTheme(dark ? "light" : "dark") },
    ),
    ...places.map(({ id, name }) =>
      action(
        `brand:${id ?? "none"}`,
        translate("search.switch_to", { name }),
        translate("search.also_switch"),
        {
          run: () => {
            openForBrand(id).catch((error: unknown) =>
              notify("brand_switch.failed", {
                type: "error",
                messageArgs: {
                  message: error instanceof Error ? error.message : "",
                },
              }),
            );
          },
        },
      ),
    ),
    action("profile", translate("menu.profile"), translate("app.account"), {
      to: "/profile",
    }),
    action(
      "sign_out",
      translate("menu.sign_out"),
      translate("search.also_sign_out"),
      { run: () => void logout() },
    ),
    ...pages,
    ...views.flatMap((view): RunnableCommand[] => {
      const resource = catalog.resources.find(
        ({ table }) => table === view.resource,
      );
      return resource === undefined
        ? []
        : [
            {
              key: `view:${view.id}`,
              label: translate("search.view", {
                name: view.name,
                label: translate(`resources.${resource.name}.menu`, {
                  _: resource.label,
                }),
              }),
              also: translate("views.title"),
              kind: "view",
              to: `/${resource.name}?view=${view.id}`,
              run: null,
            },
          ];
    }),
  ];
};
