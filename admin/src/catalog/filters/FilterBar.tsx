import type { AdminResource } from "../adopt.ts";

export const FilterBar = (_props: { resource: AdminResource }) => null;
