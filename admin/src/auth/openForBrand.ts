import { queryClient } from "../connection.ts";
import { leave, switchBrand } from "../session.ts";

/**
 * Takes this tab to another brand, or to none, as a whole new page: no cached row
 * of the former brand may survive. What it was still asking is given up.
 */
export async function openForBrand(brandId: string | null): Promise<void> {
  leave(true);
  try {
    await queryClient.cancelQueries();
    await switchBrand(brandId);
  } catch (error) {
    leave(false);
    throw error;
  }
  window.location.assign("/admin/");
}
