import { sideEffectWithPgClientTransaction } from "postgraphile/@dataplan/pg";
import { object } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";

import { AppError } from "../errors.ts";
import type { FileUrls } from "./signUrls.ts";

type UploadInput = { kind: string; contentType: string; bytes: number };

/**
 * The mutation requestUpload: the row is made under the caller's own policies,
 * so that whoever may not own a file gets no link.
 */
export function makeRequestUploadPlugin(options: {
  fileUrls: FileUrls;
  maxBytes: number;
}): GraphileConfig.Plugin {
  const plugin = extendSchema((build) => {
    const executor = build.input.pgRegistry.pgExecutors["main"];
    if (executor === undefined) throw new Error("There is no main executor");
    return {
      typeDefs: gql`
        "What a picture is for."
        enum UploadKind {
          "A garment: of the active brand, or of the person without one."
          GARMENT
          "A picture of oneself, for a try-on."
          SELFIE
        }

        input RequestUploadInput {
          kind: UploadKind!
          "image/png, image/jpeg, image/webp or image/gif."
          contentType: String!
          "The exact size of the file."
          bytes: Int!
        }

        type RequestUploadPayload {
          "Set this as imageKey once the bytes have arrived."
          key: String!
          "PUT the bytes here within 15 minutes, with the announced Content-Type."
          url: String!
        }

        extend type Mutation {
          "Registers a picture and answers where to send its bytes."
          requestUpload(input: RequestUploadInput!): RequestUploadPayload
        }
      `,
      objects: {
        Mutation: {
          plans: {
            requestUpload(_$mutation, fieldArgs) {
              const $input = object({
                kind: fieldArgs.getRaw(["input", "kind"]),
                contentType: fieldArgs.getRaw(["input", "contentType"]),
                bytes: fieldArgs.getRaw(["input", "bytes"]),
              });
              return sideEffectWithPgClientTransaction(
                executor,
                $input,
                async (client, { kind, contentType, bytes }: UploadInput) => {
                  if (bytes > options.maxBytes) {
                    throw new AppError("LARGE", "The file is too large", {
                      field: "bytes",
                      hint: `At most ${Math.floor(options.maxBytes / 1024 / 1024)} MB`,
                    });
                  }
                  const { rows } = await client.query<{ key: string }>({
                    text: "select app_hidden.create_upload($1, $2, $3) as key",
                    values: [kind.toLowerCase(), contentType, bytes],
                  });
                  const key = rows[0]?.key;
                  if (key === undefined) throw new AppError("DNIED");
                  return {
                    key,
                    url: options.fileUrls.upload({ key, contentType, bytes }),
                  };
                },
              );
            },
          },
        },
      },
    };
  }, "RequestUploadPlugin");
  plugin.description = "Adds the mutation requestUpload";
  return plugin;
}
