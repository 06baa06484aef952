/**
 * Asks a coordinator for an agent's certificate: a process of its own, because it runs where that can be reached.
 * stdin: a Request as JSON. stdout: a Reply as JSON.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { ask } from '../../agent/identity/ask.ts';
import { makeRequest } from '../../agent/identity/request.ts';
import { Fault } from '../../proto/fault.ts';

export interface Request {
  authority: string;
  token: string;
  trust: string;
}

/** The names of the certificate that was given, or why there is none. */
export type Reply = { names: string } | { reason: string; message: string };

async function reply({ authority, token, trust }: Request): Promise<Reply> {
  const directory = mkdtempSync(join(tmpdir(), 'podferry-ask-'));
  try {
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, token, { mode: 0o600 });
    const { certificate } = await ask((await makeRequest()).request, { authority, tokenFile }, trust);
    return { names: new X509Certificate(certificate).subjectAltName ?? '' };
  } catch (error) {
    const { reason, message } = Fault.from(error, 'Internal');
    return { reason, message };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

process.stdout.write(JSON.stringify(await reply((await json(process.stdin)) as Request)));
