import { Title, useTranslate } from "react-admin";

import { PageSkeleton } from "../layout/Layout.tsx";
import { useSession } from "../useSession.ts";
import { BrandHome } from "./BrandHome.tsx";
import { ShopperHome } from "./ShopperHome.tsx";
import { StaffHome } from "./StaffHome.tsx";

const useGreeting = (): string => {
  const translate = useTranslate();
  const { session } = useSession();
  const hour = new Date().getHours();
  const part =
    hour < 5
      ? "evening"
      : hour < 12
        ? "morning"
        : hour < 18
          ? "afternoon"
          : "evening";
  const name = session.user?.displayName.split(/\s+/)[0] ?? "";
  return name === ""
    ? translate(`home.${part}`)
    : translate("home.greeting", { part: translate(`home.${part}`), name });
};

/** The start page of whoever is asking. */
export const Home = () => {
  const { session, isPending } = useSession();
  const greeting = useGreeting();
  if (isPending) return <PageSkeleton />;
  return (
    <>
      <Title title={greeting} />
      {session.brand !== null ? (
        <BrandHome />
      ) : session.staffRole !== null ? (
        <StaffHome />
      ) : (
        <ShopperHome />
      )}
    </>
  );
};
