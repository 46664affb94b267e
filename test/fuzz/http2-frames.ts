// Frames as the fuzzer writes and reads them, on both sides of a connection.

import { FRAME_HEADER_BYTES, readUint31, writeFrameHeader, writeUint32 } from "../../src/http2/frames.ts";

/** A frame, its payload with padding and all. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** The bytes of a frame. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(out, 0, payload.length, type, flags, streamId);
  out.set(payload, FRAME_HEADER_BYTES);
  return out;
}

/** Four bytes. */
export function uint32(value: number): Uint8Array {
  const out = new Uint8Array(4);
  writeUint32(out, 0, value);
  return out;
}

/** The payload of SETTINGS. */
export function settingsPayload(rows: readonly (readonly [id: number, value: number])[]): Uint8Array {
  const out = new Uint8Array(rows.length * 6);
  rows.forEach(([id, value], i) => {
    out[i * 6] = id >>> 8;
    out[i * 6 + 1] = id;
    writeUint32(out, i * 6 + 2, value);
  });
  return out;
}

/** Cuts bytes into frames, however they come in pieces. */
export class FrameSplitter {
  #bytes: Buffer = Buffer.alloc(0);

  /** @param skip bytes before the first frame */
  constructor(skip = 0) {
    this.#skip = skip;
  }

  #skip: number;

  push(chunk: Uint8Array): Frame[] {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(skipped)]);
    const frames: Frame[] = [];
    let at = 0;
    while (at + FRAME_HEADER_BYTES <= this.#bytes.length) {
      const start = at + FRAME_HEADER_BYTES;
      const end = start + this.#bytes.readUIntBE(at, 3);
      if (end > this.#bytes.length) break;
      frames.push({
        type: this.#bytes[at + 3] as number,
        flags: this.#bytes[at + 4] as number,
        streamId: readUint31(this.#bytes, at + 5),
        payload: this.#bytes.subarray(start, end),
      });
      at = end;
    }
    this.#bytes = this.#bytes.subarray(at);
    return frames;
  }
}
