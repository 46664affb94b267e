import type { KvMetadata } from "../proof/model.ts";

/** Metadata without attributes is none: that is how it comes back from disk. */
export function attributesOf(metadata: KvMetadata | undefined): KvMetadata | undefined {
  return metadata?.deleted || metadata?.nonIndexable || metadata?.expiresAt !== undefined ? metadata : undefined;
}
