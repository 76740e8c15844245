import type { Config } from "../config.ts";
import { makeImageUrlPlugin } from "./ImageUrlPlugin.ts";
import { makeRequestUploadPlugin } from "./RequestUploadPlugin.ts";
import type { FileUrls } from "./signUrls.ts";

/** What files add to the GraphQL API. */
export function makeStoragePlugins(
  fileUrls: FileUrls,
  config: Pick<Config, "limits">,
): GraphileConfig.Plugin[] {
  return [
    makeRequestUploadPlugin({
      fileUrls,
      maxBytes: config.limits.uploadBytes,
    }),
    makeImageUrlPlugin(fileUrls),
  ];
}
