/** How this program shows who it is, and knows the coordinator: by a certificate, or by a token of Kubernetes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChannelCredentials, type ChannelOptions, Metadata } from '@grpc/grpc-js';
import { Fault } from '../../../proto/fault.ts';
import { coordinatorName, openIdentity, trustIn, trustOf } from '../../../proto/identity.ts';
import { parseSwitch } from '../../settings.ts';

export interface ProofFlags {
  tlsDir?: string;
  tokenFile?: string;
  caFile?: string;
  insecurePlaintext?: boolean;
}

export interface Proof {
  credentials: ChannelCredentials;
  options: ChannelOptions;
  /** What goes with a call. @throws Fault InvalidArgument when there is no token any more */
  metadata(): Metadata | Promise<Metadata>;
  close(): void;
}

export function isPlaintext({ insecurePlaintext }: ProofFlags): boolean {
  return insecurePlaintext ?? parseSwitch(process.env.PODFERRY_INSECURE_PLAINTEXT ?? '');
}

export function mistakesIn(flags: ProofFlags): string[] {
  const { tlsDir, tokenFile, caFile } = flags;
  const plaintext = isPlaintext(flags);
  const mistakes: string[] = [];
  if (tokenFile !== undefined && plaintext)
    mistakes.push('--token-file and --insecure-plaintext exclude each other: whoever listens would have the token');
  else if (tokenFile !== undefined && tlsDir === undefined && caFile === undefined)
    mistakes.push(
      '--token-file: who signs for the coordinator? Say --ca-file FILE, or --tls-dir DIRECTORY with a ca.crt',
    );
  if (caFile !== undefined && tokenFile === undefined)
    mistakes.push('--ca-file goes with --token-file: with a certificate it is ca.crt in --tls-dir');
  if (tokenFile !== undefined) return mistakes;
  if (tlsDir === undefined && !plaintext)
    mistakes.push(
      'who are you? Say --tls-dir DIRECTORY (ca.crt, tls.crt, tls.key) or set PODFERRY_TLS_DIR, or ' +
        '--token-file FILE with --ca-file FILE; --insecure-plaintext does without',
    );
  if (tlsDir !== undefined && plaintext) mistakes.push('--tls-dir and --insecure-plaintext exclude each other');
  return mistakes;
}

/** @param flags without mistakes. @throws Fault InvalidArgument when a file is missing or unusable */
export function proofOf(flags: ProofFlags, warn: (line: string) => void): Proof {
  const { tlsDir, tokenFile, caFile } = flags;
  if (tokenFile !== undefined) {
    const trust = trustOf(caFile ?? join(tlsDir ?? '', 'ca.crt'));
    readToken(tokenFile);
    return byToken(trust, () => readToken(tokenFile));
  }
  if (isPlaintext(flags)) warn('warning: plaintext: nobody checks who you are, nor who answers');
  const say = (facts: object, message?: string) => warn(message ?? JSON.stringify(facts));
  const identity = openIdentity(tlsDir, { info: () => {}, warn: say });
  return {
    credentials: identity.channelCredentials(),
    options: identity.channelOptions(coordinatorName),
    metadata: () => new Metadata(),
    close: () => identity.close(),
  };
}

/**
 * What a cluster publishes of its coordinator is enough to know it.
 * @param token for each call anew: kubelet changes a pod's own, and plugins get a new one, before it expires
 */
export function proofIn(ca: string, token: () => Promise<string>): Proof {
  return byToken(trustIn(Buffer.from(ca), 'ConfigMap podferry-trust'), token);
}

export function byToken(trust: ReturnType<typeof trustOf>, token: () => string | Promise<string>): Proof {
  return {
    credentials: trust.channelCredentials(),
    options: trust.channelOptions(coordinatorName),
    async metadata() {
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${await token()}`);
      return metadata;
    },
    close: () => {},
  };
}

export function readToken(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Fault('InvalidArgument', `--token-file: cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (/^[A-Za-z0-9._~+/-]+=*$/.test(text)) return text;
  throw new Fault('InvalidArgument', `--token-file: ${file} does not hold one token and nothing else`);
}
