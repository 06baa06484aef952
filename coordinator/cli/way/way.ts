/** From flags to a way: to a coordinator at an address, or with nothing but a kubeconfig. */
import { Fault } from '../../../proto/fault.ts';
import { parseAddress } from '../../settings.ts';
import type { Connection } from './connection.ts';
import { DirectConnection } from './direct.ts';
import { namespaceOf, type KubeconfigFlags, readKubeconfig } from './kubeconfig.ts';
import { isPlaintext, mistakesIn, type ProofFlags, proofOf } from './proof.ts';
import { ClusterConnection } from './through-cluster.ts';

export interface WayFlags extends ProofFlags, KubeconfigFlags {
  coordinator?: string;
  podferryNamespace: string;
  namespace?: string;
}

/** @throws Fault InvalidArgument when the flags do not say how to connect. Nobody is asked yet */
export function connect(flags: WayFlags, warn: (line: string) => void): Connection {
  const { coordinator, kubeconfig, context, namespace } = flags;
  if (coordinator === undefined) {
    if (isPlaintext(flags))
      throw new Fault(
        'InvalidArgument',
        '--insecure-plaintext goes with --coordinator: no cluster answers without TLS',
      );
    const config = readKubeconfig(flags);
    return new ClusterConnection(config, flags, { asked: namespace, own: namespaceOf(config) }, warn);
  }
  const mistakes = [
    mistakeIn(coordinator),
    kubeconfig === undefined && context === undefined
      ? undefined
      : '--coordinator and --kubeconfig, --context exclude each other: say either where it listens, or which cluster',
    ...mistakesIn(flags),
  ].filter((mistake) => mistake !== undefined);
  if (mistakes.length > 0) throw new Fault('InvalidArgument', mistakes.join('\n'));
  return new DirectConnection(coordinator, proofOf(flags, warn));
}

/** As in kubectl that of the context, without -n. Connecting tells what is wrong with a kubeconfig. */
export function namespaceFor({ namespace, coordinator, ...flags }: Partial<WayFlags>): string {
  if (namespace !== undefined || coordinator !== undefined) return namespace ?? 'default';
  try {
    return namespaceOf(readKubeconfig(flags));
  } catch {
    return 'default';
  }
}

function mistakeIn(address: string): string | undefined {
  try {
    parseAddress(address);
    return undefined;
  } catch (error) {
    return `--coordinator: ${(error as Error).message}`;
  }
}
