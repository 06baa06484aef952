import { attempt } from './command.ts';
import { goProgram } from './go-program.ts';

const version = '4.3.1';
const module = 'helm.sh/helm/v4';

/** Helm: the machine's own if it is of this major version, else compiled. */
export async function helmProgram(cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  if (await isOurs('helm')) return 'helm';
  const main = { package: `${module}/cmd/helm` };
  return await goProgram({ name: 'helm', module, version, main }, cache, say, signal);
}

async function isOurs(program: string): Promise<boolean> {
  try {
    const { stdout } = await attempt([program, 'version', '--template', '{{.Version}}']);
    return stdout.startsWith(`v${version.split('.')[0]}.`);
  } catch {
    // There is none.
    return false;
  }
}
