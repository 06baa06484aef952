/** Flags as Go programs take them: a switch takes its value only with `=`. */
export function asArguments(flags: Record<string, string>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}
