import type { Lab } from './lab.ts';

/** What a test program answers on its port: one line. Asked from `control`, which has bash as every Debian does. */
export async function ask(lab: Lab, ip: string, port = 8080, signal?: AbortSignal): Promise<string> {
  const script = 'exec 3<>"/dev/tcp/$0/$1" && cat <&3';
  const answer = await lab.run('control', ['bash', '-c', script, ip, String(port)], signal ? { signal } : {});
  return answer.trim();
}
