/** Where the process stands; /readyz tells it to whoever routes traffic. */
export type Lifecycle = {
  state: "starting" | "ready" | "stopping";
};
