// How stored bytes, hashes and times are shown.

import { toHex } from "../../src/base/bytes.ts";
import { h } from "./dom.ts";

/** Characters that a person cannot see, or that reorder what is seen. Line breaks and tabs are fine. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}]/u;

/** Bytes as text where they are text that can be seen, else as hex; `how` says which. */
export function shownBytes(bytes: Uint8Array): { readonly text: string; readonly how: "text" | "hex" | "empty" } {
  if (bytes.length === 0) return { text: "(empty)", how: "empty" };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!INVISIBLE.test(text.replace(/[\n\t]/g, ""))) return { text, how: "text" };
  } catch {
    // not UTF-8
  }
  return { text: toHex(bytes), how: "hex" };
}

export function shownKey(key: Uint8Array): HTMLElement {
  return h("span", { class: "hash" }, shownBytes(key).text);
}

export function shownHash(hash: Uint8Array): HTMLElement {
  return h("code", { class: "hash" }, toHex(hash));
}

/** A transaction and the hash that stands for all history up to it. */
export function shownPoint(point: { readonly txId: bigint; readonly txHash: Uint8Array } | undefined): Node | string {
  if (point === undefined) return "nothing yet";
  return h("div", {}, `transaction ${point.txId}`, h("br"), shownHash(point.txHash));
}

/** A moment given in Unix seconds. */
export function shownTime(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toLocaleString();
}

export function counted(n: number, thing: string): string {
  return `${n} ${thing}${n === 1 ? "" : "s"}`;
}
