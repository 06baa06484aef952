/** Spans of time as people write them: 500ms, 10s, 2m, 1h. */
import { Fault } from '../proto/fault.ts';
import { unlimitedMs } from '../proto/linger.ts';
import { longestConnectionLingerMs } from './request.ts';

const unit: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @returns milliseconds; @throws Fault InvalidArgument */
export function parseDuration(text: string): number {
  const [, number, name] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = unit[name ?? ''];
  if (number === undefined || factor === undefined) {
    throw new Fault('InvalidArgument', `${JSON.stringify(text)} is not a span of time: write it like 500ms, 10s or 2m`);
  }
  return Math.round(Number(number) * factor);
}

/** How long connections may hold a source: also 0, or unlimited. @returns milliseconds; @throws Fault InvalidArgument */
export function parseLinger(text: string): number {
  if (text === 'unlimited') return unlimitedMs;
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms <= longestConnectionLingerMs) return ms;
  throw new Fault('InvalidArgument', `${JSON.stringify(text)} is more than 24h: write unlimited`);
}

/** As parseLinger() reads it. */
export function lingerText(ms: number): string {
  if (ms === unlimitedMs) return 'unlimited';
  if (ms === 0) return '0';
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}

/** With as many digits as somebody who waits wants: 180ms, 1.24s, 2m03s. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(ms < 9_995 ? 2 : 1)}s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
