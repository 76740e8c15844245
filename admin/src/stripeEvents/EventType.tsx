import { Fragment } from "react";

/** "customer.subscription.updated", which breaks after its dots where it must. */
export const EventType = ({ type }: { type: string }) => (
  <span style={{ overflowWrap: "anywhere" }}>
    {type.split(".").map((part, at) => (
      <Fragment key={at}>
        {at > 0 && (
          <>
            .<wbr />
          </>
        )}
        {part}
      </Fragment>
    ))}
  </span>
);
