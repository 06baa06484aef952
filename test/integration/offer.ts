/**
 * Offers a transfer to a node's data socket with any token, and says how it was received. Runs inside a node, with that
 * node's certificate, or any other. stdin: a Destination and `tls` as JSON. stdout: {"reason": …, "message": …}, the
 * reason is "welcome" when it was let in.
 */
import { json } from 'node:stream/consumers';
import { connect } from '../../agent/transfer/stream/connect.ts';
import type { Destination } from '../../agent/transfer/transfer.ts';
import { Fault } from '../../proto/fault.ts';
import { openIdentity } from '../../proto/identity.ts';

const { tls, ...to } = (await json(process.stdin)) as Destination & { tls: string };
const identity = openIdentity(tls, { info: () => {}, warn: () => {} });
try {
  const outbox = await connect(to, identity, 3_000, AbortSignal.timeout(10_000));
  console.log(JSON.stringify({ reason: 'welcome', message: '' }));
  await outbox.abort(new Fault('Cancelled', 'only asking'));
} catch (error) {
  const { reason, message } = Fault.from(error, 'Internal');
  console.log(JSON.stringify({ reason, message }));
}
identity.close();
