// What a connection may cost, and how long it may take. See base/limits for the reasons behind the defaults.

import { assert } from "../base/assert.ts";
import {
  CONNECTION_IDLE_MS,
  CONNECTION_LINGER_MS,
  CONNECTION_STREAMS_MAX,
  CONNECTION_UNSENT_BYTES_MAX,
  CONNECTION_WINDOW_BYTES,
  HEADER_BLOCK_BYTES_MAX,
  HEADER_BLOCK_TIMEOUT_MS,
  HEADER_CONTINUATIONS_MAX,
  HEADER_LIST_BYTES_MAX,
  IDLE_FRAMES_MAX,
  IDLE_FRAMES_PER_SECOND,
  OUTPUT_STALL_MS,
  PREFACE_TIMEOUT_MS,
  SETTINGS_FRAMES_MAX,
  SETTINGS_FRAMES_PER_SECOND,
  SLOW_MESSAGE_BYTES_PER_SECOND,
  SLOW_MESSAGE_MS,
  STREAM_RESETS_MAX,
  STREAM_RESETS_PER_SECOND,
  STREAM_WINDOW_BYTES,
  UNREAD_CONTROL_FRAMES_MAX,
  UNREAD_REQUEST_MS,
  UNSENT_BYTES_MAX,
} from "../base/limits.ts";
import { WINDOW_DEFAULT, WINDOW_MAX } from "./frames.ts";

/** Limits of one connection. */
export interface Http2Limits {
  readonly streamsMax: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly headerListBytesMax: number;
  readonly headerBlockBytesMax: number;
  readonly headerContinuationsMax: number;
  /** Replies that wait for the peer's windows; beyond that new calls are refused. */
  readonly unsentReplyBytesMax: number;
  /** The same, of all connections. */
  readonly allUnsentBytesMax: number;
  readonly unreadControlFramesMax: number;
  readonly resetsMax: number;
  readonly resetsPerSecond: number;
  readonly settingsMax: number;
  readonly settingsPerSecond: number;
  readonly idleFramesMax: number;
  readonly idleFramesPerSecond: number;
  readonly prefaceTimeoutMs: number;
  readonly headerBlockTimeoutMs: number;
  readonly idleMs: number;
  readonly stallMs: number;
  readonly lingerMs: number;
  readonly unreadRequestMs: number;
  readonly slowMessageMs: number;
  readonly slowMessageBytesPerSecond: number;
}

const DEFAULTS: Http2Limits = {
  streamsMax: CONNECTION_STREAMS_MAX,
  streamWindowBytes: STREAM_WINDOW_BYTES,
  connectionWindowBytes: CONNECTION_WINDOW_BYTES,
  headerListBytesMax: HEADER_LIST_BYTES_MAX,
  headerBlockBytesMax: HEADER_BLOCK_BYTES_MAX,
  headerContinuationsMax: HEADER_CONTINUATIONS_MAX,
  unsentReplyBytesMax: CONNECTION_UNSENT_BYTES_MAX,
  allUnsentBytesMax: UNSENT_BYTES_MAX,
  unreadControlFramesMax: UNREAD_CONTROL_FRAMES_MAX,
  resetsMax: STREAM_RESETS_MAX,
  resetsPerSecond: STREAM_RESETS_PER_SECOND,
  settingsMax: SETTINGS_FRAMES_MAX,
  settingsPerSecond: SETTINGS_FRAMES_PER_SECOND,
  idleFramesMax: IDLE_FRAMES_MAX,
  idleFramesPerSecond: IDLE_FRAMES_PER_SECOND,
  prefaceTimeoutMs: PREFACE_TIMEOUT_MS,
  headerBlockTimeoutMs: HEADER_BLOCK_TIMEOUT_MS,
  idleMs: CONNECTION_IDLE_MS,
  stallMs: OUTPUT_STALL_MS,
  lingerMs: CONNECTION_LINGER_MS,
  unreadRequestMs: UNREAD_REQUEST_MS,
  slowMessageMs: SLOW_MESSAGE_MS,
  slowMessageBytesPerSecond: SLOW_MESSAGE_BYTES_PER_SECOND,
};

/** The limits to go by. A window below the default of HTTP/2 would only hold once the peer has acknowledged it. */
export function http2Limits(changed: Partial<Http2Limits> = {}): Http2Limits {
  const limits = { ...DEFAULTS, ...changed };
  for (const window of [limits.streamWindowBytes, limits.connectionWindowBytes]) {
    assert(window >= WINDOW_DEFAULT && window <= WINDOW_MAX, "a receive window from 65,535 to 2,147,483,647 bytes");
  }
  return limits;
}
