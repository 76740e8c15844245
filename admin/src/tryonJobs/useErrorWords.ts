import { useTranslate } from "react-admin";

/**
 * Why an attempt ended, in words. Workers name their reasons themselves: one
 * nobody wrote words for reads as it is named.
 */
export const useErrorWords = () => {
  const translate = useTranslate();
  return (code: string): { title: string; hint: string } => {
    const plain = code.toLowerCase().replaceAll("_", " ");
    const title = translate(`tryons.errors.${code}.title`, { _: "" });
    return {
      title:
        title === "" ? plain.slice(0, 1).toUpperCase() + plain.slice(1) : title,
      hint: translate(`tryons.errors.${code}.hint`, { _: "" }),
    };
  };
};
