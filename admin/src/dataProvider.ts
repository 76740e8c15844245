import type { PostgraphileDataProvider } from "ra-data-postgraphile";
import { makeDataProvider } from "ra-data-postgraphile";

import { resources } from "./resources.ts";

export type AppDataProvider = PostgraphileDataProvider;

export const dataProvider: AppDataProvider = makeDataProvider({ resources });
