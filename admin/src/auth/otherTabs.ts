import { actingSession } from "../session.ts";
import { setTrouble } from "./sessionTrouble.ts";

const CHANNEL = "closetai session";
/** This tab hears itself, too. */
const tab = Math.random();

/** Tells the other tabs of this browser that nobody is signed in any more. */
export function tellSignedOut(): void {
  if (typeof BroadcastChannel === "undefined") return;
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({ from: tab, ended: true });
  channel.close();
}

/**
 * What is on the screen of another tab is somebody's until it is covered: it asks
 * for the password the moment the person signs out here. Answers how to stop.
 */
export function followSignOut(): () => void {
  if (typeof BroadcastChannel === "undefined") return () => undefined;
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<{ from?: unknown }>) => {
    if (data.from !== tab && actingSession()?.user != null) setTrouble("ended");
  };
  return () => channel.close();
}
